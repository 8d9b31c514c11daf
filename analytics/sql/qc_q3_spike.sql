-- Q3: which values of particles stand out from those around them for a moment?
--
-- Inputs:  qc_readings; qc_settings (spike_mad_factor, spike_min); $$days.
-- Output:  rows of qc_flags: device, observed_at, parameter, test, level, detail, day.
-- Rule:    around a value are the values of five intervals before to five after, itself among them; there must be six at
--          least. MAD is the median of their distances from their median. A value further from the median than
--          spike_mad_factor × MAD and than spike_min is suspect (domain reference 5.5, Q3: |x − median of ±5| >
--          max(6 × MAD, 200), µg/m³, so of particles alone).
-- Note:    the median lies between least and greatest, so only values that are further than spike_min from one of them
--          are looked at closely. Doubled values keep medians whole: middle2 is twice the median, spread4 four MAD.
WITH series AS (
    SELECT
        device, parameter, observed_at, day, micro, shown, interval_seconds,
        at / (interval_seconds * 1000000) AS slot
    FROM qc_readings
    WHERE parameter IN ('pm25', 'pm10', 'tsp')
),
extremes AS (
    SELECT *, min(micro) OVER around AS least, max(micro) OVER around AS most, count(*) OVER around AS n
    FROM series
    WINDOW around AS (
        PARTITION BY device, parameter, interval_seconds ORDER BY slot RANGE BETWEEN 5 PRECEDING AND 5 FOLLOWING
    )
),
candidates AS (
    SELECT e.*, unnest(range(e.slot - 5, e.slot + 6)) AS beside, q.spike_min * 1000000 AS floor, q.spike_mad_factor AS factor
    FROM extremes e
    CROSS JOIN qc_settings q
    WHERE e.day IN ($$days) AND e.n >= 6
        AND greatest(e.micro - e.least, e.most - e.micro) > q.spike_min * 1000000
),
pairs AS (
    SELECT c.device, c.parameter, c.observed_at, c.day, c.micro, c.shown, c.floor, c.factor, s.micro AS other
    FROM candidates c
    JOIN series s
        ON s.device = c.device AND s.parameter = c.parameter
        AND s.interval_seconds = c.interval_seconds AND s.slot = c.beside
),
middles AS (
    SELECT device, parameter, observed_at, median(other * 2) AS middle2
    FROM pairs
    GROUP BY device, parameter, observed_at
),
spreads AS (
    SELECT
        p.device, p.parameter, p.observed_at, p.day, p.micro, p.shown, p.floor, p.factor, m.middle2,
        median(abs(p.other * 2 - m.middle2) * 2) AS spread4
    FROM pairs p
    JOIN middles m ON m.device = p.device AND m.parameter = p.parameter AND m.observed_at = p.observed_at
    GROUP BY
        p.device, p.parameter, p.observed_at, p.day, p.micro, p.shown, p.floor, p.factor, m.middle2
)
SELECT
    device, observed_at, parameter, 'q3' AS test, 'suspect' AS level,
    concat(shown, ' among values around ', CAST(CAST(middle2 AS DOUBLE) / 2000000 AS VARCHAR)) AS detail,
    day
FROM spreads
WHERE abs(micro * 2 - middle2) * 2 > greatest(spread4 * factor, floor * 4)
