// SPDX-License-Identifier: GPL-2.0
#include "attach/evidence.h"

const char *const kct_method_names[KCT_NR_METHODS] = {
	[KCT_FENTRY] = "fentry",   [KCT_KPROBE] = "kprobe",	[KCT_TRACEPOINT] = "tracepoint",
	[KCT_SYSCALL] = "syscall", [KCT_ITERATOR] = "iterator", [KCT_INLINED] = "inlined",
	[KCT_DERIVED] = "derived",
};

#define WAY(how, target, ...)                                                                      \
	{                                                                                          \
		.method = how, .targets = {target}, .programs = { __VA_ARGS__ }                    \
	}
#define WAY_BUT(how, target, not, ...)                                                             \
	{                                                                                          \
		.method = how, .targets = {target}, .programs = {__VA_ARGS__}, .cannot = not       \
	}
#define ROW(label, text, must, ...)                                                                \
	{                                                                                          \
		.name = label, .tells = text, .vital = must, .ways = {__VA_ARGS__},                \
		.nr_ways = sizeof((struct kct_way[]){__VA_ARGS__}) / sizeof(struct kct_way)        \
	}

#define UNSEEN_ORIGIN	"a request of this origin is derived from the update that serves it"

#define UNNAMED_PROCESS "what any other process than the one named by --ioctls reads"

