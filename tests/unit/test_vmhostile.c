// SPDX-License-Identifier: GPL-2.0
/*
 * What a VM is called where its owner, or whoever names it to an orchestrator, means harm: the same
 * for each VMM and each orchestrator, in the form in which they leave it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>
#include <cmocka.h>

#include "vmtree.h"

#define UUID "6fe0e5e1-9b0c-4b6f-8a3d-0f3a1f5f9d10"
/* Where the hostile text goes. */
#define HERE "\1"

#define STATUS(metadata)                                                                           \
	"<domstatus state='running' pid='4711'>\n<domain type='kvm' id='3'>\n<name>i</name>\n"     \
	"<uuid>" UUID "</uuid>\n<metadata>\n" metadata "</metadata>\n</domain>\n</domstatus>\n"

static const struct {
	const char *what;
	const char *cmdline;
	size_t size;
	const char *exe, *root, *cgroup, *status, *table;
	const char *vmm;
	enum kct_name_source source;
	enum kct_orchestrator orchestrator;
	bool bounded; /* what holds it takes no text of this length; then it has another name */
} cases[] = {
	{"QEMU", LINE("/usr/bin/qemu-system-x86_64\0-name\0" HERE ",debug-threads=on"),
	 .vmm = "qemu", .source = KCT_NAME_OPTION},
	{"libvirt",
	 LINE("/usr/bin/qemu-system-x86_64\0-name\0guest=" HERE ",debug-threads=on\0-chardev\0"
	      "socket,id=charmonitor,path=/var/lib/libvirt/qemu/domain-3-" HERE "/monitor.sock"),
	 .vmm = "qemu", .source = KCT_NAME_OPTION, .orchestrator = KCT_LIBVIRT},
	{"OpenStack",
	 LINE("/usr/bin/qemu-system-x86_64\0-name\0guest=i\0-smbios\0type=1,manufacturer=OpenStack "
	      "Foundation,product=OpenStack Nova,serial=" HERE ",uuid=" UUID),
	 .status = STATUS("<nova:instance xmlns:nova=\"x\">\n<nova:name>" HERE "</nova:name>\n"
			  "<nova:owner>\n<nova:project uuid=\"0b\">" HERE "</nova:project>\n"
			  "</nova:owner>\n</nova:instance>\n"),
	 .vmm = "qemu", .source = KCT_NAME_NOVA, .orchestrator = KCT_OPENSTACK},
	{"oVirt",
	 LINE("/usr/libexec/qemu-kvm\0-name\0guest=" HERE "\0-smbios\0type=1,manufacturer=oVirt,"
	      "product=" HERE ",uuid=" UUID),
	 .vmm = "qemu", .source = KCT_NAME_OPTION, .orchestrator = KCT_OVIRT},
	{"Proxmox",
	 LINE("/usr/bin/kvm\0-id\0" HERE "\0-name\0" HERE ",debug-threads=on\0-pidfile\0"
	      "/var/run/qemu-server/101.pid\0-smbios\0type=1,uuid=" UUID),
	 .vmm = "qemu", .source = KCT_NAME_OPTION, .orchestrator = KCT_PROXMOX},
	{"KubeVirt",
	 LINE("/usr/libexec/qemu-kvm\0-name\0guest=shop_" HERE ",debug-threads=on\0-object\0"
	      "{\"file\":\"/var/run/kubevirt-private/libvirt/qemu/lib/domain-1-shop_" HERE
	      "/master-key.aes\"}"),
	 .cgroup = "0::/kubepods.slice/kubepods-pod" HERE ".slice/cri-containerd-01.scope\n",
	 .vmm = "qemu", .source = KCT_NAME_OPTION, .orchestrator = KCT_KUBEVIRT},
	{"Kata, QEMU",
	 LINE("/opt/kata/bin/qemu-system-x86_64\0-name\0sandbox-" HERE "\0-chardev\0"
	      "socket,id=char0,path=/run/vc/vm/" HERE "/vhost-fs.sock"),
	 .vmm = "qemu", .source = KCT_NAME_OPTION, .orchestrator = KCT_KATA},
	{"Kata, cloud-hypervisor",
	 LINE("/opt/kata/bin/cloud-hypervisor\0--api-socket\0/run/vc/vm/" HERE "/clh-api.sock"),
	 .vmm = "cloud-hypervisor", .source = KCT_NAME_SOCKET, .orchestrator = KCT_KATA},
	{"Firecracker", LINE("/firecracker\0--id\0" HERE), .vmm = "firecracker",
	 .source = KCT_NAME_OPTION},
	{"Firecracker, jailed", LINE("/firecracker\0--no-api"),
	 .root = "/srv/jailer/firecracker/" HERE "/root", .vmm = "firecracker",
	 .source = KCT_NAME_JAIL, .bounded = true},
	{"cloud-hypervisor", LINE("cloud-hypervisor\0--api-socket\0path=/run/vms/" HERE ".sock"),
	 .vmm = "cloud-hypervisor", .source = KCT_NAME_SOCKET},
	{"crosvm", LINE("/usr/bin/crosvm\0run\0--name\0" HERE), .vmm = "crosvm",
	 .source = KCT_NAME_OPTION},
	{"kvmtool", LINE("lkvm\0run\0--name\0" HERE), .vmm = "kvmtool", .source = KCT_NAME_OPTION},
	{"renamed", LINE("/x/" HERE "\0-name\0" HERE), .exe = "/usr/bin/qemu-system-x86_64",
	 .vmm = "qemu", .source = KCT_NAME_OPTION},
	{"machined's scope", LINE("qemu-system-x86_64\0-M\0q35"),
	 .cgroup = "0::/machine.slice/machine-qemu\\x2d12\\x2d" HERE ".scope/libvirt/emulator\n",
	 .vmm = "qemu", .source = KCT_NAME_UNIT, .orchestrator = KCT_LIBVIRT, .bounded = true},
	{"a template's instance", LINE("qemu-system-x86_64\0-M\0q35"),
	 .cgroup = "0::/system.slice/system-vm.slice/vm@" HERE ".service\n", .vmm = "qemu",
	 .source = KCT_NAME_UNIT, .bounded = true},
	{"table", LINE("qemu-system-x86_64\0-uuid\0" UUID "\0-name\0" HERE),
	 .table = UUID " " HERE "\n", .vmm = "qemu", .source = KCT_NAME_TABLE},
};

