-- Which alarms could somebody have to be told of?
--
-- Inputs:  alarms_rows at one version; $$since, microseconds.
-- Output:  one row an alarm that began then or later; what only goes on after midnight is no news.
SELECT device, parameter, rule, level, started_at, ended_at, peak, mean, threshold
FROM alarms_rows
WHERE NOT continued AND arrow_cast(started_at, 'Int64') >= $$since
    AND month >= to_char(arrow_cast($$since, 'Timestamp(Microsecond, Some("UTC"))'), '%Y-%m')
