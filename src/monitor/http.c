// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/duration.h"
#include "monitor/http.h"

/* How long an exchange may take. */
#define PATIENCE_NS (5 * KCT_NS_PER_S)

int kct_http_open(struct kct_http *http)
{
	for (int i = 0; i < KCT_HTTP_CONNECTIONS; i++)
		http->connections[i].fd = -1;
	http->nr_listeners = 0;
	http->epoll = epoll_create1(EPOLL_CLOEXEC);
	return http->epoll < 0 ? -errno : 0;
}

static void drop(struct kct_http_connection *connection)
{
	if (connection->fd >= 0)
		close(connection->fd);
	free(connection->answer);
	connection->answer = NULL;
	connection->fd = -1;
}

void kct_http_close(struct kct_http *http)
{
	if (http->epoll < 0)
		return;
	for (int i = 0; i < http->nr_listeners; i++)
		close(http->listeners[i]);
	for (int i = 0; i < KCT_HTTP_CONNECTIONS; i++)
		drop(&http->connections[i]);
	close(http->epoll);
	http->epoll = -1;
}

/* ---- answers ---- */

struct request {
	const char *method, *path;
	bool open; /* it takes OpenMetrics */
};

static void answer(struct kct_http_connection *connection, const char *status, const char *type,
		   const char *body, size_t size, bool with_body)
{
	FILE *out = open_memstream(&connection->answer, &connection->size);

	connection->sent = 0;
	if (!out)
		return;
	fprintf(out,
		"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"Connection: close\r\nCache-Control: no-store\r\n%s\r\n",
		status, type, size, !strncmp(status, "405", 3) ? "Allow: GET, HEAD\r\n" : "");
	if (with_body)
		fwrite(body, 1, size, out);
	if (fclose(out)) {
		free(connection->answer);
		connection->answer = NULL;
	}
}

static void refuse(struct kct_http *http, struct kct_http_connection *connection,
		   const char *status)
{
	char body[80];
	int size = snprintf(body, sizeof(body), "%s; metrics are at /metrics\n", status + 4);

	http->refused++;
	answer(connection, status, "text/plain; charset=utf-8", body, (size_t)size, true);
}

static void answer_metrics(struct kct_http *http, struct kct_http_connection *connection,
			   const struct request *request)
{
	char *body = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&body, &size);

	if (!out)
		return;
	http->write(http->context, request->open ? KCT_METRICS_OPEN : KCT_METRICS_TEXT, out);
	if (!fclose(out)) {
		answer(connection, "200 OK",
		       request->open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
				     : "text/plain; version=0.0.4; charset=utf-8",
		       body, size, !!strcmp(request->method, "HEAD"));
		http->answered++;
	}
	free(body);
}

/* The request line and the headers, whole: into words. False: that is no HTTP. */
static bool parse(char *text, struct request *request)
{
	char *line, *rest = text, *version;

	line = strsep(&rest, "\n");
	line[strcspn(line, "\r")] = '\0';
	request->method = strsep(&line, " ");
	request->path = line ? strsep(&line, " ") : NULL;
	version = line;
	request->open = false;
	if (!request->path || !version || strncmp(version, "HTTP/1.", 7) != 0)
		return false;
	while ((line = strsep(&rest, "\n")))
		if (!strncasecmp(line, "accept:", 7) &&
		    strstr(line, "application/openmetrics-text"))
			request->open = true;
	return true;
}

static void answer_request(struct kct_http *http, struct kct_http_connection *connection)
{
	struct request request;
	size_t path;

	if (memchr(connection->request, '\0', connection->length) ||
	    !parse(connection->request, &request)) {
		refuse(http, connection, "400 Bad Request");
		return;
	}
	path = strcspn(request.path, "?");
	if (strcmp(request.method, "GET") != 0 && strcmp(request.method, "HEAD") != 0)
		refuse(http, connection, "405 Method Not Allowed");
	else if (path != strlen("/metrics") || strncmp(request.path, "/metrics", path) != 0)
		refuse(http, connection, "404 Not Found");
	else
		answer_metrics(http, connection, &request);
}

/* ---- connections ---- */

static void watch(const struct kct_http *http, int fd, uint32_t events, int operation, void *what)
{
	struct epoll_event event = {.events = events, .data.ptr = what};

	epoll_ctl(http->epoll, operation, fd, &event);
}

/* A free place; or else the oldest one's. */
static struct kct_http_connection *place(struct kct_http *http)
{
	struct kct_http_connection *oldest = &http->connections[0];

