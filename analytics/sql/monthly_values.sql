-- What is each township's value of each month?
--
-- Inputs:  township_daily; townships; months (number, name and the valid days that each needs); $parameter, $decimals,
--          $district, $first and $last (local days).
-- Output:  monthly_values of one parameter: one row a (township, month) of the span, without a value where the month has
--          too few valid days.
-- Rules:   HJ 663: the mean over the valid township-days of the month, rounded half to even once (GB/T 8170).
--          GB 3095 table 4: 27 valid days, 25 in February.
WITH means AS (
    SELECT
        township,
        CAST(date_part('year', day) AS BIGINT) * 12 + CAST(date_part('month', day) AS BIGINT) - 1 AS month_number,
        CAST(sum(CAST(mean AS DECIMAL(26, 12))) AS DOUBLE) / CAST(count(*) AS DOUBLE) AS mean,
        count(*) AS days
    FROM township_daily
    WHERE parameter = $parameter AND day >= $first AND day <= $last
    GROUP BY township, date_part('year', day), date_part('month', day)
)
SELECT
    $parameter AS parameter,
    m.month_number,
    m.month,
    t.code AS township,
    CASE WHEN d.days >= m.min_days THEN d.mean END AS mean,
    CASE WHEN d.days >= m.min_days THEN round_half_even(d.mean, $decimals) END AS value,
    coalesce(d.days, 0) AS basis
FROM townships t
CROSS JOIN months m
LEFT JOIN means d ON d.township = t.code AND d.month_number = m.month_number
WHERE t.district = $district
