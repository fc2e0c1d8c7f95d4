// SPDX-License-Identifier: GPL-2.0
#include "attach/evidence.h"

const char *const kct_method_names[KCT_NR_METHODS] = {
	[KCT_FENTRY] = "fentry",	 [KCT_KPROBE] = "kprobe",
	[KCT_TRACEPOINT] = "tracepoint", [KCT_TRACE_EVENT] = "trace-event",
	[KCT_SYSCALL] = "syscall",	 [KCT_ITERATOR] = "iterator",
	[KCT_INLINED] = "inlined",	 [KCT_DERIVED] = "derived",
};

#define WAY(how, target, ...)                                                                      \
	{                                                                                          \
		.method = how, .targets = {target}, .programs = { __VA_ARGS__ }                    \
	}
#define WAY_BUT(how, target, not, ...)                                                             \
	{                                                                                          \
		.method = how, .targets = {target}, .programs = {__VA_ARGS__}, .cannot = not       \
	}
#define WAY_UNLESS_PREEMPTED(target, program)                                                      \
	{                                                                                          \
		.method = KCT_TRACEPOINT, .targets = {target}, .programs = {program},              \
		.unless_preempted = true                                                           \
	}
#define ROW(label, text, must, ...)                                                                \
	{                                                                                          \
		.name = label, .tells = text, .vital = must, .ways = {__VA_ARGS__},                \
		.nr_ways = sizeof((struct kct_way[]){__VA_ARGS__}) / sizeof(struct kct_way)        \
	}

#define UNSEEN_ORIGIN "a request of this origin is derived from the update that serves it"
#define UNNAMED_VMM                                                                                \
	"the requests pending when KVM_SET_CLOCK of any other process than the one named by "      \
	"--ioctls returns"
#define UNNAMED_PROCESS "what any other process than the one named by --ioctls reads"
#define SKIPPED                                                                                    \
	"what comes to a CPU while it is preempted there: the kernel skips that, and counts it"
#define ONLY_TRACEPOINT "host_clock and offset_matched, which only the tracepoint tells"
#define XEN_COPIES	"a Xen guest's further copies of the PVTI; " SKIPPED

/*
 * Which way is best depends on where KVM comes by. Under the VM's lock nothing preempts: fentry and
 * the tracepoint itself, whose programs the kernel skips for nothing else, come first. Elsewhere a
 * program of theirs may be preempted, functions' on every kernel and tracepoints' since 7.0: there
 * kprobes and trace events come first, which run with preemption off.
 */
