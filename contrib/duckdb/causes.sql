-- SPDX-License-Identifier: GPL-2.0
-- Why masterclocks were updated, and to what effect, on each host; of how many updates the cause is
-- derived. Not `complete`: there were more.
SELECT f.host, cause, effect, count(*) AS updates, count(*) FILTER (cause_derived) AS derived,
       bool_and(r.complete) AS complete
FROM flat AS f JOIN recordings AS r USING (key)
WHERE event = 'update'
GROUP BY f.host, cause, effect
ORDER BY f.host, updates DESC, cause, effect;
