/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes to gzip, for files that are readable up to where they were flushed last. */
#ifndef KCT_BASE_GZIP_H
#define KCT_BASE_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <zlib.h>

/* Takes what has been compressed. */
typedef void (*kct_gzip_put)(void *context, const unsigned char *bytes, size_t size);

struct kct_gzip {
	z_stream z;
	kct_gzip_put put;
	void *context;
	unsigned char out[65536];
};

/* False: there is no memory. */
bool kct_gzip_begin(struct kct_gzip *gzip, kct_gzip_put put, void *context);
/* `flush` as for deflate(): Z_NO_FLUSH, Z_SYNC_FLUSH; Z_FINISH with the last bytes. */
void kct_gzip_add(struct kct_gzip *gzip, const void *bytes, size_t size, int flush);
void kct_gzip_end(struct kct_gzip *gzip);

#endif
