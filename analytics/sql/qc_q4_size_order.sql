-- Q4: which values contradict that smaller particles are part of the larger?
--
-- Inputs:  qc_rows; qc_settings (size_order_percent, size_order_pm25, size_order_pm10); $$days.
-- Output:  rows of qc_flags: device, observed_at, parameter, test, level, detail, day.
-- Rule:    PM2.5 may exceed PM10 by size_order_percent and size_order_pm25 µg/m³, PM10 TSP by size_order_percent and
--          size_order_pm10 µg/m³. Beyond that both values are suspect, since either may be wrong (domain reference 5.5,
--          Q4: PM2.5 <= PM10 × 1.1 + 5 and PM10 <= TSP × 1.1 + 10).
WITH compared AS (
    SELECT
        r.*,
        r.pm25 * 100 > r.pm10 * (100 + q.size_order_percent) + q.size_order_pm25 * 100 AS fine,
        r.pm10 * 100 > r.tsp * (100 + q.size_order_percent) + q.size_order_pm10 * 100 AS coarse
    FROM qc_rows r
    CROSS JOIN qc_settings q
    WHERE r.day IN ($$days)
),
flagged AS (
    SELECT device, observed_at, day, 'pm25' AS parameter, pm25, pm10, tsp, true AS fine, false AS coarse
    FROM compared
    WHERE fine
    UNION ALL
    SELECT device, observed_at, day, 'pm10' AS parameter, pm25, pm10, tsp, coalesce(fine, false), coalesce(coarse, false)
    FROM compared
    WHERE fine OR coarse
    UNION ALL
    SELECT device, observed_at, day, 'tsp' AS parameter, pm25, pm10, tsp, false AS fine, true AS coarse
    FROM compared
    WHERE coarse
)
SELECT
    device, observed_at, parameter, 'q4' AS test, 'suspect' AS level,
    concat(
        CASE WHEN fine THEN
            concat('pm25 ', CAST(CAST(pm25 AS DOUBLE) AS VARCHAR), ' against pm10 ', CAST(CAST(pm10 AS DOUBLE) AS VARCHAR))
        ELSE '' END,
        CASE WHEN fine AND coarse THEN ', ' ELSE '' END,
        CASE WHEN coarse THEN
            concat('pm10 ', CAST(CAST(pm10 AS DOUBLE) AS VARCHAR), ' against tsp ', CAST(CAST(tsp AS DOUBLE) AS VARCHAR))
        ELSE '' END
    ) AS detail,
    day
FROM flagged