const struct kct_evidence kct_evidence[] = {
	ROW("update", "every masterclock update: its cause, and the values after it", true,
	    WAY(KCT_TRACEPOINT, "kvm_update_master_clock", "tp_update"),
	    WAY_BUT(KCT_FENTRY, "pvclock_update_vm_gtod_copy", ONLY_TRACEPOINT, "fentry_update",
		    "fexit_update"),
	    WAY_BUT(KCT_KPROBE, "pvclock_update_vm_gtod_copy", ONLY_TRACEPOINT, "kprobe_update",
		    "kretprobe_update")),
	ROW("values-before", "the masterclock's values right before an update", false,
	    WAY(KCT_FENTRY, "pvclock_update_vm_gtod_copy", "fentry_update"),
	    WAY(KCT_KPROBE, "pvclock_update_vm_gtod_copy", "kprobe_update"),
	    WAY_BUT(KCT_DERIVED, NULL,
		    "values before an update are those after the last one; an update on a kernel "
		    "thread cannot be attributed to its VM")),
	ROW("pvti", "every publication of a vCPU's PVTI", true,
	    WAY_UNLESS_PREEMPTED("kvm_pvclock_update", "tp_pvti"),
	    WAY(KCT_TRACE_EVENT, "kvm_pvclock_update", "event_pvti"),
	    WAY_BUT(KCT_TRACEPOINT, "kvm_pvclock_update", SKIPPED, "tp_pvti"),
	    WAY_BUT(KCT_KPROBE, "kvm_guest_time_update", "a Xen guest's further copies of the PVTI",
		    "kprobe_pvti", "kretprobe_pvti"),
	    WAY_BUT(KCT_FENTRY, "kvm_guest_time_update", XEN_COPIES, "fexit_pvti")),
	ROW("tsc-write", "every write of a vCPU's TSC offset", false,
	    WAY_UNLESS_PREEMPTED("kvm_write_tsc_offset", "tp_tsc_write"),
	    WAY(KCT_TRACE_EVENT, "kvm_write_tsc_offset", "event_tsc_write"),
	    WAY_BUT(KCT_TRACEPOINT, "kvm_write_tsc_offset", SKIPPED, "tp_tsc_write"),
	    WAY(KCT_KPROBE, "kvm_vcpu_write_tsc_offset", "kprobe_tsc_write"),
	    WAY_BUT(KCT_FENTRY, "kvm_vcpu_write_tsc_offset", SKIPPED, "fentry_tsc_write")),
	ROW("tsc-track", "what was decided about a request when a TSC was written", false,
	    WAY(KCT_TRACEPOINT, "kvm_track_tsc", "tp_tsc_track")),
	ROW("request", "requests that TSC writes and new vCPUs make", false,
	    WAY(KCT_FENTRY, "__kvm_synchronize_tsc", "fentry_synchronize", "fexit_synchronize"),
	    {.method = KCT_KPROBE,
	     .targets = {"__kvm_synchronize_tsc", "kvm_synchronize_tsc"},
	     .programs = {"kprobe_synchronize", "kretprobe_synchronize"}},
	    WAY(KCT_TRACEPOINT, "kvm_track_tsc", "tp_tsc_track")),
	ROW("request-system-time", "requests of a guest that changes its clock's flavour", false,
	    WAY(KCT_KPROBE, "kvm_write_system_time", "kprobe_system_time", "kretprobe_system_time"),
	    WAY_BUT(KCT_FENTRY, "kvm_write_system_time", SKIPPED, "fentry_system_time",
		    "fexit_system_time"),
	    WAY_BUT(KCT_DERIVED, NULL, UNSEEN_ORIGIN)),
	ROW("request-clocksource", "requests when the host's clocksource leaves the TSC", false,
	    WAY(KCT_KPROBE, "pvclock_gtod_update_fn", "kretprobe_clocksource"),
	    WAY(KCT_FENTRY, "pvclock_gtod_update_fn", "fexit_clocksource"),
	    WAY_BUT(KCT_DERIVED, NULL, UNSEEN_ORIGIN)),
	ROW("request-resume", "requests when the TSC went backwards over a suspend", false,
	    {.method = KCT_KPROBE,
	     .targets = {"kvm_arch_enable_virtualization_cpu", "kvm_arch_hardware_enable"},
	     .programs = {"kretprobe_resume"}},
	    {.method = KCT_FENTRY,
	     .targets = {"kvm_arch_enable_virtualization_cpu", "kvm_arch_hardware_enable"},
	     .programs = {"fexit_resume"}},
	    WAY_BUT(KCT_DERIVED, NULL, UNSEEN_ORIGIN)),
	ROW("request-xen", "requests for all vCPUs of a Xen guest", false,
	    WAY(KCT_KPROBE, "kvm_xen_shared_info_init", "kprobe_xen", "kretprobe_xen"),
	    WAY_BUT(KCT_FENTRY, "kvm_xen_shared_info_init", SKIPPED, "fexit_xen"),
	    WAY_BUT(KCT_DERIVED, NULL, UNSEEN_ORIGIN)),
	ROW("request-site", "kvm_make_request() itself, whoever calls it", false,
	    WAY(KCT_INLINED, "kvm_make_request", "kprobe_inlined"),
	    WAY_BUT(KCT_DERIVED, NULL,
		    "requests of other origins than those above (Hyper-V) are derived from the "
		    "update that serves them")),
	/* What is asked for, and who is waiting then, the update tells, whichever way it is
	   obtained. */
	ROW("set-clock", "KVM_SET_CLOCK: what is asked for, and the requests pending around it",
	    false, WAY(KCT_KPROBE, "kvm_arch_vm_ioctl", "kretprobe_vm_ioctl"),
	    WAY_BUT(KCT_FENTRY, "kvm_arch_vm_ioctl", SKIPPED, "fexit_vm_ioctl"),
	    WAY_BUT(KCT_SYSCALL, "sys_exit", UNNAMED_VMM, "tp_ioctl"),
	    WAY_BUT(KCT_TRACEPOINT, "kvm_update_master_clock",
		    "the requests that are still pending when KVM_SET_CLOCK returns", "tp_update")),
	ROW("clock-read", "KVM_GET_CLOCK: the clock that the VMM saves", false,
	    WAY(KCT_KPROBE, "kvm_arch_vm_ioctl", "kretprobe_vm_ioctl"),
	    WAY_BUT(KCT_FENTRY, "kvm_arch_vm_ioctl", SKIPPED, "fexit_vm_ioctl"),
	    WAY_BUT(KCT_SYSCALL, "sys_exit", UNNAMED_PROCESS, "tp_ioctl"),
	    WAY_BUT(KCT_DERIVED, NULL, "the clock saved is taken from the KVM_SET_CLOCK after it")),
	ROW("tsc-read", "KVM_GET_MSRS of IA32_TSC, and TSC offsets: what the VMM saves", false,
	    WAY(KCT_KPROBE, "kvm_arch_vcpu_ioctl", "kretprobe_vcpu_ioctl"),
	    WAY_BUT(KCT_FENTRY, "kvm_arch_vcpu_ioctl", SKIPPED, "fexit_vcpu_ioctl"),
	    WAY_BUT(KCT_SYSCALL, "sys_exit", UNNAMED_PROCESS, "tp_ioctl"),
	    WAY_BUT(KCT_DERIVED, NULL, "a TSC saved is taken from the KVM_SET_MSRS after it")),
	ROW("vm-gone", "the end of a VM", false,
	    WAY(KCT_KPROBE, "kvm_destroy_vm", "kprobe_vm_gone"),
	    WAY_BUT(KCT_FENTRY, "kvm_destroy_vm", SKIPPED, "fentry_vm_gone"),
	    WAY_BUT(KCT_DERIVED, NULL,
		    "a VM that is not in KVM's list any more has ended; when, is not known")),
	ROW("vm", "the VMs and vCPUs that run already", true,
	    {.method = KCT_ITERATOR,
	     .targets = {"task_file"},
	     .programs = {"census"},
	     .host_only = true},
	    WAY_BUT(KCT_ITERATOR, "task_file",
		    "the names and numbers of processes outside this PID namespace; nor their VMs "
		    "that run already, unless a VM within it or the symbol vm_list leads to them",
		    "census")),
};
const size_t kct_nr_evidence = sizeof(kct_evidence) / sizeof(kct_evidence[0]);