const struct kct_evidence kct_evidence[] = {
	ROW("update", "every masterclock update: its cause, and the values after it", true,
	    WAY(KCT_TRACEPOINT, "kvm_update_master_clock", "tp_update"),
	    WAY_BUT(KCT_FENTRY, "pvclock_update_vm_gtod_copy",
		    "host_clock and offset_matched, which only the tracepoint tells",
		    "fexit_update"),
	    WAY_BUT(KCT_KPROBE, "pvclock_update_vm_gtod_copy",
		    "host_clock and offset_matched, which only the tracepoint tells",
		    "kprobe_update", "kretprobe_update")),
	ROW("values-before", "the masterclock's values right before an update", false,
	    WAY(KCT_FENTRY, "pvclock_update_vm_gtod_copy", "fentry_before"),
	    WAY(KCT_KPROBE, "pvclock_update_vm_gtod_copy", "kprobe_before"),
	    WAY_BUT(KCT_DERIVED, NULL,
		    "values before an update are those after the last one; an update on a kernel "
		    "thread cannot be laid to its VM")),
	ROW("pvti", "every publication of a vCPU's PVTI", true,
	    WAY(KCT_TRACEPOINT, "kvm_pvclock_update", "tp_pvti"),
	    WAY_BUT(KCT_FENTRY, "kvm_guest_time_update", "a Xen guest's further copies of the PVTI",
		    "fexit_pvti"),
	    WAY_BUT(KCT_KPROBE, "kvm_guest_time_update", "a Xen guest's further copies of the PVTI",
		    "kprobe_pvti", "kretprobe_pvti")),
	ROW("tsc-write", "every write of a vCPU's TSC offset", false,
	    WAY(KCT_TRACEPOINT, "kvm_write_tsc_offset", "tp_tsc_write"),
	    WAY(KCT_FENTRY, "kvm_vcpu_write_tsc_offset", "fentry_tsc_write"),
	    WAY(KCT_KPROBE, "kvm_vcpu_write_tsc_offset", "kprobe_tsc_write")),
	ROW("tsc-track", "what was decided about a request when a TSC was written", false,
	    WAY(KCT_TRACEPOINT, "kvm_track_tsc", "tp_tsc_track")),
	ROW("request", "requests that TSC writes and new vCPUs make", false,
	    {.method = KCT_FENTRY,
	     .targets = {"__kvm_synchronize_tsc", "kvm_synchronize_tsc"},
	     .programs = {"fentry_synchronize", "fexit_synchronize"}},
	    {.method = KCT_KPROBE,
	     .targets = {"__kvm_synchronize_tsc", "kvm_synchronize_tsc"},
	     .programs = {"kprobe_synchronize", "kretprobe_synchronize"}},
	    WAY(KCT_TRACEPOINT, "kvm_track_tsc", "tp_tsc_track")),
	ROW("request-system-time", "requests of a guest that changes its clock's flavour", false,
	    WAY(KCT_FENTRY, "kvm_write_system_time", "fentry_system_time", "fexit_system_time"),
	    WAY(KCT_KPROBE, "kvm_write_system_time", "kprobe_system_time", "kretprobe_system_time"),
	    WAY_BUT(KCT_DERIVED, NULL, UNSEEN_ORIGIN)),
	ROW("request-clocksource", "requests when the host's clocksource leaves the TSC", false,
	    WAY(KCT_FENTRY, "pvclock_gtod_update_fn", "fexit_clocksource"),
	    WAY(KCT_KPROBE, "pvclock_gtod_update_fn", "kretprobe_clocksource"),
	    WAY_BUT(KCT_DERIVED, NULL, UNSEEN_ORIGIN)),
	ROW("request-resume", "requests when the TSC went backwards over a suspend", false,
	    {.method = KCT_FENTRY,
	     .targets = {"kvm_arch_enable_virtualization_cpu", "kvm_arch_hardware_enable"},
	     .programs = {"fexit_resume"}},
	    {.method = KCT_KPROBE,
	     .targets = {"kvm_arch_enable_virtualization_cpu", "kvm_arch_hardware_enable"},
	     .programs = {"kretprobe_resume"}},
	    WAY_BUT(KCT_DERIVED, NULL, UNSEEN_ORIGIN)),
	ROW("request-all", "requests for all vCPUs of a VM at once (Xen)", false,
	    WAY(KCT_FENTRY, "kvm_make_all_cpus_request", "fexit_request_all"),
	    WAY(KCT_KPROBE, "kvm_make_all_cpus_request", "kprobe_request_all",
		"kretprobe_request_all"),
	    WAY_BUT(KCT_DERIVED, NULL, UNSEEN_ORIGIN)),
	ROW("request-site", "kvm_make_request() itself, whoever calls it", false,
	    WAY(KCT_FENTRY, "kvm_make_request", "fentry_make_request"),
	    WAY(KCT_KPROBE, "kvm_make_request", "kprobe_make_request"),
	    WAY(KCT_INLINED, "kvm_make_request", "kprobe_inlined"),
	    WAY_BUT(KCT_DERIVED, NULL,
		    "requests of other origins than those above (Hyper-V) are derived from the "
		    "update that serves them")),
	ROW("set-clock", "KVM_SET_CLOCK: its arguments, and the requests pending around it", false,
	    WAY(KCT_FENTRY, "kvm_arch_vm_ioctl", "fentry_set_clock", "fexit_set_clock"),
	    WAY(KCT_KPROBE, "kvm_arch_vm_ioctl", "kprobe_set_clock", "kretprobe_set_clock"),
	    WAY_BUT(KCT_TRACEPOINT, "kvm_update_master_clock",
		    "the requests that are still pending when KVM_SET_CLOCK returns", "tp_update")),
	ROW("clock-read", "KVM_GET_CLOCK: the clock that the VMM saves", false,
	    WAY(KCT_FENTRY, "kvm_arch_vm_ioctl", "fexit_vm_ioctl"),
	    WAY(KCT_KPROBE, "kvm_arch_vm_ioctl", "kretprobe_vm_ioctl"),
	    WAY_BUT(KCT_SYSCALL, "sys_exit", UNNAMED_PROCESS, "tp_ioctl"),
	    WAY_BUT(KCT_DERIVED, NULL, "the clock saved is taken from the KVM_SET_CLOCK after it")),
	ROW("tsc-read", "KVM_GET_MSRS of IA32_TSC, and TSC offsets: what the VMM saves", false,
	    WAY(KCT_FENTRY, "kvm_arch_vcpu_ioctl", "fexit_vcpu_ioctl"),
	    WAY(KCT_KPROBE, "kvm_arch_vcpu_ioctl", "kretprobe_vcpu_ioctl"),
	    WAY_BUT(KCT_SYSCALL, "sys_exit", UNNAMED_PROCESS, "tp_ioctl"),
	    WAY_BUT(KCT_DERIVED, NULL, "a TSC saved is taken from the KVM_SET_MSRS after it")),
	ROW("vm-gone", "the end of a VM", false,
	    WAY(KCT_FENTRY, "kvm_destroy_vm", "fentry_vm_gone"),
	    WAY(KCT_KPROBE, "kvm_destroy_vm", "kprobe_vm_gone"),
	    WAY_BUT(KCT_ITERATOR, "task_file",
		    "when a VM ended: it is noticed at the next census")),
	ROW("vm", "the VMs and vCPUs that run already", true,
	    WAY(KCT_ITERATOR, "task_file", "census")),
};
const size_t kct_nr_evidence = sizeof(kct_evidence) / sizeof(kct_evidence[0]);
