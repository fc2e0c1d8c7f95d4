// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "host/inside.h"

static const struct kct_piece none = {NULL, 0};

struct kct_piece kct_piece_of(const char *string)
{
	return (struct kct_piece){string, string ? strlen(string) : 0};
}

bool kct_starts_with(struct kct_piece text, const char *start)
{
	size_t size = strlen(start);

	return text.size >= size && memcmp(text.at, start, size) == 0;
}

bool kct_ends_with(struct kct_piece text, const char *end)
{
	size_t size = strlen(end);

	return text.size >= size && memcmp(text.at + text.size - size, end, size) == 0;
}

bool kct_piece_is(struct kct_piece text, const char *string)
{
	return text.size == strlen(string) && kct_starts_with(text, string);
}

struct kct_piece kct_piece_skip(struct kct_piece text, size_t size)
{
	return (struct kct_piece){text.at + size, text.size - size};
}

struct kct_piece kct_piece_find(struct kct_piece text, const char *word)
{
	const char *at = text.size ? memmem(text.at, text.size, word, strlen(word)) : NULL;

	return at ? kct_piece_skip(text, (size_t)(at - text.at)) : none;
}

struct kct_piece kct_piece_between(struct kct_piece text, const char *begin, const char *end)
{
	struct kct_piece from = kct_piece_find(text, begin), to;

	if (!from.at)
		return none;
	from = kct_piece_skip(from, strlen(begin));
	to = kct_piece_find(from, end);
	return to.at ? (struct kct_piece){from.at, (size_t)(to.at - from.at)} : none;
}

struct kct_piece kct_piece_cut(struct kct_piece *rest, char separator)
{
	const char *at = rest->size ? memchr(rest->at, separator, rest->size) : NULL;
	struct kct_piece first = {rest->at, at ? (size_t)(at - rest->at) : rest->size};

	*rest = kct_piece_skip(*rest, at ? first.size + 1 : first.size);
	return first;
}

struct kct_piece kct_base_name(struct kct_piece path)
{
	for (size_t i = path.size; i > 0; i--)
		if (path.at[i - 1] == '/')
			return kct_piece_skip(path, i);
	return path;
}

bool kct_is_uuid(struct kct_piece text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (text.size != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		if (form[i] == '-' ? text.at[i] != '-'
				   : !memchr("0123456789abcdefABCDEF", text.at[i], 22))
			return false;
	}
	return true;
}

/* More than any name has room for: what is behind it cannot come into it. */
#define LOOKED_AT 1024

void kct_put_piece(char *out, size_t room, struct kct_piece text)
{
	size_t size = text.size < LOOKED_AT ? text.size : LOOKED_AT;

	kct_text(out, room, size ? text.at : "", size, KCT_TEXT_NAME);
}

static size_t read_all(int fd, char *buffer, size_t room)
{
	size_t used = 0;

	while (used < room) {
		ssize_t got = read(fd, buffer + used, room - used);

		if (got <= 0)
			break;
		used += (size_t)got;
	}
	return used;
}

struct kct_piece kct_read_small(int directory, const char *path, int flags, char *buffer,
				size_t room, uid_t *owner)
{
	/* A FIFO in its place must not keep us. */
	int fd = openat(directory, path, flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct kct_piece content = none;
	struct stat status;

	if (fd < 0)
		return none;
	if (!fstat(fd, &status) && S_ISREG(status.st_mode)) {
		content = (struct kct_piece){buffer, read_all(fd, buffer, room)};
		if (owner)
			*owner = status.st_uid;
	}
	close(fd);
	return content;
}
