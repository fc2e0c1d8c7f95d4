# SPDX-License-Identifier: GPL-2.0
# Applies one of the edit files here to one source file:
#
#   awk -f apply.awk -v file=arch/x86/kvm/x86.c p3.edit SOURCE >RESULT
#
# An edit file carries no context but what is needed to place each edit:
#
#   # words            a remark
#   file: PATH         the edits below are for this file
#   in: FUNCTION       ... and inside this function's definition ("in: *": anywhere)
#   before: TEXT       insert the lines that follow before the one line with TEXT
#   after: TEXT        ... after it
#   replace: TEXT      ... in place of it
#   +LINE              a line to insert, without the plus
#
# TEXT must stand on exactly one line of its place: an edit that finds none, or
# more, is an error, and nothing of the result is to be used.

function value(line) {
	sub(/^[a-z]+: */, "", line)
	return line
}

# The edit file.
NR == FNR {
	if (/^#/ || /^$/) {
		next
	} else if (/^file: /) {
		mine = value($0) == file
		place = "*"
	} else if (/^in: /) {
		place = value($0)
	} else if (/^(before|after|replace): /) {
		current = 0
		if (mine) {
			current = ++edits
			verb[current] = substr($0, 1, index($0, ":") - 1)
			text[current] = value($0)
			where[current] = place
			origin[current] = FILENAME ":" FNR
		}
	} else if (/^\+/) {
		if (current)
			lines[current] = lines[current] substr($0, 2) "\n"
	} else {
		printf "%s:%d: not an edit: %s\n", FILENAME, FNR, $0 >"/dev/stderr"
		exit failed = 1
	}
	next
}

# The source. A definition starts in the first column and ends with a lone brace;
# its name may stand in a line of its own, a prototype ends with a semicolon.
/^[a-z_].*\(/ && !/;[ \t]*$/ {
	inside = $0
	sub(/\(.*/, "", inside)
	sub(/.*[ *]/, "", inside)
}

{
	head = ""
	body = $0 "\n"
	tail = ""
	for (i = 1; i <= edits; i++) {
		if ((where[i] != "*" && where[i] != inside) || !index($0, text[i]))
			continue
		applied[i]++
		if (verb[i] == "before")
			head = head lines[i]
		else if (verb[i] == "after")
			tail = tail lines[i]
		else
			body = lines[i]
	}
	printf "%s%s%s", head, body, tail
}

/^}/ {
	inside = ""
}

END {
	for (i = 1; i <= edits; i++) {
		if (applied[i] != 1) {
			printf "%s: applied %d times, not once, in %s: %s\n", origin[i], applied[i], file, text[i] >"/dev/stderr"
			failed = 1
		}
	}
	exit failed
}
