-- What is the district's value of a period?
--
-- Inputs:  district_daily; the request: $parameter, $decimals, $district, and the spans as in ranking.sql.
-- Output:  one row.
-- Rules:   HJ 663: the mean over the valid district-days of the period. Validity, rounding and changes as in
--          ranking.sql.
WITH spans (role, first_day, last_day, min_days, min_months) AS (
    VALUES
        ('current', $first, $last, $min_days, $min_months),
        ('previous', $previous_first, $previous_last, $previous_min_days, $min_months),
        ('last_year', $last_year_first, $last_year_last, $last_year_min_days, $min_months),
        ('cumulative', $cumulative_first, $last, 1, 0)
),
months AS (
    SELECT
        s.role, date_part('month', d.day) AS month,
        sum(CAST(d.mean AS DECIMAL(26, 12))) AS total,
        count(*) AS days,
        max(s.min_days) AS min_days,
        max(s.min_months) AS min_months
    FROM district_daily d
    JOIN spans s ON d.day >= s.first_day AND d.day <= s.last_day
    WHERE d.valid AND d.district = $district AND d.parameter = $parameter
        AND (
            (d.day >= $first AND d.day <= $last)
            OR (d.day >= $previous_first AND d.day <= $previous_last)
            OR (d.day >= $last_year_first AND d.day <= $last_year_last)
            OR (d.day >= $cumulative_first AND d.day <= $last)
        )
    GROUP BY s.role, date_part('month', d.day)
),
means AS (
    SELECT
        role,
        CAST(sum(total) AS DOUBLE) / CAST(sum(days) AS DOUBLE) AS mean,
        sum(days) AS days,
        sum(days) >= max(min_days)
            AND sum(CASE WHEN days >= CASE WHEN month = 2 THEN $february_min_days ELSE $month_min_days END
                THEN 1 ELSE 0 END) >= max(min_months) AS enough
    FROM months
    GROUP BY role
),
figures AS (
    SELECT
        max(CASE WHEN role = 'current' THEN days END) AS valid_days,
        max(CASE WHEN role = 'current' AND enough THEN mean END) AS mean,
        max(CASE WHEN role = 'current' AND enough THEN round_half_even(mean, $decimals) END) AS value,
        max(CASE WHEN role = 'previous' AND enough THEN round_half_even(mean, $decimals) END) AS previous_value,
        max(CASE WHEN role = 'last_year' AND enough THEN round_half_even(mean, $decimals) END) AS last_year_value,
        max(CASE WHEN role = 'cumulative' THEN round_half_even(mean, $decimals) END) AS cumulative_value
    FROM means
)
SELECT
    f.value,
    f.mean,
    coalesce(f.valid_days, 0) AS valid_days,
    f.previous_value,
    CASE WHEN f.previous_value <> 0
        THEN round_half_even((f.value - f.previous_value) * 100 / f.previous_value, 1) END AS change_percent,
    f.last_year_value,
    CASE WHEN f.last_year_value <> 0
        THEN round_half_even((f.value - f.last_year_value) * 100 / f.last_year_value, 1) END AS last_year_percent,
    f.cumulative_value
FROM figures f
