-- SPDX-License-Identifier: GPL-2.0
-- The three worst jumps of a guest's clock on each day (UTC): those that nobody had asked for.
-- Positive is forward.
SELECT toDate(intDiv(realtime_ns, 1000000000), 'UTC') AS day, host, vm_name, vm_uuid, vcpu, drift_ns,
       realtime_ns
FROM flat
WHERE event = 'pvti' AND drift_ns != 0 AND NOT clock_set
ORDER BY day, abs(drift_ns) DESC, realtime_ns
LIMIT 3 BY day;
