-- Which values do not take part in the statistics, where no flag excludes any?
--
-- Output:  qc_excluded, without rows. The planner sees that, so that looking there costs nothing.
SELECT
    CAST('' AS VARCHAR) AS device, to_timestamp_micros(0) AS observed_at, CAST('' AS VARCHAR) AS parameter,
    DATE '1970-01-01' AS day
WHERE false
