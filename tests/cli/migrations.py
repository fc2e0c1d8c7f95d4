# SPDX-License-Identifier: GPL-2.0
"""Guests that go from one VM to another, written as recordings, and what is to be found in them.

Every clock follows from a plan of instants, and every expected figure from whole numbers: nothing
of the program's is used. On a host the kvmclock base is CLOCK_BOOTTIME less 100 ms, and the TSC is
cycles(base).
"""

import recording as r
from chains import KHZ, MUL, SHIFT, U64, cycles, drift, scale

US, MS, S = 1000, 1_000_000, 1_000_000_000
BASE = -100 * MS
REALTIME = 4  # KVM_CLOCK_REALTIME
UUID = "6fe0e5e1-9b0c-4b6f-8a3d-0f3a1f5f9d10"
BOOT_ID = r.header()["host"]["boot_id"]
OTHER_BOOT = "c0ffee00-54d3-4f0a-9b43-2f6f6ad0c0de"


def signed(value):
    value %= U64
    return value - U64 if value >> 63 else value


def read(line, tsc):
    """The clock that a PVTI gives at this TSC: what a PVTI of clock 0 there would be behind."""
    return -drift(line, {"tsc_timestamp": tsc, "system_time": 0})


class Host:
    """Where a recording is made, from 1 s to 100 s; `ahead`: of its wall clock, `error` of that."""

    def __init__(self, name="host-1", boot_id=BOOT_ID, ahead=0, error=250 * US, **host):
        self.host = {**r.header()["host"], "name": name, "boot_id": boot_id, **host}
        self.ahead, self.error = ahead, error

    def anchor(self, ns):
        return {"realtime_ns": self.realtime(ns), "realtime_error_ns": self.error,
                "kvmclock_base_ns": ns + BASE}

    def realtime(self, ns):
        return 1_700_000_000 * S + ns + self.ahead

    def recording(self, *events, losses=None, hooks=None):
        events = sorted(events, key=lambda event: event["ns"])
        head = r.header(host=self.host, started_ns=S, hooks=hooks or r.hooks(),
                        **self.anchor(S))
        tail = r.trailer(len(events), losses, ended_ns=100 * S, **self.anchor(100 * S))
        return r.small(head, events, tail)


def masterclock(ns, offset, state="active", error=0):
    """A snapshot taken at `ns`, whose time is off by `error`."""
    return {"masterclock": state, "master_kernel_ns": ns + BASE + error,
            "master_cycle_now": cycles(ns + BASE), "kvmclock_offset": offset, "nr_vcpus": 2}


def update(number, index, ns, cause, effect, after):
    return {**r.update(number, index, cause, effect, ns), "after": after}


