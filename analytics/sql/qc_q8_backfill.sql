-- Q8: which observations came so late that they are backfill?
--
-- Inputs:  qc_rows; qc_settings (backfill_hours); $$days.
-- Output:  rows of qc_flags: device, hour, *, test, level, detail, day; one row an hour.
-- Rule:    received more than backfill_hours after the time of observation: a note. Late data count like any other; the
--          note says why a figure may have changed (domain reference 5.5, Q8: > 48 h). History that was imported is
--          backfill too.
SELECT
    r.device, date_trunc('hour', r.observed_at) AS observed_at, '*' AS parameter, 'q8' AS test, 'note' AS level,
    concat(
        CAST(count(*) AS VARCHAR), ' observations, up to ',
        CAST(max(r.received - r.at) / 3600000000 AS VARCHAR), ' h late'
    ) AS detail,
    r.day
FROM qc_rows r
CROSS JOIN qc_settings q
WHERE r.day IN ($$days) AND r.received - r.at > q.backfill_hours * 3600000000
GROUP BY r.device, date_trunc('hour', r.observed_at), r.day
