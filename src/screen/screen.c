// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/names.h"
#include "screen/inside.h"

void kct_screen_init(struct kct_screen *screen)
{
	*screen = (struct kct_screen){.lines = 24, .columns = 80};
	kct_view_init(&screen->view);
}

static void free_text(struct kct_screen *screen)
{
	for (size_t i = 0; i < screen->nr_text; i++)
		free(screen->text[i]);
	free(screen->text);
	screen->text = NULL;
	screen->nr_text = screen->first_text = screen->text_column = 0;
}

void kct_screen_clear(struct kct_screen *screen)
{
	kct_view_clear(&screen->view);
	kct_shot_clear(&screen->shot);
	free_text(screen);
}

int kct_screen_take(struct kct_screen *screen, struct kct_shot *shot)
{
	kct_shot_clear(&screen->shot);
	screen->shot = *shot;
	memset(shot, 0, sizeof(*shot));
	return kct_view_update(&screen->view, &screen->shot);
}

void kct_screen_say(struct kct_screen *screen, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(screen->message, sizeof(screen->message), format, args);
	va_end(args);
}

void kct_screen_show_events(struct kct_screen *screen, char **text, size_t count)
{
	size_t height = kct_screen_text_height(screen);

	free_text(screen);
	screen->text = text;
	screen->nr_text = count;
	screen->first_text = count > height ? count - height : 0;
	screen->mode = KCT_MODE_EVENTS;
}

void kct_screen_ask_file(struct kct_screen *screen, const char *proposed)
{
	snprintf(screen->entry, sizeof(screen->entry), "%s", proposed);
	screen->mode = KCT_MODE_FILE;
}

/* ---- where things are ---- */

#define HEAD_LINES   4 /* above the table's own */
#define DETAIL_LINES 5 /* with the line above them */

/* On a screen too low for both, the table comes first. */
static size_t detail_lines(const struct kct_screen *screen)
{
	return screen->lines >= 20 ? DETAIL_LINES : 0;
}

size_t kct_screen_height(const struct kct_screen *screen)
{
	size_t others = HEAD_LINES + 1 + detail_lines(screen) + 1;

	return screen->lines > others ? screen->lines - others : 1;
}

size_t kct_screen_text_height(const struct kct_screen *screen)
{
	return screen->lines > 3 ? screen->lines - 2U : 1;
}

/* ---- above the table ---- */

/* "2 vm-create, 1 set-clock", or "none". Where the line goes on. */
static size_t put_by_cause(struct kct_page *page, size_t line, size_t at,
			   const uint64_t by_cause[KCT_NR_CAUSES])
{
	const char *between = "";

	for (int cause = 0; cause < KCT_NR_CAUSES; cause++) {
		if (!by_cause[cause])
			continue;
		at = kct_page_put(page, line, at, KCT_STYLE_PLAIN, "%s%" PRIu64 " %s", between,
				  by_cause[cause], kct_cause_names[cause]);
		between = ", ";
	}
	return *between ? at : kct_page_put(page, line, at, KCT_STYLE_PLAIN, "none");
}

static void put_causes(struct kct_page *page, size_t line, const struct kct_shot *shot)
{
	const struct kct_shot_sum *sum = &shot->sum;
	size_t at = kct_page_put(page, line, 0, KCT_STYLE_PLAIN, "by cause: ");

	at = put_by_cause(page, line, at, sum->by_cause);
	if (sum->nobodys)
		kct_page_put(page, line, at, KCT_STYLE_WARNING,
			     "; %" PRIu64 " not attributed to a VM", sum->nobodys);
}

static void put_sums(struct kct_page *page, size_t line, const struct kct_shot *shot)
{
	const struct kct_shot_sum *sum = &shot->sum;
	char rate[32] = "?", pending[24] = "?";
	size_t at;

	if (sum->rate >= 0)
		snprintf(rate, sizeof(rate), "%.1f", sum->rate);
	if (kct_figure_is_shown(shot->shown, KCT_FIGURE_PENDING))
		snprintf(pending, sizeof(pending), "%" PRIu64, sum->pending);
	at = kct_page_put(page, line, 0, KCT_STYLE_STRONG, "%zu VMs", sum->nr_vms);
	at = kct_page_put(page, line, at, sum->nr_off ? KCT_STYLE_WARNING : KCT_STYLE_PLAIN,
			  " (%zu off, %zu gone)", sum->nr_off, sum->nr_gone);
	at = kct_page_put(page, line, at, KCT_STYLE_PLAIN, ", %zu vCPUs, %s pending  ",
			  sum->nr_vcpus, pending);
	at = kct_page_put(page, line, at, KCT_STYLE_STRONG, "%" PRIu64 " updates", sum->updates);
	at = kct_page_put(page, line, at, KCT_STYLE_PLAIN, ", %s/s, ", rate);
	kct_page_put(page, line, at, sum->unnecessary ? KCT_STYLE_WARNING : KCT_STYLE_PLAIN,
		     "%" PRIu64 " unnecessary", sum->unnecessary);
}

