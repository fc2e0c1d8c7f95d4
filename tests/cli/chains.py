# SPDX-License-Identifier: GPL-2.0
"""Guests whose events fit together: what KVM does to a VM, step by step, written as a recording.

Every value follows from those before it: an update begins with what the last one left, a PVTI is
the masterclock's line with the vCPU's TSC offset, its drift is worked out with whole numbers. So a
verdict is about what a test makes happen, and a doubt about a recording is a wrong one.
"""

import recording as r

KHZ = 2_100_000
# ns of 1.05 GHz cycles, 32 bits behind the point; the shift halves 2.1 GHz.
MUL, SHIFT = (1 << 32) * 100 // 105, -1
U64 = 1 << 64


def cycles(ns):
    return ns * KHZ // 1_000_000


def scale(delta, mul, shift):
    return (((delta << shift) if shift >= 0 else (delta >> -shift)) % U64 * mul >> 32) % U64


def drift(old, new):
    """As tests/live has it, but for a dictionary: positive is forward."""
    delta = (new["tsc_timestamp"] - old["tsc_timestamp"]) % U64
    mul, shift = old["tsc_to_system_mul"], old["tsc_shift"]
    if delta >> 63:
        predicted = old["system_time"] - scale(U64 - delta, mul, shift)
    else:
        predicted = old["system_time"] + scale(delta, mul, shift)
    jump = (new["system_time"] - predicted) % U64
    return jump - U64 if jump >> 63 else jump


# How the requests that are pending when KVM_SET_CLOCK returns are told: not at all, by an event of
# their own, or, by the first release, with what was asked for.
HOOKS = (False, True, "before")