	for (int i = 0; i < KCT_HTTP_CONNECTIONS; i++) {
		struct kct_http_connection *connection = &http->connections[i];

		if (connection->fd < 0)
			return connection;
		if (connection->due_ns < oldest->due_ns)
			oldest = connection;
	}
	drop(oldest);
	http->dropped++;
	return oldest;
}

static void accept_all(struct kct_http *http, int listener, uint64_t now_ns)
{
	/* As many as there is room for; the next ones when others have been seen to. */
	for (int i = 0; i < KCT_HTTP_CONNECTIONS; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct kct_http_connection *connection;

		if (fd < 0)
			return;
		connection = place(http);
		connection->fd = fd;
		connection->length = 0;
		connection->due_ns = now_ns + PATIENCE_NS;
		watch(http, fd, EPOLLIN, EPOLL_CTL_ADD, connection);
	}
}

/* What was sent is not to be lost because something is left unread: it hangs up first. */
static void finish(const struct kct_http *http, struct kct_http_connection *connection)
{
	shutdown(connection->fd, SHUT_WR);
	watch(http, connection->fd, EPOLLIN, EPOLL_CTL_MOD, connection);
}

static void send_more(const struct kct_http *http, struct kct_http_connection *connection)
{
	ssize_t sent = send(connection->fd, connection->answer + connection->sent,
			    connection->size - connection->sent, MSG_NOSIGNAL);

	if (sent < 0) {
		if (errno == EAGAIN || errno == EINTR)
			watch(http, connection->fd, EPOLLOUT, EPOLL_CTL_MOD, connection);
		else
			drop(connection);
		return;
	}
	connection->sent += (size_t)sent;
	if (connection->sent == connection->size)
		finish(http, connection);
	else
		watch(http, connection->fd, EPOLLOUT, EPOLL_CTL_MOD, connection);
}

static bool is_whole(const struct kct_http_connection *connection)
{
	return strstr(connection->request, "\r\n\r\n") || strstr(connection->request, "\n\n");
}

static void read_more(struct kct_http *http, struct kct_http_connection *connection)
{
	size_t room = sizeof(connection->request) - 1 - connection->length;
	ssize_t got = recv(connection->fd, connection->request + connection->length, room, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		drop(connection);
		return;
	}
	connection->length += (size_t)got;
	connection->request[connection->length] = '\0';
	if (is_whole(connection) || memchr(connection->request, '\0', connection->length))
		answer_request(http, connection);
	else if (connection->length == sizeof(connection->request) - 1)
		refuse(http, connection, "431 Request Header Fields Too Large");
	else
		return;
	if (connection->answer)
		send_more(http, connection);
	else
		drop(connection);
}

/* What comes behind the request is of no interest, until the other one hangs up, too. */
static void read_rest(struct kct_http_connection *connection)
{
	char rest[4096];
	ssize_t got = recv(connection->fd, rest, sizeof(rest), 0);

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		drop(connection);
}

void kct_http_serve(struct kct_http *http, uint64_t now_ns)
{
	struct epoll_event events[KCT_HTTP_LISTENERS + KCT_HTTP_CONNECTIONS];
	int count = epoll_wait(http->epoll, events, sizeof(events) / sizeof(events[0]), 0);

	for (int i = 0; i < count; i++) {
		struct kct_http_connection *connection = events[i].data.ptr;

		if ((int *)events[i].data.ptr >= http->listeners &&
		    (int *)events[i].data.ptr < http->listeners + KCT_HTTP_LISTENERS)
			continue;
		/* It may have been taken away meanwhile. */
		if (connection->fd < 0)
			continue;
		if (!connection->answer)
			read_more(http, connection);
		else if (connection->sent < connection->size)
			send_more(http, connection);
		else
			read_rest(connection);
	}
	/* Last, so that none of those above is somebody else's by now. */
	for (int i = 0; i < http->nr_listeners; i++)
		accept_all(http, http->listeners[i], now_ns);
}

uint64_t kct_http_tick(struct kct_http *http, uint64_t now_ns)
{
	uint64_t due = UINT64_MAX;

	for (int i = 0; i < KCT_HTTP_CONNECTIONS; i++) {
		struct kct_http_connection *connection = &http->connections[i];

		if (connection->fd >= 0 && connection->due_ns <= now_ns) {
			drop(connection);
			http->dropped++;
		}
		if (connection->fd >= 0 && connection->due_ns < due)
			due = connection->due_ns;
	}
	return due;
}
