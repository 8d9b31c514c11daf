-- What is the mean of each window that a rule asks about?
--
-- Inputs:  alarm_readings; stations; alarm_rules; alarm_rule_kinds; $$until (microseconds).
-- Output:  one row a (device, rule, window) with enough observations: its start (microseconds), local day and hour, value,
--          whether the rule is asked of this station (is_subject) or needs it as background.
-- Rule:    windows begin at whole multiples of their minutes after the hour; an observation belongs to the window that
--          its time lies in. Enough is min_percent of what the interval lets expect; a monitor slower than the window is not
--          asked. One that is not over at $$until says nothing yet. An observation in air more humid than humidity_max takes no part (domain reference 5.4). The mean is
--          arithmetic, or that of the energy for levels in dB (GB 3096-2008, 3.3).
WITH asked AS (
    SELECT
        r.device, r.day, s.township, a.rule, a.mean AS how, a.min_percent, r.value,
        r.at - r.at % (a.minutes * 60000000) AS start,
        a.minutes * 60 / s.interval_seconds AS expected,
        k.kind IS NOT NULL AS is_subject,
        s.kind = 'township' AS is_background
    FROM alarm_readings r
    JOIN stations s
        ON s.device = r.device
        AND r.day >= coalesce(s.valid_from, DATE '0001-01-01')
        AND r.day <= coalesce(s.valid_to, DATE '9999-12-31')
    JOIN alarm_rules a
        ON a.parameter = r.parameter
    LEFT JOIN alarm_rule_kinds k
        ON k.rule = a.rule AND k.kind = s.kind
    WHERE (k.kind IS NOT NULL OR (a.background IS NOT NULL AND s.kind = 'township'))
        AND s.interval_seconds <= a.minutes * 60
        AND r.at - r.at % (a.minutes * 60000000) + a.minutes * 60000000 <= $$until
        AND (a.humidity_max IS NULL OR r.humidity IS NULL OR r.humidity <= a.humidity_max)
)
SELECT
    device, rule, start, day, township, is_subject, is_background,
    CAST(date_part('hour', local_time(arrow_cast(start, 'Timestamp(Microsecond, Some("UTC"))'))) AS BIGINT) AS hour,
    CASE how
        WHEN 'energy' THEN 10 * log10(avg(power(CAST(10 AS DOUBLE), CAST(value AS DOUBLE) / 10)))
        ELSE CAST(sum(value) AS DOUBLE) / CAST(count(*) AS DOUBLE)
    END AS value
FROM asked
GROUP BY device, rule, start, day, township, is_subject, is_background, how, expected, min_percent
HAVING count(*) * 100 >= expected * min_percent
