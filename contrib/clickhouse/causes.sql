-- SPDX-License-Identifier: GPL-2.0
-- Why masterclocks were updated, and to what effect, on each host; of how many updates the cause is
-- derived. Not `complete`: there were more.
SELECT host, cause, effect, count() AS updates, countIf(cause_derived) AS derived,
       min(whole) AS complete
FROM (SELECT key, host, cause, effect, cause_derived FROM flat WHERE event = 'update') AS f
ALL INNER JOIN (SELECT key, recordings.complete AS whole FROM recordings) AS r USING (key)
GROUP BY host, cause, effect
ORDER BY host, updates DESC, cause, effect;
