-- In which order do alarms stand in their table?
--
-- Inputs:  alarms_rows; $$months, $$days.
-- Output:  the alarms of these local days in one order, so that two runs can be compared row by row.
SELECT
    device, parameter, rule, level, started_at, ended_at, windows, peak, mean, threshold, background, continued, month,
    local_day(started_at) AS day
FROM alarms_rows
WHERE month IN ($$months) AND local_day(started_at) IN ($$days)
ORDER BY
    day ASC NULLS LAST, device ASC NULLS LAST, rule ASC NULLS LAST, started_at ASC NULLS LAST
