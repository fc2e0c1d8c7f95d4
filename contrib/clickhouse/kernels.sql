-- SPDX-License-Identifier: GPL-2.0
-- Which kernels take unnecessary snapshots? Of a kernel that has served no vCPU's request
-- (`served`) these recordings show nothing. Not `complete`: there were more.
SELECT kernel, uniqExact(host) AS hosts, uniqExact(key) AS recordings,
       countIf(event = 'update' AND cause = 'vcpu-request') AS served,
       countIf(event = 'update' AND cause = 'vcpu-request' AND effect = 'resnapshot')
	   AS unnecessary,
       countIf(event = 'update' AND cause = 'vcpu-request' AND effect = 'suppressed') AS suppressed,
       min(whole) AS complete
FROM (SELECT key, host, event, cause, effect FROM flat) AS f
ALL INNER JOIN (SELECT key, kernel, recordings.complete AS whole FROM recordings) AS r USING (key)
GROUP BY kernel
ORDER BY kernel;
