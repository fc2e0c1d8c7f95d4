// SPDX-License-Identifier: GPL-2.0
/* `top -r`: a recording through the same model, at whatever instant and speed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/wall.h"
#include "cmd/top.h"
#include "host/host.h"
#include "record/load.h"
#include "screen/replay.h"
#include "screen/tape.h"
#include "show/line.h"

/* While it plays. */
#define FRAME_NS (KCT_NS_PER_S / 10)

struct replaying {
	const struct kct_top_options *options;
	struct kct_filter *filter;
	struct kct_recording recording;
	char incomplete[sizeof(((struct kct_recording *)0)->incomplete)];
	struct kct_tape tape;
	struct kct_model model; /* as it is at the instant */
	size_t position;	/* events that it has */
	struct kct_replay replay;
	struct kct_top top;
	struct kct_loop loop;
};

/* ---- the recording ---- */

static bool on_event(void *context, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct replaying *r = context;

	if (!kct_filter_event(r->filter, event, name))
		return false;
	kct_tape_add(&r->tape, event, name);
	return true;
}

/* From its header to its trailer; to its last event, where it was cut off. */
static void set_time(struct replaying *r)
{
	const struct kct_recording *recording = &r->recording;
	uint64_t start = recording->header.started.boot_ns, end = recording->trailer.ended.boot_ns;

	if (r->tape.count && end < kct_tape_ns(&r->tape, r->tape.count - 1))
		end = kct_tape_ns(&r->tape, r->tape.count - 1);
	kct_replay_init(&r->replay, start, end, kct_clock_ns(CLOCK_MONOTONIC));
	r->top.clocks = (struct kct_clocks){
		.start = recording->header.started,
		.end = recording->trailer.ended,
		.has_end = recording->trailer.ended.boot_ns != 0,
	};
	if (r->options->has_at) {
		kct_replay_pause(&r->replay, true, r->replay.real_ns);
		kct_replay_go_to(&r->replay, start + r->options->at_ns);
	}
}

/* 0 or an enum kct_exit, said; INCOMPLETE, and it can be shown nevertheless. */
static int load(struct replaying *r)
{
	const struct kct_wanted wanted = {NULL, on_event, r, NULL, false};
	int status = kct_load(r->options->recording, &wanted, &r->recording);

	if (status == KCT_EXIT_USAGE)
		return status;
	snprintf(r->incomplete, sizeof(r->incomplete), "%s", r->recording.incomplete);
	if (r->tape.left_out) {
		snprintf(r->incomplete, sizeof(r->incomplete),
			 "%" PRIu64 " events at its end have no room in memory", r->tape.left_out);
		kct_error("%s: %s", r->options->recording, r->incomplete);
		status = KCT_EXIT_INCOMPLETE;
	}
	r->top.incomplete = *r->incomplete ? r->incomplete : NULL;
	return status;
}

/* ---- an instant ---- */

static void take(struct replaying *r, size_t at)
{
	const struct kct_vm_name *name;
	union kct_any_event event;

	kct_tape_get(&r->tape, at, &event, &name);
	if (kct_model_event(&r->model, &event, name)) {
		kct_error("out of memory");
		r->top.failure = KCT_EXIT_HOST;
	}
	kct_top_event(&r->top, &event, name);
}

/* A recording tells only at its end what was lost, not when: it may have been before any instant.
 */
static void restart(struct replaying *r)
{
	const struct kct_model *whole = &r->recording.model;

	kct_model_clear(&r->model);
	r->model.lost = whole->lost;
	r->model.passed = whole->passed;
	r->position = 0;
	kct_top_restart(&r->top, r->replay.start_ns);
}

/* Have the model as so many events have left it. To go back is to begin again. */
static void go_to(struct replaying *r, size_t position)
{
	if (position < r->position)
		restart(r);
	while (r->position < position && !r->top.failure)
		take(r, r->position++);
	r->top.now_ns = r->replay.at_ns;
}

static void go_to_instant(struct replaying *r)
{
	go_to(r, kct_tape_until(&r->tape, r->replay.at_ns));
}

/* ---- the screen ---- */

static void show(struct replaying *r)
{
	const struct kct_replay *replay = &r->replay;

	snprintf(r->top.mode, sizeof(r->top.mode), "replay %s%s, %.6f of %.3f s",
		 kct_replay_speed_text(replay), replay->paused ? ", paused" : "",
		 (double)(replay->at_ns - replay->start_ns) / KCT_NS_PER_S,
		 (double)(replay->end_ns - replay->start_ns) / KCT_NS_PER_S);
	r->top.screen.view.frozen = replay->paused;
	kct_top_show(&r->top, false);
}

/* What happened there, as `trace` has it. */
static void say_event(struct replaying *r, size_t at)
{
	const struct kct_vm_name *name;
	union kct_any_event event;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return;
	kct_tape_get(&r->tape, at, &event, &name);
	kct_show_line(out, &event, kct_model_find_vm(&r->model, event.event.vm),
		      r->replay.start_ns);
	fclose(out);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	kct_screen_say(&r->top.screen, "%s", text ? text : "out of memory");
	free(text);
}

/* Right behind that event. */
static void step_behind(struct replaying *r, size_t at)
{
	kct_replay_pause(&r->replay, true, r->replay.real_ns);
	kct_replay_go_to(&r->replay, kct_tape_ns(&r->tape, at));
	go_to(r, at + 1);
	say_event(r, at);
}

