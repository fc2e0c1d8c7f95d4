# SPDX-License-Identifier: GPL-2.0
# From the --help of the command `command`, each option on a line: the rows that `make` tells of.

# Of "[SCENARIO|all]" the other word that may stand there, with its bar.
function alternative(value) {
	return match($0, value "\\|[a-z]+") ? substr($0, RSTART + length(value),
						      RLENGTH - length(value)) : ""
}
BEGIN { OFS = "\t" }
NR == 1 {
	count = split($0, words, /[^A-Z-]+/)
	for (i = 1; i <= count; i++)
		if (words[i] ~ /^[A-Z]+$/ && words[i] !~ /^(OPTION|ARG)$/ &&
		    !seen[words[i]]++)
			print "operand", command, words[i] alternative(words[i])
}
/^ Scenarios:/ { scenarios = 1 }
/^ Options:/ || /^$/ { if (!/^ S/) scenarios = 0 }
scenarios && /^  [a-z]/ {
	name = $1
	sub(/^ *[a-z]+ */, "")
	print "scenario", name, $0
}
/^ +-/ {
	short = long = value = ""
	text = $0
	sub(/^ +/, "", text)
	at = match(text, /  +[^ ]/)
	does = at ? substr(text, at + RLENGTH - 1) : ""
	count = split(at ? substr(text, 1, at - 1) : text, names, /, /)
	for (i = 1; i <= count; i++) {
		name = names[i]
		if (match(name, /\[?=/)) {
			value = substr(name, RSTART)
			name = substr(name, 1, RSTART - 1)
			optional = value ~ /^\[/
			gsub(/[][=]/, "", value)
			if (optional)
				value = "[" value "]"
		}
		if (name ~ /^--/) {
			if (long != "")
				print "option", command, "-", name, "-", does
			else
				long = name
		} else {
			short = name
		}
	}
	print "option", command, short == "" ? "-" : short, long,
		value == "" ? "-" : value, does
}
