# SPDX-License-Identifier: GPL-2.0
"""System calls, as strace lists them: which ones a run makes, and how each can fail."""

import re

# What can really happen to a call, by its name. A call that is in neither list is refused as a
# seccomp filter does it.
ERRORS = {
    "access": ("EACCES",),
    "bpf": ("EPERM", "ENOMEM", "EINVAL"),
    "capget": ("EPERM",),
    "capset": ("EPERM",),
    "clone": ("EAGAIN", "ENOMEM"),
    "clone3": ("EAGAIN", "ENOMEM"),
    "epoll_create1": ("EMFILE",),
    "epoll_ctl": ("ENOMEM",),
    "epoll_wait": ("EINTR",),
    "faccessat2": ("EACCES",),
    "fallocate": ("ENOSPC",),
    "fcntl": ("EMFILE",),
    "fsync": ("EIO", "ENOSPC"),
    "ftruncate": ("EIO", "EINVAL"),
    "lseek": ("ESPIPE",),
    "mmap": ("ENOMEM", "EPERM"),
    "mprotect": ("ENOMEM",),
    "mremap": ("ENOMEM",),
    "munmap": ("ENOMEM",),
    "newfstatat": ("EACCES", "ENOMEM"),
    "openat": ("EACCES", "EMFILE", "ENOENT"),
    "perf_event_open": ("EACCES", "EMFILE"),
    "pipe2": ("EMFILE",),
    "poll": ("EINTR", "ENOMEM"),
    "ppoll": ("EINTR", "ENOMEM"),
    "pread64": ("EIO",),
    "prlimit64": ("EPERM",),
    "read": ("EIO",),
    "renameat2": ("EACCES", "ENOSPC"),
    "rename": ("EACCES", "ENOSPC"),
    "setrlimit": ("EPERM",),
    "signalfd4": ("EMFILE",),
    "timerfd_create": ("EMFILE",),
    "timerfd_settime": ("ECANCELED",),
    "wait4": ("ECHILD",),
    "write": ("ENOSPC", "EIO"),
}

# What cannot fail for a program that calls it rightly, and what strace cannot fail as Linux does: a
# close() that it fails leaves the descriptor open, and a brk() tells by its result, not by an error.
NEVER = {"arch_prctl", "brk", "close", "execve", "exit", "exit_group", "geteuid", "getpid", "gettid",
         "getuid", "rseq", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "set_robust_list",
         "set_tid_address", "sysinfo", "uname"}

# A signal's handler tells the loop by an eventfd, which takes whatever it is given.
EVENTFD = re.compile(r'\d+, "\\1(\\0){7}", 8$')

CALL = re.compile(r"(\w+)\((.*)\)\s+= (\S+)(.*)")


class Call:
    """The number-th call of that name; `on`: the descriptor, or whatever is its first argument."""

    def __init__(self, name, number, arguments, result):
        self.name, self.number, self.arguments, self.result = name, number, arguments, result

    @property
    def on(self):
        return self.arguments.split(",")[0]

    def errors(self):
        if self.name == "write" and EVENTFD.match(self.arguments):
            return ()
        return () if self.name in NEVER else ERRORS.get(self.name, ("EPERM",))


def read(path):
    """The calls in strace's output, in order. What an interrupted call resumes with is no other."""
    counts, calls = {}, []
    with open(path, encoding="utf-8", errors="replace") as file:
        for text in file:
            match = CALL.match(text)
            if match:
                name = match[1]
                counts[name] = counts.get(name, 0) + 1
                calls.append(Call(name, counts[name], match[2], match[3]))
    return calls


def without_loader(calls):
    """Those of the program itself: the dynamic loader has done when it lets go of its cache."""
    cache = mapped = None
    for at, call in enumerate(calls):
        if call.name == "openat" and "ld.so.cache" in call.arguments:
            cache = call.result
        elif call.name == "mmap" and cache and not mapped and f", {cache}, 0" in call.arguments:
            mapped = call.result
        elif call.name == "munmap" and mapped and call.on == mapped:
            return calls[at + 1:]
    raise ValueError("the dynamic loader did not read its cache")


def places(calls):
    """Of a row of the same call on the same thing, as a long file is read, the ends and a middle."""
    row = []
    for call in [*calls, None]:
        if row and (call is None or (call.name, call.on) != (row[0].name, row[0].on)):
            yield from (row[at] for at in sorted({0, 1, len(row) // 2, len(row) - 1})
                        if at < len(row))
            row = []
        if call is not None:
            row.append(call)


class Fault:
    def __init__(self, call, error):
        self.call, self.error = call, error

    def __str__(self):
        return f"{self.call.name} {self.call.number} {self.error}"

    def words(self):
        name = self.call.name
        return ["-e", f"trace={name}",
                "-e", f"inject={name}:error={self.error}:when={self.call.number}"]


def injected(path):
    """What was made to fail, as strace shows it; None if it never came to that."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for text in file:
            if "(INJECTED)" in text:
                return text.strip()
    return None
