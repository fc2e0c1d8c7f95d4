// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/text.h"
#include "base/wall.h"
#include "cmd/page.h"
#include "cmd/top.h"
#include "host/host.h"
#include "screen/terminal.h"
#include "show/line.h"
#include "show/off.h"
#include "show/report.h"

/* Events that are kept for whoever asks for the last ones. */
#define RECENT_EVENTS 65536
/* Of these, the last minute is written, and so many lines are shown. */
#define WRITTEN_NS (60 * KCT_NS_PER_S)
#define MAX_LINES  10000

/* ---- its beginning and its end ---- */

static int refuse_memory(struct kct_top *top)
{
	if (!top->failure)
		kct_error("out of memory");
	top->failure = KCT_EXIT_HOST;
	if (top->loop && top->loop->is_open)
		kct_loop_end(top->loop, "error");
	return KCT_EXIT_HOST;
}

int kct_top_restart(struct kct_top *top, uint64_t since_ns)
{
	if (top->tables)
		return 0;
	kct_watch_clear(&top->watch);
	kct_recent_clear(&top->recent);
	top->watch.since_ns = since_ns;
	return kct_recent_init(&top->recent, RECENT_EVENTS) ? refuse_memory(top) : 0;
}

int kct_top_open(struct kct_top *top, uint64_t since_ns)
{
	kct_screen_init(&top->screen);
	return kct_top_restart(top, since_ns);
}

void kct_top_close(struct kct_top *top)
{
	kct_terminal_close();
	kct_screen_clear(&top->screen);
	kct_watch_clear(&top->watch);
	kct_recent_clear(&top->recent);
}

int kct_top_open_terminal(struct kct_top *top)
{
	int status = kct_terminal_open(top->loop->fds[KCT_LOOP_SIGNAL].fd);

	if (status)
		return status;
	top->loop->fds[KCT_LOOP_OTHERS].fd = kct_terminal_fd();
	top->screen.ascii = kct_terminal_is_ascii();
	return 0;
}

void kct_top_event(struct kct_top *top, const union kct_any_event *event,
		   const struct kct_vm_name *name)
{
	if (top->tables)
		return;
	if (kct_watch_event(&top->watch, event) || kct_recent_event(&top->recent, event, name))
		refuse_memory(top);
}

/* ---- our own cost ---- */

