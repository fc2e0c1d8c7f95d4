/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's BTF: what types it has, and where. Read once for all that is asked of it. */
#ifndef KCT_ATTACH_KERNEL_BTF_H
#define KCT_ATTACH_KERNEL_BTF_H

#include <bpf/btf.h>

#include "attach/types.h"

struct kct_kernel_btf {
	struct btf *vmlinux; /* NULL: the kernel has none, or it cannot be read */
	int error;	     /* why the types are not all there: -errno; 0 */
	struct btf *kvm;     /* of the kvm module; NULL: built in, absent, or not to be read */
	int kvm_fd;	     /* of its BTF; 0 without one */
	int kvm_error;	     /* why a module's BTF could not be read: -errno; 0 */
	struct kct_types types;
};

void kct_kernel_btf_open(struct kct_kernel_btf *kernel);
void kct_kernel_btf_close(struct kct_kernel_btf *kernel);

#endif
