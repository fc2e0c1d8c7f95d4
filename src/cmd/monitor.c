// SPDX-License-Identifier: GPL-2.0
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/number.h"
#include "base/size.h"
#include "cmd/cmd.h"
#include "cmd/live.h"
#include "host/host.h"
#include "monitor/journal.h"
#include "monitor/notify.h"
#include "monitor/publish.h"
#include "monitor/recorder.h"
#include "monitor/triggers.h"

/* VMs whose end no hook tells are looked for so often. */
#define REAP_NS (60 * KCT_NS_PER_S)

struct monitor {
	struct kct_live live;
	struct kct_recorder_options record;
	struct kct_trigger_options trigger;
	struct kct_state state;
	struct kct_losses losses;
	struct kct_recorder recorder;
	struct kct_triggers triggers;
	struct kct_journal journal;
	struct kct_publisher publisher;
	int epoll, timer, signals; /* -1: not open */
	uint64_t watchdog_ns;	   /* how often; 0: not wanted */
	uint64_t ping_ns, reap_ns; /* when next */
	int failure;		   /* an enum kct_exit */
};

/* ---- options ---- */

enum {
	OPTION_RECORD = 0x300,
	OPTION_ROTATE_SIZE,
	OPTION_ROTATE_AGE,
	OPTION_KEEP,
	OPTION_KEEP_AGE,
	OPTION_KEEP_FREE,
	OPTION_KEEP_PINNED,
	OPTION_TRIGGER,
	OPTION_PRE_ROLL,
	OPTION_POST_ROLL,
	OPTION_TRIGGER_INTERVAL,
	OPTION_ON_TRIGGER,
	OPTION_ON_TRIGGER_AS,
	OPTION_METRICS,
	OPTION_MAX_SERIES,
};

static const struct argp_option options[] = {
	{"record", OPTION_RECORD, "DIR", 0, "Record all events into segments in this directory", 0},
	{"rotate-size", OPTION_ROTATE_SIZE, "SIZE", 0,
	 "Begin a new segment behind so many bytes, compressed (16M)", 0},
	{"rotate-age", OPTION_ROTATE_AGE, "DURATION", 0, "Or after this time (1h)", 0},
	{"keep", OPTION_KEEP, "SIZE", 0,
	 "Remove the oldest segments so that all take no more than this (1G)", 0},
	{"keep-age", OPTION_KEEP_AGE, "DURATION", 0, "Remove segments that are older (168h)", 0},
	{"keep-free", OPTION_KEEP_FREE, "SIZE", 0, "Leave so much of the disk free (256M)", 0},
	{"keep-pinned", OPTION_KEEP_PINNED, "SIZE", 0,
	 "Of what is pinned, remove the oldest so that all take no more than this (a quarter of "
	 "--keep)",
	 0},
	{"trigger", OPTION_TRIGGER, "TRIGGER", 0,
	 "Pin what was before and behind it: set-clock, unnecessary>=N, jump>=DURATION, "
	 "masterclock-off or vm-gone, with ,pid=PID and ,vm=NAME of these VMs only; may be given "
	 "more than once. SIGUSR1 is one, too",
	 0},
	{"pre-roll", OPTION_PRE_ROLL, "DURATION", 0, "Pin so much before a trigger (60s)", 0},
	{"post-roll", OPTION_POST_ROLL, "DURATION", 0, "Pin so much behind a trigger (10s)", 0},
	{"trigger-interval", OPTION_TRIGGER_INTERVAL, "DURATION", 0,
	 "Begin to pin no more often than this (60s)", 0},
	{"on-trigger", OPTION_ON_TRIGGER, "COMMAND", 0,
	 "When something was pinned, have a shell run this, without privileges; the environment "
	 "tells it what",
	 0},
	{"on-trigger-as", OPTION_ON_TRIGGER_AS, "USER", 0, "Run it as this user (nobody)", 0},
	{"metrics", OPTION_METRICS, "WHERE", 0,
	 "Serve metrics at ADDRESS:PORT, unix:PATH or systemd's sockets ('systemd'), or write them "
	 "to a file PATH.prom; may be given more than once",
	 0},
	{"max-series", OPTION_MAX_SERIES, "N", 0, "Metrics of single VMs up to N series (10000)",
	 0},
	{0},
};

static void take_size(const char *text, uint64_t least, uint64_t *bytes, struct argp_state *state)
{
	if (kct_parse_size(text, bytes) || *bytes < least)
		argp_error(state, "'%s' is not a size such as 64M, or too small a one", text);
}

static void take_duration(const char *text, uint64_t least, uint64_t *ns, struct argp_state *state)
{
	if (kct_parse_duration(text, ns) || *ns < least)
		argp_error(state, "'%s' is not a duration such as 10s or 2h, or too short a one",
			   text);
}

