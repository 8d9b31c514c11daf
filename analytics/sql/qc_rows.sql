-- What did each monitor call normal in one observation, side by side?
--
-- Inputs:  observations; stations; a piece of SQL for each of the columns, since parameters are configuration.
-- Output:  qc_rows, one row a (device, observed_at): pm25, pm10, tsp, humidity (null when missing or flagged by the
--          device), how many values are normal (present) and not zero (nonzero), both times as microseconds (at,
--          received), and how the device was registered on that day.
SELECT
    o.device, o.observed_at, o.day,
    arrow_cast(o.observed_at, 'Int64') AS at,
    arrow_cast(o.received_at, 'Int64') AS received,
    $$pm25 AS pm25, $$pm10 AS pm10, $$tsp AS tsp, $$humidity AS humidity,
    $$present AS present,
    $$nonzero AS nonzero,
    coalesce(s.interval_seconds, 60) AS interval_seconds,
    s.model
FROM observations o
LEFT JOIN stations s
    ON s.device = o.device
    AND o.day >= coalesce(s.valid_from, DATE '0001-01-01')
    AND o.day <= coalesce(s.valid_to, DATE '9999-12-31')
