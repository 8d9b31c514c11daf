-- At which sites were limits exceeded in a period, and how often in the one before?
--
-- Inputs:  alarms; $first, $last and $previous_first, $previous_last (local days).
-- Output:  one row a monitor with an alarm in either of them, most alarms first: alarms, those of them that were severe,
--          alarms in the period before, and minutes above the limit.
-- Note:    an alarm that goes on over midnight is in the table once a day; it counts on the day on which it began, its
--          minutes on the days on which they were.
SELECT
    device,
    coalesce(max(name), device) AS name,
    max(township_name) AS township,
    sum(CASE WHEN day >= $first AND day <= $last AND NOT continued THEN 1 ELSE 0 END) AS alarms,
    sum(CASE WHEN day >= $first AND day <= $last AND NOT continued AND level = 'severe' THEN 1 ELSE 0 END) AS severe,
    sum(CASE WHEN day >= $previous_first AND day <= $previous_last AND NOT continued THEN 1 ELSE 0 END) AS previous,
    sum(CASE WHEN day >= $first AND day <= $last
        THEN (arrow_cast(ended_at, 'Int64') - arrow_cast(started_at, 'Int64')) / 60000000 ELSE 0 END) AS minutes
FROM alarms
WHERE (day >= $first AND day <= $last) OR (day >= $previous_first AND day <= $previous_last)
GROUP BY device
ORDER BY alarms DESC, severe DESC, minutes DESC, device ASC
