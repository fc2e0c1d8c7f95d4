# SPDX-License-Identifier: GPL-2.0
"""A VMM that does what it is told with the descriptors of its VMs, and no guest ever runs.

Run as a program it reads commands, a line each, and answers each one with "ok". The class Vmm
starts it, also under other commands, such as unshare.
"""

import fcntl
import os
import resource
import socket
import struct
import sys
import threading

import kct

KVM_CREATE_VM, KVM_CREATE_VCPU = 0xAE01, 0xAE41
KVM_SET_CLOCK, KVM_SET_MSRS = 0x4030AE7B, 0x4008AE89
MSR_IA32_TSC = 0x10


class Vm:
    """Its vCPUs by id; a descriptor that is closed or on its way is None."""

    def __init__(self, fd):
        self.fd, self.vcpus = fd, {}
        self.sockets = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)

    def set_clock(self):
        fcntl.ioctl(self.fd, KVM_SET_CLOCK, struct.pack("QI36x", 0, 0))

    def write_tsc(self, vcpu):
        entry = struct.pack("II" + "IIQ", 1, 0, MSR_IA32_TSC, 0, 0)
        fcntl.ioctl(self.vcpus[vcpu], KVM_SET_MSRS, entry)


class Commands:
    def __init__(self):
        self.kvm = os.open("/dev/kvm", os.O_RDWR)
        self.vms, self.fds = {}, []
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def create(self):
        return fcntl.ioctl(self.kvm, KVM_CREATE_VM, 0)

    def vm(self, name):
        self.vms[name] = Vm(self.create())

    def vcpu(self, name, vcpu):
        vm = self.vms[name]
        vm.vcpus[vcpu] = fcntl.ioctl(vm.fd, KVM_CREATE_VCPU, int(vcpu))

    def clock(self, name):
        self.vms[name].set_clock()

    def tsc(self, name, vcpu, times="1"):
        for _ in range(int(times)):
            self.vms[name].write_tsc(vcpu)

    def close(self, name, vcpu=None):
        vm = self.vms[name]
        if vcpu is None:
            os.close(vm.fd)
        else:
            os.close(vm.vcpus.pop(vcpu))

    def away(self, name):
        """All its descriptors are on their way through a socket, and nobody holds them."""
        vm = self.vms[name]
        fds = [vm.fd, *vm.vcpus.values()]
        socket.send_fds(vm.sockets[0], [b"x"], fds)
        for fd in fds:
            os.close(fd)

    def back(self, name):
        vm = self.vms[name]
        _, fds, _, _ = socket.recv_fds(vm.sockets[1], 1, 1 + len(vm.vcpus))
        vm.fd, vm.vcpus = fds[0], dict(zip(vm.vcpus, fds[1:]))

    def again(self, times):
        """VMs one after another in one thread, each used and then gone."""
        for _ in range(int(times)):
            vm = Vm(self.create())
            vm.set_clock()
            os.close(vm.fd)

    def unused(self, times):
        for _ in range(int(times)):
            os.close(self.create())

    def crowd(self, count):
        """VMs made by a thread each, which ends."""

        def make():
            self.fds.append(self.create())

        for _ in range(int(count)):
            thread = threading.Thread(target=make)
            thread.start()
            thread.join()

    def use_crowd(self, count):
        """Use those made first, and be done with them."""
        for fd in self.fds[:int(count)]:
            fcntl.ioctl(fd, KVM_SET_CLOCK, struct.pack("QI36x", 0, 0))
            os.close(fd)
        del self.fds[:int(count)]

    def pid(self):
        return os.getpid()


def main():
    commands = Commands()
    print("ok", flush=True)
    for line in sys.stdin:
        name, *arguments = line.split()
        result = getattr(commands, name)(*arguments)
        print("ok" if result is None else f"ok {result}", flush=True)


class Vmm(kct.Process):
    def __init__(self, *prefix):
        super().__init__(*prefix, sys.executable, os.path.abspath(__file__), program=None)
        self.answer()

    def answer(self):
        line = self.lines.next()
        if not line or not line.startswith("ok"):
            raise AssertionError(f"the VMM: {line!r}; {self.stderr()}")
        return line[3:]

    def do(self, command):
        self.popen.stdin.write(command.encode() + b"\n")
        return self.answer()


if __name__ == "__main__":
    main()
