# SPDX-License-Identifier: GPL-2.0
"""The guests of the built-in workload, and the host that they need for themselves."""

import contextlib
import fcntl
import os
import subprocess

import kct

MOST_JOBS = 250  # of one process of the workload


@contextlib.contextmanager
def host():
    """Nobody else makes VMs meanwhile, where $KCT_HOST_LOCK names a file to lock."""
    path = os.environ.pop("KCT_HOST_LOCK", None)  # so that it is not locked within itself
    if not path:
        yield
        return
    with open(path, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.environ["KCT_HOST_LOCK"] = path


def on_cpus(cpus):
    """For subprocess: the child runs on these alone; None: on any."""
    return (lambda: os.sched_setaffinity(0, cpus)) if cpus else None


def work(*args, cpus=None):
    """What a workload tells: its `result`, and what it made."""
    command = kct.workload_command(*args)
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, preexec_fn=on_cpus(cpus)
    )
    return kct.parse(done.stdout)


def storm(count, jobs, cpus=None):
    """KVM_SET_CLOCK and KVM_RUN, `count` times in each of `jobs` threads: operations a second."""
    return work("storm", "--count", count, "--jobs", jobs, cpus=cpus)["result"]["per_second"]


def exits(count):
    return work("exits", "--count", count)["result"]["per_second"]


@contextlib.contextmanager
def held(vms):
    """This many VMs of one vCPU each, whose clocks run; they do nothing."""
    processes = []
    try:
        while vms:
            jobs = min(vms, MOST_JOBS)
            args = ("workload", "storm", "--jobs", jobs, "--count", 1, "--hold", "--json")
            processes.append(kct.Process(*args))
            vms -= jobs
        for process in processes:
            process.lines.next()
        yield
        for process in processes:
            process.finish(check=kct.EXIT_OK)
    finally:
        for process in processes:
            process.kill()
