# SPDX-License-Identifier: GPL-2.0
"""What a host may refuse, simulated on this one: the next way, or one clear line; and doctor."""

import ctypes
import errno
import os
import re
import resource
import shutil
import signal
import struct

import kct
import schema

CAP_PERFMON, CAP_BPF = 38, 39
SYS_SOCKETPAIR, SYS_TIMERFD_CREATE, SYS_EVENTFD2 = 53, 283, 290
SYS_PERF_EVENT_OPEN, SYS_BPF, SYS_PIDFD_OPEN = 298, 321, 434
BPF_PROG_LOAD = 5
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


# ---- hosts that are not this one ----


def with_mounts(script, *command):
    """A command in a mount namespace of its own, in which a script has changed something."""
    return ["unshare", "--mount", "sh", "-c", f'{script} && exec "$@"', "sh", *map(str, command)]


def limit(which, value):
    """For preexec_fn."""
    return lambda: resource.setrlimit(which, (value, value))


def forbid(number, first=None, error=errno.EPERM):
    """
    Let a system call, or that with this first argument, fail, here and in what is started: for
    preexec_fn.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    argument = [] if first is None else [
        (0x20, 0, 0, 16),          # its first argument
        (0x15, 0, 1, first),       # this one?
    ]
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in (
        (0x20, 0, 0, 0),           # its number
        (0x15, 0, 1 + len(argument), number),  # this one?
        *argument,
        (0x06, 0, 0, 0x50000 | error),  # SECCOMP_RET_ERRNO
        (0x06, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
    ))
    code = ctypes.create_string_buffer(program)
    descriptor = struct.pack("H6xQ", len(program) // 8, ctypes.addressof(code))

    def filtered():
        assert code  # lives until here
        if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, descriptor, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")

    return filtered


def only(*capabilities):
    """A command prefix: an unprivileged user with these capabilities, and no way to get others."""
    words = ",".join(["-all", *(f"+{word}" for word in capabilities)])
    return [*NOBODY, f"--inh-caps={words}", f"--ambient-caps={words}", f"--bounding-set={words}"]


class Refusals(kct.LiveTest):
    def setUp(self):
        super().setUp()
        if os.geteuid():
            self.skipTest("only root can be refused in all these ways")
        os.chmod(self.directory, 0o777)

    def end(self, *command, **more):
        """(status, stdout, stderr) of any command."""
        done = kct.subprocess.run(list(map(str, command)), capture_output=True, text=True,
                                  timeout=kct.PATIENCE, cwd=self.directory, **more)
        return done.returncode, done.stdout, done.stderr

    def refused(self, *command, pattern, **more):
        """Status 3 and one line that says why; nothing on stdout."""
        status, out, err = self.end(*command, **more)
        self.assertEqual((status, out), (kct.EXIT_HOST, ""), err)
        self.assertRegex(err, r"\Akvmclock-trace: [^\n]+\n\Z")
        self.assertRegex(err, pattern)

    def tracing(self):
        old = self.path("old")
        for words in (["list", "--json"], ["trace", "-d", "20ms"], ["stat", "20ms", "1"],
                      ["record", "-o", old, "--", "touch", self.path("it-ran")],
                      ["verify", "migrate", "-o", old, "--expect", "per-vcpu"]):
            with open(old, "w", encoding="ascii") as file:
                file.write("as it was")
            with self.subTest(" ".join(words[:2])):
                yield [kct.PROGRAM, *words]
            self.assertFalse(os.path.exists(self.path("it-ran")))
            with open(old, encoding="ascii") as file:
                self.assertEqual(file.read(), "as it was")
            self.assertEqual([name for name in os.listdir(self.directory) if "old" in name],
                             ["old"])

    def doctor(self, prefix=(), status=kct.EXIT_HOST, **more):
        """Its JSON; what it says in words agrees."""
        code, out, err = self.end(*prefix, kct.PROGRAM, "doctor", "--json", **more)
        self.assertEqual((code, err), (status, ""))
        self.assertEqual(schema.faults("doctor", out), [])
        code, text, _ = self.end(*prefix, kct.PROGRAM, "doctor", **more)
        self.assertEqual(code, status)
        doctor = kct.parse(out)
        check_text(self, doctor, text)
        return doctor

    def test_without_btf(self):
        self.needs_mounts()
        script = "mount -t tmpfs none /sys/kernel/btf"
        for command in self.tracing():
            self.refused(*with_mounts(script, *command), pattern="no BTF.*CONFIG_DEBUG_INFO_BTF")
        doctor = self.doctor(with_mounts(script))
        self.assertEqual((doctor["btf"], doctor["verdict"]), (False, "impossible"))
        for row in doctor["evidence"]:
            self.assertIn(row["way"], ("none", "kprobe", "derived", "inlined"))

    def test_without_proc(self):
        """What is not asked for there cannot be missed: names are, and they are not the cause."""
        self.needs_mounts()
        self.needs_setpriv()
        script = "umount -l /proc"
        for command in self.tracing():
            self.refused(*with_mounts(script, *NOBODY, self.program_for_all(), *command[1:]),
                         pattern="missing: CAP_BPF, CAP_PERFMON")
        status, out, err = self.end(*with_mounts(script, kct.PROGRAM, "verify", "migrate",
                                                 "--expect", "per-vcpu", "--json"))
        self.assertEqual((status, err), (kct.EXIT_OK, ""))
        self.assertEqual(kct.parse(out)["verdict"], "per-vcpu")

    def test_few_descriptors(self):
        for count in (5, 8, 16, 24, 32, 48):
            few = {"preexec_fn": limit(resource.RLIMIT_NOFILE, count)}
            pattern = rf"more file descriptors than the limit of {count} allows \(ulimit -n\)"
            for command in self.tracing():
                self.refused(*command, pattern=pattern, **few)
            self.refused(kct.PROGRAM, "doctor", pattern=pattern, **few)

    def test_little_address_space(self):
        """However little: it is that, or enough."""
        statuses = set()
        for mib in range(10, 40):
            little = {"preexec_fn": limit(resource.RLIMIT_AS, mib << 20)}
            for args in (["list"], ["record", "-o", self.path("x"), "-d", "10ms"], ["doctor"]):
                status, _, err = self.end(kct.PROGRAM, *args, **little)
                statuses.add(status == kct.EXIT_HOST)
                if status == kct.EXIT_HOST:
                    self.assertEqual(err, "kvmclock-trace: there is too little memory, or address "
                                          "space (ulimit -v)\n", (mib, args))
                else:
                    self.assertEqual(err, "", (mib, args))
        self.assertEqual(statuses, {True, False})

    def test_without_what_a_run_waits_by(self):
        """Without descriptors for signals, time, the command or the output nothing begins."""
        for number, pattern in ((SYS_EVENTFD2, "signals cannot be caught: "),
                                (SYS_TIMERFD_CREATE, "the time cannot be measured: "),
                                (SYS_PIDFD_OPEN, "the end of the command cannot be waited for: "),
                                (SYS_SOCKETPAIR, "old: nothing can write it: ")):
            for command in self.tracing():
                if command[1] == "record":
                    command[2:2] = ["-d", "100s"]
                    command[-2:] = ["sleep", "1000"]
                    self.refused(*command, pattern=pattern + "Operation not permitted",
                                 preexec_fn=forbid(number))

    def test_without_bpf(self):
        for command in self.tracing():
            self.refused(*command, pattern="refuses BPF although the privileges are there: by a "
                                           "seccomp filter", preexec_fn=forbid(SYS_BPF))
        doctor = self.doctor(preexec_fn=forbid(SYS_BPF))
        self.assertEqual((doctor["verdict"], doctor["missing_capabilities"]), ("impossible", None))
        for row in doctor["evidence"]:
            self.assertIn(row["way"], ("none", "kprobe", "derived", "inlined"))
            for refused in row["refused"]:
                if refused["way"] == "tracepoint":
                    self.assertIn("does not permit it (EPERM)", refused["why"])
                    self.assertTrue(refused["help"])

    def test_kernel_below_the_floor(self):
        """An older kernel does not know what a program calls, and refuses to load it."""
        old = forbid(SYS_BPF, BPF_PROG_LOAD, errno.EINVAL)
        for command in [*self.tracing(), [kct.PROGRAM, "doctor"],
                        [kct.PROGRAM, "doctor", "--json"]]:
            self.refused(*command, pattern="needs Linux 5.15 or later", preexec_fn=old)

    def test_without_perf_event_open(self):
        """Kprobes are perf events, tracepoints are not: all goes its next way."""
        filtered = {"preexec_fn": forbid(SYS_PERF_EVENT_OPEN)}
        for row in self.doctor(status=kct.EXIT_INCOMPLETE, **filtered)["evidence"]:
            self.assertNotEqual(row["way"], "kprobe")
            self.assertNotEqual(row["way"], "none")
        self.refused(kct.PROGRAM, "record", "--attach", "kprobe", "-o", self.path("x"), "-d",
                     "20ms", pattern="is not available by kprobe", **filtered)
        record = self.start("record", "-o", self.path("x"), "--json", **filtered).wait_polling()
        self.check_sees(record)

    def test_inlined_without_perf_event_open(self):
        """A place within a function is tried as well: doctor and record agree that it cannot be."""
        if kct.run("doctor", "--debuginfo").returncode not in (kct.EXIT_OK, kct.EXIT_INCOMPLETE):
            self.skipTest("no debug information of the running kernel")
        filtered = {"preexec_fn": forbid(SYS_PERF_EVENT_OPEN)}
        status, out, _ = self.end(kct.PROGRAM, "doctor", "--json", "--debuginfo", **filtered)
        (row,) = [row for row in kct.parse(out)["evidence"] if row["evidence"] == "request-site"]
        self.assertEqual((status, row["way"]), (kct.EXIT_INCOMPLETE, "derived"))
        self.assertEqual([one["way"] for one in row["refused"]], ["inlined"])
        record = self.start("record", "-o", self.path("x"), "--json", "--debuginfo", **filtered)
        self.check_sees(record.wait_polling())

    def check_sees(self, record):
        """It traces a migration that somebody else runs: as many updates as the kernel made."""
        work = kct.workload("migrate", "--vcpus", 3)
        report = kct.parse(record.finish(signal.SIGINT, check=kct.EXIT_OK))
        vms = [vm for vm in report["vms"] if vm["pid"] == work["pid"]]
        # created, then one for each of three; the target's clock is set besides
        self.assertEqual([vm["updates"]["total"] for vm in vms], [4, 5])
        self.assertEqual([vm["unnecessary"] for vm in vms], [2, 3])
        self.assertEqual([vm["requests"] for vm in vms], [3, 3])
        self.assertTrue(report["complete"])
        return vms

    def program_for_all(self):
        path = self.path("kvmclock-trace")
        shutil.copyfile(kct.PROGRAM, path)
        os.chmod(path, 0o755)
        return path

    def needs_setpriv(self):
        if not shutil.which("setpriv"):
            self.skipTest("no setpriv here")

    def test_unprivileged(self):
        self.needs_setpriv()
        program = self.program_for_all()
        for command in self.tracing():
            self.refused(*NOBODY, program, *command[1:],
                         pattern="missing: CAP_BPF, CAP_PERFMON")
        for lacks, has in (("CAP_BPF", "perfmon"), ("CAP_PERFMON", "bpf")):
            self.refused(*only(has), program, "list", pattern=rf"missing: {lacks} ")
        status, out, _ = self.end(*NOBODY, program, "doctor", "--json")
        self.assertEqual(status, kct.EXIT_HOST)
        doctor = kct.parse(out)
        self.assertEqual(doctor["missing_capabilities"], "CAP_BPF, CAP_PERFMON")
        self.assertEqual(schema.faults("doctor", out), [])

    def test_two_capabilities(self):
        """CAP_BPF and CAP_PERFMON are enough, where KVM is built in or BTF is not asked for."""
        self.needs_setpriv()
        program = self.program_for_all()
        status, out, _ = self.end(*only("bpf", "perfmon"), program, "doctor", "--json")
        doctor = kct.parse(out)
        self.assertIsNone(doctor["missing_capabilities"])
        if doctor["host"]["kvm"] == "module":
            self.skipTest("the BTF of a module takes CAP_SYS_ADMIN")
        self.assertNotEqual(status, kct.EXIT_HOST)
        path = self.path("recording")
        record = self.start(*only("bpf", "perfmon"), program, "record", "-o", path, "--json",
                            program=None).wait_polling()
        self.check_capabilities(record.pid)
        self.assertEqual(len(self.check_sees(record)), 2)
        got = kct.parse(kct.run("verify", "--recording", path, "--json",
                                check=kct.EXIT_OK).stdout)
        self.assertEqual(got["verdict"], "per-vcpu")

    def check_capabilities(self, pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            masks = {line.split(":")[0]: int(line.split()[1], 16)
                     for line in file if line.startswith("Cap")}
        for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            self.assertEqual(masks[kind] & ~(1 << CAP_PERFMON | 1 << CAP_BPF), 0, kind)

    def test_capabilities_are_dropped(self):  # threat-14
        """Root's, when tracing has begun; those of the command are its own."""
        for words in (["record", "-o", self.path("x")], ["stat"],
                      ["verify", "steady", "--duration", "1000s"]):
            with self.subTest(words[0]):
                process = self.start(*words).wait_polling()
                kct.until(lambda: self.dropped(process.pid), "the capabilities to be dropped")
                self.check_capabilities(process.pid)
                process.finish(signal.SIGINT)

    def dropped(self, pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return re.search(r"CapEff:\s+0*(c000000000|[048]0*)$", file.read(), re.MULTILINE)

    def test_without_kvm(self):
        """No /dev/kvm, and one that is something else: the workload says so; tracing does not."""
        self.needs_mounts()
        for script, pattern in (
                ("mount -t tmpfs none /dev", "cannot open /dev/kvm: No such file"),
                ("mount --bind /dev/null /dev/kvm", "/dev/kvm does not speak KVM")):
            with self.subTest(script):
                self.refused(*with_mounts(script, kct.PROGRAM, "workload", "migrate"),
                             pattern=pattern)
                status, out, err = self.end(*with_mounts(script, kct.PROGRAM, "verify", "migrate",
                                                         "--expect", "per-vcpu"))
                self.assertEqual((status, out), (kct.EXIT_HOST, ""), err)
                self.assertRegex(err, r"\Akvmclock-trace: " + pattern)
        status, _, err = self.end(*with_mounts("mount --bind /dev/null /dev/kvm", kct.PROGRAM,
                                               "record", "-o", self.path("x"), "-d", "20ms"))
        self.assertEqual((status, err), (kct.EXIT_OK, ""))


# ---- doctor and --attach ----


def refusals_in(text):
    """What the text says under "refused": each reason, with what would help, once."""
    found, blocks = {}, re.search(r"(?ms)^refused[^\n]*\n(.*?)\n\n", text)
    for block in re.findall(r"(?m)^    (\S.*)\n((?: {8}.*\n?)*)", blocks[1] if blocks else ""):
        why, lines = block
        helps = re.search(r"what would help: (.*)", lines)
        rest = re.sub(r"\s+", " ", re.sub(r" *what would help: .*", "", lines))
        said = set()
        for way, names in re.findall(r"by ([\w-]+): ((?:(?!by ).)*)", rest):
            said |= {(way, evidence.strip()) for evidence in names.split(",")}
        reason = why, helps[1] if helps else None
        assert reason not in found, reason
        found[reason] = said
    return found


def check_text(test, doctor, text):
    """Each piece of evidence, its way, and every refusal with its reason stand in the text."""
    lines = text.splitlines()
    for row in doctor["evidence"]:
        way = "NONE" if row["way"] == "none" else row["way"]
        target = row["target"] or ""
        at = next((i for i, line in enumerate(lines)
                   if line.split()[:2] == [row["evidence"], way]), None)
        test.assertIsNotNone(at, row)
        test.assertEqual(lines[at].split()[2:], target.split())
        rest = []
        for line in lines[at + 1:]:
            if not line.startswith("    "):
                break
            rest.append(line.strip())
        test.assertEqual(rest.pop(0), row["tells"])
        if row["not_shown"]:
            test.assertTrue(rest.pop(0).endswith(row["not_shown"]))
        test.assertEqual(rest, [])
    refused = {}
    for row in doctor["evidence"]:
        for r in row["refused"]:
            refused.setdefault((r["why"], r["help"]), set()).add((r["way"], row["evidence"]))
    test.assertEqual(refusals_in(text), refused)
    for name, value in (("kernel", doctor["host"]["kernel"]), ("lockdown", doctor["lockdown"]),
                        ("BTF", "yes" if doctor["btf"] else "no")):
        test.assertRegex(text, rf"(?m)^{name} +{re.escape(value)}$")
    closing = {"whole": "all evidence is there", "partial": "some evidence is missing or derived",
               "impossible": "tracing is impossible here"}
    test.assertEqual(lines[-1], closing[doctor["verdict"]])


class Doctor(kct.LiveTest):
    STATUS = {"whole": kct.EXIT_OK, "partial": kct.EXIT_INCOMPLETE, "impossible": kct.EXIT_HOST}

    def doctor(self, *args):
        done = kct.run("doctor", "--json", *args)
        self.assertEqual(schema.faults("doctor", done.stdout), [])
        doctor = kct.parse(done.stdout)
        self.assertEqual((done.returncode, done.stderr), (self.STATUS[doctor["verdict"]], ""))
        return doctor

    def ways(self, doctor):
        """(method, whether it was refused everywhere, the first reason)."""
        for method in ("fentry", "kprobe", "tracepoint"):
            refused = [r for row in doctor["evidence"] for r in row["refused"]
                       if r["way"] == method]
            used = any(row["way"] == method for row in doctor["evidence"])
            yield method, used, refused

    def test_this_host(self):
        doctor = self.doctor()
        text = kct.run("doctor")
        self.assertEqual((text.returncode, text.stderr), (self.STATUS[doctor["verdict"]], ""))
        check_text(self, doctor, text.stdout)
        self.assertEqual(doctor["host"]["kernel"], os.uname().release)
        self.assertTrue(doctor["btf"])
        self.assertIsNone(doctor["missing_capabilities"])
        names = [row["evidence"] for row in doctor["evidence"]]
        self.assertEqual(len(set(names)), len(names))
        self.assertLessEqual({"update", "values-before", "pvti", "tsc-write", "tsc-track",
                              "request", "request-site", "set-clock", "vm-gone", "vm"}, set(names))
        for row in doctor["evidence"]:
            self.assertNotEqual(row["way"], "none")
            if row["way"] == "derived":
                self.assertTrue(row["not_shown"])
                self.assertTrue(row["refused"])
            for refused in row["refused"]:
                self.assertNotEqual(refused["way"], row["way"])
        # Some of it is always derived: requests of origins that nothing tells.
        derived = [row for row in doctor["evidence"] if row["way"] == "derived"]
        self.assertEqual(doctor["verdict"] == "whole",
                         not derived and not any(row["not_shown"] for row in doctor["evidence"]))
        if not os.path.exists("/sys/bus/event_source/devices/kprobe"):
            self.assertEqual(doctor["verdict"], "partial")
            for method, used, refused in self.ways(doctor):
                if method == "kprobe":
                    self.assertFalse(used)
                    self.assertEqual({r["why"] for r in refused},
                                     {"the kernel is built without kprobes"})

    def test_what_a_recording_says(self):
        """The same table stands in its header."""
        doctor = self.doctor()
        _, recording, _ = self.record("recording", "true")
        self.assertEqual(
            [(hook["evidence"], hook["way"], hook["target"]) for hook in recording.header["hooks"]],
            [(row["evidence"], row["way"], row["target"]) for row in doctor["evidence"]])

    def test_forced(self):
        """A method that gives no evidence is refused in one line, with doctor's reason."""
        doctor = self.doctor()
        whys = {method: refused for method, _, refused in self.ways(doctor)}
        for method in ("fentry", "kprobe", "tracepoint"):
            with self.subTest(method):
                forced = self.doctor("--attach", method)
                for row in forced["evidence"]:
                    self.assertIn(row["way"], (method, "iterator", "derived", "inlined", "none"))
                path = self.path(method)
                done = kct.run("record", "--attach", method, "-o", path, "-d", "20ms")
                if forced["verdict"] != "impossible":
                    self.assertEqual(done.returncode, kct.EXIT_OK, done.stderr)
                    continue
                self.assertEqual((done.returncode, done.stdout), (kct.EXIT_HOST, ""))
                self.assertRegex(done.stderr, r"\Akvmclock-trace: [^\n]*\n\Z")
                first = whys[method][0]
                self.assertIn(f" is not available by {method}: {first['target']}: {first['why']}",
                              done.stderr)

    def test_arguments(self):
        for args, pattern in ((["x"], "takes no arguments"),
                              (["--attach", "x"], "--attach takes fentry, kprobe or tracepoint"),
                              (["--attach", "iterator"], "--attach takes"),
                              (["--nosuch"], "unrecognized option")):
            done = kct.run("doctor", *args, check=kct.EXIT_USAGE)
            self.assertRegex(done.stderr.splitlines()[0], pattern)
            self.assertEqual(done.stdout, "")

    def test_targets(self):
        """
        Nothing is on the way of every TLB flush; and kvm_make_request() is hooked where it was
        inlined or not at all, as a copy of it out of line is not all of it.
        """
        doctor = kct.parse(kct.run("doctor", "--json").stdout)
        tried = [(one["way"], one["target"]) for row in doctor["evidence"]
                 for one in [row, *row["refused"]]]
        self.assertNotIn("kvm_make_all_cpus_request", [target for _, target in tried])
        self.assertLessEqual({way for way, target in tried if target == "kvm_make_request"},
                             {"inlined"})
        self.assertGreater(len(tried), 16)

    def test_debuginfo_of_another_build(self):
        """Other offsets would probe other instructions. Here: the program's own."""
        if not os.path.exists("/sys/kernel/notes"):
            self.skipTest("this kernel does not tell its build ID")
        option = "--debuginfo=" + kct.PROGRAM
        for command in (["doctor"], ["record", "-o", self.path("x"), "-d", "20ms"]):
            done = kct.run(*command, option, check=kct.EXIT_USAGE)
            self.assertRegex(done.stderr, r"of another build than the running kernel")
            self.assertEqual(done.stdout, "")

    def test_list(self):
        """docs/list.schema.json holds, with VMs and without."""
        _, work = self.start_hold("migrate", "--vcpus", 2)
        done = kct.run("list", "--json", check=kct.EXIT_OK)
        self.assertEqual(schema.faults("list", done.stdout), [])
        self.assertIn(work["pid"], [vm["pid"] for vm in kct.parse(done.stdout)["vms"]])
        done = kct.run("list", "--json", "--vm", "no-such-vm", check=kct.EXIT_OK)
        self.assertEqual(schema.faults("list", done.stdout), [])
        self.assertEqual(kct.parse(done.stdout)["vms"], [])
