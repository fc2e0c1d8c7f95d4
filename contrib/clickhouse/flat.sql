-- SPDX-License-Identifier: GPL-2.0
-- A table for the rows of `kvmclock-trace export --flat`, and a view of the recordings that they are
-- of. Fill it, and ask:
--
--     clickhouse-client --multiquery <contrib/clickhouse/flat.sql
--     kvmclock-trace export --flat /dev/stdout host*/recording.jsonl |
--         clickhouse-client --input_format_skip_unknown_fields 1 \
--             --query "INSERT INTO flat FORMAT JSONEachRow"
--     clickhouse-client --multiquery <contrib/clickhouse/unnecessary.sql
--
-- The columns are those of docs/schema.md; what is not in a row is null. A pinned recording overlaps
-- the segments beside it: export either, and each once.
--
-- All of these were run by hand on ClickHouse 18.16.1, which Debian 12 has, over the rows of
-- tests/fleet/test_queries.py, and gave the answers there. No test runs them, and no newer ClickHouse
-- was tried.
CREATE TABLE IF NOT EXISTS flat (
	-- each row
	recording String, host Nullable(String), boot_id Nullable(String), event String,
	-- each event
	realtime_ns Nullable(UInt64), vm_name Nullable(String), vm_uuid Nullable(String),
	ns Nullable(UInt64), vm Nullable(UInt32), vcpu Nullable(UInt32), tid Nullable(UInt32),
	-- update
	cause Nullable(String), effect Nullable(String), cause_derived Nullable(UInt8),
	offset_matched Nullable(UInt8), host_clock Nullable(UInt32),
	before_masterclock Nullable(String), before_master_kernel_ns Nullable(UInt64),
	before_master_cycle_now Nullable(UInt64), before_kvmclock_offset Nullable(Int64),
	before_nr_vcpus Nullable(UInt32), after_masterclock Nullable(String),
	after_master_kernel_ns Nullable(UInt64), after_master_cycle_now Nullable(UInt64),
	after_kvmclock_offset Nullable(Int64), after_nr_vcpus Nullable(UInt32),
	conditions_nr_matched Nullable(UInt32), conditions_tsc_matched Nullable(UInt8),
	conditions_tsc_backwards Nullable(UInt8), conditions_old_kvmclock Nullable(UInt8),
	conditions_tsc_protected Nullable(UInt8),
	-- request
	op Nullable(String), origin Nullable(String), derived Nullable(UInt8),
	-- both, with --stack
	stack Nullable(String), stack_note Nullable(String),
	-- pvti
	old_tsc_timestamp Nullable(UInt64), old_system_time Nullable(UInt64),
	old_tsc_to_system_mul Nullable(UInt32), old_tsc_shift Nullable(Int8),
	old_flags Nullable(UInt8), new_tsc_timestamp Nullable(UInt64),
	new_system_time Nullable(UInt64), new_tsc_to_system_mul Nullable(UInt32),
	new_tsc_shift Nullable(Int8), new_flags Nullable(UInt8), drift_ns Nullable(Int64),
	rebased Nullable(UInt8), clock_set Nullable(UInt8), negative_delta Nullable(UInt8),
	-- tsc-write, tsc-track
	old_offset Nullable(Int64), new_offset Nullable(Int64), ioctl Nullable(String),
	tsc Nullable(UInt64), generation Nullable(UInt64), nr_matched Nullable(UInt32),
	nr_vcpus Nullable(UInt32), use_master_clock Nullable(UInt8), pending Nullable(UInt8),
	tsc_khz Nullable(UInt32),
	-- set-clock, ioctl
	clock Nullable(UInt64), realtime Nullable(UInt64), flags Nullable(UInt32),
	host_tsc Nullable(UInt64), tsc_offset Nullable(Int64), nr_pending Nullable(UInt32),
	nr_pending_after Nullable(UInt32), pvti_tsc_timestamp Nullable(UInt64),
	pvti_system_time Nullable(UInt64), pvti_tsc_to_system_mul Nullable(UInt32),
	pvti_tsc_shift Nullable(Int8), pvti_flags Nullable(UInt8),
	-- vm, vcpu
	token Nullable(UInt64), pid Nullable(UInt32), creator Nullable(UInt32),
	created Nullable(UInt8), create_effect Nullable(String), comm Nullable(String),
	state_masterclock Nullable(String), state_master_kernel_ns Nullable(UInt64),
	state_master_cycle_now Nullable(UInt64), state_kvmclock_offset Nullable(Int64),
	state_nr_vcpus Nullable(UInt32), name Nullable(String), vmm Nullable(String),
	uuid Nullable(String), name_source Nullable(String), orchestrator Nullable(String),
	namespace Nullable(String), id Nullable(String), tsc_generation Nullable(UInt64),
	-- header
	tool Nullable(String), host_kernel Nullable(String), host_kvm Nullable(String),
	host_vendor Nullable(String), host_clocksource Nullable(String),
	host_tsc_khz Nullable(UInt32), started_ns Nullable(UInt64), command Nullable(String),
	segment_trigger_what Nullable(String), hooks_update_way Nullable(String),
	hooks_request_way Nullable(String), hooks_pvti_way Nullable(String),
	hooks_set_clock_way Nullable(String),
	-- trailer
	ended_ns Nullable(UInt64), realtime_error_ns Nullable(UInt64),
	kvmclock_base_ns Nullable(UInt64), events Nullable(UInt64),
	losses_ring_full Nullable(UInt64), losses_vms_full Nullable(UInt64),
	losses_vcpus_full Nullable(UInt64), losses_missed Nullable(UInt64),
	losses_unwritten Nullable(UInt64), reason Nullable(String), status Nullable(UInt8),
	complete Nullable(UInt8), incomplete_why Nullable(String),
	passed_over_events Nullable(UInt64), passed_over_fields Nullable(UInt64),
	passed_over_words Nullable(UInt64),
	-- of the recording: some may be null
	key String ALIAS concat(recording, '|', ifNull(host, ''), '|', ifNull(boot_id, ''))
) ENGINE = MergeTree ORDER BY (event, recording);

-- `complete`: what is counted over it is all that happened, and else a lower bound. A recording
-- whose trailer, or some of whose rows, did not come here is not.
CREATE VIEW IF NOT EXISTS recordings AS
SELECT key, recording, host, kernel, ifNull(is_whole, 0) AND ifNull(is_here, 0) AS complete,
       if(ifNull(is_whole, 0) AND ifNull(is_here, 0), NULL,
	  ifNull(why, 'rows of it are missing')) AS incomplete_why,
       ring_full, missed, unwritten, vms_full, vcpus_full, passed_over_events
FROM (
	SELECT key, recording, host, max(host_kernel) AS kernel, max(flat.incomplete_why) AS why,
	       min(flat.complete) AS is_whole,
	       countIf(event NOT IN ('header', 'trailer')) = sum(events) AS is_here,
	       sum(losses_ring_full) AS ring_full, sum(losses_missed) AS missed,
	       sum(losses_unwritten) AS unwritten, sum(losses_vms_full) AS vms_full,
	       sum(losses_vcpus_full) AS vcpus_full,
	       sum(flat.passed_over_events) AS passed_over_events
	FROM flat
	GROUP BY key, recording, host
);
