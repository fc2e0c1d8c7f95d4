# SPDX-License-Identifier: GPL-2.0
"""The kernel's own accounting of BPF programs and maps."""

import contextlib
import ctypes
import os
import platform

import kct

SYS_BPF = {"x86_64": 321}[platform.machine()]
BPF_ENABLE_STATS = 32


@contextlib.contextmanager
def counted():
    """The kernel takes the time of each BPF program as long as the descriptor is open."""
    attributes = ctypes.create_string_buffer(4)  # BPF_STATS_RUN_TIME is 0
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_BPF, BPF_ENABLE_STATS, attributes, 4)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "BPF_ENABLE_STATS")
    try:
        yield
    finally:
        os.close(fd)


def programs(pid):
    """{id: (name, times that it ran, ns that it took)} of a process."""
    ids = kct.bpf_ids(pid)["prog"]
    return {
        one["id"]: (one.get("name", "?"), one.get("run_cnt", 0), one.get("run_time_ns", 0))
        for one in kct.bpftool("prog", "show")
        if one["id"] in ids
    }


def spent(before, after):
    """{name: (times that it ran in between, ns)}, of those that did."""
    found = {}
    for key, (name, count, ns) in after.items():
        _, old_count, old_ns = before.get(key, (name, 0, 0))
        if count > old_count:
            runs, time = found.get(name, (0, 0))
            found[name] = (runs + count - old_count, time + ns - old_ns)
    return found


def map_bytes(pid):
    ids = kct.bpf_ids(pid)["map"]
    return sum(one["bytes_memlock"] for one in kct.bpftool("map", "show") if one["id"] in ids)
