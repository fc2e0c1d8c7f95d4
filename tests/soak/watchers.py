# SPDX-License-Identifier: GPL-2.0
"""The program over the whole time, as on a host where it is left on: its counts, memory and files."""

import os
import signal
import subprocess
import threading

import kct


ROOM = 1024  # KiB that memory may go up and down without growing


def own_memory(pid):
    """KiB that it has now, of no file: neither its program's nor the ring buffer's pages."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Anonymous:"))


class Watcher:
    def __init__(self, name, *arguments, **kwargs):
        self.name = name
        self.process = kct.Process(*arguments, **kwargs).wait_polling()
        self.memory, self.files = [], []

    def sample(self):
        self.memory.append(own_memory(self.process.pid))
        self.files.append(len(os.listdir(f"/proc/{self.process.pid}/fd")))

    def growth(self):
        """KiB from the end of the first quarter, when all buffers have been used, to the last."""
        quarter = max(1, len(self.memory) // 4)
        return max(self.memory[-quarter:]) - max(self.memory[:quarter])


class Stat(Watcher):
    """Its tables, one a second; a VM that is gone is in one more, and in none after that."""

    def __init__(self, *options):
        super().__init__("stat", "stat", "--json", *options, "1s")
        self.gone, self.last, self.complete = None, None, True
        self.tables = 0
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                line = self.process.lines.next(3600)
            except (AssertionError, OSError):
                return
            if line is None:
                return
            self.take(kct.parse(line))

    def take(self, table):
        self.tables += 1
        self.complete = self.complete and table["complete"]
        gone = {**table, "vms": [vm for vm in table["vms"] if vm["gone"]], "unattributed": NOBODY}
        alive = {**table, "vms": [vm for vm in table["vms"] if not vm["gone"]]}
        alive.pop("folded", None)
        self.gone, self.last = add(self.gone, sums(gone)), sums(alive)

    def finish(self):
        self.process.signal(signal.SIGINT)
        self.reader.join()
        status = self.process.popen.wait(kct.PATIENCE)
        return status, add(self.gone, self.last)


class Record(Watcher):
    """Into nowhere; its summary has the same counts."""

    def __init__(self, *options):
        super().__init__("record", "record", "--json", "-o", "/dev/null", *options)

    def finish(self):
        self.report = kct.parse(self.process.finish(signal.SIGINT))
        return self.process.popen.returncode, sums(self.report)


class Trace(Watcher):
    """Into nowhere: only its status tells whether all was seen."""

    def __init__(self):
        super().__init__("trace", "trace", stdout=subprocess.DEVNULL)

    def finish(self):
        self.process.signal(signal.SIGINT)
        return self.process.popen.wait(kct.PATIENCE), {}


NOBODY = {"updates": {"total": 0}, "pvti_updates": 0, "tsc_writes": 0}


def sums(report):
    """What compares with perf's counts, and with what the workloads tell."""
    folded = report.get("folded", {**NOBODY, "vms": 0, "set_clocks": 0})  # VMs that went long ago
    every = [*report["vms"], folded, report["unattributed"]]
    return {
        kct.UPDATE: sum(vm["updates"]["total"] for vm in every),
        kct.PVTI: sum(vm["pvti_updates"] for vm in every),
        kct.TSC_WRITE: sum(vm["tsc_writes"] for vm in every),
        "KVM_CREATE_VM": sum(vm["created"] for vm in report["vms"]) + folded["vms"],
        "KVM_SET_CLOCK": sum(vm["set_clocks"] for vm in report["vms"]) + folded["set_clocks"],
    }


def add(one, other):
    return {key: (one or {}).get(key, 0) + value for key, value in other.items()}


def differences(seen, truth):
    """{key: (seen, true)} where they differ."""
    return {key: (seen[key], value) for key, value in truth.items()
            if key in seen and seen[key] != value}
