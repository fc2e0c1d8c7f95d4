// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "workload/jobs.h"
#include "workload/step.h"

struct one {
	struct wl *wl;
	unsigned int index;
	wl_job_fn job;
	void *context;
	pthread_t thread;
	int status;
};

static void enter_thread(struct one *one)
{
	json_t *json = wl_need(json_object());
	pid_t tid = gettid();

	wl_set_u64(json, "tid", (uint64_t)tid);
	wl_set_text(json, "role", tid == getpid() ? "main" : "job");
	wl_set_u64(json, "job", one->index);
	pthread_mutex_lock(&one->wl->lock);
	wl_append(one->wl->threads, json);
	pthread_mutex_unlock(&one->wl->lock);
}

static void *work(void *arg)
{
	struct one *one = arg;

	enter_thread(one);
	one->status = one->job(one->wl, one->index, one->context);
	return NULL;
}

int wl_jobs(struct wl *wl, unsigned int count, wl_job_fn job, void *context)
{
	struct one *all = wl_need(calloc(count, sizeof(*all)));
	unsigned int started = 1;
	int status = 0;

	for (unsigned int i = 0; i < count; i++)
		all[i] = (struct one){.wl = wl, .index = i, .job = job, .context = context};
	for (; started < count; started++) {
		int error = pthread_create(&all[started].thread, NULL, work, &all[started]);

		if (error) {
			status = wl_fail(KCT_EXIT_FAILED, "cannot start job %u: %s", started,
					 strerror(error));
			break;
		}
	}
	work(&all[0]);
	for (unsigned int i = 0; i < started; i++) {
		if (i)
			pthread_join(all[i].thread, NULL);
		status = status ? status : all[i].status;
	}
	free(all);
	return status;
}

uint64_t wl_share(uint64_t count, unsigned int jobs, unsigned int index)
{
	return count / jobs + (index < count % jobs);
}
