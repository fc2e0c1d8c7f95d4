-- SPDX-License-Identifier: GPL-2.0
-- Which guests suffered from unnecessary updates: those for a vCPU's request that only took a new
-- snapshot? Over all hosts that a guest was on, if it has a UUID. Of `undecided` updates the cause
-- or the effect is not known: they may be, too. Not `complete`: there were more.
SELECT max(vm_name) AS name, max(vm_uuid) AS uuid, uniqExact(host) AS hosts, count() AS updates,
       countIf(cause = 'vcpu-request' AND effect = 'resnapshot') AS unnecessary,
       countIf((cause = 'unknown' AND effect IN ('resnapshot', 'unknown'))
	       OR (cause = 'vcpu-request' AND effect = 'unknown')) AS undecided,
       min(whole) AS complete
FROM (SELECT key, vm, vm_name, vm_uuid, host, cause, effect FROM flat
      WHERE event = 'update' AND vm IS NOT NULL) AS f
ALL INNER JOIN (SELECT key, recordings.complete AS whole FROM recordings) AS r USING (key)
GROUP BY ifNull(vm_uuid, concat(key, '#', toString(vm)))
ORDER BY unnecessary DESC, undecided DESC, name, uuid;
