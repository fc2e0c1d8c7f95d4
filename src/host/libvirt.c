// SPDX-License-Identifier: GPL-2.0
/*
 * What libvirt keeps of a running domain, /run/libvirt/qemu/NAME.xml: in it, nova's metadata. To
 * read it takes no call of libvirtd, which may wait for a migration that is under way.
 *
 * The file is libvirt's, but the display name in it is the user's. It is not validated: what is not
 * found is not said.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "host/inside.h"

#define STATUS_MAX (1024 * 1024)

/* The text of an element, with its character references resolved. */
static struct kct_piece plain_text(struct kct_piece text, char *buffer, size_t room)
{
	static const struct {
		const char *reference;
		char character;
	} references[] = {
		{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
	struct kct_piece plain = {buffer, 0};

	while (text.size > 0 && plain.size < room) {
		size_t size = 1;

		buffer[plain.size] = *text.at;
		for (size_t i = 0; i < sizeof(references) / sizeof(references[0]); i++) {
			if (!kct_starts_with(text, references[i].reference))
				continue;
			buffer[plain.size] = references[i].character;
			size = strlen(references[i].reference);
		}
		plain.size++;
		text = kct_piece_skip(text, size);
	}
	return plain;
}

/* <nova:instance> <nova:name>..., <nova:owner> <nova:project uuid="...">... */
static void take_nova(struct kct_vm_name *name, struct kct_piece status, struct kct_piece domain)
{
	struct kct_piece nova = kct_piece_between(status, "<nova:instance ", "</nova:instance>");
	struct kct_piece project = kct_piece_between(nova, "<nova:project ", "</nova:project>"),
			 display;
	char buffer[1024];

	if (!nova.at)
		return;
	name->orchestrator = KCT_OPENSTACK;
	PUT(name->id, domain);
	display = plain_text(kct_piece_between(nova, "<nova:name>", "</nova:name>"), buffer,
			     sizeof(buffer));
	if (display.size) {
		PUT(name->name, display);
		name->source = KCT_NAME_NOVA;
	}
	kct_piece_cut(&project, '>');
	PUT(name->space, plain_text(project, buffer, sizeof(buffer)));
}

static bool is_of_process(struct kct_piece status, pid_t pid)
{
	char number[16];
	struct kct_piece head = kct_piece_between(status, "<domstatus", ">");

	snprintf(number, sizeof(number), "%d", (int)pid);
	return kct_piece_is(kct_piece_between(head, " pid='", "'"), number) ||
	       kct_piece_is(kct_piece_between(head, " pid=\"", "\""), number);
}

void kct_name_from_libvirt(struct kct_vm_name *name, int root, struct kct_piece domain, pid_t pid)
{
	static char buffer[STATUS_MAX]; /* what is not used of it takes no memory */
	char path[512];
	struct kct_piece status, uuid;
	uid_t owner = (uid_t)-1;

	if (!domain.size || domain.size > 255 || memchr(domain.at, '/', domain.size) ||
	    memchr(domain.at, '\0', domain.size))
		return;
	snprintf(path, sizeof(path), "run/libvirt/qemu/%.*s.xml", (int)domain.size, domain.at);
	status = kct_read_small(root, path, O_NOFOLLOW, buffer, sizeof(buffer), &owner);
	/* Anybody may run a program that says "-name web" of itself. */
	if (!status.at || owner != geteuid() || !is_of_process(status, pid))
		return;
	if (!name->orchestrator)
		name->orchestrator = KCT_LIBVIRT;
	uuid = kct_piece_between(status, "<uuid>", "</uuid>");
	if (kct_is_uuid(uuid))
		PUT(name->uuid, uuid);
	take_nova(name, status, domain);
}
