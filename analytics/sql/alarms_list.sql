-- Which alarms does somebody want to see?
--
-- Inputs:  alarms; $first, $last, $device, $rule, $level, $township (an empty text lets everything through), $limit.
-- Output:  one row an alarm, newest first; times are local.
SELECT
    device, name, township_name AS township, parameter, rule, level,
    to_char(local_time(started_at), '%Y-%m-%d %H:%M') AS started,
    to_char(local_time(ended_at), '%Y-%m-%d %H:%M') AS ended,
    windows, peak, mean, threshold, background, continued
FROM alarms
WHERE day >= $first AND day <= $last
    AND ($device = '' OR device = $device)
    AND ($rule = '' OR rule = $rule)
    AND ($level = '' OR level = $level)
    AND ($township = '' OR township = $township OR township_name = $township)
ORDER BY
    started_at DESC NULLS LAST, device ASC NULLS LAST, rule ASC NULLS LAST
LIMIT $$limit
