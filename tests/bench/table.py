# SPDX-License-Identifier: GPL-2.0
"""A table of figures: as text, as Markdown and as JSON."""

from pairs import Figure

BASELINE = ", baseline"  # another build, measured in turn with this one


def number(value):
    """Three digits, or all of them before the point."""
    if isinstance(value, int) or abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"


def text_of(cell):
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Figure):
        if cell.low == cell.high:
            return number(cell.value)
        return f"{number(cell.value)} ({number(cell.low)}..{number(cell.high)})"
    return number(cell)


def to_json(cell):
    return cell._asdict() if isinstance(cell, Figure) else cell


class Table:
    """Rows of cells."""

    def __init__(self, title, *columns):
        self.title, self.columns = title, columns
        self.rows, self.notes = [], []

    def add(self, name, *cells):
        self.rows.append((name, cells))

    def note(self, text):
        self.notes.append(text)

    def to_json(self):
        rows = [
            {"name": name, "cells": dict(zip(self.columns, map(to_json, cells)))}
            for name, cells in self.rows
        ]
        return {"title": self.title, "rows": rows, "notes": self.notes}

    def lines(self):
        return [["", *self.columns]] + [
            [name, *map(text_of, cells)] for name, cells in self.rows
        ]

    def text(self):
        lines = self.lines()
        widths = [max(map(len, column)) for column in zip(*lines)]
        out = [self.title]
        for name, *cells in lines:
            right = [cell.rjust(width) for cell, width in zip(cells, widths[1:])]
            out.append("  " + "  ".join([name.ljust(widths[0]), *right]).rstrip())
        return "\n".join(out + ["  " + note for note in self.notes])

    def markdown(self):
        head, *rows = [" | ".join(line) for line in self.lines()]
        rule = " | ".join(["---"] + ["---:"] * len(self.columns))
        table = "\n".join(f"| {row} |" for row in (head, rule, *rows))
        return "\n\n".join([f"{self.title}:", table, *self.notes])
