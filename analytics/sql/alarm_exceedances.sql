-- Which windows broke a rule?
--
-- Inputs:  alarm_windows; alarm_rules.
-- Output:  one row a (device, rule, window) above its threshold, with threshold and background.
-- Rule:    the whole mean is compared with the limit, not a rounded one (全数值比较法, GB/T 8170-2008, 4.3): above it, by more
--          than 10⁻⁹, is an exceedance. A background is the mean of the means of the stations of kind township in the
--          township or the district in that window; above_background adds the limit to it, times_background multiplies;
--          without one nothing is said. Exceedances of a local day up to allowed_a_day are not counted; nor is what lies
--          outside the rule's hours, which may go over midnight.
WITH backgrounds AS (
    SELECT w.rule, w.start, w.township, avg(w.value) AS background
    FROM alarm_windows w
    JOIN alarm_rules a ON a.rule = w.rule
    WHERE a.background = 'township' AND w.is_background
    GROUP BY w.rule, w.start, w.township
    UNION ALL
    SELECT w.rule, w.start, '' AS township, avg(w.value) AS background
    FROM alarm_windows w
    JOIN alarm_rules a ON a.rule = w.rule
    WHERE a.background = 'district' AND w.is_background
    GROUP BY w.rule, w.start
),
compared AS (
    SELECT
        w.device, w.rule, w.start, w.day, w.value, b.background, a.minutes, a.intervals, a.allowed_a_day,
        CASE a.compare
            WHEN 'limit' THEN a."limit"
            WHEN 'above_background' THEN a."limit" + least(b.background, coalesce(a.background_cap, b.background))
            ELSE a."limit" * b.background
        END AS threshold
    FROM alarm_windows w
    JOIN alarm_rules a ON a.rule = w.rule
    LEFT JOIN backgrounds b
        ON b.rule = w.rule AND b.start = w.start
        AND b.township = CASE a.background WHEN 'township' THEN w.township ELSE '' END
    WHERE w.is_subject
        AND CASE
            WHEN a.from_hour IS NULL THEN true
            WHEN a.from_hour < a.to_hour THEN w.hour >= a.from_hour AND w.hour < a.to_hour
            ELSE w.hour >= a.from_hour OR w.hour < a.to_hour
        END
),
counted AS (
    SELECT *, row_number() OVER (PARTITION BY device, rule, day ORDER BY start) AS of_day
    FROM compared
    WHERE value - threshold > 0.000000001
)
SELECT device, rule, start, day, value, threshold, background, minutes, intervals
FROM counted
WHERE of_day > allowed_a_day
