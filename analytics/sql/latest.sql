-- What did each monitor say last?
--
-- Inputs:  observations; stations; townships; $from (day), $$values (a column of value and flag for each parameter).
-- Output:  one row a registered monitor, heard since that day or not: its place, the time of its newest observation (observed is
--          the same in local time), whether it is heard, and the values in it.
-- Rule:    a monitor is heard when its newest observation is at most three of its intervals, and an hour at least, behind the
--          newest of all. The clock does not matter, so an imported history has monitors that were heard at its end.
-- Note:    values are as the device sent them, flags beside them: for looking at, not for publishing.
WITH newest AS (
    SELECT *
    FROM (
        SELECT *, row_number() OVER (PARTITION BY device ORDER BY observed_at DESC) AS nth
        FROM observations
        WHERE day >= $from
    ) o
    WHERE o.nth = 1
)
SELECT
    s.device, s.name, s.kind, s.township, t.name AS township_name, s.lat, s.lon,
    n.observed_at,
    to_char(local_time(n.observed_at), '%Y-%m-%d %H:%M:%S') AS observed,
    coalesce(
        max(arrow_cast(n.observed_at, 'Int64')) OVER () - arrow_cast(n.observed_at, 'Int64')
        <= greatest(3 * s.interval_seconds, 3600) * 1000000,
        false
    ) AS heard,
    $$values
FROM stations s
LEFT JOIN newest n ON n.device = s.device
LEFT JOIN townships t ON t.code = s.township
WHERE (s.valid_from IS NULL OR s.valid_from <= $day) AND (s.valid_to IS NULL OR s.valid_to >= $day)
ORDER BY s.township ASC NULLS LAST, s.kind DESC NULLS LAST, s.device ASC NULLS LAST
