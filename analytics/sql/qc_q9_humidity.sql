-- Q9: which values were measured by light scattering in air so humid that droplets count as dust?
--
-- Inputs:  qc_rows; qc_readings; qc_settings (humid_percent, humid_is_suspect); qc_lists (light_scattering_model); $$days.
-- Output:  rows of qc_flags: device, observed_at, parameter, test, level, detail, day. As a note, one row an hour.
-- Rule:    a value of particles of a light-scattering model, with a relative humidity of at least humid_percent in the
--          same observation, gets a note, or is suspect, as humid_level says (domain reference 5.5, Q9: RH >= 85 %,
--          corrected or flagged; the view `corrected` has the correction). Which models scatter light is configuration; a
--          device that does not measure humidity is not tested.
SELECT
    device, at_or_hour AS observed_at, parameter, 'q9' AS test,
    CASE WHEN humid_is_suspect THEN 'suspect' ELSE 'note' END AS level,
    concat(
        CAST(count(*) AS VARCHAR), ' values, humidity up to ',
        CAST(CAST(max(humidity) AS DOUBLE) AS VARCHAR), ' %'
    ) AS detail,
    day
FROM (
    SELECT
        r.device, r.parameter, r.day, w.humidity, q.humid_is_suspect,
        CASE WHEN q.humid_is_suspect THEN r.observed_at ELSE date_trunc('hour', r.observed_at) END AS at_or_hour
    FROM qc_rows w
    CROSS JOIN qc_settings q
    JOIN qc_lists m ON m.list = 'light_scattering_model' AND m.name = w.model
    JOIN qc_readings r ON r.device = w.device AND r.observed_at = w.observed_at
    WHERE w.day IN ($$days) AND w.humidity >= q.humid_percent AND r.parameter IN ('pm25', 'pm10', 'tsp')
)
GROUP BY device, at_or_hour, parameter, humid_is_suspect, day
