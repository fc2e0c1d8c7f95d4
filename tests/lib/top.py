# SPDX-License-Identifier: GPL-2.0
"""The table of `top`, read from a screen that is wide enough for all its columns."""

import re

HEADS = ("VM", "PID", "vCPUs", "CLOCK", "OFF", "AGE", "RATE/s", "UPDATES", "CREATE", "SET",
         "REQUEST", "HYPERV", "UNNEC", "REQS", "PEND", "DRIFT", "LARGEST", "LAST", "AGO", "WHY",
         "LAST 60 s")
LEFT = ("VM", "CLOCK", "OFF", "WHY", "LAST 60 s")


def table(lines):
    """The rows below the heads: [{head: text}], by the columns in which they stand."""
    at = next(i for i, line in enumerate(lines) if re.match("VM .*UPDATES", line))
    starts, heads, end = [], [], 0
    for head in HEADS:
        found = re.compile(rf"(?<!\S){re.escape(head)}(?!\S)").search(lines[at], end)
        if not found:
            continue
        heads.append(head)
        starts.append((found.start(), found.end()))
        end = found.end()
    rows = []
    for line in lines[at + 1:]:
        if not line.strip():
            break
        row = {}
        for i, head in enumerate(heads):
            # A number ends where its head does, a text begins where it does.
            begin = starts[i][0] if head in LEFT else 0 if i == 0 else starts[i - 1][1]
            if head in LEFT:
                following = heads[i + 1] if i + 1 < len(heads) else None
                after = starts[i + 1][following not in LEFT] if following else len(line)
                text = line[begin:after]
                if following and following not in LEFT:
                    text = re.sub(r"\S+\s*$", "", text)
            else:
                text = line[begin:starts[i][1]].split()[-1:] or [""]
                text = text[0]
            row[head] = text.strip()
        rows.append(row)
    return rows


def expected(vm):
    """What a row has to say of a VM in the JSON of `report` or `stat`."""
    cause = vm["updates"]["cause"]
    row = {
        "UPDATES": vm["updates"]["total"], "UNNEC": vm["unnecessary"], "REQS": vm["requests"],
        "vCPUs": len(vm["vcpus"]), "PID": vm["pid"], "CREATE": cause["vm-create"],
        "REQUEST": cause["vcpu-request"], "HYPERV": cause["hyperv"],
        "SET": sum(n for word, n in cause.items() if word.startswith("set-clock")),
        "PEND": "-" if vm["gone"] else sum(vcpu["pending"] or 0 for vcpu in vm["vcpus"])}
    return {head: "?" if value is None else str(value) for head, value in row.items()}
