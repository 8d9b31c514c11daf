-- Which alarms were there, and where?
--
-- Inputs:  alarms_rows; stations; townships; alarm_rules.
-- Output:  alarms, one row a (device, rule, started_at): what the table has, with the site's name, its township, the set and
--          the source of its rule.
SELECT
    r.device, s.name, s.township, t.name AS township_name, r.parameter, r.rule, r.level, r.started_at, r.ended_at, r.windows,
    r.peak, r.mean, r.threshold, r.background, r.continued, a.region, a.source, r.month,
    local_day(r.started_at) AS day
FROM alarms_rows r
LEFT JOIN stations s
    ON s.device = r.device
    AND local_day(r.started_at) >= coalesce(s.valid_from, DATE '0001-01-01')
    AND local_day(r.started_at) <= coalesce(s.valid_to, DATE '9999-12-31')
LEFT JOIN townships t ON t.code = s.township
LEFT JOIN alarm_rules a ON a.rule = r.rule
