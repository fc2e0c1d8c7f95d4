// SPDX-License-Identifier: GPL-2.0
/* One walk over the BTF: btf__find_by_name_kind() walks over some 100,000 types for each name. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach/types.h"

/* Every function, iterator and tracepoint that we hook begins with one of these. */
static bool is_wanted(const char *name)
{
	static const char *const beginnings[] = {
		"kvm_", "__kvm_", "pvclock_", "bpf_iter_", "btf_trace_kvm_", "btf_trace_sys_exit",
	};

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (*name == *beginnings[i] && !strncmp(name, beginnings[i], strlen(beginnings[i])))
			return true;
	return false;
}

static void add(struct kct_types *types, const struct kct_type *type)
{
	if (types->count == types->room) {
		size_t room = types->room ? 2 * types->room : 1024;
		struct kct_type *more = realloc(types->types, room * sizeof(*more));

		if (!more) {
			types->failed = true;
			return;
		}
		types->types = more;
		types->room = room;
	}
	types->types[types->count++] = *type;
}

void kct_types_add(struct kct_types *types, const struct btf *btf, __u32 first, int module)
{
	__u32 end = btf__type_cnt(btf);

	for (__u32 id = first; id < end; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		struct kct_type type = {.kind = btf_kind(t), .id = id, .module = module};

		if (type.kind != BTF_KIND_FUNC && type.kind != BTF_KIND_TYPEDEF)
			continue;
		type.name = btf__name_by_offset(btf, t->name_off);
		if (is_wanted(type.name))
			add(types, &type);
	}
}

void kct_types_clear(struct kct_types *types)
{
	free(types->types);
	memset(types, 0, sizeof(*types));
}

static const struct kct_type *find(const struct kct_types *types, const char *name, __u32 kind)
{
	for (size_t i = 0; i < types->count; i++)
		if (types->types[i].kind == kind && !strcmp(types->types[i].name, name))
			return &types->types[i];
	return NULL;
}

const struct kct_type *kct_types_target(const struct kct_types *types, enum bpf_attach_type type,
					const char *target)
{
	char name[128];

	switch (type) {
	case BPF_TRACE_RAW_TP:
		snprintf(name, sizeof(name), "btf_trace_%s", target);
		return find(types, name, BTF_KIND_TYPEDEF);
	case BPF_TRACE_ITER:
		snprintf(name, sizeof(name), "bpf_iter_%s", target);
		return find(types, name, BTF_KIND_FUNC);
	default:
		return find(types, target, BTF_KIND_FUNC);
	}
}
