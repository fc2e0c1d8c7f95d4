/* SPDX-License-Identifier: GPL-2.0 */
/* Why a masterclock is off, for people and for machines. */
#ifndef KCT_SHOW_OFF_H
#define KCT_SHOW_OFF_H

#include <jansson.h>
#include <stdio.h>

#include "model/figures.h"
#include "model/off.h"

/*
 * The reasons in a few words, without a line's end. `clocksource` is the host's by name; NULL or ""
 * where it is not told. `shown`: what hooks show; a census shows all (KCT_FIGURES_ALL).
 */
void kct_show_off(FILE *out, const struct kct_off *off, const char *clocksource, kct_figures shown);
/* The same of a VM; nothing where its masterclock is not off. */
void kct_show_vm_off(FILE *out, const struct kct_vm *vm, const char *clocksource,
		     kct_figures shown);

/* An object, docs/schema.md; the caller owns it. */
json_t *kct_off_json(const struct kct_off *off, const char *clocksource, kct_figures shown);
/* null where it is not off. */
json_t *kct_vm_off_json(const struct kct_vm *vm, const char *clocksource, kct_figures shown);

#endif
