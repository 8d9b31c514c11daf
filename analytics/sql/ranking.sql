-- Which township had the lowest value of a period, and which the highest?
--
-- Inputs:  township_daily, daily, townships; the request: $parameter, $decimals (places of a published value),
--          $city or $district, $worst (print order), and the spans of the period itself, of the period of the same
--          kind before it (环比), of the same period last year (同比) and from 1 January to the period's end (累计),
--          each with the valid days that it needs.
-- Output:  one row a township, in print order.
-- Rules:   HJ 663: the mean over the valid township-days of the period (never the mean of the stations' means).
--          GB 3095, 6.4 and table 4: with fewer valid days than needed there is no value and no rank.
--          GB/T 8170: rounded half to even, once, from the unrounded mean. Ranks are given by rounded values, equal
--          ones share a rank (1, 2, 2, 4), as the city's lists do. Changes are computed from published values, one
--          place, null without a base or with a base of 0. Ties are printed by unrounded mean, then by code; the
--          order worst first is the reverse. Who has too little data comes last, by code.
WITH spans AS (
    SELECT 'current' AS role, $first AS first_day, $last AS last_day, $min_days AS min_days
    UNION ALL
    SELECT 'previous', $previous_first, $previous_last, $previous_min_days
    UNION ALL
    SELECT 'last_year', $last_year_first, $last_year_last, $last_year_min_days
    UNION ALL
    SELECT 'cumulative', $cumulative_first, $last, 1
),
units AS (
    SELECT code, name FROM townships WHERE $city OR district = $district
),
means AS (
    SELECT
        s.role, d.township,
        CAST(sum(CAST(d.mean AS DECIMAL(26, 12))) AS DOUBLE) / CAST(count(*) AS DOUBLE) AS mean,
        count(*) AS days,
        count(*) >= max(s.min_days) AS enough
    FROM township_daily d
    JOIN spans s ON d.day >= s.first_day AND d.day <= s.last_day
    WHERE d.parameter = $parameter
        AND (
            (d.day >= $first AND d.day <= $last)
            OR (d.day >= $previous_first AND d.day <= $previous_last)
            OR (d.day >= $last_year_first AND d.day <= $last_year_last)
            OR (d.day >= $cumulative_first AND d.day <= $last)
        )
    GROUP BY s.role, d.township
),
published AS (
    SELECT
        m.role, m.township, m.days,
        CASE WHEN m.enough THEN m.mean END AS mean,
        CASE WHEN m.enough THEN round_half_even(m.mean, $decimals) END AS value
    FROM means m
    JOIN units u ON u.code = m.township
),
-- Townships without a value come after all others in either order, so they shift nobody's rank.
ranked AS (
    SELECT
        role, township, days, mean, value,
        rank() OVER (PARTITION BY role ORDER BY value ASC NULLS LAST) AS rank_best,
        rank() OVER (PARTITION BY role ORDER BY value DESC NULLS LAST) AS rank_worst,
        row_number() OVER (
            PARTITION BY role
            ORDER BY value ASC NULLS LAST, round_half_even(mean, 9) ASC NULLS LAST, township ASC NULLS LAST
        ) AS place
    FROM published
),
-- One row a township: every role has at most one row of it, so that max() picks that one.
figures AS (
    SELECT
        township,
        max(CASE WHEN role = 'current' THEN days END) AS days,
        max(CASE WHEN role = 'current' THEN mean END) AS mean,
        max(CASE WHEN role = 'current' THEN value END) AS value,
        max(CASE WHEN role = 'current' AND value IS NOT NULL THEN rank_best END) AS rank_best,
        max(CASE WHEN role = 'current' AND value IS NOT NULL THEN rank_worst END) AS rank_worst,
        max(CASE WHEN role = 'current' AND value IS NOT NULL THEN place END) AS place,
        max(CASE WHEN role = 'previous' THEN value END) AS previous_value,
        max(CASE WHEN role = 'previous' AND value IS NOT NULL THEN rank_best END) AS previous_rank,
        max(CASE WHEN role = 'last_year' THEN value END) AS last_year_value,
        max(CASE WHEN role = 'cumulative' THEN value END) AS cumulative_value
    FROM ranked
    GROUP BY township
),
stations AS (
    SELECT township, count(DISTINCT device) AS stations
    FROM daily
    WHERE valid AND kind = 'township' AND parameter = $parameter AND day >= $first AND day <= $last
    GROUP BY township
)
SELECT
    CAST(f.rank_best AS BIGINT) AS rank,
    CAST(f.rank_worst AS BIGINT) AS rank_worst,
    u.code AS township_code,
    u.name AS township,
    f.value,
    f.mean,
    coalesce(n.stations, 0) AS stations,
    coalesce(f.days, 0) AS valid_days,
    f.previous_value,
    CASE WHEN f.previous_value <> 0
        THEN round_half_even((f.value - f.previous_value) * 100 / f.previous_value, 1) END AS change_percent,
    CAST(f.previous_rank AS BIGINT) AS previous_rank,
    CAST(f.previous_rank AS BIGINT) - CAST(f.rank_best AS BIGINT) AS rank_change,
    f.last_year_value,
    CASE WHEN f.last_year_value <> 0
        THEN round_half_even((f.value - f.last_year_value) * 100 / f.last_year_value, 1) END AS last_year_percent,
    f.cumulative_value,
    CASE WHEN f.value IS NULL THEN 'insufficient_data' ELSE 'ranked' END AS status
FROM units u
LEFT JOIN figures f ON f.township = u.code
LEFT JOIN stations n ON n.township = u.code
ORDER BY
    f.value IS NULL,
    CASE WHEN $worst THEN -CAST(f.place AS BIGINT) ELSE CAST(f.place AS BIGINT) END ASC NULLS LAST,
    u.code ASC NULLS LAST
