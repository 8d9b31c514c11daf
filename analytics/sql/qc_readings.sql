-- Which values did each monitor call normal, and how was it registered on that day?
--
-- Inputs:  readings; stations.
-- Output:  qc_readings, one row a (device, observed_at, parameter): the time and the value as whole millionths (at, micro),
--          so that comparisons are exact; the value as text (shown); interval_seconds, kind, township, model.
-- Rule:    values that the device itself flagged are out of the statistics already and are not tested (HJ 212-2017,
--          table 8). A device without an entry on that day is taken to observe once a minute.
SELECT
    r.device, r.observed_at, r.day, r.parameter, r.value,
    arrow_cast(r.observed_at, 'Int64') AS at,
    CAST(r.value * 1000000 AS BIGINT) AS micro,
    CAST(CAST(r.value AS DOUBLE) AS VARCHAR) AS shown,
    coalesce(s.interval_seconds, 60) AS interval_seconds,
    s.kind, s.township, s.model
FROM readings r
LEFT JOIN stations s
    ON s.device = r.device
    AND r.day >= coalesce(s.valid_from, DATE '0001-01-01')
    AND r.day <= coalesce(s.valid_to, DATE '9999-12-31')
WHERE r.value IS NOT NULL AND (r.flag IS NULL OR r.flag = 'N')
