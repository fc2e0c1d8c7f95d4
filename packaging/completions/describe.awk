# SPDX-License-Identifier: GPL-2.0
# From the --help of the command `command`, each option on a line: the rows that `make` tells of.

BEGIN { OFS = "\t" }

# Of "[-- COMMAND [ARG...]]", "[SCENARIO|all]", "FILE..." the words for values, as they stand there.
/^(Usage|  or): / {
	sub(/^[^:]*: +[^ ]+ [a-z]+/, "")
	count = split($0, words, /[^A-Za-z|.]+/)
	for (i = 1; i <= count; i++)
		if (words[i] ~ /^[A-Z]+(\|[a-z]+)?(\.\.\.)?$/ &&
		    words[i] !~ /^(OPTION|ARG|LABEL)/ && !seen[words[i]]++)
			print "operand", command, words[i]
}

/^ Scenarios:/ { scenarios = 1 }
/^ Options:/ || /^$/ { if (!/^ S/) scenarios = 0 }
scenarios && /^  [a-z]/ { print "scenario", $1 }

# What an option does is on the next line, where there was no room.
waits {
	sub(/^ +/, "")
	tell($0)
	waits = 0
	next
}
/^ +-/ {
	text = $0
	sub(/^ +/, "", text)
	at = match(text, /  +[^ ]/)
	count = split(at ? substr(text, 1, at - 1) : text, names, /, /)
	if (at)
		tell(substr(text, at + RLENGTH - 1))
	else
		waits = 1
}

# The first long name is the option's, others are alone.
function tell(does,   i, name, short, long, value) {
	short = value = "-"
	for (i = 1; i <= count; i++) {
		name = names[i]
		if (match(name, /\[?=/)) {
			value = substr(name, RSTART)
			name = substr(name, 1, RSTART - 1)
			if (!sub(/^\[=/, "[", value))
				sub(/^=/, "", value)
		}
		if (name !~ /^--/)
			short = name
		else if (long == "")
			long = name
		else
			print "option", command, "-", name, "-", does
	}
	print "option", command, short, long, value, does
}