static void put_costs(struct kct_page *page, size_t line, const struct kct_shot *shot,
		      const struct kct_status *status)
{
	size_t at;
	char text[32];

	if (status->incomplete)
		at = kct_page_put(page, line, 0, KCT_STYLE_BAD, "LOST: %s", status->incomplete);
	else
		at = kct_page_put(page, line, 0, KCT_STYLE_PLAIN, "lost: none");
	at = kct_page_put(page, line, at, KCT_STYLE_PLAIN, "  own cost: ");
	snprintf(text, sizeof(text), status->cpu < 0 ? "?" : "%.1f", status->cpu * 100);
	at = kct_page_put(page, line, at, KCT_STYLE_PLAIN, "%s%% CPU, %" PRIu64 " MiB", text,
			  status->memory >> 20);
	if (status->events >= 0)
		at = kct_page_put(page, line, at, KCT_STYLE_PLAIN, ", %.0f events/s",
				  status->events);
	if (shot->zero_ns)
		kct_page_put(page, line, at, KCT_STYLE_STRONG, "  since the mark, %s",
			     kct_span_text(text, sizeof(text), shot->now_ns - shot->zero_ns));
}

static void put_head(struct kct_page *page, const struct kct_screen *screen,
		     const struct kct_status *status)
{
	const struct kct_header *header = status->header;
	size_t at = kct_page_put(page, 0, 0, KCT_STYLE_STRONG, "%s", status->mode);

	kct_page_put(page, 0, at, KCT_STYLE_FAINT, "  %s, Linux %s, %s",
		     *header->host ? header->host : "?", *header->kernel ? header->kernel : "?",
		     *header->clocksource ? header->clocksource : "?");
	put_sums(page, 1, &screen->shot);
	put_causes(page, 2, &screen->shot);
	put_costs(page, 3, &screen->shot, status);
}

/* ---- the table ---- */

static void put_heads(struct kct_page *page, const struct kct_view *view,
		      const struct kct_layout *layout)
{
	char text[32];
	size_t at = 0;

	kct_page_cell(page, HEAD_LINES, 0, page->columns, KCT_STYLE_HEAD, false, "");
	for (int i = 0; i < KCT_NR_COLUMNS; i++) {
		bool sorts = view->sort == (enum kct_column)i;

		if (!layout->width[i])
			continue;
		snprintf(text, sizeof(text), "%s", kct_column_head((enum kct_column)i));
		kct_page_cell(page, HEAD_LINES, at, layout->width[i],
			      sorts ? KCT_STYLE_CHOSEN : KCT_STYLE_HEAD,
			      kct_column_is_number((enum kct_column)i), text);
		at += layout->width[i] + 1U;
	}
}

static enum kct_style style_of(enum kct_column column, const struct kct_shot_vm *vm,
			       const struct kct_row *vcpu)
{
	const struct kct_row *row = vcpu ? vcpu : &vm->row;

	if (vm->gone)
		return KCT_STYLE_FAINT;
	if (column == KCT_COLUMN_UNNEC && row->unnecessary)
		return KCT_STYLE_WARNING;
	if ((column == KCT_COLUMN_CLOCK || column == KCT_COLUMN_OFF) && vm->active == KCT_NO &&
	    vm->nr_vcpus)
		return KCT_STYLE_BAD;
	return KCT_STYLE_PLAIN;
}

static void put_row(struct kct_page *page, size_t line, const struct kct_screen *screen,
		    const struct kct_layout *layout, size_t index)
{
	const struct kct_view *view = &screen->view;
	const struct kct_view_line *shown = &view->lines[index];
	const struct kct_shot_vm *vm = &screen->shot.vms[shown->vm];
	const struct kct_row *vcpu = shown->vcpu < 0 ? NULL : &vm->vcpus[shown->vcpu];
	bool chosen = index == view->cursor;
	char text[KCT_CELL_ROOM];
	size_t at = 0;

	if (chosen)
		kct_page_cell(page, line, 0, page->columns, KCT_STYLE_CHOSEN, false, "");
	for (int i = 0; i < KCT_NR_COLUMNS; i++) {
		enum kct_column column = (enum kct_column)i;

		if (!layout->width[i])
			continue;
		kct_page_cell(page, line, at, layout->width[i],
			      chosen ? KCT_STYLE_CHOSEN : style_of(column, vm, vcpu),
			      kct_column_is_number(column),
			      kct_cell(text, column, &screen->shot, vm, vcpu, layout->width[i],
				       screen->ascii));
		at += layout->width[i] + 1U;
	}
}