static uint64_t resident_bytes(void)
{
	unsigned long pages = 0;
	char line[128];

	kct_read_line("/proc/self/statm", line, sizeof(line));
	return sscanf(line, "%*u %lu", &pages) == 1 ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Over no less than a second: what happens in single frames is nobody's concern. */
static void measure_cost(struct kct_top *top)
{
	uint64_t now = kct_clock_ns(CLOCK_MONOTONIC), cpu_us, took = now - top->cost_ns;
	struct rusage used;

	if (top->cost_ns && took < KCT_NS_PER_S)
		return;
	getrusage(RUSAGE_SELF, &used);
	cpu_us = (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
		 (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
	top->status.cpu = top->cost_ns ? (double)(cpu_us - top->cpu_us) * 1000 / (double)took : -1;
	top->status.events = -1;
	if (top->cost_ns && !top->screen.replays)
		top->status.events =
			(double)(top->model->events - top->nr_events) * KCT_NS_PER_S / (double)took;
	top->status.memory = resident_bytes();
	top->cost_ns = now;
	top->cpu_us = cpu_us;
	top->nr_events = top->model->events;
}

/* ---- the screen ---- */

static void take_shot(struct kct_top *top)
{
	const struct kct_shot_of of = {
		.header = top->header,
		.model = top->model,
		.watch = &top->watch,
		.clocks = &top->clocks,
		.now_ns = top->now_ns,
	};
	struct kct_shot shot;

	kct_watch_prune(&top->watch, top->model);
	if (kct_shot_take(&shot, &of) || kct_screen_take(&top->screen, &shot))
		refuse_memory(top);
}

static void draw(struct kct_top *top)
{
	char why[160];
	struct kct_page page;

	if (kct_terminal_said(top->screen.message, sizeof(top->screen.message)) &&
	    !strncmp(top->screen.message, KCT_PROGRAM ": ", strlen(KCT_PROGRAM ": ")))
		memmove(top->screen.message, top->screen.message + strlen(KCT_PROGRAM ": "),
			strlen(top->screen.message + strlen(KCT_PROGRAM ": ")) + 1);
	kct_terminal_size(&top->screen.lines, &top->screen.columns);
	top->status.header = top->header;
	top->status.mode = top->mode;
	top->status.incomplete = kct_incomplete(top->model, why, sizeof(why));
	if (!top->status.incomplete)
		top->status.incomplete = top->incomplete;
	kct_screen_draw(&top->screen, &top->status, &page);
	kct_terminal_show(&page);
	kct_page_clear(&page);
}

void kct_top_show(struct kct_top *top, bool frozen)
{
	measure_cost(top);
	kct_recent_mark(&top->recent, top->now_ns, &top->model->lost);
	if (!frozen)
		take_shot(top);
	draw(top);
}

/* ---- the last events of a VM ---- */

struct listing {
	const struct kct_top *top;
	const struct kct_shot_vm *shown;
	const struct kct_vm *vm; /* NULL: the model holds it no more */
	char **lines;
	size_t count, nr_events;
};

static bool is_listed(const struct listing *listing, const union kct_any_event *event)
{
	return event->event.vm == listing->shown->row.vm &&
	       event->event.ns <= listing->top->screen.shot.now_ns;
}

static void count_event(void *context, const union kct_any_event *event,
			const struct kct_vm_name *name)
{
	struct listing *listing = context;

	(void)name;
	listing->nr_events += is_listed(listing, event);
}

/* A line that it has written; NULL when out of memory. */
static char *line_of(void (*write)(FILE *out, struct listing *listing, const void *what),
		     struct listing *listing, const void *what)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	write(out, listing, what);
	fclose(out);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	return text;
}

static void write_event(FILE *out, struct listing *listing, const void *event)
{
	kct_show_line(out, event, listing->vm, listing->top->header->started.boot_ns);
}

static void write_title(FILE *out, struct listing *listing, const void *unused)
{
	(void)unused;
	fprintf(out, "%s: its last %zu events of the last %zu of this host", listing->shown->name,
		listing->nr_events, listing->top->recent.count);
}

static void write_off(FILE *out, struct listing *listing, const void *unused)
{
	(void)unused;
	if (!listing->vm || listing->vm->active != KCT_NO || !listing->vm->nr_vcpus) {
		fprintf(out, "%14s %7s %-24s %-9s %s", "SECONDS", "TID", "VM/vCPU", "EVENT",
			"DETAILS");
		return;
	}
	fputs("its masterclock is off: ", out);
	kct_show_vm_off(out, listing->vm, listing->top->header->clocksource,
			kct_figures_shown(listing->top->header));
}

static void add_line(struct listing *listing, char *line)
{
	if (line)
		listing->lines[listing->count++] = line;
}

static void list_event(void *context, const union kct_any_event *event,
		       const struct kct_vm_name *name)
{
	struct listing *listing = context;

	(void)name;
	if (!is_listed(listing, event))
		return;
	if (listing->nr_events-- <= MAX_LINES)
		add_line(listing, line_of(write_event, listing, event));
}

static void show_events(struct kct_top *top)
{
	const struct kct_row *vcpu;
	struct listing listing = {
		.top = top, .shown = kct_view_at(&top->screen.view, &top->screen.shot, &vcpu)};

	if (!listing.shown)
		return;
	listing.vm = kct_model_find_vm(top->model, listing.shown->row.vm);
	kct_recent_each(&top->recent, count_event, &listing);
	listing.lines = calloc(MAX_LINES + 2, sizeof(*listing.lines));
	if (!listing.lines) {
		kct_screen_say(&top->screen, "out of memory");
		return;
	}
	add_line(&listing, line_of(write_title, &listing, NULL));
	add_line(&listing, line_of(write_off, &listing, NULL));
	kct_recent_each(&top->recent, list_event, &listing);
	kct_screen_show_events(&top->screen, listing.lines, listing.count);
}

/* ---- a recording of the last minute ---- */

static void propose_name(struct kct_top *top)
{
	char name[64], wall[KCT_WALL_SIZE];
	struct kct_anchor now;

	if (top->screen.replays) {
		kct_screen_say(&top->screen, "this is a recording");
		return;
	}
	kct_host_anchor(&now);
	kct_wall_text(wall, now.realtime_ns);
	/* 2026-11-28T14:02:03: a colon is not for the names of files. */
	snprintf(name, sizeof(name), "top-%.10s-%.2s%.2s%.2s.jsonl", wall, wall + 11, wall + 14,
		 wall + 17);
	kct_screen_ask_file(&top->screen, name);
}

struct writing {
	struct kct_top *top;
	struct kct_recent_span span;
};

static int write_recent(FILE *out, void *context)
{
	struct writing *writing = context;

	if (!kct_recent_write(&writing->top->recent, out, &writing->span))
		return 0;
	kct_error("out of memory");
	return KCT_EXIT_HOST;
}

static void write_file(struct kct_top *top)
{
	uint64_t now = kct_clock_ns(CLOCK_BOOTTIME);
	struct writing writing = {
		.top = top,
		.span = {.header = top->header,
			 .from_ns = now > WRITTEN_NS ? now - WRITTEN_NS : 0,
			 .now_ns = now},
	};
	char path[KCT_TEXT_ROOM(KCT_ENTRY_ROOM)];

	/* Why it failed, standard error was told. */
	if (kct_write_file(top->screen.entry, write_recent, &writing))
		return;
	kct_text(path, sizeof(path), top->screen.entry, strlen(top->screen.entry), 0);
	kct_screen_say(&top->screen, "%" PRIu64 " events of %.1f s are in %s", writing.span.events,
		       (double)(now - writing.span.began_ns) / KCT_NS_PER_S, path);
}

/* ---- keys ---- */

static void zero(struct kct_top *top)
{
	if (kct_watch_zero(&top->watch, top->model, top->now_ns))
		refuse_memory(top);
	take_shot(top);
}

static void act(struct kct_top *top, enum kct_action action)
{
	switch (action) {
	case KCT_ACTION_NONE:
		break;
	case KCT_ACTION_QUIT:
		kct_loop_end(top->loop, "signal");
		break;
	case KCT_ACTION_ZERO:
		zero(top);
		break;
	case KCT_ACTION_EVENTS:
		show_events(top);
		break;
	case KCT_ACTION_NAME:
		propose_name(top);
		break;
	case KCT_ACTION_WRITE:
		write_file(top);
		break;
	default:
		top->act(top, action);
	}
}

void kct_top_keys(struct kct_top *top)
{
	bool is_code, hung_up = false;
	wint_t key;

	while (!top->loop->reason && kct_terminal_key(&is_code, &key, &hung_up))
		act(top, kct_screen_key(&top->screen, is_code, key));
	if (hung_up)
		kct_loop_end(top->loop, "signal");
	if (!top->loop->reason)
		draw(top);
}

/* ---- tables ---- */

void kct_top_show_batch(const struct kct_top *top, FILE *out, const char *when, bool verbose)
{
	uint64_t since = top->header->started.boot_ns;

	fprintf(out, "%s, %.3f s: %" PRIu64 " events, %" PRIu64 " lost\n", when,
		top->now_ns > since ? (double)(top->now_ns - since) / KCT_NS_PER_S : 0,
		top->model->events, kct_lost(top->model));
	kct_show_table(out, top->header, top->model, verbose);
	fputc('\n', out);
}
