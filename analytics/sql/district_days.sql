-- What were the district's valid days of a span?
--
-- Inputs:  district_daily; $parameter, $district, $first, $last (local days).
-- Output:  one row a day, oldest first.
SELECT day, mean
FROM district_daily
WHERE valid AND district = $district AND parameter = $parameter AND day >= $first AND day <= $last
ORDER BY day ASC
