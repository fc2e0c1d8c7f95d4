// SPDX-License-Identifier: GPL-2.0
/* VM names from command lines: one case for each VMM, and hostile input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "host/vmname.h"

#define UUID   "6fe0e5e1-9b0c-4b6f-8a3d-0f3a1f5f9d10"
#define UUID_2 "00000000-0000-4000-8000-0000000000FF"

/* The literal's own last NUL ends the last argument, as the kernel ends it. */
#define LINE(text) text, sizeof(text)

static const struct {
	const char *cmdline;
	size_t size;
	const char *comm, *vmm, *name, *uuid;
} cases[] = {
	/* QEMU */
	{LINE("/usr/bin/qemu-system-x86_64\0-name\0guest=web 1,debug-threads=on\0-S\0-uuid\0" UUID),
	 "qemu-system-x86", "qemu", "web 1", UUID},
	{LINE("qemu-system-x86_64\0-name\0web"), NULL, "qemu", "web", ""},
	{LINE("/usr/libexec/qemu-kvm\0--name\0web\0--uuid\0" UUID_2), NULL, "qemu", "web", UUID_2},
	{LINE("kvm\0-name\0web,process=qemu:web"), NULL, "qemu", "web", ""},
	{LINE("/x/.qemu-system-x86_64-wrapped\0-name\0web"), NULL, "qemu", "web", ""},
	{LINE("qemu-kvm\0-name\0guest=a,,b,,,debug-threads=on"), NULL, "qemu", "a,b,", ""},
	{LINE("qemu-kvm\0-name\0a,,b,process=p"), NULL, "qemu", "a,b", ""},
	{LINE("qemu-kvm\0-name\0debug-threads=on,guest=b"), NULL, "qemu", "b", ""},
	{LINE("qemu-kvm\0-name\0a\0-name\0guest=b\0-uuid\0" UUID "\0-uuid\0" UUID_2), NULL, "qemu",
	 "b", UUID_2},
	{LINE("qemu-kvm\0-name\0debug-threads=on"), NULL, "qemu", "qemu-kvm", ""},
	{LINE("qemu-kvm\0-name\0guest="), NULL, "qemu", "qemu-kvm", ""},
	{LINE("qemu-kvm\0-name"), NULL, "qemu", "qemu-kvm", ""},
	{LINE("qemu-kvm\0-named\0x\0-uuid\0not-a-uuid"), NULL, "qemu", "qemu-kvm", ""},
	{LINE("qemu-kvm\0--id\0x"), NULL, "qemu", "qemu-kvm", ""},
	/* the last argument without its NUL */
	{"qemu-kvm\0-name\0web", 18, NULL, "qemu", "web", ""},
	/* Firecracker */
	{LINE("/firecracker\0--id\0i-123,x\0--api-sock\0/run/a.sock"), NULL, "firecracker",
	 "i-123,x", ""},
	{LINE("firecracker-v1.7.0-x86_64\0--id=i-123"), NULL, "firecracker", "i-123", ""},
	{LINE("firecracker\0--api-sock\0/run/vms/web.socket"), NULL, "firecracker", "web", ""},
	{LINE("firecracker\0--id="), NULL, "firecracker", "firecracker", ""},
	/* cloud-hypervisor */
	{LINE("cloud-hypervisor-static\0--api-socket\0path=/run/web.sock\0--platform\0"
	      "num_pci_segments=1,uuid=" UUID),
	 "cloud-hyperviso", "cloud-hypervisor", "web", UUID},
	{LINE("cloud-hypervisor\0--api-socket=/run/vc/vm/web/clh-api.sock"), NULL,
	 "cloud-hypervisor", "web", ""},
	{LINE("cloud-hypervisor\0--api-socket\0fd=3"), NULL, "cloud-hypervisor", "cloud-hypervisor",
	 ""},
	{LINE("cloud-hypervisor\0--api-socket\0/api.sock"), NULL, "cloud-hypervisor", "api", ""},
	{LINE("cloud-hypervisor\0--api-socket\0//"), NULL, "cloud-hypervisor", "cloud-hypervisor",
	 ""},
	/* crosvm, kvmtool */
	{LINE("crosvm\0--log-level=debug\0run\0--name\0web\0-s\0/run/x.sock"), NULL, "crosvm",
	 "web", ""},
	{LINE("/opt/bin/crosvm\0run\0--socket\0/run/vm/web/crosvm.sock"), NULL, "crosvm", "web",
	 ""},
	{LINE("lkvm\0run\0--name\0web"), NULL, "kvmtool", "web", ""},
	{LINE("./lkvm-static\0run\0-n\0web\0-c\0"
	      "4"),
	 NULL, "kvmtool", "web", ""},
	/* others */
	{LINE("/usr/local/bin/kvmclock-trace\0run\0--name\0x"), "kvmclock-trace", "kvmclock-trace",
	 "kvmclock-trace", ""},
	{LINE("./a-vmm-with-a-name-longer-than-its-field"), NULL, "a-vmm-with-a-name-lo\u2026",
	 "a-vmm-with-a-name-longer-than-its-field", ""},
	{LINE("vcpu0"), NULL, "vcpu0", "vcpu0", ""},
	/* comm alone */
	{NULL, 0, "CPU 0/KVM", "qemu", "qemu", ""},
	{NULL, 0, "qemu:web", "qemu", "web", ""},
	{NULL, 0, "qemu-system-x86", "qemu", "qemu-system-x86", ""},
	{NULL, 0, "fc_vcpu 0", "firecracker", "firecracker", ""},
	{NULL, 0, "vcpu12", "cloud-hypervisor", "cloud-hypervisor", ""},
	{NULL, 0, "crosvm_vcpu1", "crosvm", "crosvm", ""},
	{NULL, 0, "kvm-vcpu-3", "kvmtool", "kvmtool", ""},
	{NULL, 0, "mine", "mine", "mine", ""},
	{NULL, 0, "", "?", "?", ""},
	{NULL, 0, NULL, "?", "?", ""},
	{LINE("\0-name\0web"), "mine", "mine", "mine", ""},
	{LINE("/\0-name\0web"), "mine", "mine", "mine", ""},
	{LINE("\0\0\0"), NULL, "?", "?", ""},
	/* text that must not reach a terminal as it is */
	{LINE("qemu-kvm\0-name\0a\033[2Jb\nc\177"), NULL, "qemu", "a\\u001b[2Jb\\u000ac\\u007f",
	 ""},
	{LINE("qemu-kvm\0-name\0\xc3\xa4\xff\xc3"), NULL, "qemu", "\xc3\xa4\\xff\\xc3", ""},
	{LINE("qemu-kvm\0-name\0\xc0\xaf\xed\xa0\x80\xf5"), NULL, "qemu",
	 "\\xc0\\xaf\\xed\\xa0\\x80\\xf5", ""},
	{LINE("qemu-kvm\0-name\0\xf0\x9f\x90\xa7\xc2\x9b\xe2\x80\xae"), NULL, "qemu",
	 "\xf0\x9f\x90\xa7\\u009b\\u202e", ""},
	{LINE("\xff\xfe"), NULL, "\\xff\\xfe", "\\xff\\xfe", ""},
	{LINE("qemu-kvm\0-name\0we\xe2\x80\x8b"
	      "b,,c\\"),
	 NULL, "qemu", "we\\u200bb,c\\\\", ""},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* Exactly as large as it is, so that a read past its end is seen. */
		char *copy = malloc(cases[i].size ? cases[i].size : 1);
		struct kct_vm_name vm;

		assert_non_null(copy);
		if (cases[i].size)
			memcpy(copy, cases[i].cmdline, cases[i].size);
		kct_vm_name_from_cmdline(&vm, copy, cases[i].size, cases[i].comm);
		free(copy);
		if (strcmp(vm.vmm, cases[i].vmm) || strcmp(vm.name, cases[i].name) ||
		    strcmp(vm.uuid, cases[i].uuid))
			print_error("case %zu: %s | %s | %s\n", i, vm.vmm, vm.name, vm.uuid);
		assert_string_equal(vm.vmm, cases[i].vmm);
		assert_string_equal(vm.name, cases[i].name);
		assert_string_equal(vm.uuid, cases[i].uuid);
	}
}

