# SPDX-License-Identifier: GPL-2.0
"""`list` with 1,000 VMs on the host, against a search for the same files by `ls` and `grep`."""

import counted
import guests
import pairs
from table import Table

VMS = 1000
SEARCH = "ls -l /proc/[0-9]*/fd 2>/dev/null | grep kvm-vm"


def measure_command(*command):
    def one():
        return counted.run(*command)[0] * 1000

    return one


def measure(setting):
    measures = {"ls and grep": measure_command("sh", "-c", SEARCH)}
    for one in setting.programs():
        measures[one.name.replace("record", "list")] = measure_command(one.program, "list")
    with guests.host(), guests.held(VMS):
        samples = pairs.interleave(measures, setting.rounds(15))
        taken = counted.instructions(setting.directory, "list")
    table = Table(f"A list of {VMS:,} VMs", "ms", "of ls and grep")
    for name, times in samples.items():
        share = pairs.ratio(times, samples["ls and grep"])
        table.add(name, pairs.median(times), share)
    if taken:
        table.note(f"Instructions of user space in `list`: {taken:,}.")
    else:
        table.note("`list` does not run under valgrind, so its instructions are not counted.")
    table.note(f"The search: `{SEARCH}`")
    return [table]