class Guest:
    """A VM from its creation on. `functions`: its events are those of function hooks (HOOKS)."""

    def __init__(self, number=1, ns=2_000_000_000, functions=False, **vm):
        self.number, self.ns, self.functions = number, ns, functions
        self.events = []
        self.vcpus = {}
        self.clock = r.masterclock("inactive", 0, 0, 0)
        self.clock["kvmclock_offset"] = -ns
        self.clock_sets = 0
        self.error = 0  # ns by which a new snapshot's time is off
        self.emit({**r.update(None, None, "vm-create", "inactive"), "before": dict(self.clock),
                   "after": dict(self.clock)})
        self.emit(r.vm(number, created=1, effect="inactive", **vm), state=dict(self.clock))

    def emit(self, event, **changes):
        self.ns += 1000
        self.events.append({**event, "ns": self.ns, **changes})

    def create_vcpu(self, index, request=True):
        offset = -cycles(2_000_000_000)
        self.vcpus[index] = {"offset": offset, "pvti": None, "pending": False, "sets": 0,
                             "rebased": False}
        self.clock["nr_vcpus"] = len(self.vcpus)
        self.emit(r.vcpu(self.number, index), tsc_offset=0)
        self.emit(r.tsc_write(self.number, index), new_offset=offset)
        if request:
            self.request(index, "vcpu-create")
        self.track(index)

    def request(self, index, origin="tsc-write", **changes):
        self.vcpus[index]["pending"] = True
        self.emit(r.request(self.number, index, origin), **changes)

    def clear(self, index):
        self.vcpus[index]["pending"] = False
        self.emit(r.request(self.number, index, "unknown", "cleared"))

    def track(self, index):
        self.emit(r.tsc_track(self.number, index), pending=self.vcpus[index]["pending"],
                  use_master_clock=self.clock["masterclock"] == "active",
                  nr_vcpus=len(self.vcpus))

    def write_tsc(self, index, offset):
        self.emit(r.tsc_write(self.number, index), old_offset=self.vcpus[index]["offset"],
                  new_offset=offset)
        self.vcpus[index]["rebased"] |= offset != self.vcpus[index]["offset"]
        self.vcpus[index]["offset"] = offset
        self.track(index)

    def pending(self):
        return sum(vcpu["pending"] for vcpu in self.vcpus.values())

    def update(self, cause, index=None, keep=False):
        before = dict(self.clock)
        if before["masterclock"] == "active" and keep:
            effect = "suppressed"
        else:
            effect = "resnapshot" if before["masterclock"] == "active" else "enabled"
            base = self.ns + 1000
            self.clock.update(masterclock="active", master_kernel_ns=base + self.error,
                              master_cycle_now=cycles(base))
        self.emit(r.update(self.number, index, cause, effect), before=before,
                  after=dict(self.clock))

    def set_clock(self, clock=5_000_000_000, realtime=0, flags=0, clears=False, keep=False):
        """`clears`: KVM_SET_CLOCK clears what is pending; the tool sees it when each vCPU runs."""
        pending = self.pending()
        after = 0 if clears else pending
        call = r.set_clock(self.number, clock, realtime, flags)
        call.update(nr_vcpus=len(self.vcpus), nr_pending=pending)
        cause = "set-clock-realtime" if flags & 4 else "set-clock"
        if self.functions != "before":
            self.emit(call)
        self.update(cause, keep=keep)
        self.clock["kvmclock_offset"] = clock - self.clock["master_kernel_ns"]
        self.events[-1]["after"] = dict(self.clock)
        if self.functions == "before":
            self.emit(r.as_before(call), nr_pending_after=after)
        elif self.functions:
            self.emit(r.ioctl(self.number, None, "set-clock", nr_pending=after))
        self.clock_sets += 1

    def serve(self, index, keep=False):
        self.vcpus[index]["pending"] = False
        self.update("vcpu-request", index, keep)

    def publish(self, index, negative_delta=False, flags=1):
        vcpu = self.vcpus[index]
        new = r.pvti((self.clock["master_cycle_now"] + vcpu["offset"]) % U64,
                     self.clock["master_kernel_ns"] + self.clock["kvmclock_offset"], MUL, SHIFT,
                     flags)
        old = vcpu["pvti"]
        jump = drift(old, new) if old and not vcpu["rebased"] else None
        self.emit(r.published(self.number, index, old, new, jump, bool(old and vcpu["rebased"]),
                              vcpu["sets"] != self.clock_sets, negative_delta))
        vcpu.update(pvti=new, rebased=False, sets=self.clock_sets)

    def gone(self):
        self.emit(r.gone(self.number))

    # ---- what a VM goes through ----

    def boot(self, vcpus=4):
        """First start: the masterclock comes on with the first request that is served."""
        for index in range(vcpus):
            self.create_vcpu(index)
        for index in range(vcpus):
            self.serve(index)
        for index in range(vcpus):
            self.publish(index)
        return self

    def restore(self, vcpus=4, **how):
        """A migration's target up to KVM_SET_CLOCK."""
        for index in range(vcpus):
            self.create_vcpu(index)
        self.set_clock(**how)
        return self

    def run(self, snapshots=(), kept=(), cleared=()):
        """Each of these vCPUs runs for the first time, in this order; then all once more."""
        for index in (*snapshots, *kept, *cleared):
            if index in cleared:
                self.clear(index)
            else:
                self.serve(index, keep=index in kept)
            self.publish(index)
        for index in (*snapshots, *kept, *cleared):
            self.publish(index)
        return self


FOUR = (0, 1, 2, 3)


def guest_of(verdict, number=1, functions=False, vcpus=FOUR, **vm):
    """A guest that has been through what leads to that verdict."""
    guest = Guest(number, functions=functions, **vm)
    if verdict == "nothing-to-suppress":
        return guest.boot(len(vcpus))
    clears = verdict == "cleared"
    guest.restore(len(vcpus), clears=clears)
    if verdict == "per-vcpu":
        guest.run(snapshots=vcpus)
    elif verdict == "coalesced":
        guest.run(snapshots=vcpus[:1], kept=vcpus[1:])
    elif verdict == "suppressed":
        guest.run(kept=vcpus)
    elif clears:
        guest.run(cleared=vcpus)
    elif verdict == "inconclusive":
        guest.run(snapshots=vcpus[:-1])
    else:
        raise AssertionError(verdict)
    return guest


def recording(*guests, **head):
    """The lines of a recording of these guests."""
    events = sorted((event for guest in guests for event in guest.events),
                    key=lambda event: event["ns"])
    return r.small(r.header(**head), events)
