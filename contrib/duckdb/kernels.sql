-- SPDX-License-Identifier: GPL-2.0
-- Which kernels take unnecessary snapshots? Of a kernel that has served no vCPU's request
-- (`served`) these recordings show nothing. Not `complete`: there were more.
SELECT kernel, count(DISTINCT f.host) AS hosts, count(DISTINCT key) AS recordings,
       count(*) FILTER (event = 'update' AND cause = 'vcpu-request') AS served,
       count(*) FILTER (event = 'update' AND cause = 'vcpu-request' AND effect = 'resnapshot')
	   AS unnecessary,
       count(*) FILTER (event = 'update' AND cause = 'vcpu-request' AND effect = 'suppressed')
	   AS suppressed,
       bool_and(r.complete) AS complete
FROM flat AS f JOIN recordings AS r USING (key)
GROUP BY kernel
ORDER BY kernel;
