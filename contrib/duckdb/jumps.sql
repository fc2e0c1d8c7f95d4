-- SPDX-License-Identifier: GPL-2.0
-- The three worst jumps of a guest's clock on each day (UTC): those that nobody had asked for.
-- Positive is forward.
SELECT CAST(make_timestamp_ns(realtime_ns::BIGINT) AS DATE) AS day, host, vm_name, vm_uuid, vcpu,
       drift_ns, realtime_ns
FROM flat
WHERE event = 'pvti' AND drift_ns <> 0 AND NOT clock_set
QUALIFY row_number() OVER (PARTITION BY day ORDER BY abs(drift_ns::HUGEINT) DESC, realtime_ns) <= 3
ORDER BY day, abs(drift_ns::HUGEINT) DESC, realtime_ns;
