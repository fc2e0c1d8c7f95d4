# SPDX-License-Identifier: GPL-2.0

function offered(value) {
	value = kind(value)
	if (value == "vm" || value == "pid")
		return " -x -a " quoted("(__kvmclock_trace_vms " value ")")
	if (value == "file")
		return " -r -F"
	if (value == "directory")
		return " -x -a \047(__fish_complete_directories)\047"
	return value == "" ? " -x" : " -x -a " quoted(literal(value))
}
END {
	print "# fish completion for kvmclock-trace\n"
	print "function __kvmclock_trace_is"
	print "\tset -l words (commandline -opc)"
	print "\ttest (count $words) -gt 1; and test $words[2] = $argv[1]"
	print "end\n"
	print "function __kvmclock_trace_vms"
	print "\tset -l words (commandline -opc)"
	print "\t$words[1] list --complete=$argv[1] 2>/dev/null"
	print "end\n"
	print "complete -c kvmclock-trace -f"
	for (c = 1; c <= nr_commands; c++)
		print "complete -c kvmclock-trace -n \047test (count (commandline -opc)) -eq 1\047 -a " \
			commands[c] " -d " quoted(does[commands[c]])
	for (c = 1; c <= nr_commands; c++) {
		name = commands[c]
		is = "complete -c kvmclock-trace -n " quoted("__kvmclock_trace_is " name)
		for (o = 1; o <= nr_options[name]; o++) {
			split(options[name, o], f, "\t")
			line = is (f[3] == "-" || f[3] == "-?" ? "" : " -s " substr(f[3], 2)) \
				" -l " substr(f[4], 3)
			if (f[5] ~ /^\[/) {
				# It may be left out: fish has no word for that, but offers what comes behind the =.
				given = offered(f[5])
				gsub(/ -[xr]/, "", given)
				line = line (given ~ /-F/ ? " -F" : given)
			} else if (f[5] != "-") {
				line = line offered(f[5])
			}
			print line " -d " quoted(f[6])
		}
		count = split(operands[name], f, " ")
		for (i = 1; i <= count; i++) {
			if (kind(f[i]) == "file")
				print is " -F"
			else if (kind(f[i]) == "directory")
				print is offered(f[i])
			else if (kind(f[i]) == "command")
				print "complete -c kvmclock-trace -n " quoted("__kvmclock_trace_is " name \
					"; and contains -- -- (commandline -opc)") \
					" -a \047(__fish_complete_subcommand --fcs-skip=3)\047"
			else if (kind(f[i]) != "")
				print is " -a " quoted(literal(kind(f[i])))
		}
	}
}
