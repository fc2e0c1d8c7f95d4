// SPDX-License-Identifier: GPL-2.0
/*
 * What VMs are called, from whole trees of files: /proc of the VMM, libvirt's record, the user's
 * table. Command lines and cgroups have the form in which each VMM and orchestrator leaves them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "vmtree.h"

#define UUID  "6fe0e5e1-9b0c-4b6f-8a3d-0f3a1f5f9d10"
#define POD   "0b9d2a6e-7c41-4a53-9a4e-5f0f5c1a2b3c"
#define POD_  "0b9d2a6e_7c41_4a53_9a4e_5f0f5c1a2b3c"
#define OTHER "11111111-2222-3333-4444-555555555555"

#define LIBVIRT_QEMU(name, smbios)                                                                 \
	"/usr/bin/qemu-system-x86_64\0-name\0guest=" name ",debug-threads=on\0-S\0-object\0"       \
	"{\"qom-type\":\"secret\",\"id\":\"masterKey0\",\"format\":\"raw\",\"file\":"              \
	"\"/var/lib/libvirt/qemu/domain-3-" name "/master-key.aes\"}\0-machine\0"                  \
	"pc-q35-7.2,usb=off,dump-guest-core=off\0-accel\0kvm\0-m\0size=2097152k\0-uuid\0" UUID     \
	"\0" smbios "-no-user-config\0-nodefaults"
#define NOVA_SMBIOS                                                                                \
	"-smbios\0type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova,version=27.1.0," \
	"serial=" UUID ",uuid=" UUID ",family=Virtual Machine\0"
#define STATUS(pid, name, metadata)                                                                \
	"<!--\nWARNING: THIS IS AN AUTO-GENERATED FILE.\n-->\n\n"                                  \
	"<domstatus state='running' reason='booted' pid='" pid "'>\n  <taint flag='high-priv'/>\n" \
	"  <monitor path='/var/lib/libvirt/qemu/domain-3-" name "/monitor.sock' type='unix'/>\n"   \
	"  <domain type='kvm' id='3'>\n    <name>" name "</name>\n    <uuid>" UUID "</uuid>\n"     \
	"    <metadata>\n" metadata "    </metadata>\n  </domain>\n</domstatus>\n"
#define NOVA(display, project)                                                                     \
	"      <nova:instance xmlns:nova=\"http://openstack.org/xmlns/libvirt/nova/1.1\">\n"       \
	"        <nova:package version=\"27.1.0\"/>\n        <nova:name>" display "</nova:name>\n" \
	"        <nova:flavor name=\"m1.small\">\n          <nova:memory>2048</nova:memory>\n"     \
	"        </nova:flavor>\n        <nova:owner>\n"                                           \
	"          <nova:user uuid=\"0a\">alice</nova:user>\n"                                     \
	"          <nova:project uuid=\"0b\">" project "</nova:project>\n        </nova:owner>\n"  \
	"      </nova:instance>\n"

static const struct {
	const char *what;
	const char *cmdline;
	size_t size;
	const char *exe, *root, *cgroup, *domain, *status, *table, *comm;
	struct kct_vm_name expected;
} cases[] = {
	{"libvirt", LINE(LIBVIRT_QEMU("web", "")),
	 .cgroup = "0::/machine.slice/machine-qemu\\x2d3\\x2dweb.scope/libvirt/emulator\n",
	 .domain = "web", .status = STATUS("4711", "web", ""),
	 .expected = {"qemu", "web", UUID, KCT_NAME_OPTION, KCT_LIBVIRT, "", ""}},
	{"libvirt, its record is not there", LINE(LIBVIRT_QEMU("web", "")),
	 .expected = {"qemu", "web", UUID, KCT_NAME_OPTION, KCT_LIBVIRT, "", ""}},
	{"OpenStack", LINE(LIBVIRT_QEMU("instance-0000002a", NOVA_SMBIOS)),
	 .domain = "instance-0000002a",
	 .status = STATUS("4711", "instance-0000002a", NOVA("Alice &amp; Bob&apos;s shop", "demo")),
	 .expected = {"qemu", "Alice & Bob's shop", UUID, KCT_NAME_NOVA, KCT_OPENSTACK, "demo",
		      "instance-0000002a"}},
	{"OpenStack, the record is of another process",
	 LINE(LIBVIRT_QEMU("instance-0000002a", NOVA_SMBIOS)), .domain = "instance-0000002a",
	 .status = STATUS("47110", "instance-0000002a", NOVA("shop", "demo")),
	 .expected = {"qemu", "instance-0000002a", UUID, KCT_NAME_OPTION, KCT_OPENSTACK, "", ""}},
	{"OpenStack, no display name", LINE(LIBVIRT_QEMU("instance-0000002a", NOVA_SMBIOS)),
	 .domain = "instance-0000002a", .status = STATUS("4711", "instance-0000002a", NOVA("", "")),
	 .expected = {"qemu", "instance-0000002a", UUID, KCT_NAME_OPTION, KCT_OPENSTACK, "",
		      "instance-0000002a"}},
	{"oVirt",
	 LINE(LIBVIRT_QEMU("web", "-smbios\0type=1,manufacturer=oVirt,product=RHEL,uuid=" UUID
				  ",family=oVirt\0")),
	 .expected = {"qemu", "web", UUID, KCT_NAME_OPTION, KCT_OVIRT, "", ""}},
	{"Proxmox",
	 LINE("/usr/bin/kvm\0-id\0"
	      "101\0-name\0web,debug-threads=on\0-no-shutdown\0-chardev\0"
	      "socket,id=qmp,path=/var/run/qemu-server/101.qmp,server=on,wait=off\0-mon\0"
	      "chardev=qmp,mode=control\0-pidfile\0/var/run/qemu-server/101.pid\0-daemonize\0"
	      "-smbios\0type=1,uuid=" UUID "\0-smp\0"
	      "4,sockets=1,cores=4,maxcpus=4"),
	 .cgroup = "0::/qemu.slice/101.scope\n",
	 .expected = {"qemu", "web", UUID, KCT_NAME_OPTION, KCT_PROXMOX, "", "101"}},
	{"Proxmox, its command line is gone", "", 0, .cgroup = "0::/qemu.slice/101.scope\n",
	 .expected = {"qemu", "qemu", "", KCT_NAME_PROGRAM, KCT_PROXMOX, "", "101"}},
	{"KubeVirt",
	 LINE("/usr/libexec/qemu-kvm\0-name\0guest=shop_web_1,debug-threads=on\0-S\0-object\0"
	      "{\"qom-type\":\"secret\",\"file\":\"/var/run/kubevirt-private/libvirt/qemu/lib/"
	      "domain-1-shop_web_1/master-key.aes\"}\0-uuid\0" UUID "\0-smbios\0"
	      "type=1,manufacturer=KubeVirt,product=None,uuid=" UUID ",family=KubeVirt"),
	 .cgroup = "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_
		   ".slice/cri-containerd-0123456789abcdef.scope\n",
	 .expected = {"qemu", "web_1", UUID, KCT_NAME_OPTION, KCT_KUBEVIRT, "shop", POD}},
	{"KubeVirt, cgroups of the kubelet's own, version 1",
	 LINE("qemu-kvm\0-name\0guest=shop_web\0-chardev\0"
	      "socket,id=charmonitor,path=/var/run/kubevirt-private/x"),
	 .cgroup = "12:pids:/kubepods/burstable/pod" POD
		   "/0123\n11:memory:/kubepods/burstable/pod" POD "/0123\n",
	 .expected = {"qemu", "web", "", KCT_NAME_OPTION, KCT_KUBEVIRT, "shop", POD}},
	{"in a pod, seen from another of its class", LINE("qemu-kvm\0-name\0web"),
	 .cgroup = "0::/../../pod" POD "/0123\n",
	 .expected = {"qemu", "web", "", KCT_NAME_OPTION, KCT_KUBERNETES, "", POD}},
	{"libvirt, seen from a pod", LINE("qemu-system-x86_64\0-M\0q35"),
	 .cgroup = "0::/../../../machine.slice/machine-qemu\\x2d3\\x2dweb.scope/libvirt/emulator\n",
	 .expected = {"qemu", "web", "", KCT_NAME_UNIT, KCT_LIBVIRT, "", ""}},
	{"a VMM in a pod of its own, in a cluster in a container",
	 LINE("qemu-system-x86_64\0-name\0shop_web"),
	 .cgroup = "0::/docker/pods/kubelet.slice/kubelet-kubepods.slice/"
		   "kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod" POD_
		   ".slice/cri-containerd-01.scope",
	 .expected = {"qemu", "shop_web", "", KCT_NAME_OPTION, KCT_KUBERNETES, "", POD}},
	{"a static pod's UID is no UUID", LINE("qemu-system-x86_64\0-name\0web"),
	 .cgroup = "0::/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice/x.scope",
	 .expected = {"qemu", "web", "", KCT_NAME_OPTION, 0, "", ""}},
	{"Kata, QEMU",
	 LINE("/opt/kata/bin/qemu-system-x86_64\0-name\0sandbox-9f86d081884c,debug-threads=on\0"
	      "-uuid\0" UUID "\0-qmp\0"
	      "unix:fd=3,server=on,wait=off\0-chardev\0socket,id=char0,path=/run/vc/vm/"
	      "9f86d081884c/vhost-fs.sock"),
	 .cgroup = "0::/kubepods.slice/kubepods-pod" POD_ ".slice/kata_overhead.scope\n",
	 .expected = {"qemu", "9f86d081884c", UUID, KCT_NAME_OPTION, KCT_KATA, "", POD}},
	{"Kata, cloud-hypervisor",
	 LINE("/opt/kata/bin/cloud-hypervisor\0--api-socket\0/run/vc/vm/9f86d081884c/clh-api.sock"),
	 .expected = {"cloud-hypervisor", "9f86d081884c", "", KCT_NAME_SOCKET, KCT_KATA, "", ""}},
	{"Firecracker, jailed",
	 LINE("/firecracker\0--id\0"
	      "551e7604-e35c-42b3-b825-416853441234\0--start-time-us\0"
	      "123456789\0--start-time-cpu-us\0"
	      "9999\0--parent-cpu-time-us\0"
	      "9999"),
	 .root = "/srv/jailer/firecracker/551e7604-e35c-42b3-b825-416853441234/root",
	 .cgroup = "0::/firecracker/551e7604-e35c-42b3-b825-416853441234\n",
	 .expected = {"firecracker", "551e7604-e35c-42b3-b825-416853441234", "", KCT_NAME_OPTION, 0,
		      "", ""}},
	{"Firecracker, jailed, without its own word for it",
	 LINE("/firecracker\0--api-sock\0/run/firecracker.socket"),
	 .root = "/srv/jailer/firecracker/web/root",
	 .expected = {"firecracker", "web", "", KCT_NAME_JAIL, 0, "", ""}},
	{"Firecracker in a container, not jailed", LINE("firecracker\0--no-api"), .root = "/root",
	 .expected = {"firecracker", "firecracker", "", KCT_NAME_PROGRAM, 0, "", ""}},
	{"cloud-hypervisor by libvirt",
	 LINE("/usr/bin/cloud-hypervisor\0--api-socket\0/var/run/libvirt/ch/web-socket"),
	 .expected = {"cloud-hypervisor", "web", "", KCT_NAME_SOCKET, KCT_LIBVIRT, "", ""}},
	{"crosvm",
	 LINE("/usr/bin/crosvm\0--syslog-tag\0VM(3)\0run\0--name\0termina\0--socket\0"
	      "/run/vm/vm.x/crosvm.sock"),
	 .expected = {"crosvm", "termina", "", KCT_NAME_OPTION, 0, "", ""}},
	{"kvmtool",
	 LINE("lkvm\0run\0--name\0web\0-c\0"
	      "2"),
	 .expected = {"kvmtool", "web", "", KCT_NAME_OPTION, 0, "", ""}},
	{"renamed", LINE("microvm@web\0-name\0web\0-M\0microvm"),
	 .exe = "/nix/store/x-qemu-9.2/bin/qemu-system-x86_64",
	 .cgroup = "0::/system.slice/system-microvm.slice/microvm@web.service\n",
	 .expected = {"qemu", "web", "", KCT_NAME_OPTION, 0, "", ""}},
	{"renamed, and it may not be seen what runs", LINE("microvm@web\0-name\0web"),
	 .comm = "qemu-system-x86", .expected = {"qemu", "web", "", KCT_NAME_OPTION, 0, "", ""}},
	{"renamed, and known by no more than a vCPU's thread", LINE("my-vmm\0-name\0web"),
	 .comm = "vcpu0", .expected = {"my-vmm", "my-vmm", "", KCT_NAME_PROGRAM, 0, "", ""}},
	{"renamed, and upgraded since", LINE("vm: web\0-name\0web"),
	 .exe = "/usr/bin/qemu-system-x86_64 (deleted)",
	 .expected = {"qemu", "web", "", KCT_NAME_OPTION, 0, "", ""}},
	{"renamed to a VMM's name, and no VMM", LINE("qemu-kvm\0-name\0web"),
	 .exe = "/usr/bin/sleep", .expected = {"qemu", "web", "", KCT_NAME_OPTION, 0, "", ""}},
	{"machined's scope", LINE("qemu-system-x86_64\0-M\0q35"),
	 .cgroup = "0::/machine.slice/machine-qemu\\x2d12\\x2dweb\\x2dfront.scope/libvirt/emulator",
	 .expected = {"qemu", "web-front", "", KCT_NAME_UNIT, KCT_LIBVIRT, "", ""}},
	{"a template's instance", LINE("qemu-system-x86_64\0-M\0q35"),
	 .cgroup = "0::/system.slice/system-vm.slice/vm@web\\x2ffront.service\n",
	 .expected = {"qemu", "web/front", "", KCT_NAME_UNIT, 0, "", ""}},
	{"not a user's, or a terminal's", LINE("qemu-system-x86_64\0-M\0q35"),
	 .cgroup = "1:name=systemd:/system.slice/serial-getty@ttyS0.service\n"
		   "0::/user.slice/user-1000.slice/user@1000.service\n",
	 .expected = {"qemu", "qemu-system-x86_64", "", KCT_NAME_PROGRAM, 0, "", ""}},
	{"not a VMM", LINE("/usr/bin/some-vmm\0--id\0x"),
	 .cgroup = "0::/system.slice/runner@1.service",
	 .expected = {"some-vmm", "some-vmm", "", KCT_NAME_PROGRAM, 0, "", ""}},
	/* the user's table */
	{"table, by UUID", LINE(LIBVIRT_QEMU("web", "")),
	 .table = "# mine\n\n" OTHER " no\n  6FE0E5E1-9B0C-4B6F-8A3D-0F3A1F5F9D10 \t the shop \r\n",
	 .expected = {"qemu", "the shop", UUID, KCT_NAME_TABLE, KCT_LIBVIRT, "", ""}},
	{"table, by namespace and name",
	 LINE("qemu-kvm\0-name\0guest=shop_web\0-x\0/var/run/kubevirt-private/x"),
	 .table = "shop/web the-shop\n",
	 .expected = {"qemu", "the-shop", "", KCT_NAME_TABLE, KCT_KUBEVIRT, "shop", ""}},
	{"table, by id; the first line counts; the last has no end",
	 LINE("kvm\0-id\0"
	      "101"),
	 .table = "102 other\n101\n101 first\n101 second",
	 .expected = {"qemu", "first", "", KCT_NAME_TABLE, KCT_PROXMOX, "", "101"}},
	/* hostile ones */
	{"a name that is a path", LINE("qemu-kvm\0-name\0../../../etc/x"), .domain = "x",
	 .status = STATUS("4711", "x", NOVA("stolen", "")),
	 .expected = {"qemu", "../../../etc/x", "", KCT_NAME_OPTION, 0, "", ""}},
	{"a display name that acts on terminals and on parsers", LINE("qemu-kvm\0-name\0i"),
	 .domain = "i",
	 .status = STATUS("4711", "i",
			  NOVA("\033[2J&lt;/nova:name&gt;\xff\xe2\x80\xae&amp;lt;\n", "a\tb")),
	 .expected = {"qemu", "\\u001b[2J</nova:name>\\xff\\u202e&lt;\\u000a", UUID, KCT_NAME_NOVA,
		      KCT_OPENSTACK, "a\\u0009b", "i"}},
	{"a record that ends in the middle", LINE("qemu-kvm\0-name\0i"), .domain = "i",
	 .status = "<domstatus pid='4711'><uuid>" UUID "<nova:instance <nova:name>x",
	 .expected = {"qemu", "i", "", KCT_NAME_OPTION, KCT_LIBVIRT, "", ""}},
	{"a cgroup that acts on terminals", LINE("qemu-kvm"),
	 .cgroup = "0::/machine.slice/machine-\\x1b[2J\\xff\\x2.scope\n",
	 .expected = {"qemu", "\\u001b[2J\\xff\\\\x2", "", KCT_NAME_UNIT, 0, "", ""}},
	{"KubeVirt's form without a namespace", LINE("qemu-kvm\0-name\0_web\0-x\0/run/kubevirt/x"),
	 .expected = {"qemu", "_web", "", KCT_NAME_OPTION, KCT_KUBEVIRT, "", ""}},
};

