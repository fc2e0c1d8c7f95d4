# SPDX-License-Identifier: GPL-2.0
"""What a kernel stack says of who asked for a request or an update, against what the record says.

The record has it from the ioctl in progress, the hooked function or the place in the kernel's code;
here it is read out of the names of functions alone, as KVM's source has their calls.
"""

import re

# KVM's own call, further out: of a vCPU's ioctl, of which KVM_RUN has a function of its own.
RUN = re.compile(r"kvm_arch_vcpu_ioctl_run|vcpu_enter_guest|vcpu_run")
VCPU_IOCTL = re.compile(r"kvm_arch_vcpu_ioctl")
VM_IOCTL = re.compile(r"kvm_arch_vm_ioctl")
# An MSR is set, whoever does so.
MSR = re.compile(r"_?_?kvm_set_msr(_common|_ignored_check)?|(svm|vmx)_set_msr")
ORIGINS = {
    "vcpu-create": re.compile(r"kvm_arch_vcpu_postcreate|kvm_vm_ioctl_create_vcpu"),
    "system-time": re.compile(r"kvm_write_system_time"),
    "clocksource": re.compile(r"pvclock_gtod_update_fn"),
    "resume": re.compile(r"kvm_arch_(enable_virtualization_cpu|hardware_enable)"),
    "hyperv": re.compile(r"kvm_hv_set_msr_(pw|common)"),
    "xen": re.compile(r"kvm_xen_shared_info_init"),
}
# A request is made here, and an update is one of these.
REQUESTED_IN = re.compile(r"_?_?kvm_synchronize_tsc|kvm_track_tsc_matching|" +
                          "|".join(origin.pattern for origin in ORIGINS.values()))
UPDATED_IN = re.compile(r"pvclock_update_vm_gtod_copy|_?_?kvm_(start_pvclock_update|"
                        r"update_masterclock|vm_ioctl_set_clock)|kvm_arch_init_vm")
# Who called: none of it is the tracer's or the kernel's way to it.
OURS = re.compile(r"bpf_|__bpf_|__traceiter|perf_|kprobe_|kretprobe_|rethook_|arch_rethook|ftrace_|"
                  r"stack_trace_|trace_call")


def function(name):
    """Without what a compiler puts behind it."""
    return re.sub(r"\.(constprop|isra|part|cold)(\.\d+)?", "", name)


def has(stack, pattern):
    return any(pattern.fullmatch(function(name)) for name in stack)


def origin_of(stack):
    """Who made a request, by its stack."""
    for origin, pattern in ORIGINS.items():
        if has(stack, pattern):
            return origin
    if has(stack, RUN):
        return "unknown"  # the guest itself: no origin has that name
    if has(stack, MSR):
        return "tsc-write"
    return "tsc-offset" if has(stack, VCPU_IOCTL) else None


def causes_of(stack):
    """Why an update ran, by its stack: which flags an ioctl had that does not say."""
    if has(stack, RUN):
        return {"vcpu-request"}
    if has(stack, VM_IOCTL):
        return {"set-clock", "set-clock-realtime"}
    if has(stack, VCPU_IOCTL):
        return {"set-clock-guest"}
    return {"vm-create"} if has(stack, re.compile(r"kvm_arch_init_vm")) else {"hyperv"}


def problem(event):
    """What is wrong with the stack of an update, or of a request that was made; None: nothing."""
    stack, note = event.get("stack"), event.get("stack_note")
    update = event["event"] == "update"
    if note == "found-later":
        seen = update or (event["origin"] != "unknown" and not event["derived"])
        return "found later, and yet seen" if seen or stack is not None else None
    if note != "whole":
        return f"no whole stack: {note}"
    if "?" in stack:
        return "a frame without a name"
    if any(OURS.match(name) for name in stack):
        return "frames of the tracer"
    if not (UPDATED_IN if update else REQUESTED_IN).fullmatch(function(stack[0])):
        return f"begins with {stack[0]}"
    if not stack[-1].startswith(("entry_SYSCALL", "ret_from_fork")):
        return f"ends with {stack[-1]}"
    if update:
        right = event["cause"] in causes_of(stack)
        return None if right else f"the record says {event['cause']}"
    shown = origin_of(stack)
    return None if event["origin"] == shown else f"{event['origin']}, but the stack: {shown}"


def stacked(events):
    """The events that have to have a stack."""
    return [event for event in events
            if event["event"] == "update" or (event["event"] == "request" and event["op"] == "made")]


def problems(events):
    """What is wrong with any of them, in words."""
    found = []
    for event in stacked(events):
        wrong = problem(event)
        if wrong:
            found.append(f"{event['event']}: {wrong}: {' < '.join(event.get('stack') or ['-'])}")
    return sorted(set(found))