/* A long name is cut between characters, wherever the cut falls. */
static void test_truncation(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		char line[1024] = "qemu-kvm\0-name\0";
		struct kct_vm_name vm;
		size_t used = 15 + shift;

		memset(line + 15, 'x', shift);
		for (; used + 4 < sizeof(line); used += 4)
			memcpy(line + used, "\xf0\x9f\x90\xa7", 4);
		kct_vm_name_from_cmdline(&vm, line, used, NULL);
		assert_int_equal(strlen(vm.name), shift == 0 ? 127 : 123 + shift);
		assert_string_equal(vm.name + strlen(vm.name) - 7, "\xf0\x9f\x90\xa7\u2026");
	}
}

static void test_huge(void **state)
{
	size_t size = 4 << 20;
	char *line = malloc(size);
	struct kct_vm_name vm;

	(void)state;
	assert_non_null(line);
	memset(line, 'q', size);
	kct_vm_name_from_cmdline(&vm, line, size, NULL);
	assert_int_equal(strlen(vm.name), sizeof(vm.name) - 1);
	memset(line, 0, size);
	kct_vm_name_from_cmdline(&vm, line, size, "mine");
	assert_string_equal(vm.name, "mine");
	memcpy(line, "qemu-kvm\0-name", 14);
	memset(line + 15, ',', size - 15);
	kct_vm_name_from_cmdline(&vm, line, size, NULL);
	assert_int_equal(strlen(vm.name), sizeof(vm.name) - 1);
	free(line);
}

