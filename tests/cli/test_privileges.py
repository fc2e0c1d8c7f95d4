# SPDX-License-Identifier: GPL-2.0
"""Without privileges: one line that says which are missing."""

import ctypes
import errno
import os
import shutil
import struct
import subprocess
import tempfile
import unittest

import recording as r
from case import DONE, ENVIRONMENT, HOST, PROGRAM, SANITIZED, USAGE, Case, Result

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@unittest.skipUnless(shutil.which("setpriv"), "setpriv is not installed")
class Privileges(Case):
    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o777)  # the other user's too
        programs = tempfile.TemporaryDirectory(prefix="kct-cli-")
        self.addCleanup(programs.cleanup)
        os.chmod(programs.name, 0o755)
        self.programs = []
        for name, source in (("plain", PROGRAM), ("sanitized", SANITIZED)):
            target = os.path.join(programs.name, name)
            shutil.copyfile(source, target)
            os.chmod(target, 0o755)
            self.programs.append(target)

    def as_other(self, privileges, program, *arguments):
        command = [*privileges, program, *arguments]
        done = subprocess.run(command, capture_output=True, cwd=self.directory, env=ENVIRONMENT,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
        if done.stderr.startswith(b"setpriv:"):
            self.skipTest(done.stderr.decode().strip())
        return Result(done.returncode, done.stdout, done.stderr)

    def nobody(self, program, *arguments):
        privileges = NOBODY if os.geteuid() == 0 else []
        return self.as_other(privileges, program, *arguments)

    def test_nobody(self):
        for command in (["list"], ["list", "--json"], ["stat"], ["stat", "1", "1"],
                        ["trace", "-d", "1s"], ["trace", "--json", "-d", "1s"],
                        ["record", "-o", "x.jsonl", "-d", "1s"],
                        ["record", "-o", "x.jsonl", "--", "touch", "it-ran"]):
            for program in self.programs:
                with self.subTest(command):
                    result = self.check(self.nobody(program, *command), HOST)
                    self.check_line(result, "missing: CAP_BPF, CAP_PERFMON")
                    self.assertEqual(result.out, "")
                    self.assertFalse(os.path.exists(self.path("it-ran")))

    def test_one_of_two(self):
        if os.geteuid():
            self.skipTest("only root has capabilities to drop")
        for dropped, missing in (("bpf", "CAP_BPF"), ("perfmon", "CAP_PERFMON")):
            privileges = ["setpriv", f"--bounding-set=-sys_admin,-{dropped}",
                          f"--inh-caps=-sys_admin,-{dropped}"]
            with self.subTest(dropped):
                result = self.as_other(privileges, self.programs[0], "trace", "-d", "1s")
                self.check(result, HOST)
                self.check_line(result, f"missing: {missing} ")

    def test_report_needs_none(self):
        path = self.write("small", r.small())
        os.chmod(path, 0o644)
        for program in self.programs:
            self.assertEqual(self.check(self.nobody(program, "report", path), DONE).err, "")
            self.check(self.nobody(program, "--version"), DONE)

    def test_unreadable_recording(self):
        path = self.write("secret", r.small())
        os.chmod(path, 0)
        for program in self.programs:
            result = self.check(self.nobody(program, "report", path), USAGE)
            self.check_line(result, "secret: Permission denied")


class Filter:
    """A seccomp filter of the system call `number`, for preexec_fn: it fails with EPERM."""

    def __init__(self, number):
        load, equal, give = 0x20, 0x15, 0x06
        code = ((load, 0, 0, 0), (equal, 0, 1, number), (give, 0, 0, 0x00050000 | errno.EPERM),
                (give, 0, 0, 0x7fff0000))
        self.code = b"".join(struct.pack("HBBI", *instruction) for instruction in code)

    def __call__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        code = ctypes.create_string_buffer(self.code)
        program = struct.pack("HxxxxxxQ", len(self.code) // 8, ctypes.addressof(code))
        if libc.prctl(22, 2, ctypes.create_string_buffer(program), 0, 0):  # PR_SET_SECCOMP
            raise OSError(ctypes.get_errno(), "prctl")


@unittest.skipIf(os.geteuid(), "needs root")
class Obstacles(Case):
    """What is in the way, each made to be so, is named by doctor, with what would help."""

    def doctor(self, *prefix, **more):
        done = subprocess.run([*prefix, PROGRAM, "doctor", "--json"], capture_output=True,
                              env=ENVIRONMENT, stdin=subprocess.DEVNULL, check=False, **more)
        if prefix and done.stderr.startswith(prefix[0].encode() + b":"):
            self.skipTest(done.stderr.decode().strip())
        (shown,) = Result(done.returncode, done.stdout, done.stderr).objects
        text = subprocess.run([*prefix, PROGRAM, "doctor"], capture_output=True, env=ENVIRONMENT,
                              stdin=subprocess.DEVNULL, check=False, **more).stdout.decode()
        for obstacle in shown["obstacles"]:
            self.assertIn(f"in the way   {obstacle['seen']}; what would help: "
                          f"{obstacle['remedy']}\n", text)
        self.assertEqual(text.count("in the way"), len(shown["obstacles"]))
        self.assertTrue(all(o["remedy"] for o in shown["obstacles"]))
        return {obstacle["what"]: obstacle["seen"] for obstacle in shown["obstacles"]}

    def setUp(self):
        super().setUp()
        self.always = self.doctor()  # of this host

    def more(self, found):
        return {what: seen for what, seen in found.items() if what not in self.always}

    def test_seccomp(self):
        for number, name in ((321, "bpf()"), (298, "perf_event_open()")):
            with self.subTest(name):
                self.assertEqual(self.more(self.doctor(preexec_fn=Filter(number))),
                                 {"seccomp": f"a seccomp filter refuses {name}"})
        # a filter that is not in the way is not named
        self.assertEqual(self.more(self.doctor(preexec_fn=Filter(323))), {})

    def test_capabilities(self):
        for dropped, missing in (("perfmon", "CAP_PERFMON"), ("bpf", "CAP_BPF")):
            with self.subTest(missing):
                found = self.more(self.doctor(*self.without("sys_admin", dropped)))
                self.assertEqual(found.pop("capabilities"), f"missing: {missing}")
                # where perf_event_paranoid is 3, or KVM a module, these are in the way too
                self.assertLessEqual(set(found), {"perf_event_paranoid", "module"})
                kvm_is_module = os.path.exists("/sys/kernel/btf/kvm")
                self.assertEqual("module" in found, kvm_is_module)

    @staticmethod
    def without(*capabilities):
        words = ",".join(f"-{name}" for name in capabilities)
        return ("setpriv", f"--bounding-set={words}", f"--inh-caps={words}")

    def with_files(self, directory, files, *command):
        """A command that sees these files of ours in a directory of the kernel's, as it has them."""
        ours = self.path("theirs")
        shutil.rmtree(ours, ignore_errors=True)
        os.mkdir(ours)
        script = ""
        for name, text in files.items():
            with open(os.path.join(ours, name), "w", encoding="ascii") as file:
                file.write(text or "")
            if text is None:  # the kernel's own
                script += f"mount --bind {directory}/{name} {ours}/{name} && "
        script += f'mount --rbind {ours} {directory} && exec "$@"'
        return ("unshare", "--mount", "sh", "-c", script, "sh", *command)

    def test_module(self):
        """Types of a module, which the files alone tell of."""
        if os.path.exists("/sys/kernel/btf/kvm"):
            self.skipTest("KVM is a module; test_capabilities has it")
        command = self.with_files("/sys/kernel/btf", {"vmlinux": None, "kvm": ""},
                                  *self.without("sys_admin"))
        self.assertEqual(self.more(self.doctor(*command)),
                         {"module": "KVM is a module, and CAP_SYS_ADMIN is missing"})

    def test_lockdown(self):
        """By the kernel's word for it; test_confidentiality is in earnest."""
        if not os.path.isdir("/sys/kernel/security"):
            self.skipTest("this kernel has no such directory")
        for word, expected in (("none integrity [confidentiality]\n", {"lockdown"}),
                               ("none [integrity] confidentiality\n", set())):
            with self.subTest(word):
                command = self.with_files("/sys/kernel/security", {"lockdown": word})
                self.assertEqual(set(self.more(self.doctor(*command))), expected)

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_paranoid_kernel(self):
        """A kernel that refuses perf events and says why; test_paranoia is in earnest."""
        def at_level(level):
            path = self.write(f"level-{level}", b"%d\n" % level)
            script = f'mount --bind {path} /proc/sys/kernel/perf_event_paranoid && exec "$@"'
            return ("unshare", "--mount", "sh", "-c", script, "sh")

        mounted = at_level(3)
        refuse = ("strace", "-o", self.path("calls"), "--trace=perf_event_open",
                  "--inject=perf_event_open:error=EACCES")
        self.assertEqual(self.more(self.doctor(*mounted, *refuse)),
                         {"perf_event_paranoid":
                          "perf_event_paranoid is 3: perf events are refused"})
        # not where it only says so, or where they are refused for another reason
        self.assertEqual(self.more(self.doctor(*mounted)), {})
        self.assertEqual(self.more(self.doctor(*at_level(2), *refuse)), {})

    def test_user_namespace(self):
        found = self.more(self.doctor("unshare", "--user", "--map-root-user"))
        self.assertEqual(set(found) - {"kallsyms"}, {"user-namespace"})  # nor its CAP_SYSLOG

    def test_pid_namespace(self):
        found = self.more(self.doctor("unshare", "--pid", "--fork"))
        self.assertEqual(set(found), {"pid-namespace"})

    def test_confidentiality(self):
        with open("/proc/cmdline", encoding="ascii") as file:
            if "lockdown=confidentiality" not in file.read():
                self.skipTest("this kernel is not in lockdown for confidentiality")
        self.assertIn("lockdown", self.always)

    def test_paranoia(self):
        path = "/proc/sys/kernel/perf_event_paranoid"
        with open(path, encoding="ascii") as file:
            before = file.read()
        if "KCT_LAB" not in os.environ:
            self.skipTest("only in the lab: it is the whole host's")
        self.addCleanup(self.set, path, before)
        self.set(path, "3")
        drop = ("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin")
        found = self.doctor(*drop)
        if subprocess.run(drop + ("perf", "stat", "-e", "dummy:u", "true"), check=False,
                          capture_output=True).returncode == 0:
            self.skipTest("this kernel does not know 3")
        self.assertEqual(found["perf_event_paranoid"],
                         "perf_event_paranoid is 3: perf events are refused")
        self.set(path, "2")
        self.assertNotIn("perf_event_paranoid", self.doctor(*drop))

    @staticmethod
    def set(path, value):
        with open(path, "w", encoding="ascii") as file:
            file.write(value)
