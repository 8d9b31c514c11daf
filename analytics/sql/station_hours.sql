-- How did a monitor's hours go?
--
-- Inputs:  hourly; $device, $parameter, $first, $last, $decimals, $$published.
-- Output:  one row an hour with at least one valid observation: its published mean, what it was made of, whether it is valid.
SELECT
    to_char(local_time(hour), '%Y-%m-%d %H:00') AS hour,
    CAST(round_half_even(mean, $decimals) AS $$published) AS value,
    n, expected, valid
FROM hourly
WHERE device = $device AND parameter = $parameter
    AND local_day(hour) >= $first AND local_day(hour) <= $last
ORDER BY hour ASC NULLS LAST
