# SPDX-License-Identifier: GPL-2.0
"""What a VMM does to the clocks of VMs that run, and what it does to a tracer.

Against what the workload did, and what its guests' memory held.
"""

import kct

JUMP = 1_000_000_000  # ns, by which each setting puts the clock ahead


def step_of(vm, name):
    (step,) = [step for step in vm["steps"] if step["step"] == name]
    return step


def during(step, events):
    return [event for event in events if step["begin_ns"] <= event["ns"] <= step["end_ns"]]


class Case(kct.LiveTest):
    def need(self, method):
        done = kct.run("record", "--attach", method, "-d", "1ms", "-o", self.path("empty"))
        if done.returncode != kct.EXIT_OK:
            self.assertEqual(done.returncode, kct.EXIT_HOST, done.stderr)
            self.skipTest(f"no {method} here")


class Running(Case):
    """Jumps that were asked for are told from those that nobody asked for, on a VM that runs.

    Its vCPUs publish a new clock before the ioctl that set it returns; and where they are more than
    CPUs, one may be preempted between making a PVTI and publishing it, for any number of settings.
    """

    VCPUS = 12

    def jumps(self, event):
        """How often the clock was set between the two PVTIs: each setting puts it so far ahead,
        but for the time that it took."""
        return round(event["drift_ns"] / JUMP)

    def check_memory(self, guest, events):
        """The PVTIs that the guest's memory held are those of the events, counted from the last."""
        self.assertTrue(guest[-1]["final"])
        for pvti in guest:
            back = (guest[-1]["version"] - pvti["version"]) // 2
            self.assertEqual(kct.pvti_of(events[-1 - back]["new"]), kct.pvti_of(pvti))

    def check_vcpu(self, events, reported, settings):
        seen = [event for event in events if event["drift_ns"] is not None]
        for event in seen:
            self.assertEqual(event["clock_set"], self.jumps(event) != 0, event)
        self.assertEqual(sum(map(self.jumps, seen)), settings)
        drift = reported["drift_ns"]
        self.assertLess(drift["max_forward"], JUMP / 2)
        self.assertGreater(drift["max_backward"], -JUMP / 2)
        asked = sum(event["drift_ns"] for event in seen if event["clock_set"])
        self.assertEqual(drift["set_clock"], asked)

    def check(self, method, count, burst):
        self.need(method)
        args = ["set-clock", "--vcpus", self.VCPUS, "--count", count, "--burst", burst]
        report, recording, work = self.record_workload("recording", *args, "--jump", "1s",
                                                       options=["--attach", method])
        self.assertTrue(report["complete"], report["incomplete_why"])
        ((number, told),) = recording.match(work)
        vm = kct.report_vms(report)[number]
        self.assertEqual(vm["set_clocks"], count * burst)
        memory = step_of(told, "run")["pvti"]
        for vcpu in vm["vcpus"]:
            events = recording.select("pvti", vm=number, vcpu=vcpu["id"])
            guest = [pvti for pvti in memory if pvti["vcpu"] == vcpu["id"]]
            self.check_memory(guest, events)
            self.check_vcpu(events, vcpu, count * burst)

    def test_tracepoint(self):
        self.check("tracepoint", 20, 1)

    def test_kprobe(self):
        self.check("kprobe", 20, 1)

    def test_fentry(self):
        self.check("fentry", 20, 1)

    def test_bursts(self):
        """More settings while a vCPU is preempted than anything keeps."""
        self.check("tracepoint", 20, 2000)

    def test_kprobe_bursts(self):
        self.check("kprobe", 20, 200)


class Reads(Case):
    """What the VMM saved is what KVM gave it."""

    OPTIONS = ["--attach", "tracepoint", "--ioctls"]

    def test_partial(self):
        """KVM_GET_MSRS that stops before IA32_TSC has read no TSC, whatever was in its list."""
        _, recording, work = self.record_workload("recording", "partial-msrs",
                                                  options=self.OPTIONS)
        ((number, told),) = recording.match(work)
        self.assertEqual(step_of(told, "tsc-unread")["done"], 0)
        step = step_of(told, "tsc-read")
        self.assertEqual(step["done"], 1)
        (event,) = recording.select("ioctl", vm=number, ioctl="get-tsc")
        self.assertEqual(event["tsc"], step["tsc"])
        self.assertEqual(during(step, [event]), [event])


class OneReg(Case):
    """IA32_TSC by KVM_[GS]ET_ONE_REG, which can since 6.18."""

    VCPUS = 2

    def migrate(self):
        args = ["migrate", "--vcpus", self.VCPUS, "--one-reg"]
        done = kct.run("workload", *args)
        if done.returncode == kct.EXIT_HOST:
            self.skipTest(done.stderr.strip())
        _, recording, work = self.record_workload("recording", *args, options=Reads.OPTIONS)
        return recording, recording.match(work)

    def test_migrate(self):
        recording, ((before, source), (after, target)) = self.migrate()
        saved = {step["vcpu"]: step["tsc"] for step in step_of(source, "save-tsc")["vcpus"]}
        self.assertEqual(sorted(saved), list(range(self.VCPUS)))
        read = recording.select("ioctl", vm=before, ioctl="get-tsc")
        self.assertEqual({event["vcpu"]: event["tsc"] for event in read}, saved)
        wrote = recording.select("tsc-write", vm=after, ioctl="set-tsc")
        self.assertEqual({event["vcpu"]: event["tsc"] for event in wrote}, saved)
        for step in step_of(target, "set-tsc")["vcpus"]:
            self.assertEqual([event["vcpu"] for event in during(step, wrote)], [step["vcpu"]])


class Descriptor(Case):
    """A vCPU runs on while its descriptor is another VM's vCPU, and then nothing at all."""

    def test_nobody(self):
        """What it publishes then is nobody's, where only the descriptor tells whose it is."""
        _, recording, work = self.record_workload("recording", "descriptor",
                                                  options=["--attach", "tracepoint"])
        (number, told), (other, _) = recording.match(work)
        sets = recording.select("set-clock", vm=number)
        self.assertEqual(len(sets), 3)
        published = {event["new"]["system_time"]: event for event in recording.select("pvti")}
        # The guest has a new clock a moment before it is traced: the descriptor may be the next.
        whose = {"own": (number, None), "reused": (None,), "closed": (None, number)}
        for (name, vms), event in zip(whose.items(), sets):
            with self.subTest(name):
                event = published[event["clock"]]
                self.assertIn(event["vm"], vms)
                self.assertEqual(event["tid"], told["vcpu_list"][0]["tid"])
        final = step_of(told, "run")["pvti"][-1]
        self.assertEqual(kct.pvti_of(event["new"]), kct.pvti_of(final))
        # Before the first of these the other one ran; since then it does not.
        ran = recording.select("pvti", vm=other)
        self.assertTrue(ran)
        self.assertLess(ran[-1]["ns"], step_of(told, "own")["begin_ns"])

    def test_functions(self):
        """A function that is hooked is told the vCPU itself."""
        for method in ("kprobe", "fentry"):
            if kct.run("record", "--attach", method, "-d", "1ms", "-o",
                       self.path("empty")).returncode == kct.EXIT_OK:
                break
        else:
            self.skipTest("no function can be hooked here")
        _, recording, work = self.record_workload("recording", "descriptor",
                                                  options=["--attach", method])
        (number, _), _ = recording.match(work)
        published = {
            event["new"]["system_time"]: event["vm"] for event in recording.select("pvti")
        }
        sets = recording.select("set-clock", vm=number)
        self.assertEqual([published[event["clock"]] for event in sets], [number] * 3)
