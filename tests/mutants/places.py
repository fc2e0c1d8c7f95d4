# SPDX-License-Identifier: GPL-2.0
"""Where the sources can be changed so that they mean something else, and how.

They are read as text: comments, strings and the preprocessor's lines are masked, and clang-format
sees to it that the rest looks as it does here. A change that does not compile is found out later.
"""

import re

COMPARISONS = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">"}
SWAPS = {"&&": "||", "||": "&&", "+": "-", "-": "+", "+=": "-=", "-=": "+=", **COMPARISONS}
WORDS = {"true": "false", "false": "true"}

OPERATOR = re.compile(r"(?<= )(==|!=|<=|>=|<|>|&&|\|\||\+=|-=|\+|-)(?= )")
NUMBER = re.compile(r"(?<![\w.\]])(\d+)(?=(?:U?L?L?)\b(?![\w.]))")
WORD = re.compile(r"\b(true|false)\b")
CONDITION = re.compile(r"\bif (\(.*\))(?=$| \{$)")
# A statement of one line that is no declaration, jump or label: an assignment, or a call.
STATEMENT = re.compile(r"^\t+(?!return\b|break\b|continue\b|goto\b|case\b|else\b|do\b|for\b)"
                       r"(?:[\w>.\[\]\-+*&|()]+(?: [-+|&^*]?= |\+\+;|--;)|\w+\(|\+\+|--).*;$")
DECLARED = re.compile(r"\[\s*$|\bstatic const\b|_Static_assert|^#|\bcase\b")
MASK = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|'
                  r"^#(?:[^\n]*\\\n)*[^\n]*", re.S | re.M)


def masked(text):
    """The same text with spaces for what is no code; all stays where it is."""
    return MASK.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


class Place:
    """One change: `new` for what is between `at` and `end` in the file."""

    def __init__(self, path, text, at, end, new):
        self.path, self.at, self.end, self.new = path, at, end, new
        self.line = text.count("\n", 0, at) + 1
        begin = text.rfind("\n", 0, at) + 1
        self.old_line = text[begin:text.find("\n", at)].strip()
        self.new_line = (text[begin:at] + new + text[end:text.find("\n", end)]).strip()

    def apply(self, text):
        return text[:self.at] + self.new + text[self.end:]

    def __str__(self):
        return f"{self.path}:{self.line}: {self.old_line}  ->  {self.new_line or '(nothing)'}"


def changes(line, before):
    """(begin, end, new text) within a masked line; `before` is the end of the line before it."""
    for match in OPERATOR.finditer(line):
        yield match.start(), match.end(), SWAPS[match[1]]
    for match in WORD.finditer(line):
        yield match.start(), match.end(), WORDS[match[1]]
    for match in CONDITION.finditer(line):
        yield match.start(1), match.end(1), f"(!{match[1]})"
    for match in NUMBER.finditer(line):
        if not DECLARED.search(line[:match.start()]):
            yield match.start(), match.end(), str(int(match[1]) + 1)
    if STATEMENT.match(line) and before in (";", "{", "}", ""):
        yield len(line) - len(line.lstrip()), len(line), ";"


def of_file(path, text):
    code, at, before = masked(text), 0, ""
    lines = text.split("\n")
    for number, line in enumerate(code.split("\n")):
        for begin, end, new in changes(line, before):
            # What a condition or statement is made of must not be masked itself.
            if lines[number][begin:end] == line[begin:end] or new == ";":
                yield Place(path, text, at + begin, at + end, new)
        if line.strip():
            before = line.rstrip()[-1]
        at += len(line) + 1