static void take_trigger(const char *text, struct kct_trigger_options *trigger,
			 struct argp_state *state)
{
	if (trigger->count == KCT_MAX_TRIGGERS)
		argp_error(state, "more than %d triggers", KCT_MAX_TRIGGERS);
	else if (kct_trigger_parse(&trigger->list[trigger->count], text))
		trigger->count++;
	else
		argp_error(state,
			   "'%s' is none of the triggers set-clock, unnecessary>=N, "
			   "jump>=DURATION, masterclock-off, vm-gone, with ,pid=PID and then "
			   ",vm=NAME behind it",
			   text);
}

static error_t parse_trigger(int key, char *text, struct argp_state *state)
{
	struct monitor *monitor = state->input;
	struct kct_trigger_options *trigger = &monitor->trigger;

	switch (key) {
	case OPTION_TRIGGER:
		take_trigger(text, trigger, state);
		return 0;
	case OPTION_PRE_ROLL:
		take_duration(text, 0, &trigger->rolls.pre_ns, state);
		return 0;
	case OPTION_POST_ROLL:
		take_duration(text, 0, &trigger->rolls.post_ns, state);
		return 0;
	case OPTION_TRIGGER_INTERVAL:
		take_duration(text, 0, &trigger->rolls.interval_ns, state);
		return 0;
	case OPTION_ON_TRIGGER:
		trigger->command = text;
		return 0;
	case OPTION_ON_TRIGGER_AS:
		trigger->user = text;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* What the options say together. */
static void check(struct monitor *monitor, struct argp_state *state)
{
	struct kct_bounds *bounds = &monitor->record.bounds;

	if (!monitor->record.directory && !monitor->publisher.nr_places)
		argp_error(state, "what for? --record DIR, or --metrics WHERE");
	if (!monitor->record.directory && (monitor->trigger.count || monitor->trigger.command))
		argp_error(state, "triggers need --record DIR");
	if (!bounds->pinned_bytes)
		bounds->pinned_bytes = bounds->bytes / 4;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct monitor *monitor = state->input;
	struct kct_recorder_options *record = &monitor->record;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &monitor->live;
		return 0;
	case OPTION_RECORD:
		record->directory = text;
		return 0;
	case OPTION_ROTATE_SIZE:
		take_size(text, 4096, &record->segment_bytes, state);
		return 0;
	case OPTION_ROTATE_AGE:
		take_duration(text, KCT_NS_PER_S, &record->segment_ns, state);
		return 0;
	case OPTION_KEEP:
		take_size(text, 1, &record->bounds.bytes, state);
		return 0;
	case OPTION_KEEP_AGE:
		take_duration(text, KCT_NS_PER_S, &record->bounds.age_ns, state);
		return 0;
	case OPTION_KEEP_FREE:
		take_size(text, 0, &record->bounds.free_bytes, state);
		return 0;
	case OPTION_KEEP_PINNED:
		take_size(text, 1, &record->bounds.pinned_bytes, state);
		return 0;
	case OPTION_METRICS:
		if (!kct_publisher_add(&monitor->publisher, text))
			argp_error(state,
				   "--metrics takes ADDRESS:PORT, unix:PATH, 'systemd' or one "
				   "PATH.prom, and %d of them at most, not '%s'",
				   KCT_PUBLISH_MAX, text);
		return 0;
	case OPTION_MAX_SERIES:
		if (kct_parse_number(text, 0, 1U << 30, &monitor->publisher.metrics.max_series))
			argp_error(state, "--max-series takes a number, not '%s'", text);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "what is '%s' for?", text);
		return EINVAL;
	case ARGP_KEY_END:
		check(monitor, state);
		return 0;
	}
	return parse_trigger(key, text, state);
}

/* ---- time and signals ---- */