static void assert_name(const char *what, const struct kct_vm_name *is,
			const struct kct_vm_name *expected)
{
	char a[1024], b[1024];

#define ALL(n)                                                                                     \
	"%s: %s | %s | %s | from %s | %s | %s | %s", what, (n)->vmm, (n)->name, (n)->uuid,         \
		kct_name_sources[(n)->source], kct_orchestrators[(n)->orchestrator], (n)->space,   \
		(n)->id
	snprintf(a, sizeof(a), ALL(is));
	snprintf(b, sizeof(b), ALL(expected));
	assert_string_equal(a, b);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kct_vm_name name;
		char path[256];

		begin_tree();
		write_file("proc/4711/cmdline", cases[i].cmdline, cases[i].size);
		if (cases[i].cgroup)
			write_file("proc/4711/cgroup", cases[i].cgroup, strlen(cases[i].cgroup));
		if (cases[i].exe)
			assert_int_equal(symlink(cases[i].exe, under_root("proc/4711/exe")), 0);
		if (cases[i].root)
			assert_int_equal(symlink(cases[i].root, under_root("proc/4711/root")), 0);
		if (cases[i].table)
			write_file("etc/kvmclock-trace/names", cases[i].table,
				   strlen(cases[i].table));
		if (cases[i].domain) {
			snprintf(path, sizeof(path), "run/libvirt/qemu/%s.xml", cases[i].domain);
			write_file(path, cases[i].status, strlen(cases[i].status));
		}
		kct_vm_name_under(&name, root, PID, cases[i].comm ? cases[i].comm : "CPU 0/KVM");
		assert_name(cases[i].what, &name, &cases[i].expected);
	}
}

