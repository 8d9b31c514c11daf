-- What would each value of particles be by its model's calibration, and in dry air?
--
-- Inputs:  readings; observations (humidity of the same observation); stations (model); calibrations; humidity_corrections;
--          $version (of the file that both come from); $$humidity.
-- Output:  corrected, one row a (device, observed_at, parameter) that the device called normal and of whose model the file
--          says something for that day: raw, calibrated (slope × raw + offset; raw where there is no line),
--          humidity_corrected (of the calibrated value; null where there is no formula or no humidity), method,
--          calibration_version.
-- Rule:    domain reference 5.6. epa: up to 343 µg/m³ 0.52 × PM − 0.086 × RH + 5.75, above it
--          0.46 × PM + 3.93 × 10⁻⁴ × PM² + 2.97. barkjohn: 0.524 × PM − 0.0862 × RH + 5.75. kappa_koehler:
--          PM / (1 + κ/1.65 / (1/aw − 1)), aw = RH/100 and 0.95 at the most. For PM2.5 and PM10 only: TSP is coarse, and
--          the formulas are not made for it. What a formula gives below zero is left as it is.
-- Note:    columns beside the value, never in its place: no mean and no ranking is made from them.
WITH named AS (
    SELECT
        r.device, r.observed_at, r.day, r.parameter, CAST(r.value AS DOUBLE) AS raw, s.model
    FROM readings r
    JOIN stations s
        ON s.device = r.device
        AND r.day >= coalesce(s.valid_from, DATE '0001-01-01')
        AND r.day <= coalesce(s.valid_to, DATE '9999-12-31')
    WHERE r.value IS NOT NULL AND (r.flag IS NULL OR r.flag = 'N')
),
humid AS (
    SELECT device, observed_at, $$humidity AS humidity
    FROM observations
),
calibrated AS (
    SELECT
        n.device, n.observed_at, n.day, n.parameter, n.raw,
        coalesce(c.slope, 1) * n.raw + coalesce(c."offset", 0) AS calibrated,
        c.model IS NOT NULL AS has_line, m.method, m.kappa, CAST(h.humidity AS DOUBLE) AS rh
    FROM named n
    LEFT JOIN calibrations c
        ON c.model = n.model AND c.parameter = n.parameter
        AND n.day >= coalesce(c.valid_from, DATE '0001-01-01')
        AND n.day <= coalesce(c.valid_to, DATE '9999-12-31')
    LEFT JOIN humidity_corrections m
        ON m.model = n.model AND m.parameter = n.parameter AND m.parameter IN ('pm25', 'pm10')
        AND n.day >= coalesce(m.valid_from, DATE '0001-01-01')
        AND n.day <= coalesce(m.valid_to, DATE '9999-12-31')
    LEFT JOIN humid h ON h.device = n.device AND h.observed_at = n.observed_at
    WHERE c.model IS NOT NULL OR m.model IS NOT NULL
)
SELECT
    device, observed_at, parameter, raw, calibrated,
    CASE
        WHEN method = 'epa' AND calibrated <= 343 THEN 0.52 * calibrated - 0.086 * rh + 5.75
        WHEN method = 'epa' AND rh IS NOT NULL THEN 0.46 * calibrated + 0.000393 * calibrated * calibrated + 2.97
        WHEN method = 'barkjohn' THEN 0.524 * calibrated - 0.0862 * rh + 5.75
        WHEN method = 'kappa_koehler' AND rh > 0
        THEN calibrated / (1 + kappa / 1.65 / (1 / least(rh / 100, CAST(0.95 AS DOUBLE)) - 1))
        WHEN method = 'kappa_koehler' AND rh = 0 THEN calibrated
        ELSE NULL
    END AS humidity_corrected,
    concat(
        CASE WHEN has_line THEN 'linear' ELSE '' END,
        CASE WHEN has_line AND method IS NOT NULL THEN '+' ELSE '' END,
        coalesce(method, '')
    ) AS method,
    $version AS calibration_version,
    day
FROM calibrated