/* A text, and how it is shown. */
static const struct {
	const char *text, *shown;
} texts[] = {
	{"web", "web"},
	{"\033[2J\033]0;x\007", "\\u001b[2J\\u001b]0;x\\u0007"},
	{"a\xff\xc0\xaf\xed\xa0\x80\xf5", "a\\xff\\xc0\\xaf\\xed\\xa0\\x80\\xf5"},
	{"a\xe2\x80\xae\xc2\x9b\xe2\x80\x8b", "a\\u202e\\u009b\\u200b"},
	{"\"'`$(reboot);|\\", "\"'`$(reboot);|\\\\"},
	{"a\r\tb", "a\\u000d\\u0009b"},
};

/* A copy of `text` with `value` at each HERE, in a buffer of its own that is to be freed. */
static char *fill(const char *text, size_t size, const char *value, size_t *filled)
{
	size_t length = strlen(value), used = 0;
	char *out = malloc(size + 4 * length + 1);

	assert_non_null(out);
	for (size_t i = 0; i < size; i++) {
		if (text[i] != *HERE) {
			out[used++] = text[i];
			continue;
		}
		memcpy(out + used, value, length);
		used += length;
	}
	out[used] = '\0';
	*filled = used;
	return out;
}

static void put_file(const char *path, const char *text, size_t size, const char *value)
{
	char *content;
	size_t filled;

	if (!text)
		return;
	content = fill(text, size, value, &filled);
	write_file(path, content, filled);
	free(content);
}

static void put_link(const char *path, const char *text, const char *value)
{
	char *target;
	size_t filled;

	if (!text)
		return;
	target = fill(text, strlen(text), value, &filled);
	/* What no link can be, no process has. */
	if (filled < 4096)
		assert_int_equal(symlink(target, under_root(path)), 0);
	free(target);
}

static size_t length(const char *text)
{
	return text ? strlen(text) : 0;
}

static void name_case(struct kct_vm_name *name, size_t i, const char *value)
{
	begin_tree();
	put_file("proc/4711/cmdline", cases[i].cmdline, cases[i].size, value);
	put_file("proc/4711/cgroup", cases[i].cgroup, length(cases[i].cgroup), value);
	put_file("run/libvirt/qemu/i.xml", cases[i].status, length(cases[i].status), value);
	put_file("etc/kvmclock-trace/names", cases[i].table, length(cases[i].table), value);
	put_link("proc/4711/exe", cases[i].exe, value);
	put_link("proc/4711/root", cases[i].root, value);
	kct_vm_name_under(name, root, PID, "CPU 0/KVM");
}