#define DOMAIN_LINE LINE("qemu-kvm\0-name\0web")
static const char stolen[] = STATUS("4711", "web", NOVA("stolen", "theirs"));
static const struct kct_vm_name plain_web = {"qemu", "web", "", KCT_NAME_OPTION, 0, "", ""};

/* What stands in the place of libvirt's record is not followed, not waited for, not believed. */
static void test_not_libvirts(void **state)
{
	const char *record = "run/libvirt/qemu/web.xml";
	struct kct_vm_name name;

	(void)state;
	begin_tree();
	write_file("proc/4711/cmdline", DOMAIN_LINE);
	write_file("etc/elsewhere.xml", stolen, strlen(stolen));
	assert_int_equal(symlink("../../../etc/elsewhere.xml", under_root(record)), 0);
	kct_vm_name_under(&name, root, PID, "");
	assert_name("a link", &name, &plain_web);

	unlink(under_root(record));
	assert_int_equal(mkfifo(under_root(record), 0600), 0);
	kct_vm_name_under(&name, root, PID, "");
	assert_name("a FIFO", &name, &plain_web);

	unlink(under_root(record));
	make_directory(record);
	kct_vm_name_under(&name, root, PID, "");
	assert_name("a directory", &name, &plain_web);

	rmdir(under_root(record));
	write_file(record, stolen, strlen(stolen));
	kct_vm_name_under(&name, root, PID, "");
	assert_string_equal(name.name, "stolen"); /* so the tests above could have seen it */
	if (geteuid() == 0) {
		assert_int_equal(chown(under_root(record), 65534, 65534), 0);
		kct_vm_name_under(&name, root, PID, "");
		assert_name("somebody else's", &name, &plain_web);
	}
}

