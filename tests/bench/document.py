# SPDX-License-Identifier: GPL-2.0
"""The tables within a document whose other text is written by hand.

What stands between `<!-- NAME: made by make bench -->` and `<!-- end of NAME -->` is made anew.
"""

import re


def put(text, name, content):
    begin, end = f"<!-- {name}: made by make bench -->", f"<!-- end of {name} -->"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    if not re.search(pattern, text, re.S):
        raise ValueError(f"the document has no place for {name}")
    return re.sub(pattern, lambda _: f"{begin}\n{content}\n{end}", text, flags=re.S)


def machine_table(host):
    rows = [f"| {key} | {value} |" for key, value in host.items()]
    return "\n".join(["| | |", "| --- | --- |", *rows])


def write_into(path, host, found):
    """`host` is None where nothing was measured on it."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if host:
        text = put(text, "machine", machine_table(host))
    for name, tables in found.items():
        text = put(text, name, "\n\n".join(table.markdown() for table in tables))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
