# SPDX-License-Identifier: GPL-2.0
"""Guests without end: one workload after another, each of a random kind and size."""

import random
import subprocess
import threading

import kct

IOCTLS = ("KVM_CREATE_VM", "KVM_SET_CLOCK")


def draw(rng):
    """A workload that takes a fraction of a second."""
    kind = rng.choice(("churn", "churn", "storm", "migrate", "hotplug"))
    if kind == "churn":
        return kind, "--vms", rng.randint(1, 300), "--jobs", rng.randint(1, 3)
    if kind == "storm":
        return kind, "--count", rng.randint(1, 8000), "--jobs", rng.randint(1, 3)
    if kind == "migrate":
        return kind, "--vms", rng.randint(1, 4), "--vcpus", rng.randint(1, 6)
    return kind, "--vcpus", rng.randint(1, 4), "--add", rng.randint(1, 4)


class Load(threading.Thread):
    """`told` adds up what the workloads tell of themselves; `failed` is what one that failed said."""

    def __init__(self, seed):
        super().__init__(daemon=True)
        self.rng = random.Random(seed)
        self.over = threading.Event()
        self.told = dict.fromkeys(IOCTLS, 0)
        self.count, self.failed = 0, None

    def run(self):
        while not self.over.is_set() and not self.failed:
            command = kct.workload_command(*draw(self.rng))
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                self.failed = f"{command}: {done.returncode}: {done.stderr}"
                return
            ioctls = kct.parse(done.stdout)["ioctls"]
            for name in IOCTLS:
                self.told[name] += ioctls.get(name, 0)
            self.count += 1

    def end(self):
        self.over.set()
        self.join()
