-- SPDX-License-Identifier: GPL-2.0
-- Each time that a guest's clock was set (the target of a migration, a restore, a resume): how many
-- of its vCPUs had a request pending, and how many unnecessary updates came after it, up to the next
-- setting? Null is not known. Not `complete`: there may have been more of both.
SELECT toDateTime(intDiv(setting.2, 1000000000), 'UTC') AS utc, host, nullIf(setting.3, '') AS vm_name,
       nullIf(setting.4, '') AS vm_uuid, setting.5 AS ioctl, setting.6 AS nr_vcpus,
       nullIf(setting.7, -1) AS nr_pending,
       arrayCount(ns -> ns > setting.1 AND (next = 0 OR ns < next), snapshots) AS unnecessary,
       whole AS complete
FROM (
	SELECT key, host, vm,
	       arraySort(x -> x.1, groupArrayIf(
		   (assumeNotNull(ns), assumeNotNull(realtime_ns), ifNull(flat.vm_name, ''),
		    ifNull(flat.vm_uuid, ''), ifNull(flat.ioctl, ''), ifNull(flat.nr_vcpus, 0),
		    if(isNull(flat.nr_pending), -1, toInt64(flat.nr_pending))),
		   event = 'set-clock')) AS settings,
	       groupArrayIf(assumeNotNull(ns), event = 'update' AND cause = 'vcpu-request'
						AND effect = 'resnapshot') AS snapshots
	FROM flat
	WHERE event IN ('set-clock', 'update') AND vm IS NOT NULL
	GROUP BY key, host, vm
) AS f
ALL INNER JOIN (SELECT key, recordings.complete AS whole FROM recordings) AS r USING (key)
ARRAY JOIN settings AS setting, arrayMap(i -> settings[i + 1].1, arrayEnumerate(settings)) AS next
ORDER BY utc, host, vm;
