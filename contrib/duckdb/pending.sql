-- SPDX-License-Identifier: GPL-2.0
-- Each time that a guest's clock was set (the target of a migration, a restore, a resume): how many
-- of its vCPUs had a request pending, and how many unnecessary updates came after it, up to the next
-- setting? Null is not known. Not `complete`: there may have been more of both.
WITH settings AS (
	SELECT key, vm, ns, lead(ns) OVER (PARTITION BY key, vm ORDER BY ns) AS next_ns,
	       realtime_ns, host, vm_name, vm_uuid, ioctl, nr_vcpus, nr_pending
	FROM flat WHERE event = 'set-clock'
), unnecessary AS (
	SELECT key, vm, ns FROM flat
	WHERE event = 'update' AND cause = 'vcpu-request' AND effect = 'resnapshot'
)
SELECT make_timestamp_ns(s.realtime_ns::BIGINT) AS utc, s.host, s.vm_name, s.vm_uuid, s.ioctl,
       s.nr_vcpus, s.nr_pending, count(u.ns) AS unnecessary, any_value(r.complete) AS complete
FROM settings AS s
JOIN recordings AS r ON r.key = s.key
LEFT JOIN unnecessary AS u
	ON u.key = s.key AND u.vm = s.vm AND u.ns > s.ns AND (u.ns < s.next_ns OR s.next_ns IS NULL)
GROUP BY s.key, s.vm, s.ns, s.realtime_ns, s.host, s.vm_name, s.vm_uuid, s.ioctl, s.nr_vcpus,
	 s.nr_pending
ORDER BY utc, s.host, s.vm;
