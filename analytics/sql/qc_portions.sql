-- How many rows has each monitor on some days?
--
-- Inputs:  observations_rows; $$days.
-- Output:  one row a device, in order: what is checked at once is cut by it, so that it fits into memory.
SELECT device, count(*) AS n
FROM observations_rows
WHERE day IN ($$days)
GROUP BY device
ORDER BY device ASC NULLS LAST