class Migration:
    """P1 at 2 s; P2 later by `t1`; P3 after `downtime`; P4 later by `t2`; all in ns.

    `saves`: a hook saw what was saved. `line`: KVM_SET_CLOCK_GUEST asks for the source's line, ahead
    by so many ns, right after KVM_SET_CLOCK. `errors`: of the snapshots that a request of each vCPU took
    on the target after P4, a millisecond after each other. `to`: mul and shift on the target.
    """

    def __init__(self, vcpus=2, t1=100 * US, t2=300 * US, downtime=10 * S, realtime=False,
                 offsets=False, saves=False, errors=(), numbers=(1, 2), to=(MUL, SHIFT),
                 khz=(KHZ, KHZ), at=0, clock=0, line=None, **vm):
        self.numbers, self.khz, self.errors, self.to = numbers, khz, errors, to
        self.realtime, self.offsets, self.saves, self.ahead = realtime, offsets, saves, line
        self.ids = range(vcpus)
        self.p1 = at + 2 * S
        self.p2, self.p3 = self.p1 + t1, self.p1 + downtime
        self.p4 = self.p3 + t2
        self.begin_source(at, clock, vm)
        self.begin_target(vm)
        self.finish()

    def begin_source(self, at, clock, vm):
        number, begin = self.numbers[0], at + 1100 * MS
        self.offset = clock - S  # kvm-clock minus the base
        self.tsc_offset = -cycles(900 * MS)
        snapshot = masterclock(begin + 50 * MS, self.offset)
        self.line = r.pvti(snapshot["master_cycle_now"] + self.tsc_offset,
                           snapshot["master_kernel_ns"] + self.offset, MUL, SHIFT)
        self.saved = [cycles(self.p1 + 10 * US * i + BASE) + self.tsc_offset for i in self.ids]
        self.clock = self.p2 + BASE + self.offset
        self.source = [r.vm(number, begin, **vm, state=snapshot)]
        for i in self.ids:
            self.source.append({**r.vcpu(number, i, begin + 1 + i), "tsc_khz": self.khz[0]})
            self.source.append(r.published(number, i, None, self.line, None,
                                           ns=begin + 60 * MS + i))
            if self.saves:
                self.source.append(r.ioctl(number, i, "get-tsc", self.p1 + 10 * US * i,
                                           tsc=self.saved[i]))
        if self.saves:
            self.source.append(r.ioctl(number, None, "get-clock", self.p2, clock=self.clock,
                                       realtime=0, host_tsc=0, flags=0))

    def begin_target(self, vm):
        number = self.numbers[1]
        # As KVM does it, all have the offset that the first one got.
        tsc = self.saved[0] if not self.offsets else cycles(self.p3 + BASE) + self.tsc_offset
        self.target_offset = tsc - cycles(self.p3 + BASE)
        off = masterclock(self.p3 - 50 * MS, 0, "inactive")
        self.target = [r.vm(number, self.p3 - 50 * MS, created=1, effect="inactive",
                            **{"pid": 4800, **vm}, state=off)]
        for i in self.ids:
            self.target.append({**r.vcpu(number, i, self.p3 - 40 * MS + i),
                                "tsc_khz": self.khz[1], "tsc_offset": 0})
            self.target.append({**r.tsc_write(number, i, self.p3 + 10 * US * i), **(
                {"ioctl": "set-tsc-offset", "tsc": None} if self.offsets else
                {"ioctl": "set-tsc", "tsc": self.saved[i]})})
        self.advance = self.p4 - self.p2 if self.realtime else 0
        early = 0 if self.ahead is None else 20 * US
        self.target.append(r.set_clock(number, self.clock, 1 if self.realtime else 0,
                                       REALTIME if self.realtime else 0, self.p4 - early - 1))
        self.target.append(update(number, None, self.p4 - early, "set-clock-realtime"
                                  if self.realtime else "set-clock", "enabled",
                                  masterclock(self.p4 - early, 0)))
        if self.ahead is not None:
            self.ask_line(number, early)

    def ask_line(self, number, early):
        line = {**self.line, "system_time": self.line["system_time"] + self.ahead}
        offset = self.clock + self.advance - (self.p4 - early) - BASE
        self.target.append(r.set_clock_guest(number, 0, line, self.p4 - 1))
        self.target.append(update(number, None, self.p4, "set-clock-guest", "resnapshot",
                                  masterclock(self.p4, offset)))
        set_tsc = cycles(self.p4 + BASE) + self.target_offset
        self.advance = read(line, set_tsc) - self.clock

    def pvti(self, clock):
        return r.pvti(clock["master_cycle_now"] + self.target_offset,
                      clock["master_kernel_ns"] + clock["kvmclock_offset"], *self.to)

    def finish(self):
        """The first PVTI of each vCPU, and for a second time when all have run."""
        number, ns = self.numbers[1], self.p4 + 200 * US
        clock = masterclock(self.p4, self.clock + self.advance - self.p4 - BASE)
        self.ran = ns + 5 * US
        self.first, self.later = [], []
        for i in self.ids:
            if i < len(self.errors):
                ns = self.p4 + (i + 1) * MS
                clock = masterclock(ns, clock["kvmclock_offset"], error=self.errors[i])
                self.target.append(r.request(number, i, "unknown", derived=True, ns=ns))
                self.target.append(update(number, i, ns, "vcpu-request", "resnapshot", clock))
            self.first.append(self.pvti(clock))
            self.target.append(r.published(number, i, None, self.first[-1], None, clock_set=True,
                                           ns=ns + 5 * US + i))
        if self.errors:
            self.ran = self.p4 + MS + 5 * US
        for i in self.ids:
            jump = drift(self.first[i], self.pvti(clock))
            self.later.append((int(self.first[i] != self.pvti(clock)), jump))
            self.target.append(r.published(number, i, self.first[i], self.pvti(clock), jump,
                                           ns=ns + 50 * MS + i))

    def expected(self):
        """The figures of each vCPU, by the thread's equation, T1 = P2 - P1, T2 = scale(P4 - P3)."""
        for i in self.ids:
            set_tsc = cycles(self.p4 + BASE) + self.target_offset
            set_clock = self.clock + self.advance
            since = scale(self.first[i]["tsc_timestamp"] - set_tsc, *self.to)
            t1 = self.clock - read(self.line, self.saved[i])
            t2 = scale(set_tsc - self.saved[i], MUL, SHIFT)
            v = {"id": i, "t1_ns": t1, "t2_ns": t2, "predicted_ns": t1 - t2 + self.advance,
                 "tsc_advance_ns": t2 - (self.p4 - self.p3 - 10 * US * i)}
            if self.ahead is not None:
                v.update(t1_ns=None, t2_ns=None, predicted_ns=self.ahead)
            if self.offsets:
                v = {**dict.fromkeys(v), "id": i,
                     "predicted_ns": set_clock - read(self.line, set_tsc)}
            v["observed_ns"] = drift(self.line, self.first[i])
            v["by_updates_ns"] = (self.first[i]["system_time"] - set_clock - since
                                  if self.errors else 0)
            v["by_rate_ns"] = 0 if self.to == (MUL, SHIFT) else (
                read(self.line, set_tsc) + since - read(self.line,
                                                        self.first[i]["tsc_timestamp"]))
            v["unexplained_ns"] = (v["observed_ns"] - v["predicted_ns"] - v["by_updates_ns"] -
                                   v["by_rate_ns"])
            v["unnecessary"] = min(i + 1, len(self.errors))
            yield v

    def one_host(self, host=None, losses=None):
        return (host or Host()).recording(*self.source, *self.target, losses=losses)

    def two_hosts(self, source=None, target=None):
        return ((source or Host()).recording(*self.source),
                (target or Host("host-2", OTHER_BOOT)).recording(*self.target))
