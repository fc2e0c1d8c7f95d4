// SPDX-License-Identifier: GPL-2.0
/* Where metrics are asked for. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/number.h"
#include "monitor/http.h"

#define BACKLOG 64

static int add(struct kct_http *http, int fd)
{
	int *place = &http->listeners[http->nr_listeners];
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = place};

	if (http->nr_listeners == KCT_HTTP_LISTENERS) {
		close(fd);
		return -ENOSPC;
	}
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (epoll_ctl(http->epoll, EPOLL_CTL_ADD, fd, &event)) {
		int error = -errno;

		close(fd);
		return error;
	}
	*place = fd;
	http->nr_listeners++;
	return 0;
}

static int listen_at(struct kct_http *http, const struct sockaddr *address, socklen_t size)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, error;

	if (fd < 0)
		return -errno;
	if (address->sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, address, size) || listen(fd, BACKLOG)) {
		error = -errno;
		close(fd);
		return error;
	}
	return add(http, fd);
}

static int listen_inet(struct kct_http *http, const char *where)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	char host[64] = "127.0.0.1";
	const char *colon = strrchr(where, ':'), *begin = where, *end = colon;
	struct addrinfo *found;
	uint64_t port;
	int error;

	if (!colon || kct_parse_number(colon + 1, 1, UINT16_MAX, &port))
		return -EINVAL;
	if (*begin == '[' && end > begin + 1 && end[-1] == ']') {
		begin++;
		end--;
	}
	if ((size_t)(end - begin) >= sizeof(host))
		return -EINVAL;
	if (end > begin) {
		memcpy(host, begin, (size_t)(end - begin));
		host[end - begin] = '\0';
	}
	if (getaddrinfo(host, colon + 1, &hints, &found))
		return -EINVAL;
	error = listen_at(http, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return error;
}

/* One that a monitor before this one left behind takes no connection any more. */
static void remove_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat stat;

	if (fd < 0)
		return;
	if (!lstat(address->sun_path, &stat) && S_ISSOCK(stat.st_mode) &&
	    connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
	    errno == ECONNREFUSED)
		unlink(address->sun_path);
	close(fd);
}

static int listen_unix(struct kct_http *http, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);

	if (!length)
		return -EINVAL;
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, length);
	remove_stale(&address);
	return listen_at(http, (const struct sockaddr *)&address, sizeof(address));
}

/* sd_listen_fds(3). */
static int listen_systemd(struct kct_http *http)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t number, count;
	int error = 0;

	if (!pid || !fds || kct_parse_number(pid, 1, INT32_MAX, &number) ||
	    (pid_t)number != getpid() || kct_parse_number(fds, 1, KCT_HTTP_LISTENERS, &count))
		return -ENOENT;
	for (int fd = 3; fd < 3 + (int)count && !error; fd++)
		error = add(http, fd);
	return error;
}

int kct_http_listen(struct kct_http *http, const char *where)
{
	if (!strcmp(where, "systemd"))
		return listen_systemd(http);
	if (!strncmp(where, "unix:", 5))
		return listen_unix(http, where + 5);
	return listen_inet(http, where);
}
