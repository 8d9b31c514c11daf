-- Where did the least dust fall in a span of months, and where the most?
--
-- Inputs:  $$months, rows (unit, month, points, mean) of points, townships or the district; $$units, rows (code, name)
--          of those that take part; $$spans, rows (asked, role, first month, last month, months needed) of the spans
--          that were asked for (current), of as many months before each (previous, 环比), of the same months last
--          year (last_year, 同比) and from January to its end (cumulative, 累计); $detection_limit; $worst (order).
-- Output:  one row a unit and span asked for, in print order; the columns of ranking.sql and a few more.
-- Rules:   the value of several months is the mean of the months' unrounded means, each month counting the same; with
--          fewer months than needed there is none. Rounded half to even once, to one place (HJ 1221-2021, GB/T 8170).
--          Ranks are given by rounded values, least first, equal ones share a rank (1, 2, 2, 4). Changes are computed
--          from published values, one place, null without a base or with a base of 0. Ties are printed by unrounded
--          mean, then by code; the order worst first is the reverse. Who has no value comes last, by code.
--          below_detection: the unrounded mean is less than the detection limit, so that <0.3 is published.
WITH spans (asked, role, first_month, last_month, min_months) AS (
    VALUES $$spans
),
units AS (
    $$units
),
means AS (
    SELECT
        s.asked, s.role, m.unit,
        CAST(CAST(sum(m.mean) AS DECIMAL(38, 12)) / count(*) AS DECIMAL(24, 12)) AS mean,
        count(*) AS months,
        max(m.points) AS points,
        sum(
            date_part(
                'day', CAST(concat(m.month, '-01') AS DATE) + INTERVAL '1 month' - INTERVAL '1 day'
            )
        ) AS days,
        count(*) >= max(s.min_months) AS enough
    FROM ($$months) m
    JOIN spans s ON m.month >= s.first_month AND m.month <= s.last_month
    WHERE m.mean IS NOT NULL
    GROUP BY s.asked, s.role, m.unit
),
published AS (
    SELECT
        m.asked, m.role, m.unit, m.months, m.points, m.days,
        CASE WHEN m.enough THEN CAST(m.mean AS DOUBLE) END AS mean,
        CASE WHEN m.enough THEN round_half_even(CAST(m.mean AS DOUBLE), 1) END AS value,
        m.enough AND round_half_even(CAST(m.mean AS DOUBLE), 9) < CAST($detection_limit AS DOUBLE) AS below_detection
    FROM means m
    JOIN units u ON u.code = m.unit
),
ranked AS (
    SELECT
        *,
        rank() OVER (PARTITION BY asked, role ORDER BY value ASC NULLS LAST) AS rank_best,
        rank() OVER (PARTITION BY asked, role ORDER BY value DESC NULLS LAST) AS rank_worst,
        row_number() OVER (
            PARTITION BY asked, role
            ORDER BY value ASC NULLS LAST, round_half_even(mean, 9) ASC NULLS LAST, unit ASC NULLS LAST
        ) AS place
    FROM published
),
-- One row a unit: every role has at most one row of it, so that max() picks that one.
figures AS (
    SELECT
        asked, unit,
        max(CASE WHEN role = 'current' THEN months END) AS months,
        max(CASE WHEN role = 'current' THEN points END) AS points,
        max(CASE WHEN role = 'current' THEN days END) AS days,
        max(CASE WHEN role = 'current' THEN mean END) AS mean,
        max(CASE WHEN role = 'current' THEN value END) AS value,
        bool_or(role = 'current' AND below_detection) AS below_detection,
        max(CASE WHEN role = 'current' AND value IS NOT NULL THEN rank_best END) AS rank_best,
        max(CASE WHEN role = 'current' AND value IS NOT NULL THEN rank_worst END) AS rank_worst,
        max(CASE WHEN role = 'current' AND value IS NOT NULL THEN place END) AS place,
        max(CASE WHEN role = 'previous' THEN value END) AS previous_value,
        max(CASE WHEN role = 'previous' AND value IS NOT NULL THEN rank_best END) AS previous_rank,
        max(CASE WHEN role = 'last_year' THEN value END) AS last_year_value,
        max(CASE WHEN role = 'cumulative' THEN value END) AS cumulative_value,
        max(CASE WHEN role = 'cumulative' THEN mean END) AS cumulative_mean,
        max(CASE WHEN role = 'cumulative' THEN months END) AS cumulative_months
    FROM ranked
    GROUP BY asked, unit
),
asked AS (
    SELECT DISTINCT asked FROM spans
)
SELECT
    a.asked,
    CAST(f.rank_best AS BIGINT) AS rank,
    CAST(f.rank_worst AS BIGINT) AS rank_worst,
    u.code AS township_code,
    u.name AS township,
    f.value,
    f.mean,
    coalesce(f.points, 0) AS stations,
    coalesce(f.days, 0) AS valid_days,
    coalesce(f.months, 0) AS months,
    coalesce(f.below_detection, false) AS below_detection,
    f.previous_value,
    CASE WHEN f.previous_value <> 0
        THEN round_half_even((f.value - f.previous_value) * 100 / f.previous_value, 1) END AS change_percent,
    CAST(f.previous_rank AS BIGINT) AS previous_rank,
    CAST(f.previous_rank AS BIGINT) - CAST(f.rank_best AS BIGINT) AS rank_change,
    f.last_year_value,
    CASE WHEN f.last_year_value <> 0
        THEN round_half_even((f.value - f.last_year_value) * 100 / f.last_year_value, 1) END AS last_year_percent,
    f.cumulative_value,
    f.cumulative_mean,
    coalesce(f.cumulative_months, 0) AS cumulative_months,
    CASE WHEN f.value IS NULL THEN 'insufficient_data' ELSE 'ranked' END AS status,
    f.place
FROM asked a
CROSS JOIN units u
LEFT JOIN figures f ON f.asked = a.asked AND f.unit = u.code
ORDER BY
    a.asked,
    f.value IS NULL,
    CASE WHEN $worst THEN -CAST(f.place AS BIGINT) ELSE CAST(f.place AS BIGINT) END ASC NULLS LAST,
    u.code ASC NULLS LAST
