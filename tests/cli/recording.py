# SPDX-License-Identifier: GPL-2.0
"""Recordings made up by hand: what src/record/ writes, written here a second time.

Nothing of the program is used: a field that the reader wants under another name, or a number that
it reads otherwise, shows as a test that fails.
"""

import json

NO_VCPU = None
EVIDENCE = ("update", "values-before", "pvti", "tsc-write", "tsc-track", "request",
            "request-system-time", "request-clocksource", "request-resume", "request-xen",
            "request-site", "set-clock", "clock-read", "tsc-read", "vm-gone", "vm")
LOSSES = ("ring-full", "vms-full", "vcpus-full", "missed", "unwritten")


def u64(value):
    """A number past the signed 64 bits of most JSON readers is a decimal string."""
    return str(value) if value > (1 << 63) - 1 else value


def line(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def hooks(**ways):
    """How evidence is obtained: by a hook each, unless told otherwise (dashes are underscores)."""
    return [{"evidence": evidence, "way": ways.get(evidence.replace("-", "_"), "kprobe"),
             "target": "a_function", "note": "a note"} for evidence in EVIDENCE]


def header(**changes):
    value = {
        "event": "header",
        "format": "kvmclock-trace",
        "version": 1,
        "tool": "0.1.0",
        "host": {
            "name": "host-1",
            "boot_id": "3f0c6a52-54d3-4f0a-9b43-2f6f6ad0c0de",
            "kernel": "6.12.0",
            "kvm": "module",
            "vendor": "intel",
            "clocksource": "tsc",
            "tsc_khz": 2100000,
        },
        "clock": "CLOCK_BOOTTIME",
        "started_ns": 1_000_000_000,
        "realtime_ns": 1_700_000_000_000_000_000,
        "realtime_error_ns": 250_000,
        "kvmclock_base_ns": 900_000_000,
        "command": None,
        "hooks": hooks(),
    }
    return {**value, **changes}


def trailer(events, losses=None, **changes):
    value = {
        "event": "trailer",
        "ended_ns": 3_500_000_000,
        "realtime_ns": 1_700_000_002_500_000_000,
        "realtime_error_ns": 260_000,
        "kvmclock_base_ns": 3_400_000_000,
        "events": events,
        "losses": {**dict.fromkeys(LOSSES, 0), **(losses or {})},
        "missed": [],
        "reason": "signal",
        "status": None,
    }
    return {**value, **changes}


def event(kind, ns, vm, vcpu, **fields):
    return {"event": kind, "ns": ns, "vm": vm, "vcpu": vcpu, "tid": 4711, **fields}


def masterclock(state="active", kernel_ns=5_000_000_000, cycle_now=10_500_000_000, nr_vcpus=2):
    return {
        "masterclock": state,
        "master_kernel_ns": kernel_ns,
        "master_cycle_now": cycle_now,
        "kvmclock_offset": -4_999_000_000,
        "nr_vcpus": nr_vcpus,
    }


def vm(number, ns=1_000_000_100, name="web", uuid="", pid=4700, created=0, effect="unknown",
       **changes):
    value = event(
        "vm", ns, number, NO_VCPU,
        token=number or 0, pid=pid, creator=pid, created=created, create_effect=effect,
        comm="qemu-kvm", state=masterclock(), name=name, vmm="qemu", uuid=uuid,
        name_source="option", orchestrator="", namespace="", id="")
    return {**value, **changes}


def pvti(timestamp=32041800585, time=3639151, mul=3186238974, shift=-1, flags=1):
    return {
        "tsc_timestamp": timestamp,
        "system_time": time,
        "tsc_to_system_mul": mul,
        "tsc_shift": shift,
        "flags": flags,
    }


def vcpu(number, index, ns=1_000_000_200, pending=False, line_of=None):
    return event("vcpu", ns, number, index, pending=pending, tsc_offset=-987654321,
                 tsc_khz=2100000, pvti=line_of)


def update(number, index, cause, effect, ns=1_000_000_300, derived=False):
    return event("update", ns, number, index, cause=cause, effect=effect, cause_derived=derived,
                 offset_matched=True, host_clock=1, before=masterclock(),
                 after=masterclock(kernel_ns=6_000_000_000, cycle_now=12_600_000_000))


def request(number, index, origin="tsc-write", op="made", derived=False, ns=1_000_000_250):
    return event("request", ns, number, index, op=op, origin=origin, derived=derived)


def with_stack(value, stack, note="whole"):
    """The kernel's stack of an update, or of a request that was made (--stack)."""
    return {**value, "stack": stack, "stack_note": note}


def published(number, index, old, new, drift, rebased=False, clock_set=False,
              negative_delta=False, ns=1_000_000_400):
    return event("pvti", ns, number, index, old=old, new=new, drift_ns=drift, rebased=rebased,
                 clock_set=clock_set, negative_delta=negative_delta)


def tsc_write(number, index, ns=1_000_000_240):
    return event("tsc-write", ns, number, index, old_offset=0, new_offset=-32041800585,
                 ioctl="set-tsc", tsc=1000)


def tsc_track(number, index, ns=1_000_000_245):
    return event("tsc-track", ns, number, index, generation=2, nr_matched=0, nr_vcpus=2,
                 host_clock=1, use_master_clock=True, pending=None)


def set_clock(number, clock=1000, realtime=0, flags=0, ns=1_000_000_500):
    return event("set-clock", ns, number, NO_VCPU, clock=clock, realtime=realtime, flags=flags,
                 nr_vcpus=2, nr_pending=1, nr_pending_after=None, ioctl="set-clock", pvti=None)


def set_clock_guest(number, index, line_of, ns=1_000_000_500):
    return event("set-clock", ns, number, index, clock=None, realtime=None, flags=None,
                 nr_vcpus=2, nr_pending=1, nr_pending_after=None, ioctl="set-clock-guest",
                 pvti=line_of)


def ioctl(number, index, which, ns=1_000_000_550, **values):
    """What the VMM read: `tsc`, `tsc_offset`, `pvti`, or `clock` and what comes with it; or how
    many requests are pending (`nr_pending`) when it has set the clock."""
    nothing = dict.fromkeys(("tsc", "tsc_offset", "clock", "realtime", "host_tsc", "flags", "pvti",
                             "nr_pending"))
    return event("ioctl", ns, number, index, ioctl=which, **{**nothing, **values})


# What the first release did not write of an event.
ADDED = {"vm": ("name_source", "orchestrator", "namespace", "id"), "set-clock": ("ioctl", "pvti"),
         "ioctl": ("pvti", "nr_pending"), "trailer": ("missed", "losses.unwritten")}
# What only it wrote: the address of a VM's struct.
DROPPED = {"vm": {"kvm": "0xffff88827b1ce000"}}


def as_before(value):
    """The same line of that release."""
    added = ADDED.get(value["event"], ())
    before = {key: item for key, item in value.items() if key not in added}
    for path in added:
        outer, _, inner = path.partition(".")
        if inner:
            before[outer] = {key: item for key, item in before[outer].items() if key != inner}
    return {**before, **DROPPED.get(value["event"], {})}


def gone(number, ns=1_000_000_900):
    return {**event("vm-gone", ns, number, NO_VCPU), "tid": 0}


def small_events():
    """A little of everything; COUNTS and the tests' numbers are worked out from this list."""
    old, new = pvti(), pvti(213016088950, 67131895453)
    return [
        vm(1),
        vcpu(1, 0, line_of=old),
        vcpu(1, 1, pending=True),
        tsc_write(1, 0),
        tsc_track(1, 0),
        request(1, 0),
        request(1, 1, "unknown", derived=True),
        update(1, 0, "vcpu-request", "resnapshot"),
        update(1, 1, "vcpu-request", "resnapshot", derived=True),
        published(1, 0, old, new, 4),
        published(1, 1, None, new, None),
        set_clock(1),
        update(1, None, "set-clock", "resnapshot"),
        published(1, 0, new, pvti(213016088950, 67131895053), -400, clock_set=True),
        update(None, None, "vm-create", "inactive"),
        vm(2, name="db", uuid="6fe0e5e1-9b0c-4b6f-8a3d-0f3a1f5f9d10", pid=4800, created=1,
           effect="inactive"),
        request(2, 0, "vcpu-create", "cleared"),
        gone(2),
    ]


def small(head=None, events=None, tail=None):
    """The lines of a small recording, each with its end."""
    events = small_events() if events is None else events
    return ([line(head or header())] + [line(e) for e in events] +
            [line(tail or trailer(len(events)))])
