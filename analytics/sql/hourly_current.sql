-- Which hourly means hold for the pinned version of the observations?
--
-- Inputs:  hourly_rows (the rollup as it is stored); hourly_fresh and fresh_days (hourly means computed just now, and
--          the local days that they replace).
-- Output:  hourly.
-- Rule:    a rollup is a function of the observations; a day that changed since it was made is never taken from it.
SELECT r.device, r.hour, r.parameter, r.mean, r.min, r.max, r.n, r.expected, r.valid, r.month
FROM hourly_rows r
WHERE NOT EXISTS (SELECT 1 FROM fresh_days f WHERE f.day = local_day(r.hour))
UNION ALL
SELECT device, hour, parameter, mean, min, max, n, expected, valid, month
FROM hourly_fresh
