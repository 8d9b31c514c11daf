-- Which stretches of exceedances are alarms?
--
-- Inputs:  alarm_exceedances; alarm_rules; $$days.
-- Output:  rows of alarms, and their local day: one a (device, rule, stretch) and local day.
-- Rule:    a stretch is windows in a row that all broke the rule; it is an alarm when it has at least the rule's intervals
--          of them (domain reference 5.4: 2 consecutive intervals). A window without enough observations ends it. A stretch
--          is cut at local midnight: what goes on after it is marked continued. Figures are kept to three places.
WITH numbered AS (
    SELECT *,
        start / (minutes * 60000000)
            - row_number() OVER (PARTITION BY device, rule ORDER BY start) AS stretch
    FROM alarm_exceedances
),
stretches AS (
    SELECT *,
        count(*) OVER (PARTITION BY device, rule, stretch) AS length,
        min(start) OVER (PARTITION BY device, rule, stretch) AS first_start
    FROM numbered
)
SELECT
    s.device, a.parameter, s.rule, a.level,
    arrow_cast(min(s.start), 'Timestamp(Microsecond, Some("UTC"))') AS started_at,
    arrow_cast(max(s.start) + max(s.minutes) * 60000000, 'Timestamp(Microsecond, Some("UTC"))') AS ended_at,
    CAST(count(*) AS INT) AS windows,
    round_half_even(max(s.value), 3) AS peak,
    round_half_even(avg(s.value), 3) AS mean,
    round_half_even(first_value(s.threshold ORDER BY s.value DESC, s.start ASC), 3) AS threshold,
    round_half_even(first_value(s.background ORDER BY s.value DESC, s.start ASC), 3) AS background,
    min(s.first_start) < min(s.start) AS continued,
    to_char(s.day, '%Y-%m') AS month,
    s.day
FROM stretches s
JOIN alarm_rules a ON a.rule = s.rule
WHERE s.length >= s.intervals AND s.day IN ($$days)
GROUP BY s.device, a.parameter, s.rule, a.level, s.stretch, s.day
ORDER BY s.day ASC NULLS LAST, s.device ASC NULLS LAST, s.rule ASC NULLS LAST, started_at ASC NULLS LAST
