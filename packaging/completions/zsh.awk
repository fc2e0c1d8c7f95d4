# SPDX-License-Identifier: GPL-2.0

function spec_text(text) {
	gsub(/:|\\|\[|\]/, "\\\\&", text)
	return text
}
function action(value) {
	value = kind(value)
	if (value == "vm" || value == "pid")
		return "_kvmclock-trace_vms " value
	if (value == "file")
		return "_files"
	if (value == "directory")
		return "_files -/"
	if (value == "command")
		return "_command_names -e"
	return value == "" ? " " : "(" literal(value) ")"
}
function option(f,   names, argument, value) {
	value = f[5]
	gsub(/[][]/, "", value)
	argument = f[5] == "-" ? "" : (f[5] ~ /^\[/ ? "::" : ":") value ":" action(value)
	does_what = "[" spec_text(f[6]) "]"
	if (f[3] == "-" || f[3] == "-?")
		return quoted(f[4] (f[5] == "-" ? "" : f[5] ~ /^\[/ ? "=-" : "=") does_what argument)
	names = "{" f[3] (f[5] == "-" ? "" : "+") "," f[4] (f[5] == "-" ? "" : "=") "}"
	return quoted("(" f[3] " " f[4] ")") names quoted(does_what argument)
}
END {
	print "#compdef kvmclock-trace\n"
	print "_kvmclock-trace_vms() {"
	print "\tlocal -a lines words shown"
	print "\tlocal line"
	print "\tlines=(${(f)\"$($_kvmclock_trace_program list --complete=${@[-1]} 2>/dev/null)\"})"
	print "\tfor line in $lines; do"
	print "\t\twords+=(${line%%$\047\\t\047*})"
	print "\t\tshown+=(\"${line/$\047\\t\047/ -- }\")"
	print "\tdone"
	print "\tcompadd \"${@[1,-2]}\" -l -d shown -a words"
	print "}\n"
	print "_kvmclock-trace() {"
	print "\tlocal curcontext=$curcontext _kvmclock_trace_program=$words[1]"
	print "\tlocal -a subcommands=("
	for (c = 1; c <= nr_commands; c++)
		print "\t\t" quoted(commands[c] ":" spec_text(does[commands[c]]))
	print "\t)"
	print "\tif ((CURRENT == 2)); then"
	print "\t\t_describe command subcommands"
	print "\t\treturn"
	print "\tfi"
	print "\tshift words"
	print "\t((CURRENT--))"
	print "\tcase $words[1] in"
	for (c = 1; c <= nr_commands; c++) {
		name = commands[c]
		print "\t" name ")"
		if (operands[name] ~ /COMMAND/) {
			print "\t\tlocal -i i=${words[(i)--]}"
			print "\t\tif ((i < CURRENT)); then"
			print "\t\t\tshift $i words"
			print "\t\t\t((CURRENT -= i))"
			print "\t\t\t_normal"
			print "\t\t\treturn"
			print "\t\tfi"
		}
		printf "\t\t_arguments -s -S"
		for (o = 1; o <= nr_options[name]; o++) {
			split(options[name, o], f, "\t")
			printf " \\\n\t\t\t%s", option(f)
		}
		count = split(operands[name], f, " ")
		for (i = 1; i <= count; i++) {
			if (kind(f[i]) != "" && kind(f[i]) != "command")
				printf " \\\n\t\t\t%s", quoted((f[i] ~ /\.$/ ? "*" : "") \
					":" f[i] ":" action(f[i]))
		}
		print "\n\t\t;;"
	}
	print "\tesac\n}\n\n_kvmclock-trace \"$@\""
}
