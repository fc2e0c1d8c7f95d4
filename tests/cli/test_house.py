# SPDX-License-Identifier: GPL-2.0
"""The house: no two files call each other, not even by way of others."""

import collections
import os
import subprocess

from case import OUTPUT, ROOT, Case


def symbols(path):
    """(those that it defines for others, those that it takes from them)"""
    defined, wanted = set(), set()
    text = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    for *_, kind, name in map(str.split, text.splitlines()):
        if kind in "BCDRTV":
            defined.add(name)
        elif kind == "U":
            wanted.add(name)
    return defined, wanted


def circles(arrows):
    """Of {file: files that it calls}: what is left when all that calls nothing left is taken out,
    and then all that nothing left calls."""
    left = {file: set(called) for file, called in arrows.items()}
    for turn in range(2):
        while True:
            free = {file for file, called in left.items() if not called & set(left)}
            if not free:
                break
            for file in free:
                del left[file]
        if not turn:
            turned = collections.defaultdict(set)
            for file, called in left.items():
                for other in called & set(left):
                    turned[other].add(file)
            left = {file: turned[file] for file in left}
    return sorted(left)


class House(Case):
    def test_circles(self):
        self.assertEqual(circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}), ["b", "c"])
        found = {}
        for directory, _, names in os.walk(os.path.join(OUTPUT, "src")):
            for name in names:
                path = os.path.join(directory, name)
                file = os.path.relpath(path, OUTPUT)[:-2]
                # Not what is left of a source that is gone.
                if name.endswith(".o") and os.path.exists(os.path.join(ROOT, file + ".c")):
                    found[file] = symbols(path)
        self.assertGreater(len(found), 100)
        home = {symbol: file for file, (defined, _) in found.items() for symbol in defined}
        arrows = {file: {home[symbol] for symbol in wanted if home.get(symbol, file) != file}
                  for file, (_, wanted) in found.items()}
        self.assertEqual(circles(arrows), [])
