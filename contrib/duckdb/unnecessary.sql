-- SPDX-License-Identifier: GPL-2.0
-- Which guests suffered from unnecessary updates: those for a vCPU's request that only took a new
-- snapshot? Over all hosts that a guest was on, if it has a UUID. Of `undecided` updates the cause
-- or the effect is not known: they may be, too. Not `complete`: there were more.
SELECT max(vm_name) AS vm_name, max(vm_uuid) AS vm_uuid, count(DISTINCT f.host) AS hosts,
       count(*) AS updates,
       count(*) FILTER (cause = 'vcpu-request' AND effect = 'resnapshot') AS unnecessary,
       count(*) FILTER (cause = 'unknown' AND effect IN ('resnapshot', 'unknown')
			OR cause = 'vcpu-request' AND effect = 'unknown') AS undecided,
       bool_and(r.complete) AS complete
FROM flat AS f JOIN recordings AS r USING (key)
WHERE event = 'update' AND vm IS NOT NULL
GROUP BY coalesce(vm_uuid, concat_ws('#', key, vm))
ORDER BY unnecessary DESC, undecided DESC, vm_name, vm_uuid;
