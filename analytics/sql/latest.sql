-- What did each monitor say last?
--
-- Inputs:  observations; stations; townships; $from (day), $$values (a column of value and flag for each parameter).
-- Output:  one row a registered monitor, heard since that day or not: its place, the time of its newest observation (observed is
--          the same in local time), and the
--          values in it.
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
    $$values
FROM stations s
LEFT JOIN newest n ON n.device = s.device
LEFT JOIN townships t ON t.code = s.township
WHERE (s.valid_from IS NULL OR s.valid_from <= $day) AND (s.valid_to IS NULL OR s.valid_to >= $day)
ORDER BY s.township ASC NULLS LAST, s.kind DESC NULLS LAST, s.device ASC NULLS LAST