static void put_table(struct kct_page *page, struct kct_screen *screen)
{
	size_t height = kct_screen_height(screen);
	struct kct_layout layout;

	kct_layout_fit(&layout, page->columns);
	kct_view_scroll(&screen->view, height);
	put_heads(page, &screen->view, &layout);
	for (size_t i = 0; i < height && screen->view.top + i < screen->view.nr_lines; i++)
		put_row(page, HEAD_LINES + 1 + i, screen, &layout, screen->view.top + i);
	if (!screen->view.nr_lines)
		kct_page_put(page, HEAD_LINES + 1, 0, KCT_STYLE_FAINT, "%s",
			     screen->shot.nr_vms ? "no VM is called so" : "no VM has been seen");
}

/* ---- details of one row ---- */

static void put_identity(struct kct_page *page, size_t line, const struct kct_shot_vm *vm,
			 const struct kct_row *vcpu)
{
	size_t at = kct_page_put(page, line, 0, KCT_STYLE_STRONG, "%s", vm->name);
	char text[96];

	if (vcpu)
		at = kct_page_put(page, line, at, KCT_STYLE_STRONG, ", vCPU %" PRIu32, vcpu->vcpu);
	if (vm->pid != KCT_NO_NUMBER)
		at = kct_page_put(page, line, at, KCT_STYLE_PLAIN, "  pid %" PRIu32, vm->pid);
	at = kct_page_put(page, line, at, KCT_STYLE_PLAIN, "  masterclock %s%s",
			  vm->gone ? "gone, was " : "", kct_masterclock_names[vm->active]);
	if (vm->active == KCT_NO && vm->nr_vcpus)
		at = kct_page_put(page, line, at, KCT_STYLE_BAD, ": %s",
				  kct_reasons_text(text, sizeof(text), vm->reasons));
	if (vm->has_age)
		kct_page_put(page, line, at, KCT_STYLE_PLAIN, ", snapshot %s old",
			     kct_span_text(text, sizeof(text), vm->age_ns));
}

static void put_updates(struct kct_page *page, size_t line, const struct kct_row *row)
{
	size_t at = kct_page_put(page, line, 0, KCT_STYLE_PLAIN, "updates: ");

	at = put_by_cause(page, line, at, row->by_cause);
	if (row->unnecessary)
		at = kct_page_put(page, line, at, KCT_STYLE_WARNING, " (%" PRIu64 " unnecessary)",
				  row->unnecessary);
	kct_page_put(page, line, at, KCT_STYLE_PLAIN, "; drift %+" PRId64 " ns", row->drift_ns);
}

static void put_jump(struct kct_page *page, size_t line, const struct kct_shot *shot,
		     const char *which, const struct kct_jump *jump)
{
	uint64_t ago = shot->now_ns > jump->ns ? shot->now_ns - jump->ns : 0;
	char text[32];
	size_t at = kct_page_put(page, line, 0, KCT_STYLE_PLAIN, "%s jump: ", which);

	if (!jump->ns) {
		kct_page_put(page, line, at, KCT_STYLE_PLAIN, "none");
		return;
	}
	at = kct_page_put(page, line, at, KCT_STYLE_STRONG, "%+" PRId64 " ns", jump->drift_ns);
	at = kct_page_put(page, line, at, KCT_STYLE_PLAIN,
			  ", vCPU %" PRIu32 ", %s ago: ", jump->vcpu,
			  kct_span_text(text, sizeof(text), ago));
	if (jump->clock_set)
		kct_page_put(page, line, at, KCT_STYLE_PLAIN, "the clock was set");
	else if (jump->cause == KCT_CAUSE_UNKNOWN)
		kct_page_put(page, line, at, KCT_STYLE_PLAIN, "why is not known");
	else
		kct_page_put(page, line, at, KCT_STYLE_PLAIN, "update by %s (derived)",
			     kct_cause_names[jump->cause]);
}

static void put_details(struct kct_page *page, const struct kct_screen *screen)
{
	size_t first = HEAD_LINES + 1 + kct_screen_height(screen) + 1;
	const struct kct_row *vcpu, *row;
	const struct kct_shot_vm *vm = kct_view_at(&screen->view, &screen->shot, &vcpu);

	if (!detail_lines(screen) || !vm)
		return;
	row = vcpu ? vcpu : &vm->row;
	put_identity(page, first, vm, vcpu);
	put_updates(page, first + 1, row);
	put_jump(page, first + 2, &screen->shot, "largest", &row->largest);
	put_jump(page, first + 3, &screen->shot, "last", &row->last);
}

/* ---- the last line ---- */

