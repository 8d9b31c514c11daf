-- Which local days have alarms?
--
-- Input:   alarms_rows.
-- Output:  one row a day, as days since 1970.
SELECT DISTINCT CAST(arrow_cast(local_day(started_at), 'Int32') AS BIGINT) AS day
FROM alarms_rows
