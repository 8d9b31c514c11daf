-- Q5: on which days did a gateway compute TSP from PM10 instead of measuring it?
--
-- Inputs:  qc_rows; qc_readings; standards (hour_min_percent); qc_settings (derived_residual_percent); $$days.
-- Output:  rows of qc_flags: device, observed_at, parameter, test, level, detail, day: all TSP values of such a day.
-- Rule:    over the pairs of a device's local day, the line TSP = a + b × PM10 with the least squares. When what remains
--          (root of the mean square) is below derived_residual_percent of the mean TSP, no sensor can have measured it:
--          tsp_derived, invalid, and so out of the TSP ranking (domain reference 5.5, Q5; 5.1 names gateways that do so).
--          There must be hour_min_percent of the pairs that a day lets expect, and TSP itself must vary by ten times that
--          residual, since of a constant any line leaves nothing.
-- Note:    sums are of whole millionths and exact; x is PM10, y TSP; sxx, sxy, syy are n² times the (co)variances.
WITH sums AS (
    SELECT
        device, day, max(interval_seconds) AS interval_seconds,
        CAST(count(*) AS DOUBLE) AS n,
        CAST(sum(CAST(pm10 * 1000000 AS DECIMAL(19, 0))) AS DOUBLE) AS x,
        CAST(sum(CAST(tsp * 1000000 AS DECIMAL(19, 0))) AS DOUBLE) AS y,
        CAST(sum(CAST(pm10 * 1000000 AS DECIMAL(19, 0)) * CAST(pm10 * 1000000 AS DECIMAL(19, 0))) AS DOUBLE) AS xx,
        CAST(sum(CAST(pm10 * 1000000 AS DECIMAL(19, 0)) * CAST(tsp * 1000000 AS DECIMAL(19, 0))) AS DOUBLE) AS xy,
        CAST(sum(CAST(tsp * 1000000 AS DECIMAL(19, 0)) * CAST(tsp * 1000000 AS DECIMAL(19, 0))) AS DOUBLE) AS yy
    FROM qc_rows
    WHERE day IN ($$days) AND pm10 IS NOT NULL AND tsp IS NOT NULL
    GROUP BY device, day
),
spreads AS (
    SELECT *, n * xx - x * x AS sxx, n * xy - x * y AS sxy, n * yy - y * y AS syy
    FROM sums
    CROSS JOIN standards
    WHERE n * interval_seconds * 100 >= 86400 * hour_min_percent AND y > 0
),
lines AS (
    SELECT
        device, day, sxy / sxx AS b, (y - sxy / sxx * x) / n / 1000000 AS a,
        sqrt(greatest(syy - sxy * sxy / sxx, CAST(0 AS DOUBLE))) / y * 100 AS residual_percent,
        sqrt(syy) / y * 100 AS spread_percent
    FROM spreads
    WHERE sxx > 0 AND syy > 0
)
SELECT
    r.device, r.observed_at, r.parameter, 'q5' AS test, 'invalid' AS level,
    concat(
        'tsp_derived: ', CAST(round(l.a, 1) AS VARCHAR), ' + ', CAST(round(l.b, 4) AS VARCHAR),
        ' × pm10, residual ', CAST(round(l.residual_percent, 3) AS VARCHAR), ' %'
    ) AS detail,
    r.day
FROM lines l
CROSS JOIN qc_settings q
JOIN qc_readings r ON r.device = l.device AND r.day = l.day AND r.parameter = 'tsp'
WHERE l.residual_percent < q.derived_residual_percent
    AND l.spread_percent >= q.derived_residual_percent * 10
    AND r.day IN ($$days)