/* A name and everything else far longer than any field, full of what may not come out. */
static void test_large(void **state)
{
	static char line[256 * 1024], table[64 * 1024];
	struct kct_vm_name name;

	(void)state;
	begin_tree();
	memset(line, 0xff, sizeof(line));
	memcpy(line, DOMAIN_LINE);
	memcpy(line + 9, "-name\0guest=", 12);
	write_file("proc/4711/cmdline", line, sizeof(line));
	memset(line, '/', sizeof(line));
	write_file("proc/4711/cgroup", line, sizeof(line));
	memset(table, 'x', sizeof(table));
	write_file("etc/kvmclock-trace/names", table, sizeof(table));
	kct_vm_name_under(&name, root, PID, "");
	/* as many whole escapes as fit, and that there was more */
	assert_int_equal(strlen(name.name), (sizeof(name.name) - 4) / 4 * 4 + 3);
	for (size_t k = 0; k + 3 < strlen(name.name); k += 4)
		assert_memory_equal(name.name + k, "\\xff", 4);
	assert_string_equal(name.name + strlen(name.name) - 3, "\u2026");
	assert_int_equal(name.source, KCT_NAME_OPTION);
}

/* A process that is gone, all of it or in part; and one of ours that is a zombie. */
static void test_gone(void **state)
{
	const struct kct_vm_name qemu = {"qemu", "qemu", "", KCT_NAME_PROGRAM, 0, "", ""};
	struct kct_vm_name name;
	siginfo_t info;
	pid_t child;

	(void)state;
	begin_tree();
	kct_vm_name_under(&name, root, PID, "CPU 0/KVM");
	assert_name("an empty directory", &name, &qemu);
	kct_vm_name_under(&name, root, PID + 1, "CPU 0/KVM");
	assert_name("no directory", &name, &qemu);
	kct_vm_name_under(&name, "/nonexistent", PID, "CPU 0/KVM");
	assert_name("no root", &name, &qemu);

	child = fork();
	if (child == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	kct_vm_name_of_pid(&name, child, "CPU 0/KVM");
	assert_string_equal(name.vmm, "qemu");
	assert_int_equal(name.source, KCT_NAME_PROGRAM);
	waitpid(child, NULL, 0);
}

/* Noise made of the words that mean something, in all files at once. */
static void test_noise(void **state)
{
	static const char *const words[] = {
		"qemu-kvm",
		"-name",
		"guest=",
		"web",
		"/",
		"machine-",
		"qemu\\x2d3\\x2d",
		".scope",
		"\\x",
		"kubepods",
		"pod" POD_,
		"@",
		".service",
		"0::",
		"\n",
		":",
		"<domstatus ",
		" pid='4711'",
		">",
		"<nova:instance ",
		"<nova:name>",
		"</nova:name>",
		"&amp;",
		"&",
		"</nova:instance>",
		"<nova:project ",
		"</nova:project>",
		"-smbios",
		"type=1,uuid=" UUID,
		"/run/kubevirt/",
		"_",
		"\xff",
		"\033",
		",,",
		"-id",
		"101",
		"#",
		" ",
		"/qemu.slice/",
	};
	static const char *const files[] = {"proc/4711/cmdline", "proc/4711/cgroup",
					    "run/libvirt/qemu/web.xml", "etc/kvmclock-trace/names"};
	unsigned int seed = 1;

	(void)state;
	begin_tree();
	for (int round = 0; round < 3000; round++) {
		struct kct_vm_name name;

		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			char text[1024];
			size_t size = 0;

			if (i == 0 && rand_r(&seed) % 2) {
				memcpy(text, DOMAIN_LINE);
				size = 19;
			}
			while (size < 900 && rand_r(&seed) % 20) {
				const char *word = words[(size_t)rand_r(&seed) %
							 (sizeof(words) / sizeof(words[0]))];

				memcpy(text + size, word, strlen(word));
				size += strlen(word);
				if (rand_r(&seed) % 3 == 0)
					text[size++] = '\0';
			}
			write_file(files[i], text, size);
		}
		kct_vm_name_under(&name, root, PID, "CPU 0/KVM");
		assert_printable(name.vmm, sizeof(name.vmm));
		assert_printable(name.name, sizeof(name.name));
		assert_printable(name.uuid, sizeof(name.uuid));
		assert_printable(name.space, sizeof(name.space));
		assert_printable(name.id, sizeof(name.id));
		assert_true(name.name[0] && name.vmm[0] && name.source > KCT_NAME_UNKNOWN &&
			    name.source < KCT_NR_NAME_SOURCES &&
			    name.orchestrator < KCT_NR_ORCHESTRATORS);
	}
}