/* Nothing that acts on a terminal or on a parser, whatever it is made of. */
static void assert_harmless(const struct kct_vm_name *name)
{
	const char *const fields[] = {name->vmm, name->name, name->uuid, name->space, name->id};
	const size_t rooms[] = {sizeof(name->vmm), sizeof(name->name), sizeof(name->uuid),
				sizeof(name->space), sizeof(name->id)};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		assert_printable(fields[i], rooms[i]);
		assert_true(mbstowcs(NULL, fields[i], 0) != (size_t)-1);
		assert_null(strstr(fields[i], "\xe2\x80\xae"));
	}
}

static void assert_told(size_t i, const char *text, const struct kct_vm_name *name)
{
	if (name->source != cases[i].source || name->orchestrator != cases[i].orchestrator ||
	    strcmp(name->vmm, cases[i].vmm))
		print_error("%s, '%.20s': %s from %s, %s\n", cases[i].what, text, name->name,
			    kct_name_sources[name->source], name->vmm);
	assert_int_equal(name->source, cases[i].source);
	assert_int_equal(name->orchestrator, cases[i].orchestrator);
	assert_string_equal(name->vmm, cases[i].vmm);
	assert_harmless(name);
}

static void test_texts(void **state)
{
	struct kct_vm_name name;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
			name_case(&name, i, texts[k].text);
			assert_told(i, texts[k].text, &name);
			if (strcmp(name.name, texts[k].shown))
				print_error("%s\n", cases[i].what);
			assert_string_equal(name.name, texts[k].shown);
			if (cases[i].orchestrator == KCT_OPENSTACK)
				assert_string_equal(name.space, texts[k].shown);
			if (cases[i].orchestrator == KCT_PROXMOX)
				assert_string_equal(name.id, texts[k].shown);
		}
	}
}

/* 64 KB of each. */
static void test_large(void **state)
{
	static char large[64 * 1024 + 1];
	struct kct_vm_name name;

	(void)state;
	for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
		for (size_t i = 0; i + 1 < sizeof(large); i++)
			large[i] = texts[k].text[i % strlen(texts[k].text)];
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			name_case(&name, i, large);
			if (cases[i].bounded) {
				assert_harmless(&name);
				assert_int_equal(name.source, KCT_NAME_PROGRAM);
				continue;
			}
			assert_told(i, large, &name);
			/* There was more, and it says so. */
			assert_true(strlen(name.name) > 64);
			assert_string_equal(name.name + strlen(name.name) - 3, "\u2026");
		}
	}
}

/* Links that lead out of the tree are text, and never followed. */
static void test_links(void **state)
{
	static const struct {
		const char *target, *name;
	} links[] = {
		{"/", "firecracker"},
		{"../../../../../../etc/passwd", "firecracker"},
		{"/root", "firecracker"},
		{"//root", "firecracker"},
		{"/srv/jailer/firecracker/web/root/../../../../etc/root", "etc"},
		{"/proc/self/root", "self"},
	};
	struct kct_vm_name name;

	(void)state;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		begin_tree();
		write_file("proc/4711/cmdline", LINE("/firecracker\0--no-api"));
		assert_int_equal(symlink(links[i].target, under_root("proc/4711/root")), 0);
		assert_int_equal(symlink(links[i].target, under_root("proc/4711/exe")), 0);
		kct_vm_name_under(&name, root, PID, "");
		assert_string_equal(name.vmm, "firecracker");
		assert_harmless(&name);
		assert_string_equal(name.name, links[i].name);
	}
}

/* A process that goes while it is read is named after itself or not at all. */
static void test_going(void **state)
{
	char *const arguments[] = {"qemu-system-x86_64", "-name", "web", "-uuid", UUID, NULL};
	unsigned int named = 0, unnamed = 0;

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct kct_vm_name name;
		siginfo_t info = {0};
		int ready[2];
		pid_t child;
		char byte;

		assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
		child = fork();
		if (child == 0) {
			/* The pipe closes when it has become the other program. */
			execv("/bin/true", arguments);
			_exit(1);
		}
		close(ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 0);
		close(ready[0]);
		/* It ends by itself, at a moment of its own. */
		do {
			kct_vm_name_of_pid(&name, child, "CPU 0/KVM");
			assert_string_equal(name.vmm, "qemu");
			if (name.source == KCT_NAME_OPTION) {
				assert_string_equal(name.name, "web");
				assert_string_equal(name.uuid, UUID);
				named++;
			} else {
				assert_string_equal(name.name, "qemu");
				assert_string_equal(name.uuid, "");
				unnamed++;
			}
			assert_int_equal(
				waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT | WNOHANG), 0);
		} while (!info.si_pid || unnamed == 0);
		waitpid(child, NULL, 0);
	}
	assert_true(named > 0 && unnamed > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_going),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, make_root, remove_root);
}
