# SPDX-License-Identifier: GPL-2.0
"""A file on a server that takes its time, as a network file system may: one file, by FUSE.

Whoever waits for an answer to a write that the server has read cannot even be killed.
"""

import contextlib
import ctypes
import errno
import os
import stat
import struct
import threading

NAME = b"file"
ROOT, FILE = 1, 2
LOOKUP, FORGET, GETATTR, SETATTR, OPEN, WRITE, RELEASE, FLUSH, INIT = 1, 2, 3, 4, 14, 16, 18, 25, 26
INTERRUPT, BATCH_FORGET = 36, 42
MAX_WRITE = 1 << 16
DIRECT_IO = 1  # no page cache: a write() waits for the server

HEADER = struct.Struct("<IIQQIIII")  # size, opcode, unique, node, uid, gid, pid, padding


class Server:
    """Mounted while it is entered; needs root. `path` is its file, `written` what it holds."""

    def __init__(self, directory):
        self.directory = directory
        self.path = os.path.join(directory, NAME.decode())
        self.written = b""
        self.answers_writes = threading.Event()
        self.got_write = threading.Event()

    def __enter__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0"
        if libc.mount(b"test", self.directory.encode(), b"fuse", 0, options.encode()):
            os.close(self.fd)
            raise OSError(ctypes.get_errno(), "mount")
        self.threads = [threading.Thread(target=self.serve, daemon=True)]
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        """Whoever still waits for it gets an error now."""
        libc = ctypes.CDLL(None)
        libc.umount2(self.directory.encode(), 1 | 2)  # MNT_FORCE, MNT_DETACH
        self.answers_writes.set()
        for thread in self.threads:
            thread.join()
        os.close(self.fd)

    def serve(self):
        while True:
            try:
                request = os.read(self.fd, MAX_WRITE + 4096)
            except OSError as error:
                if error.errno == errno.ENODEV:  # not mounted any more
                    return
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue
                raise
            _, opcode, unique, node, *_ = HEADER.unpack_from(request)
            if opcode in (FORGET, INTERRUPT, BATCH_FORGET):
                continue
            arguments = (opcode, unique, node, request[HEADER.size:])
            if opcode == WRITE:  # the others do not wait for it
                self.threads.append(threading.Thread(target=self.reply, args=arguments,
                                                     daemon=True))
                self.threads[-1].start()
            else:
                self.reply(*arguments)

    def reply(self, opcode, unique, node, arguments):
        answer = self.answer(opcode, node, arguments)
        error, body = (answer, b"") if isinstance(answer, int) else (0, answer)
        with contextlib.suppress(OSError):  # whoever asked has gone
            os.write(self.fd, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)

    def attributes(self, node):
        mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o600
        size = 0 if node == ROOT else len(self.written)
        return struct.pack("<6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def answer(self, opcode, node, body):
        if opcode == INIT:
            return struct.pack("<IIIIHHIIHHI7I", 7, 31, 0, 0, 0, 0, MAX_WRITE, 1, 0, 0, 0, *[0] * 7)
        if opcode == LOOKUP:
            if body.rstrip(b"\0") != NAME:
                return errno.ENOENT
            return struct.pack("<4Q2I", FILE, 0, 3600, 0, 0, 0) + self.attributes(FILE)
        if opcode in (GETATTR, SETATTR):
            return struct.pack("<Q2I", 0, 0, 0) + self.attributes(node)
        if opcode == OPEN:
            return struct.pack("<QII", 0, DIRECT_IO, 0)
        if opcode == WRITE:
            self.got_write.set()
            self.answers_writes.wait()
            (size,) = struct.unpack_from("<I", body, 16)
            self.written += body[40:40 + size]
            return struct.pack("<II", size, 0)
        return b"" if opcode in (FLUSH, RELEASE) else errno.ENOSYS
