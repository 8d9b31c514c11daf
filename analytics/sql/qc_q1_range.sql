-- Q1: which values can no working sensor have read?
--
-- Inputs:  qc_readings; parameters (min, max); qc_settings (plain_pressure_min); qc_lists (mountain_township); $$days.
-- Output:  rows of qc_flags: device, observed_at, parameter, test, level, detail, day.
-- Rule:    a value below min or above max of its parameter is invalid. Air pressure below plain_pressure_min is invalid
--          but in the townships of the mountains, where min holds (domain reference 5.5, Q1: 80 kPa, mountain sites
--          down to 75).
WITH bounded AS (
    SELECT
        r.*, p.max AS most,
        CASE
            WHEN r.parameter = 'pressure' AND m.name IS NULL THEN greatest(p.min, q.plain_pressure_min)
            ELSE p.min
        END AS least
    FROM qc_readings r
    JOIN parameters p ON p.key = r.parameter
    CROSS JOIN qc_settings q
    LEFT JOIN qc_lists m ON m.list = 'mountain_township' AND m.name = r.township
    WHERE r.day IN ($$days)
)
SELECT
    device, observed_at, parameter, 'q1' AS test, 'invalid' AS level,
    CASE
        WHEN micro < CAST(round(least * 1000000) AS BIGINT)
        THEN concat(shown, ' is below ', CAST(least AS VARCHAR))
        ELSE concat(shown, ' is above ', CAST(most AS VARCHAR))
    END AS detail,
    day
FROM bounded
WHERE micro < CAST(round(least * 1000000) AS BIGINT) OR micro > CAST(round(most * 1000000) AS BIGINT)
