// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/replace.h"
#include "monitor/publish.h"

/* As often as Prometheus asks by default. */
#define FILE_NS (15 * KCT_NS_PER_S)

void kct_publisher_init(struct kct_publisher *publisher)
{
	*publisher = (struct kct_publisher){.http.epoll = -1};
	kct_metrics_init(&publisher->metrics);
}

void kct_publisher_close(struct kct_publisher *publisher)
{
	kct_http_close(&publisher->http);
	kct_metrics_clear(&publisher->metrics);
}

static bool is_file(const char *place)
{
	size_t length = strlen(place);

	return length > 5 && !strcmp(place + length - 5, ".prom") &&
	       strncmp(place, "unix:", 5) != 0;
}

bool kct_publisher_add(struct kct_publisher *publisher, const char *place)
{
	if (publisher->nr_places == KCT_PUBLISH_MAX ||
	    (!is_file(place) && !strchr(place, ':') && strcmp(place, "systemd") != 0))
		return false;
	if (is_file(place)) {
		if (publisher->file)
			return false;
		publisher->file = place;
	}
	publisher->places[publisher->nr_places++] = place;
	return true;
}

static void write_metrics(void *context, enum kct_metrics_format format, FILE *out)
{
	struct kct_publisher *publisher = context;

	kct_metrics_write(&publisher->metrics, &publisher->of, format, out);
}

/* node_exporter runs as a user of its own. */
#define FOR_ALL 0644

static int write_file(struct kct_publisher *publisher)
{
	struct kct_replacement file;
	int error = kct_replace_open(&file, publisher->file), copy;
	FILE *out;

	if (error)
		return error;
	copy = dup(file.fd);
	fchmod(file.fd, FOR_ALL);
	out = copy < 0 ? NULL : fdopen(copy, "w");
	if (out) {
		write_metrics(publisher, KCT_METRICS_TEXT, out);
		error = fclose(out) ? -errno : 0;
	} else {
		error = -errno;
		if (copy >= 0)
			close(copy);
	}
	close(file.fd);
	if (!error)
		error = kct_replace_commit(&file);
	kct_replace_abandon(&file);
	return error;
}

/* A file that cannot be written is no reason to end: it is told once, and tried again. */
static void try_file(struct kct_publisher *publisher)
{
	int error = write_file(publisher);

	if (error && !publisher->cannot_write)
		kct_error("%s: %s", publisher->file, strerror(-error));
	publisher->cannot_write = error != 0;
}

static int listen_at(struct kct_publisher *publisher, const char *place)
{
	int error = kct_http_listen(&publisher->http, place);

	if (error == -EINVAL)
		kct_error("--metrics: '%s' is no address and port, such as 127.0.0.1:9743", place);
	else if (error == -ENOENT && !strcmp(place, "systemd"))
		kct_error("--metrics systemd: the service manager handed over no socket");
	else if (error)
		kct_error("%s: %s", place, strerror(-error));
	return error;
}

int kct_publisher_begin(struct kct_publisher *publisher, const struct kct_metrics_of *of)
{
	int error = kct_http_open(&publisher->http);

	publisher->of = *of;
	publisher->http.write = write_metrics;
	publisher->http.context = publisher;
	for (int i = 0; i < publisher->nr_places && !error; i++)
		if (publisher->places[i] != publisher->file)
			error = listen_at(publisher, publisher->places[i]);
	return error;
}

uint64_t kct_publisher_tick(struct kct_publisher *publisher, uint64_t now_ns)
{
	uint64_t due = kct_http_tick(&publisher->http, now_ns);

	if (!publisher->file)
		return due;
	if (now_ns >= publisher->write_ns) {
		try_file(publisher);
		publisher->write_ns = now_ns + FILE_NS;
	}
	return publisher->write_ns < due ? publisher->write_ns : due;
}