static void test_is(void **state)
{
	const struct kct_vm_name vm = {"qemu",	     "web",  UUID, KCT_NAME_OPTION,
				       KCT_KUBEVIRT, "shop", POD};
	const struct kct_vm_name bare = {"qemu", "web", "", KCT_NAME_OPTION, 0, "", ""};
	char label[KCT_VM_LABEL_SIZE];

	(void)state;
	assert_true(kct_vm_name_is(&vm, "web"));
	assert_true(kct_vm_name_is(&vm, "6FE0E5E1-9B0C-4B6F-8A3D-0F3A1F5F9D10"));
	assert_true(kct_vm_name_is(&vm, POD));
	assert_true(kct_vm_name_is(&vm, "shop/web"));
	assert_true(kct_vm_name_is(&vm, "shop_web"));
	assert_false(kct_vm_name_is(&vm, "shop"));
	assert_false(kct_vm_name_is(&vm, "Web"));
	assert_false(kct_vm_name_is(&vm, "shop/web/"));
	assert_false(kct_vm_name_is(&vm, ""));
	assert_false(kct_vm_name_is(&bare, ""));
	assert_false(kct_vm_name_is(&bare, "/web"));
	assert_false(kct_vm_name_is(&bare, "_web"));
	kct_vm_name_label(&vm, label, sizeof(label));
	assert_string_equal(label, "shop/web");
	kct_vm_name_label(&bare, label, sizeof(label));
	assert_string_equal(label, "web");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases), cmocka_unit_test(test_not_libvirts),
		cmocka_unit_test(test_large), cmocka_unit_test(test_gone),
		cmocka_unit_test(test_noise), cmocka_unit_test(test_is),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
