// SPDX-License-Identifier: GPL-2.0
/* One run: the events of a scenario, of a VM, or of a recording, to the judge. */
#include <stdio.h>
#include <string.h>

#include "base/duration.h"
#include "base/error.h"
#include "base/text.h"
#include "cmd/verify.h"
#include "record/writer.h"
#include "show/report.h"

/* ---- events ---- */

static void judge(struct kct_verify *verify, const union kct_any_event *event)
{
	if (kct_judge_event(verify->v.judge, event))
		verify->failed = true;
}

static void on_start(struct kct_live *live)
{
	struct kct_verify *verify = live->context;

	kct_judge_anchor(verify->v.judge, live->header.started.boot_ns,
			 live->header.started.realtime_ns);
	if (live->output)
		kct_write_header(verify->kept.stream, &live->header);
}

static void on_event(struct kct_live *live, const union kct_any_event *event,
		     const struct kct_vm_name *name)
{
	struct kct_verify *verify = live->context;

	judge(verify, event);
	if (live->output)
		kct_write_event(verify->kept.stream, event, name);
}

static bool on_recorded(void *context, const union kct_any_event *event,
			const struct kct_vm_name *name)
{
	struct kct_verify *verify = context;

	if (!kct_filter_event(&verify->live.filter, event, name))
		return false;
	kct_judge_anchor(verify->v.judge, verify->read.header.started.boot_ns,
			 verify->read.header.started.realtime_ns);
	judge(verify, event);
	return true;
}

/* ---- what is verified ---- */

static void name_subject(struct kct_verify *verify, const char *text)
{
	verify->what = kct_text_dup(text, 0);
	verify->v.what = verify->what ? verify->what : "?";
}

static int prepare(struct kct_verify *verify, const char *output)
{
	struct kct_live *live = &verify->live;

	live->session_options.emitted_kinds = ~0U;
	live->context = verify;
	live->on_start = on_start;
	live->on_event = on_event;
	live->output = output ? &verify->kept : NULL;
	live->keep_gone = KCT_KEEP_ALL; /* the judge knows all of them */
	if (verify->scenario) {
		name_subject(verify, verify->scenario);
		live->command = verify->command;
		live->only_command = true;
		live->silent_command = true;
	} else {
		name_subject(verify, live->filter.vm ? live->filter.vm : "the VM");
		if (kct_parse_duration(verify->duration, &live->duration_ns) ||
		    !live->duration_ns) {
			kct_error("'%s' is not a duration such as 250ms, 10s or 2m",
				  verify->duration);
			return KCT_EXIT_USAGE;
		}
	}
	return output ? kct_output_to_path(&verify->kept, output, live->duration_ns) : 0;
}

static int finish_live(struct kct_verify *verify)
{
	struct kct_live *live = &verify->live;
	char why[64];

	if (live->output && !kct_output_settle(&verify->kept))
		kct_write_trailer(verify->kept.stream, &live->trailer);
	verify->skipped = verify->can_skip && live->trailer.status == KCT_EXIT_HOST;
	if (verify->can_skip && live->trailer.status > 0) {
		snprintf(why, sizeof(why), "the workload failed with exit status %d",
			 live->trailer.status);
		kct_judge_doubt(verify->v.judge, why);
		return 0;
	}
	if (live->trailer.status > 0) {
		kct_error("the workload failed with exit status %d", live->trailer.status);
		return live->trailer.status == KCT_EXIT_USAGE ? KCT_EXIT_USAGE : KCT_EXIT_HOST;
	}
	if (verify->scenario && strcmp(live->trailer.reason, "command"))
		kct_judge_doubt(verify->v.judge, "the workload did not come to its end");
	return 0;
}

/* All events were taken in. */
static void conclude(struct kct_verify *verify, const struct kct_model *model,
		     const struct kct_header *header)
{
	kct_judge_losses(verify->v.judge, model);
	kct_judge_header(verify->v.judge, header);
	if (verify->failed)
		kct_judge_doubt(verify->v.judge, "out of memory");
	verify->v.model = model;
	verify->v.shown = kct_figures_shown(header);
	verify->v.all = kct_judge_all(verify->v.judge);
}

int kct_verify_live(struct kct_verify *verify, const char *output)
{
	int status = prepare(verify, output);

	status = status ? status : kct_live_run(&verify->live);
	status = status ? status : finish_live(verify);
	verify->unwritten = kct_output_close(&verify->kept);
	if (!status)
		conclude(verify, &verify->live.model, &verify->live.header);
	return status;
}

int kct_verify_recording(struct kct_verify *verify, const char *path)
{
	const struct kct_wanted wanted = {&verify->span, on_recorded, verify, NULL, false};
	struct kct_recording *recording = &verify->read;

	name_subject(verify, path);
	if (kct_load(path, &wanted, recording) == KCT_EXIT_USAGE)
		return KCT_EXIT_USAGE;
	if (!recording->whole)
		kct_judge_doubt(verify->v.judge, recording->incomplete);
	conclude(verify, &recording->model, &recording->header);
	return 0;
}
