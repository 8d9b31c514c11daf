-- Q7: which observations bear a time that the clock of their device cannot have been right about?
--
-- Inputs:  qc_rows; qc_readings; qc_settings (clock_minutes, backfill_hours); $$days.
-- Output:  rows of qc_flags: device, observed_at, parameter, test, level, detail, day.
-- Rule:    of monitors faster than hourly, whose observations are sent at once: the delay is receipt minus time of
--          observation. Beyond clock_minutes, either the clock is wrong or the observation was delivered late. A wrong
--          clock keeps its distance: the delay is that of the observation before (three intervals at the most before)
--          within half an interval; or the time lies ahead of receipt. Then all values are suspect, being counted to a
--          wrong hour; a delay of twelve hours within clock_minutes is named, since devices that write 01 to 12 do that.
--          Any other delay is a delivery after an outage, and an hour of them gets a note about whole observations (*).
--          What is later than backfill_hours is Q8's (domain reference 5.5, Q7: |receive − time| > 10 min for real-time
--          data, or near 12 h; 1.7 names the twelve-hour clock).
WITH delays AS (
    SELECT
        device, observed_at, at, day, interval_seconds,
        received - at AS delay,
        lag(received - at) OVER series AS delay_before,
        at - lag(at) OVER series AS step
    FROM qc_rows
    WHERE interval_seconds < 3600
    WINDOW series AS (PARTITION BY device ORDER BY at)
),
beyond AS (
    SELECT
        d.device, d.observed_at, d.day, d.delay, q.clock_minutes,
        d.delay < 0 OR coalesce(
            d.step <= d.interval_seconds * 3000000
                AND abs(d.delay - d.delay_before) * 2 <= d.interval_seconds * 1000000,
            false
        ) AS is_clock
    FROM delays d
    CROSS JOIN qc_settings q
    WHERE d.day IN ($$days)
        AND abs(d.delay) > q.clock_minutes * 60000000
        AND d.delay <= q.backfill_hours * 3600000000
)
SELECT
    r.device, r.observed_at, r.parameter, 'q7' AS test, 'suspect' AS level,
    concat(
        'the clock is ', CAST(CAST(round(CAST(abs(b.delay) AS DOUBLE) / 60000000) AS BIGINT) AS VARCHAR), ' min ',
        CASE WHEN b.delay < 0 THEN 'ahead' ELSE 'behind' END,
        CASE
            WHEN abs(abs(b.delay) - 43200000000) <= b.clock_minutes * 60000000 THEN ': twelve_hour_clock'
            ELSE ''
        END
    ) AS detail,
    r.day
FROM beyond b
JOIN qc_readings r ON r.device = b.device AND r.observed_at = b.observed_at
WHERE b.is_clock
UNION ALL
SELECT
    device, date_trunc('hour', observed_at) AS observed_at, '*' AS parameter, 'q7' AS test, 'note' AS level,
    concat(
        CAST(count(*) AS VARCHAR), ' observations, up to ',
        CAST(CAST(round(CAST(max(delay) AS DOUBLE) / 60000000) AS BIGINT) AS VARCHAR), ' min late'
    ) AS detail,
    day
FROM beyond
WHERE NOT is_clock
GROUP BY device, date_trunc('hour', observed_at), day
