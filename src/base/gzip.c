// SPDX-License-Identifier: GPL-2.0
#include "base/gzip.h"

/* For deflateInit2(): the largest window, with gzip's header and trailer; and its usual memory. */
#define WINDOW 31
#define MEMORY 8

/* Lines of JSON shrink to a seventh at any level; the higher ones take several times the time. */
#define LEVEL 2

bool kct_gzip_begin(struct kct_gzip *gzip, kct_gzip_put put, void *context)
{
	gzip->z = (z_stream){0};
	gzip->put = put;
	gzip->context = context;
	return deflateInit2(&gzip->z, LEVEL, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY) ==
	       Z_OK;
}

void kct_gzip_add(struct kct_gzip *gzip, const void *bytes, size_t size, int flush)
{
	z_stream *z = &gzip->z;

	z->next_in = (unsigned char *)bytes;
	z->avail_in = (unsigned int)size;
	do {
		z->next_out = gzip->out;
		z->avail_out = sizeof(gzip->out);
		deflate(z, flush);
		gzip->put(gzip->context, gzip->out, sizeof(gzip->out) - z->avail_out);
	} while (!z->avail_out);
}

void kct_gzip_end(struct kct_gzip *gzip)
{
	deflateEnd(&gzip->z);
}
