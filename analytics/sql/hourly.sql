-- What is the mean of each hour, and is it valid?
--
-- Inputs:  readings; stations (what interval a monitor had on that day); standards (hour_min_percent); qc_excluded
--          (what quality control keeps out, without rows where there are no flags).
-- Output:  hourly, one row a (device, hour, parameter) with at least one valid observation, and its local day.
-- Rule:    GB 3095, chapter 3: arithmetic mean of the hour. Only values with flag N take part (HJ 212-2017, table 8)
--          that quality control does not exclude (qc_excluded.sql).
--          Valid when at least hour_min_percent of the observations that the station's interval lets expect are
--          there: 45 of 60 at one minute, 1 of 1 for an hourly feed. GB 3095 table 4 says 45 minutes for gases and
--          is silent for particles; the same is taken. A device without an entry on that day: one observation a minute.
-- Note:    sums are exact decimals, so the mean does not depend on the order of reading.
WITH hours AS (
    SELECT
        device, day, date_trunc('hour', observed_at) AS hour, parameter,
        sum(value) AS total, min(value) AS least, max(value) AS most, count(value) AS n
    FROM readings r
    WHERE value IS NOT NULL AND (flag IS NULL OR flag = 'N')
        AND NOT EXISTS (
            SELECT 1 FROM qc_excluded x
            WHERE x.device = r.device AND x.observed_at = r.observed_at AND x.parameter = r.parameter
        )
    GROUP BY device, day, date_trunc('hour', observed_at), parameter
),
expectations AS (
    SELECT h.*, coalesce(3600 / s.interval_seconds, 60) AS expected
    FROM hours h
    LEFT JOIN stations s
        ON s.device = h.device
        AND h.day >= coalesce(s.valid_from, DATE '0001-01-01')
        AND h.day <= coalesce(s.valid_to, DATE '9999-12-31')
)
SELECT
    e.device,
    e.hour,
    e.parameter,
    CAST(e.total AS DOUBLE) / CAST(e.n AS DOUBLE) AS mean,
    CAST(e.least AS DOUBLE) AS min,
    CAST(e.most AS DOUBLE) AS max,
    CAST(e.n AS INT) AS n,
    CAST(e.expected AS INT) AS expected,
    e.n * 100 >= e.expected * x.hour_min_percent AS valid,
    to_char(e.day, '%Y-%m') AS month,
    e.day
FROM expectations e
CROSS JOIN standards x
ORDER BY e.day, e.parameter, e.device, e.hour
