# SPDX-License-Identifier: GPL-2.0
# What the shells' generators have in common: the rows into arrays.

function kind(value, bar) {
	gsub(/[][]|,?\.\.\.$/, "", value)
	bar = index(value, "|")
	if (bar)
		return kind(substr(value, 1, bar - 1)) " " substr(value, bar + 1)
	return value == "SCENARIO" ? scenarios : kinds[value]
}
# Words that the shell will expand once more, when it offers them.
function literal(words) {
	gsub(/[<>]/, "\\\\&", words)
	return words
}
# In single quotes.
function quoted(text) {
	gsub(/\047/, "\047\\\047\047", text)
	return "\047" text "\047"
}
BEGIN {
	FS = "\t"
	count = split(table, rows, "\n")
	for (i = 1; i <= count; i++)
		if (match(rows[i], /\t+/))
			kinds[substr(rows[i], 1, RSTART - 1)] = substr(rows[i], RSTART + RLENGTH)
}
$1 == "command" { commands[++nr_commands] = $2; does[$2] = $3 }
$1 == "scenario" { scenarios = scenarios (scenarios ? " " : "") $2 }
$1 == "operand" { operands[$2] = operands[$2] " " $3 }
$1 == "option" { options[$2, ++nr_options[$2]] = $0 }