static void watch(const struct monitor *monitor, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	epoll_ctl(monitor->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* The clock of segments goes on while the host is suspended; nothing is due earlier than now. */
static void set_timer(const struct monitor *monitor, uint64_t due_ns)
{
	struct itimerspec spec = {
		.it_value = {(time_t)(due_ns / KCT_NS_PER_S), (long)(due_ns % KCT_NS_PER_S)}};

	timerfd_settime(monitor->timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void earlier(uint64_t *due, uint64_t other)
{
	if (other < *due)
		*due = other;
}

static void reap(struct monitor *monitor, uint64_t now)
{
	if (now < monitor->reap_ns)
		return;
	kct_session_reap(monitor->live.session);
	monitor->reap_ns = now + REAP_NS;
}

static void ping(struct monitor *monitor, uint64_t now)
{
	if (!monitor->watchdog_ns || now < monitor->ping_ns)
		return;
	kct_notify("WATCHDOG=1");
	monitor->ping_ns = now + monitor->watchdog_ns;
}

/* All that is due, and the timer for what is due next. */
static void tick(struct monitor *monitor)
{
	uint64_t now = kct_clock_ns(CLOCK_BOOTTIME), due;
	bool is_over = false;

	ping(monitor, now);
	reap(monitor, now);
	due = monitor->reap_ns;
	if (monitor->record.directory) {
		earlier(&due, kct_recorder_tick(&monitor->recorder, now));
		earlier(&due, kct_journal_tick(&monitor->journal, now));
		earlier(&due, kct_triggers_tick(&monitor->triggers, now, &is_over));
	}
	earlier(&due, kct_publisher_tick(&monitor->publisher, now));
	if (monitor->watchdog_ns)
		earlier(&due, monitor->ping_ns);
	set_timer(monitor, due);
	if (is_over)
		monitor->live.more = true;
}

static void on_hangup(struct monitor *monitor)
{
	kct_notify_reloading();
	if (monitor->record.directory)
		kct_recorder_reopen(&monitor->recorder);
	kct_notify("READY=1");
}

static void on_signal(struct monitor *monitor)
{
	struct signalfd_siginfo info;

	while (read(monitor->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			on_hangup(monitor);
		else if (info.ssi_signo == SIGUSR1 && monitor->record.directory)
			kct_triggers_signal(&monitor->triggers, kct_clock_ns(CLOCK_BOOTTIME));
	}
}

/*
 * SIGHUP does not end us: kct_signals_catch() leaves one alone that is ignored, and one that is
 * blocked is delivered to the descriptor all the same.
 */
static int open_signals(struct monitor *monitor)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGHUP, SIG_IGN);
	monitor->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return monitor->signals < 0 ? -errno : 0;
}

static int open_others(struct monitor *monitor)
{
	int error = open_signals(monitor);

	if (error)
		return error;
	monitor->epoll = epoll_create1(EPOLL_CLOEXEC);
	monitor->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (monitor->epoll < 0 || monitor->timer < 0)
		return -errno;
	watch(monitor, monitor->signals);
	watch(monitor, monitor->timer);
	return 0;
}

static void close_others(struct monitor *monitor)
{
	const int fds[] = {monitor->epoll, monitor->timer, monitor->signals};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

/* ---- the run ---- */

static void read_losses(void *context, struct kct_lost *lost)
{
	const struct monitor *monitor = context;

	kct_session_losses(monitor->live.session, lost);
	lost->losses[KCT_LOSS_UNWRITTEN] = monitor->live.unwritten;
}

static int begin_recorder(struct monitor *monitor)
{
	int error;

	if (!monitor->record.directory)
		return 0;
	error = kct_recorder_begin(&monitor->recorder, &monitor->record, &monitor->live.header,
				   &monitor->state, &monitor->losses);
	if (error) {
		kct_error("%s: %s", monitor->record.directory, strerror(-error));
		return error;
	}
	kct_journal_begin(&monitor->journal, monitor->record.directory, &monitor->live.header,
			  &monitor->state, &monitor->losses);
	monitor->journal.triggers = &monitor->triggers;
	error = kct_triggers_begin(&monitor->triggers, &monitor->recorder, &monitor->state);
	if (error)
		kct_error("triggers: %s", strerror(-error));
	else
		watch(monitor, monitor->triggers.epoll);
	return error;
}

static int begin_publisher(struct monitor *monitor)
{
	const struct kct_metrics_of of = {
		.header = &monitor->live.header,
		.model = &monitor->live.model,
		.state = &monitor->state,
		.recorder = monitor->record.directory ? &monitor->recorder : NULL,
		.triggers = monitor->record.directory ? &monitor->triggers : NULL,
		.losses = &monitor->losses,
	};
	int error;

	if (!monitor->publisher.nr_places)
		return 0;
	error = kct_publisher_begin(&monitor->publisher, &of);
	watch(monitor, monitor->publisher.http.epoll);
	return error;
}

static void on_start(struct kct_live *live)
{
	struct monitor *monitor = live->context;

	if (begin_recorder(monitor) || begin_publisher(monitor)) {
		monitor->failure = KCT_EXIT_USAGE;
		kct_loop_end(&live->loop, "error");
		return;
	}
	live->loop.fds[KCT_LOOP_OTHERS].fd = monitor->epoll;
	monitor->watchdog_ns = kct_notify_interval();
	tick(monitor);
	kct_notify("READY=1");
}

/* The state is taken last: the others see it as it was before the event. 0 or -ENOMEM. */
static int take_event(struct monitor *monitor, const union kct_any_event *event,
		      const struct kct_vm_name *name)
{
	int error = kct_metrics_event(&monitor->publisher.metrics, event, name);

	if (monitor->record.directory && !error) {
		kct_recorder_event(&monitor->recorder, event, name);
		kct_triggers_event(&monitor->triggers, event);
		error = kct_journal_event(&monitor->journal, event, name);
	}
	return error ? error : kct_state_event(&monitor->state, event, name);
}

static void on_event(struct kct_live *live, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct monitor *monitor = live->context;

	if (monitor->failure)
		return;
	if (!take_event(monitor, event, name))
		return;
	kct_error("out of memory");
	monitor->failure = KCT_EXIT_HOST;
	kct_loop_end(&live->loop, "error");
}

static void on_drained(struct kct_live *live)
{
	struct monitor *monitor = live->context;

	if (monitor->failure || !monitor->record.directory)
		return;
	kct_losses_drained(&monitor->losses);
	kct_recorder_drained(&monitor->recorder);
	kct_triggers_drained(&monitor->triggers, kct_clock_ns(CLOCK_BOOTTIME));
	/* What the events have made due may be earlier than what was. */
	if (monitor->journal.due_ns != UINT64_MAX || monitor->triggers.pins.is_open)
		tick(monitor);
}

static void on_others(struct kct_live *live)
{
	struct monitor *monitor = live->context;
	uint64_t ticks;

	on_signal(monitor);
	/* Only to have it quiet: what is due, the tick looks at. */
	(void)!read(monitor->timer, &ticks, sizeof(ticks));
	if (monitor->publisher.http.epoll >= 0)
		kct_http_serve(&monitor->publisher.http, kct_clock_ns(CLOCK_BOOTTIME));
	/* A new connection is due earlier than what was. */
	tick(monitor);
}

static int run(struct monitor *monitor)
{
	struct kct_live *live = &monitor->live;
	int status;

	if (kct_triggers_prepare(&monitor->triggers, &monitor->trigger))
		return KCT_EXIT_USAGE;
	status = open_others(monitor);
	if (status) {
		kct_error("signals and time cannot be waited for: %s", strerror(-status));
		return KCT_EXIT_HOST;
	}
	status = kct_live_run(live);
	kct_notify("STOPPING=1");
	kct_triggers_end(&monitor->triggers);
	if (monitor->recorder.run_ns) {
		kct_journal_end(&monitor->journal);
		kct_recorder_end(&monitor->recorder,
				 live->loop.reason ? live->loop.reason : "error");
	}
	return monitor->failure ? monitor->failure : status;
}

static void init(struct monitor *monitor)
{
	*monitor = (struct monitor){.epoll = -1, .timer = -1, .signals = -1};
	monitor->record = (struct kct_recorder_options){
		.segment_bytes = 16U << 20,
		.segment_ns = 3600 * KCT_NS_PER_S,
		.bounds = {.bytes = 1ULL << 30,
			   .age_ns = 168ULL * 3600 * KCT_NS_PER_S,
			   .free_bytes = 256U << 20},
	};
	monitor->trigger.rolls = (struct kct_rolls){.pre_ns = 60 * KCT_NS_PER_S,
						    .post_ns = 10 * KCT_NS_PER_S,
						    .interval_ns = 60 * KCT_NS_PER_S};
	kct_publisher_init(&monitor->publisher);
	kct_live_init(&monitor->live);
	monitor->live.session_options.emitted_kinds = ~0U;
	monitor->live.keep_gone = KCT_KEEP_NONE;
	monitor->losses.read = read_losses;
	monitor->losses.context = monitor;
	monitor->live.context = monitor;
	monitor->live.on_start = on_start;
	monitor->live.on_event = on_event;
	monitor->live.on_drained = on_drained;
	monitor->live.on_others = on_others;
}

int cmd_monitor(int argc, char **argv)
{
	static const struct argp_child children[] = {{&kct_live_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Watch this host for months, as a service: a flight recorder of all events, "
		       "within bounds, and metrics. SIGTERM ends it, SIGHUP has it open its "
		       "directory anew, SIGUSR1 is a trigger.",
		.children = children,
	};
	struct monitor monitor;
	int status;

	init(&monitor);
	if (argp_parse(&argp, argc, argv, 0, NULL, &monitor))
		return KCT_EXIT_USAGE;
	status = run(&monitor);
	kct_publisher_close(&monitor.publisher);
	close_others(&monitor);
	kct_state_clear(&monitor.state);
	kct_live_close(&monitor.live);
	return status;
}
