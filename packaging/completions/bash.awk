# SPDX-License-Identifier: GPL-2.0
# What follows head.bash.

END {
		print "\tcase \"$command $previous\" in"
	for (c = 1; c <= nr_commands; c++) {
		name = commands[c]
		for (o = 1; o <= nr_options[name]; o++) {
			split(options[name, o], f, "\t")
			if (f[5] == "-")
				continue
			# One that may be left out is only given behind the =.
			pattern = f[5] ~ /^\[/ ? "\"" name " " f[4] "\"" : \
				(f[3] != "-" ? "\"" name " " f[3] "\" | " : "") "\"" name " " f[4] "\""
			if (f[5] ~ /^\[/) {
				print "\t" pattern ")"
				print "\t\tif [[ ${COMP_WORDS[COMP_CWORD]} == = || ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then"
				print "\t\t\t_kvmclock_trace_value " quoted(kind(f[5]))
				print "\t\t\treturn"
				print "\t\tfi"
				print "\t\t;;"
			} else {
				print "\t" pattern ") _kvmclock_trace_value " quoted(kind(f[5])) "; return ;;"
			}
		}
	}
	print "\tesac"
	print "\tcase $command in"
	for (c = 1; c <= nr_commands; c++) {
		name = commands[c]
		words = ""
		for (o = 1; o <= nr_options[name]; o++) {
			split(options[name, o], f, "\t")
			words = words (f[3] == "-" || f[3] == "-?" ? "" : f[3] " ") f[4] \
				(f[5] == "-" || f[5] ~ /^\[/ ? " " : "= ")
		}
		sub(/ $/, "", words)
		print "\t" name ")"
		print "\t\tif [[ $cur == -* ]]; then"
		print "\t\t\t_kvmclock_trace_value " quoted(words)
		count = split(operands[name], f, " ")
		for (i = 1; i <= count && kind(f[i]) == ""; i++)
			;
		if (i <= count && kind(f[i]) != "command") {
			print "\t\telse"
			print "\t\t\t_kvmclock_trace_value " quoted(kind(f[i]))
		}
		print "\t\tfi"
		print "\t\t;;"
	}
	print "\tesac\n}\n"
	printf "_kvmclock_trace_commands=\""
	for (c = 1; c <= nr_commands; c++)
		printf "%s%s", (c > 1 ? " " : ""), commands[c]
	print "\"\n\ncomplete -F _kvmclock_trace kvmclock-trace"
}
