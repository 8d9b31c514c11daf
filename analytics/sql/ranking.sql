-- Which township had the lowest value of a period, and which the highest?
--
-- Inputs:  township_daily, daily, townships; the request: $parameter, $day_min_hours (what made its days valid),
--          $decimals (places of a published value) and $$published (the
--          decimal type that has them), $city or $district, $worst (print order), $last_n and
--          $truncate_raw (who counts as last); the spans of the period itself, of the period of the same kind before it
--          (环比), of the same period last year (同比) and from 1 January to the period's end (累计), each with the
--          valid days that it needs, and with the months that need theirs too ($month_min_days, in February
--          $february_min_days): 12 for a year, 0 for anything else.
-- Output:  one row a township, in print order.
-- Rules:   HJ 663: the mean over the valid township-days of the period (never the mean of the stations' means).
--          GB 3095, 6.4 and table 4: with fewer valid days than needed there is no value and no rank.
--          GB/T 8170: rounded half to even, once, from the unrounded mean. Ranks are given by rounded values, equal
--          ones share a rank (1, 2, 2, 4), as the city's lists do. Changes are computed from published values, one
--          place, null without a base or with a base of 0. Ties are printed by unrounded mean, then by code; the
--          order worst first is the reverse. Who has too little data comes last, by code.
--          Last are those whose rank from the worst is at most $last_n, so that all of a tie at the boundary are; with
--          $truncate_raw exactly $last_n, the highest unrounded means.
WITH spans (role, first_day, last_day, min_days, min_months) AS (
    VALUES
        ('current', $first, $last, $min_days, $min_months),
        ('previous', $previous_first, $previous_last, $previous_min_days, $min_months),
        ('last_year', $last_year_first, $last_year_last, $last_year_min_days, $min_months),
        ('cumulative', $cumulative_first, $last, 1, 0)
),
units AS (
    SELECT code, name FROM townships WHERE $city OR district = $district
),
months AS (
    SELECT
        s.role, d.township, date_part('month', d.day) AS month,
        sum(CAST(d.mean AS DECIMAL(26, 12))) AS total,
        count(*) AS days,
        max(s.min_days) AS min_days,
        max(s.min_months) AS min_months
    FROM township_daily d
    JOIN spans s ON d.day >= s.first_day AND d.day <= s.last_day
    WHERE d.parameter = $parameter
        AND (
            (d.day >= $first AND d.day <= $last)
            OR (d.day >= $previous_first AND d.day <= $previous_last)
            OR (d.day >= $last_year_first AND d.day <= $last_year_last)
            OR (d.day >= $cumulative_first AND d.day <= $last)
        )
    GROUP BY s.role, d.township, date_part('month', d.day)
),
means AS (
    SELECT
        role, township,
        CAST(sum(total) AS DOUBLE) / CAST(sum(days) AS DOUBLE) AS mean,
        sum(days) AS days,
        sum(days) >= max(min_days)
            AND sum(CASE WHEN days >= CASE WHEN month = 2 THEN $february_min_days ELSE $month_min_days END
                THEN 1 ELSE 0 END) >= max(min_months) AS enough
    FROM months
    GROUP BY role, township
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
        ) AS place,
        row_number() OVER (
            PARTITION BY role
            ORDER BY value DESC NULLS LAST, round_half_even(mean, 9) DESC NULLS LAST, township DESC NULLS LAST
        ) AS place_worst
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
        max(CASE WHEN role = 'current' AND value IS NOT NULL THEN place_worst END) AS place_worst,
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
    CAST(f.value AS $$published) AS value,
    f.mean,
    coalesce(n.stations, 0) AS stations,
    coalesce(f.days, 0) AS valid_days,
    CAST(f.previous_value AS $$published) AS previous_value,
    CAST(CASE WHEN f.previous_value <> 0
        THEN round_half_even((f.value - f.previous_value) * 100 / f.previous_value, 1) END
        AS DECIMAL(18, 1)) AS change_percent,
    CAST(f.previous_rank AS BIGINT) AS previous_rank,
    CAST(f.previous_rank AS BIGINT) - CAST(f.rank_best AS BIGINT) AS rank_change,
    CAST(f.last_year_value AS $$published) AS last_year_value,
    CAST(CASE WHEN f.last_year_value <> 0
        THEN round_half_even((f.value - f.last_year_value) * 100 / f.last_year_value, 1) END
        AS DECIMAL(18, 1)) AS last_year_percent,
    CAST(f.cumulative_value AS $$published) AS cumulative_value,
    CASE WHEN f.value IS NULL THEN 'insufficient_data' ELSE 'ranked' END AS status,
    coalesce(CASE WHEN $truncate_raw THEN f.place_worst ELSE f.rank_worst END <= $last_n, false) AS last,
    $day_min_hours AS day_min_hours
FROM units u
LEFT JOIN figures f ON f.township = u.code
LEFT JOIN stations n ON n.township = u.code
ORDER BY
    f.rank_best IS NULL,
    CASE WHEN $worst THEN f.place_worst ELSE f.place END ASC NULLS LAST,
    u.code ASC NULLS LAST