static void step_to_start(struct replaying *r)
{
	kct_replay_pause(&r->replay, true, r->replay.real_ns);
	kct_replay_go_to(&r->replay, r->replay.start_ns);
	go_to_instant(r);
}

static void step_to_end(struct replaying *r)
{
	kct_replay_pause(&r->replay, true, r->replay.real_ns);
	kct_replay_go_to(&r->replay, r->replay.end_ns);
	go_to_instant(r);
}

static void step_back(struct replaying *r)
{
	if (r->position >= 2)
		step_behind(r, r->position - 2);
	else
		step_to_start(r);
}

static void next_jump(struct replaying *r)
{
	for (size_t at = r->position; at < r->tape.count; at++)
		if (kct_tape_is_jump(&r->tape, at)) {
			step_behind(r, at);
			return;
		}
	kct_screen_say(&r->top.screen, "no clock jumps behind this");
}

static void previous_jump(struct replaying *r)
{
	for (size_t at = r->position ? r->position - 1 : 0; at-- > 0;)
		if (kct_tape_is_jump(&r->tape, at)) {
			step_behind(r, at);
			return;
		}
	kct_screen_say(&r->top.screen, "no clock jumps before this");
}

static void act(struct kct_top *top, enum kct_action action)
{
	struct replaying *r = top->context;

	switch (action) {
	case KCT_ACTION_FREEZE:
		kct_replay_pause(&r->replay, !r->replay.paused, kct_clock_ns(CLOCK_MONOTONIC));
		break;
	case KCT_ACTION_FORWARD:
		if (r->position < r->tape.count)
			step_behind(r, r->position);
		break;
	case KCT_ACTION_BACK:
		step_back(r);
		break;
	case KCT_ACTION_FASTER:
		kct_replay_faster(&r->replay);
		break;
	case KCT_ACTION_SLOWER:
		kct_replay_slower(&r->replay);
		break;
	case KCT_ACTION_NEXT_JUMP:
		next_jump(r);
		break;
	case KCT_ACTION_PREVIOUS_JUMP:
		previous_jump(r);
		break;
	case KCT_ACTION_START:
		step_to_start(r);
		break;
	case KCT_ACTION_END:
		step_to_end(r);
		break;
	default:
		return;
	}
	show(r);
}

static void on_frame(struct replaying *r)
{
	uint64_t ticks;
	bool was_paused = r->replay.paused;

	if (read(r->loop.fds[KCT_LOOP_INTERVAL].fd, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	kct_replay_go_on(&r->replay, kct_clock_ns(CLOCK_MONOTONIC));
	if (was_paused)
		return;
	go_to_instant(r);
	show(r);
}

static int play(struct replaying *r)
{
	int status = kct_loop_open(&r->loop, 0, FRAME_NS);

	if (!status)
		status = kct_top_open_terminal(&r->top);
	if (status)
		return status;
	go_to_instant(r);
	show(r);
	while (!r->loop.reason && !r->top.failure) {
		kct_loop_poll(&r->loop, false, -1);
		if (r->loop.fds[KCT_LOOP_INTERVAL].revents)
			on_frame(r);
		if (r->loop.fds[KCT_LOOP_OTHERS].revents)
			kct_top_keys(&r->top);
	}
	return r->top.failure;
}

/* ---- tables ---- */

static void print(struct replaying *r)
{
	char wall[KCT_WALL_SIZE];

	go_to_instant(r);
	kct_wall_text(wall, kct_realtime_of_boot(&r->top.clocks, r->replay.at_ns));
	kct_top_show_batch(&r->top, stdout, wall, r->options->verbose);
}

/* One of the instant that was asked for, or of the end; or one at each interval up to that. */
static int print_all(struct replaying *r)
{
	const struct kct_top_options *o = r->options;
	uint64_t shown = 0, at = r->replay.at_ns;

	if (!o->interval_ns) {
		if (!o->has_at)
			kct_replay_go_to(&r->replay, r->replay.end_ns);
		print(r);
		return r->top.failure;
	}
	do {
		if (__builtin_add_overflow(at, o->interval_ns, &at))
			at = r->replay.end_ns;
		kct_replay_go_to(&r->replay, at);
		print(r);
	} while (at < r->replay.end_ns && ++shown != o->count && !r->top.failure);
	return r->top.failure;
}

int kct_top_replay(const struct kct_top_options *options, struct kct_filter *filter)
{
	struct replaying *r = calloc(1, sizeof(*r));
	int status = KCT_EXIT_HOST, incomplete;

	if (!r) {
		kct_error("out of memory");
		return status;
	}
	r->options = options;
	r->filter = filter;
	r->top.header = &r->recording.header;
	r->top.model = &r->model;
	r->top.loop = &r->loop;
	r->top.context = r;
	r->top.act = act;
	r->top.tables = options->batch;
	kct_model_init(&r->model);
	incomplete = load(r);
	if (incomplete != KCT_EXIT_USAGE) {
		set_time(r);
		status = kct_top_open(&r->top, r->replay.start_ns);
		r->top.screen.replays = true;
		restart(r);
		if (!status)
			status = options->batch ? print_all(r) : play(r);
		kct_top_close(&r->top);
		kct_loop_close(&r->loop);
		kct_recording_clear(&r->recording);
	}
	kct_model_clear(&r->model);
	kct_tape_clear(&r->tape);
	free(r);
	return incomplete == KCT_EXIT_USAGE || !status ? incomplete : status;
}
