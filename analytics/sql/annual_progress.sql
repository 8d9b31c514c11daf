-- Does the district's annual mean keep to its target and fall from year to year, and what may the rest of the year be?
--
-- Inputs:  district_days (the district's valid days); years (each with its days, and how many of them are to come);
--          standards; $decimals, $first, $last (local days), $limit (rules.r5_limit), $full (rules.limit_compare: full),
--          $decreases (rules.r5_decreases).
-- Output:  one row a year, oldest first.
-- Rules:   GB 3095, chapter 3: the annual mean is the mean of the daily means. Table 4: it is valid with 324 daily means
--          and 27 in each month, 25 in February; a year that is not over is told as it stands. R5: the published mean is
--          $limit or lower, and lower than the year before for $decreases years running, told by published values.
--          R5f: allowed_mean is what the days to come may have on average for the year's mean to be $limit, one place:
--          ($limit × (valid days + days to come) − sum of the valid days) ÷ days to come; with every day valid so far
--          that is ($limit × D − sum) ÷ (D − n).
WITH days AS (
    SELECT
        CAST(date_part('year', day) AS BIGINT) AS year,
        CAST(date_part('month', day) AS BIGINT) AS month,
        CAST(mean AS DECIMAL(26, 12)) AS mean
    FROM district_days
    WHERE day >= $first AND day <= $last
),
months AS (
    SELECT
        d.year, d.month, sum(d.mean) AS total, count(*) AS valid_days,
        count(*) >= max(CASE WHEN d.month = 2 THEN x.february_min_days ELSE x.month_min_days END) AS enough
    FROM days d
    CROSS JOIN standards x
    GROUP BY d.year, d.month
),
sums AS (
    SELECT
        year, CAST(sum(total) AS DOUBLE) AS total, sum(valid_days) AS valid_days,
        sum(CASE WHEN enough THEN 1 ELSE 0 END) AS valid_months
    FROM months
    GROUP BY year
),
figures AS (
    SELECT
        y.year, y.days, y.days_to_come,
        coalesce(s.valid_days, 0) AS valid_days,
        CASE
            WHEN s.valid_days IS NULL THEN 'no_data'
            WHEN y.days_to_come > 0 THEN 'running'
            WHEN s.valid_days >= x.year_min_days AND s.valid_months = 12 THEN 'valid'
            ELSE 'insufficient_data'
        END AS status,
        s.total / CAST(s.valid_days AS DOUBLE) AS mean,
        s.total
    FROM years y
    CROSS JOIN standards x
    LEFT JOIN sums s ON s.year = y.year
),
published AS (
    SELECT
        *,
        CASE WHEN status IN ('valid', 'running') THEN round_half_even(mean, $decimals) END AS value
    FROM figures
),
compared AS (
    SELECT p.*, b.value AS previous_value, coalesce(p.value < b.value, false) AS fell
    FROM published p
    LEFT JOIN published b ON b.year = p.year - 1
),
-- Years since the last one that did not fall.
falling AS (
    SELECT *, year - max(CASE WHEN NOT fell THEN year END) OVER (ORDER BY year) AS years_falling
    FROM compared
)
SELECT
    c.year, c.status, c.value, c.mean, c.valid_days, c.days,
    c.previous_value,
    CASE WHEN c.previous_value <> 0
        THEN round_half_even((c.value - c.previous_value) * 100 / c.previous_value, 1) END AS change_percent,
    CASE WHEN $full THEN c.mean ELSE c.value END <= $limit AND c.value IS NOT NULL AS meets_limit,
    c.years_falling,
    c.years_falling >= $decreases AS falls_as_planned,
    c.days_to_come,
    CASE WHEN c.status = 'running' THEN round_half_even(
        ($limit * CAST(c.valid_days + c.days_to_come AS DOUBLE) - c.total) / CAST(c.days_to_come AS DOUBLE), 1
    ) END AS allowed_mean
FROM falling c
ORDER BY c.year ASC
