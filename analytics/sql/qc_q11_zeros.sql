-- Q11: which observations say that everything is zero?
--
-- Inputs:  qc_rows; qc_readings; qc_settings (zeros_min_parameters); $$days.
-- Output:  rows of qc_flags: device, observed_at, parameter, test, level, detail, day.
-- Rule:    an observation of zeros_min_parameters values or more, all of them zero, is that of a device without
--          sensors: invalid, each of its values (domain reference 5.5, Q11, and example C of 1.3).
SELECT
    r.device, r.observed_at, r.parameter, 'q11' AS test, 'invalid' AS level,
    concat('all ', CAST(w.present AS VARCHAR), ' values are 0') AS detail,
    r.day
FROM qc_rows w
CROSS JOIN qc_settings q
JOIN qc_readings r ON r.device = w.device AND r.observed_at = w.observed_at
WHERE w.day IN ($$days) AND w.present >= q.zeros_min_parameters AND w.nonzero = 0
