-- Where did each township stand in each month, and how does that compare?
--
-- Inputs:  monthly_values (PM2.5, TSP, dustfall); $last_n; $truncate (rules.boundary: truncate_raw).
-- Output:  standings, one row a (parameter, month, township) that has a value.
-- Rules:   rank_worst as the city's lists give it: 1 for the highest published value, equal ones share a rank (1, 1, 3).
--          Among the last is who has a rank of $last_n or worse, ties at the boundary included; with $truncate exactly
--          $last_n townships are, by unrounded value and then by code. previous_value is that of the calendar month
--          before, last_year_value that of the same month a year before; a change is told by published values. ratio is the
--          value over the mean of all townships' values of the month.
WITH ranked AS (
    SELECT
        parameter, month_number, month, township, mean, value, basis,
        rank() OVER (PARTITION BY parameter, month_number ORDER BY value DESC) AS rank_worst,
        row_number() OVER (
            PARTITION BY parameter, month_number
            ORDER BY value DESC, round_half_even(mean, 9) DESC, township DESC
        ) AS place_worst,
        value * CAST(count(*) OVER (PARTITION BY parameter, month_number) AS DOUBLE)
            / CAST(sum(CAST(value AS DECIMAL(18, 4))) OVER (PARTITION BY parameter, month_number) AS DOUBLE) AS ratio
    FROM monthly_values
    WHERE value IS NOT NULL
)
SELECT
    r.parameter, r.month_number, r.month, r.township, r.mean, r.value, r.basis,
    CAST(r.rank_worst AS BIGINT) AS rank_worst,
    CASE WHEN $truncate THEN r.place_worst ELSE r.rank_worst END <= $last_n AS is_last,
    round_half_even(r.ratio, 6) AS ratio,
    round_half_even(p.ratio, 6) AS previous_ratio,
    p.value AS previous_value,
    CASE WHEN p.value <> 0 THEN round_half_even((r.value - p.value) * 100 / p.value, 1) END AS change_percent,
    y.value AS last_year_value,
    CASE WHEN y.value <> 0 THEN round_half_even((r.value - y.value) * 100 / y.value, 1) END AS last_year_percent
FROM ranked r
LEFT JOIN ranked p
    ON p.parameter = r.parameter AND p.township = r.township AND p.month_number = r.month_number - 1
LEFT JOIN ranked y
    ON y.parameter = r.parameter AND y.township = r.township AND y.month_number = r.month_number - 12
