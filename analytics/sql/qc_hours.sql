-- What is the mean of each hour of particles, for the comparison with neighbours?
--
-- Input:   qc_readings.
-- Output:  qc_hours, one row a (device, hour, parameter).
-- Note:    all normal values take part, however few: the comparison leads to a note, not to a figure.
SELECT
    device, date_trunc('hour', observed_at) AS hour, day, parameter,
    CAST(sum(value) AS DOUBLE) / CAST(count(*) AS DOUBLE) AS mean
FROM qc_readings
WHERE parameter IN ('pm25', 'pm10', 'tsp')
GROUP BY device, date_trunc('hour', observed_at), day, parameter
