// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "workload/clock.h"
#include "workload/step.h"

/* The id of IA32_TSC (0x10) among the registers: KVM_REG_X86, 64 bits, an MSR. */
#define REG_TSC 0x2030000200000010ULL

/* An ioctl that the kernel does not know fails with EINVAL, or in some with ENOTTY. */
static int new_ioctl(struct wl_vcpu *vcpu, enum wl_ioctl which, void *arg, const char *option)
{
	int ret = wl_ioctl(&vcpu->counts, vcpu->fd, which, (uintptr_t)arg);

	if (ret == -EINVAL || ret == -ENOTTY)
		return wl_fail(KCT_EXIT_HOST, "%s: this kernel has no %s", option,
			       wl_ioctl_name(which));
	return ret < 0 ? wl_vcpu_fail(vcpu, which, ret) : 0;
}

static int one_reg(struct wl_vcpu *vcpu, enum wl_ioctl which, uint64_t *tsc)
{
	struct kvm_one_reg reg = {.id = REG_TSC, .addr = (uintptr_t)tsc};

	return new_ioctl(vcpu, which, &reg, "--one-reg");
}

int wl_tsc_get_one_reg(struct wl_vcpu *vcpu, uint64_t *tsc)
{
	return one_reg(vcpu, WL_GET_ONE_REG, tsc);
}

int wl_tsc_set_one_reg(struct wl_vcpu *vcpu, uint64_t tsc)
{
	return one_reg(vcpu, WL_SET_ONE_REG, &tsc);
}

static struct kvm_device_attr tsc_offset_attr(uint64_t *value)
{
	return (struct kvm_device_attr){
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)value,
	};
}

int wl_tsc_offset_get(struct wl_vcpu *vcpu, uint64_t *offset)
{
	struct kvm_device_attr attr = tsc_offset_attr(offset);

	return wl_vcpu_ioctl(vcpu, WL_GET_DEVICE_ATTR, &attr);
}

int wl_tsc_offset_set(struct wl_vcpu *vcpu, uint64_t offset)
{
	struct kvm_device_attr attr = tsc_offset_attr(&offset);

	return wl_vcpu_ioctl(vcpu, WL_SET_DEVICE_ATTR, &attr);
}

int wl_tsc_offset_check(struct wl_vcpu *vcpu, const char *who)
{
	struct kvm_device_attr attr = tsc_offset_attr(NULL);

	if (wl_ioctl(&vcpu->counts, vcpu->fd, WL_HAS_DEVICE_ATTR, (uintptr_t)&attr))
		return wl_fail(KCT_EXIT_HOST,
			       "%s: this kernel has no KVM_VCPU_TSC_OFFSET (Linux 5.16)", who);
	return 0;
}

void wl_clock_tell(json_t *step, const struct kvm_clock_data *clock)
{
	wl_set_u64(step, "clock", clock->clock);
	wl_set_u64(step, "flags", clock->flags);
	if (clock->flags & KVM_CLOCK_REALTIME)
		wl_set_u64(step, "realtime", clock->realtime);
	if (clock->flags & KVM_CLOCK_HOST_TSC)
		wl_set_u64(step, "host_tsc", clock->host_tsc);
}

int wl_clock_guest_get(struct wl_vcpu *vcpu, struct wl_pvti *pvti)
{
	memset(pvti, 0, sizeof(*pvti));
	return new_ioctl(vcpu, WL_GET_CLOCK_GUEST, pvti, "--clock-guest");
}

int wl_clock_guest_set(struct wl_vcpu *vcpu, const struct wl_pvti *pvti)
{
	struct wl_pvti copy = *pvti;

	return new_ioctl(vcpu, WL_SET_CLOCK_GUEST, &copy, "--clock-guest");
}

int wl_clock_guest_check(const struct kvm_clock_data *clock)
{
	if (clock->flags & KVM_CLOCK_HOST_TSC)
		return 0;
	return wl_fail(KCT_EXIT_HOST, "--clock-guest: KVM_GET_CLOCK gave no host TSC: "
				      "the masterclock is off");
}