static void assert_printable(const char *text, size_t room)
{
	assert_true(strnlen(text, room) < room);
	for (; *text; text++)
		assert_true((uint8_t)*text >= 0x20 && *text != 0x7f);
}

/* Noise made of the words that mean something. (threat-05) */
static void test_noise(void **state)
{
	static const char *const words[] = {"qemu",
					    "kvm",
					    "-name",
					    "guest=",
					    ",",
					    "lkvm",
					    "-n",
					    "/",
					    "--api-socket",
					    "path=",
					    "cloud-hypervisor",
					    "api.sock",
					    "-uuid",
					    UUID,
					    "--id=",
					    "firecracker",
					    "\xc3",
					    "\xa4",
					    "\xe2\x80",
					    "\033",
					    "=",
					    "--platform",
					    "uuid="};
	unsigned int seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char line[512], *exact;
		size_t size = 0;
		struct kct_vm_name vm;

		while (size < 400 && rand_r(&seed) % 12) {
			const char *word =
				words[(size_t)rand_r(&seed) % (sizeof(words) / sizeof(*words))];

			memcpy(line + size, word, strlen(word));
			size += strlen(word);
			if (rand_r(&seed) % 2)
				line[size++] = '\0';
			if (rand_r(&seed) % 8 == 0)
				line[size++] = (char)rand_r(&seed);
		}
		exact = malloc(size ? size : 1);
		assert_non_null(exact);
		memcpy(exact, line, size);
		kct_vm_name_from_cmdline(&vm, exact, size, "CPU 1/KVM");
		free(exact);
		assert_printable(vm.vmm, sizeof(vm.vmm));
		assert_printable(vm.name, sizeof(vm.name));
		assert_printable(vm.uuid, sizeof(vm.uuid));
		assert_true(vm.name[0] && vm.vmm[0]);
	}
}

static void test_pid(void **state)
{
	struct kct_vm_name vm;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	kct_vm_name_of_pid(&vm, child, "CPU 3/KVM");
	assert_string_equal(vm.vmm, "qemu");
	kct_vm_name_of_pid(&vm, getpid(), "unused");
	assert_string_not_equal(vm.name, "unused");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases), cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_huge),  cmocka_unit_test(test_noise),
		cmocka_unit_test(test_pid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