static void put_entry(struct kct_page *page, const char *asks, const char *entry)
{
	char text[KCT_TEXT_ROOM(KCT_ENTRY_ROOM)];
	size_t at;

	kct_text(text, sizeof(text), entry, strlen(entry), 0);
	at = kct_page_put(page, page->lines - 1U, 0, KCT_STYLE_STRONG, "%s%s", asks, text);
	page->cursor_line = page->lines - 1;
	page->cursor_column = at < page->columns ? (int)at : page->columns - 1;
}

static void put_keys(struct kct_page *page, const struct kct_screen *screen)
{
	const struct kct_view *view = &screen->view;
	size_t line = page->lines - 1U, at = 0;
	char filter[KCT_TEXT_ROOM(KCT_FILTER_ROOM)];

	if (*screen->message) {
		kct_page_put(page, line, 0, KCT_STYLE_STRONG, "%s", screen->message);
		return;
	}
	if (*view->filter && screen->mode == KCT_MODE_TABLE) {
		kct_text(filter, sizeof(filter), view->filter, strlen(view->filter), 0);
		at = kct_page_put(page, line, 0, KCT_STYLE_WARNING, "filter: %s  ", filter);
	}
	kct_page_put(page, line, at, KCT_STYLE_FAINT, "%s",
		     screen->mode == KCT_MODE_TABLE && screen->replays
			     ? "?:help q:quit space:play ./,:step n/p:jump ]/[:speed Enter:events "
			       "/:filter"
		     : screen->mode == KCT_MODE_TABLE
			     ? "?:help q:quit Enter:events /:filter <>:sort space:freeze "
			       "z:zero w:write"
			     : "q:back  arrows, PgUp, PgDn, Home, End: move");
}

static void put_last_line(struct kct_page *page, const struct kct_screen *screen)
{
	if (screen->mode == KCT_MODE_FILTER)
		put_entry(page, "show only (name, UUID, PID): ", screen->view.filter);
	else if (screen->mode == KCT_MODE_FILE)
		put_entry(page, "write the last minute to: ", screen->entry);
	else
		put_keys(page, screen);
}

/* ---- pages of text ---- */

static void put_text(struct kct_page *page, struct kct_screen *screen)
{
	size_t height = kct_screen_text_height(screen);

	kct_page_cell(page, 0, 0, page->columns, KCT_STYLE_HEAD, false,
		      screen->nr_text ? screen->text[0] : "");
	/* The first one stays; the others move. */
	for (size_t i = 0; i < height; i++) {
		size_t at = 1 + screen->first_text + i;

		if (at < screen->nr_text)
			kct_page_put(page, 1 + i, 0, KCT_STYLE_PLAIN, "%s",
				     kct_text_behind(screen->text[at], screen->text_column));
	}
}

/* Of 80 columns, and as many lines as there are on the smallest screen. */
static const char *const help[] = {
	"kvmclock-trace top: keys",
	"Up Down PgUp PgDn Home End  move        Right Left  show, hide a VM's vCPUs",
	"a  show, hide all vCPUs                 x  hide, show VMs that are gone",
	"/  only this name, UUID or PID (Esc: all)",
	"< >  sort by another column             r  the other way round",
	"space  freeze: numbers stand still and rows keep their places; or go on",
	"z  zero mark: count from now            Enter  a VM's last events",
	"w  write the last minute as a recording, for report, verify and the others",
	"q  quit, or back from a page            ?  this page",
	"In a replay (-r):",
	". ,  on, back by an event               n p  to the next, previous jump",
	"] [  faster, slower                     b e  to the beginning, the end",
	"space  play, pause",
	"",
	"RATE/s   updates, on the average of the last ten whole seconds",
	"UNNEC    updates for a vCPU's request that only took a new snapshot",
	"PEND     vCPUs with a request pending   REQS  requests made",
	"OFF      why the masterclock is off     AGE   how old its snapshot is",
	"LARGEST  jump of a clock that nobody asked for; + is forward",
	"LAST     jump, how long AGO, and WHY: 'set', the clock was set; or the cause of",
	"         the update behind it (derived)",
	"?        not known: for want of a hook, or of time",
};

static void put_help(struct kct_page *page)
{
	kct_page_cell(page, 0, 0, page->columns, KCT_STYLE_HEAD, false, help[0]);
	for (size_t i = 1; i < sizeof(help) / sizeof(help[0]); i++)
		kct_page_put(page, i, 0, KCT_STYLE_PLAIN, "%s", help[i]);
}

void kct_screen_draw(struct kct_screen *screen, const struct kct_status *status,
		     struct kct_page *page)
{
	kct_page_init(page, screen->lines, screen->columns, screen->ascii);
	if (screen->mode == KCT_MODE_HELP) {
		put_help(page);
	} else if (screen->mode == KCT_MODE_EVENTS) {
		put_text(page, screen);
	} else {
		put_head(page, screen, status);
		put_table(page, screen);
		put_details(page, screen);
	}
	put_last_line(page, screen);
}
