-- What did each monitor read of one parameter, and how humid was it then?
--
-- Input:   observations.
-- Output:  alarm_readings, one row a (device, observed_at, parameter) that the device called normal (HJ 212-2017, table 8).
-- Note:    repeated for every parameter that a rule names, joined by UNION ALL. $$from and $$to are microseconds.
SELECT
    device, observed_at, day,
    arrow_cast(observed_at, 'Int64') AS at,
    $parameter AS parameter,
    CAST($$value AS DECIMAL(18, 6)) AS value,
    $$humidity AS humidity
FROM observations
WHERE day IN ($$days)
    AND arrow_cast(observed_at, 'Int64') >= $$from AND arrow_cast(observed_at, 'Int64') < $$to
    AND $$value IS NOT NULL AND coalesce($$flag, 'N') = 'N'
