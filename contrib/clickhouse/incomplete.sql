-- SPDX-License-Identifier: GPL-2.0
-- Which recordings are not the whole truth, and why: events lost, cut off, or not readable at all.
-- What only another release knows (`passed_over_events`) does not count as lost, but is in no row.
SELECT recording, host, complete, incomplete_why, ring_full, missed, unwritten, vms_full, vcpus_full,
       passed_over_events
FROM recordings
WHERE NOT complete OR passed_over_events > 0
ORDER BY recording, host;
