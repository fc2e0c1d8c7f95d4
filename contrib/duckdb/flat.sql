-- SPDX-License-Identifier: GPL-2.0
-- The rows of `kvmclock-trace export --flat` as a view, `flat`, and the recordings that they are of
-- as another. Put it in front of a query:
--
--     kvmclock-trace export --flat rows.jsonl host*/recording.jsonl
--     cat contrib/duckdb/flat.sql contrib/duckdb/unnecessary.sql | duckdb
--
-- Rows are looked for in rows*.jsonl*, plain or compressed; `SET VARIABLE rows = 'other/*.jsonl'` in
-- front of it all names others. The columns are those of docs/schema.md; what is not in a file is
-- null. A pinned recording overlaps the segments beside it: export either.
SET VARIABLE rows = coalesce(getvariable('rows'), 'rows*.jsonl*');

CREATE OR REPLACE TEMP VIEW flat AS
SELECT *, concat_ws('|', recording, host, boot_id) AS key -- of the recording: some may be null
FROM read_json(getvariable('rows'), format = 'newline_delimited', columns = {
	-- each row
	recording: 'VARCHAR', host: 'VARCHAR', boot_id: 'VARCHAR', event: 'VARCHAR',
	-- each event
	realtime_ns: 'UBIGINT', vm_name: 'VARCHAR', vm_uuid: 'VARCHAR', ns: 'UBIGINT',
	vm: 'UINTEGER', vcpu: 'UINTEGER', tid: 'UINTEGER',
	-- update
	cause: 'VARCHAR', effect: 'VARCHAR', cause_derived: 'BOOLEAN', offset_matched: 'BOOLEAN',
	host_clock: 'UINTEGER',
	before_masterclock: 'VARCHAR', before_master_kernel_ns: 'UBIGINT',
	before_master_cycle_now: 'UBIGINT', before_kvmclock_offset: 'BIGINT',
	before_nr_vcpus: 'UINTEGER',
	after_masterclock: 'VARCHAR', after_master_kernel_ns: 'UBIGINT',
	after_master_cycle_now: 'UBIGINT', after_kvmclock_offset: 'BIGINT',
	after_nr_vcpus: 'UINTEGER',
	conditions_nr_matched: 'UINTEGER', conditions_tsc_matched: 'BOOLEAN',
	conditions_tsc_backwards: 'BOOLEAN', conditions_old_kvmclock: 'BOOLEAN',
	conditions_tsc_protected: 'BOOLEAN',
	-- request
	op: 'VARCHAR', origin: 'VARCHAR', derived: 'BOOLEAN',
	-- both, with --stack
	stack: 'VARCHAR', stack_note: 'VARCHAR',
	-- pvti
	old_tsc_timestamp: 'UBIGINT', old_system_time: 'UBIGINT',
	old_tsc_to_system_mul: 'UINTEGER', old_tsc_shift: 'TINYINT', old_flags: 'UTINYINT',
	new_tsc_timestamp: 'UBIGINT', new_system_time: 'UBIGINT',
	new_tsc_to_system_mul: 'UINTEGER', new_tsc_shift: 'TINYINT', new_flags: 'UTINYINT',
	drift_ns: 'BIGINT', rebased: 'BOOLEAN', clock_set: 'BOOLEAN', negative_delta: 'BOOLEAN',
	-- tsc-write, tsc-track
	old_offset: 'BIGINT', new_offset: 'BIGINT', ioctl: 'VARCHAR', tsc: 'UBIGINT',
	generation: 'UBIGINT', nr_matched: 'UINTEGER', nr_vcpus: 'UINTEGER',
	use_master_clock: 'BOOLEAN', pending: 'BOOLEAN', tsc_khz: 'UINTEGER',
	-- set-clock, ioctl
	clock: 'UBIGINT', realtime: 'UBIGINT', flags: 'UINTEGER', host_tsc: 'UBIGINT',
	tsc_offset: 'BIGINT', nr_pending: 'UINTEGER', nr_pending_after: 'UINTEGER',
	pvti_tsc_timestamp: 'UBIGINT', pvti_system_time: 'UBIGINT',
	pvti_tsc_to_system_mul: 'UINTEGER', pvti_tsc_shift: 'TINYINT', pvti_flags: 'UTINYINT',
	-- vm, vcpu
	token: 'UBIGINT', pid: 'UINTEGER', creator: 'UINTEGER', created: 'UTINYINT',
	create_effect: 'VARCHAR', comm: 'VARCHAR', state_masterclock: 'VARCHAR',
	state_master_kernel_ns: 'UBIGINT', state_master_cycle_now: 'UBIGINT',
	state_kvmclock_offset: 'BIGINT', state_nr_vcpus: 'UINTEGER', name: 'VARCHAR',
	vmm: 'VARCHAR', uuid: 'VARCHAR', name_source: 'VARCHAR', orchestrator: 'VARCHAR',
	namespace: 'VARCHAR', id: 'VARCHAR', tsc_generation: 'UBIGINT',
	-- header
	tool: 'VARCHAR', host_kernel: 'VARCHAR', host_kvm: 'VARCHAR', host_vendor: 'VARCHAR',
	host_clocksource: 'VARCHAR', host_tsc_khz: 'UINTEGER', started_ns: 'UBIGINT',
	command: 'VARCHAR', segment_trigger_what: 'VARCHAR', hooks_update_way: 'VARCHAR',
	hooks_request_way: 'VARCHAR', hooks_pvti_way: 'VARCHAR', hooks_set_clock_way: 'VARCHAR',
	-- trailer
	ended_ns: 'UBIGINT', realtime_error_ns: 'UBIGINT', kvmclock_base_ns: 'UBIGINT',
	events: 'UBIGINT', losses_ring_full: 'UBIGINT', losses_vms_full: 'UBIGINT',
	losses_vcpus_full: 'UBIGINT', losses_missed: 'UBIGINT', losses_unwritten: 'UBIGINT',
	reason: 'VARCHAR', status: 'UTINYINT', complete: 'BOOLEAN', incomplete_why: 'VARCHAR',
	passed_over_events: 'UBIGINT', passed_over_fields: 'UBIGINT', passed_over_words: 'UBIGINT'
});

-- `complete`: what is counted over it is all that happened, and else a lower bound. A recording
-- whose trailer, or some of whose rows, did not come here is not.
CREATE OR REPLACE TEMP VIEW recordings AS
WITH found AS (
	SELECT key, recording, host, max(host_kernel) AS kernel, max(incomplete_why) AS why,
	       coalesce(bool_and(complete) FILTER (event = 'trailer'), false) AS is_whole,
	       count(*) FILTER (event NOT IN ('header', 'trailer')) = sum(events) AS is_here,
	       sum(losses_ring_full) AS ring_full, sum(losses_missed) AS missed,
	       sum(losses_unwritten) AS unwritten, sum(losses_vms_full) AS vms_full,
	       sum(losses_vcpus_full) AS vcpus_full, sum(passed_over_events) AS passed_over_events
	FROM flat
	GROUP BY key, recording, host
)
SELECT key, recording, host, kernel, is_whole AND is_here AS complete,
       CASE WHEN is_whole AND is_here THEN NULL
	    ELSE coalesce(why, 'rows of it are missing') END AS incomplete_why,
       ring_full, missed, unwritten, vms_full, vcpus_full, passed_over_events
FROM found;
