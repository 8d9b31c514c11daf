-- Did a district and its townships meet the limits of GB 3095 in a period?
--
-- Inputs:  area_daily, limits, townships; the request: $parameter, $decimals and $$published, $city or $district and $district_name,
--          $first and $last, the valid days that the period needs ($min_days; $min_months, $month_min_days and
--          $february_min_days as in ranking.sql), $day_min_hours, $year (whether annual limits judge it), $full.
-- Output:  one row a district, then one a township, by code.
-- Rules:   GB 3095 table 4: with fewer valid days than needed there is no mean and no verdict. Class 2 limits of the
--          edition in force: a day is judged by the edition of that day, annual mean and percentile by the edition of
--          the period's last day.
--          HJ 663: values are rounded half to even and then compared; equal meets the limit. With $full unrounded
--          values are compared (to nine places). A year complies when its mean meets the annual limit and the 95th
--          percentile of its days meets the 24-hour limit. Other periods get no verdict.
--          HJ 663, percentile of n days in order: k = 1 + (n − 1) × 95 %, s its whole part, m = X(s) + (X(s+1) − X(s))
--          × (k − s). k is computed in hundredths, so that it is exact.
WITH units AS (
    SELECT DISTINCT 'district' AS level, district AS code,
        CASE WHEN district = $district THEN $district_name ELSE district END AS name
    FROM townships
    WHERE $city OR district = $district
    UNION ALL
    SELECT 'township', code, name FROM townships WHERE $city OR district = $district
),
days AS (
    SELECT
        a.level, a.code, date_part('month', a.day) AS month, a.mean,
        CASE WHEN $full THEN round_half_even(a.mean, 9) ELSE round_half_even(a.mean, $decimals) END
            > l.day_limit AS is_over
    FROM area_daily a
    JOIN limits l
        ON l.parameter = a.parameter
        AND a.day >= coalesce(l.valid_from, DATE '0001-01-01')
        AND a.day <= coalesce(l.valid_to, DATE '9999-12-31')
    WHERE a.parameter = $parameter AND a.day >= $first AND a.day <= $last
),
months AS (
    SELECT
        level, code, month,
        sum(CAST(mean AS DECIMAL(26, 12))) AS total,
        count(*) AS days,
        sum(CASE WHEN is_over THEN 1 ELSE 0 END) AS days_over
    FROM days
    GROUP BY level, code, month
),
means AS (
    SELECT
        level, code,
        CAST(sum(total) AS DOUBLE) / CAST(sum(days) AS DOUBLE) AS mean,
        sum(days) AS days,
        sum(days_over) AS days_over,
        sum(days) >= $min_days
            AND sum(CASE WHEN days >= CASE WHEN month = 2 THEN $february_min_days ELSE $month_min_days END
                THEN 1 ELSE 0 END) >= $min_months AS enough
    FROM months
    GROUP BY level, code
),
places AS (
    SELECT
        level, code, mean,
        row_number() OVER (PARTITION BY level, code ORDER BY mean ASC NULLS LAST) AS place,
        100 + (count(*) OVER (PARTITION BY level, code) - 1) * 95 AS k
    FROM days
),
percentiles AS (
    SELECT
        level, code,
        max(CASE WHEN place = k / 100 THEN mean END) AS below,
        coalesce(max(CASE WHEN place = k / 100 + 1 THEN mean END), max(mean)) AS above,
        CAST(max(k % 100) AS DOUBLE) / 100 AS part
    FROM places
    GROUP BY level, code
),
figures AS (
    SELECT
        m.level, m.code, m.days, m.days_over, m.enough,
        CASE WHEN m.enough THEN m.mean END AS mean,
        CASE WHEN m.enough THEN p.below + (p.above - p.below) * p.part END AS percentile
    FROM means m
    JOIN percentiles p ON p.level = m.level AND p.code = m.code
),
judged AS (
    SELECT
        level, code, days, days_over, enough, mean,
        round_half_even(mean, $decimals) AS value,
        round_half_even(percentile, $decimals) AS percentile_95,
        CASE WHEN $full THEN round_half_even(mean, 9) ELSE round_half_even(mean, $decimals) END AS mean_compared,
        CASE WHEN $full THEN round_half_even(percentile, 9) ELSE round_half_even(percentile, $decimals) END
            AS percentile_compared
    FROM figures
),
editions AS (
    SELECT string_agg(edition, ' + ' ORDER BY coalesce(valid_from, DATE '0001-01-01')) AS edition
    FROM limits
    WHERE parameter = $parameter
        AND coalesce(valid_from, DATE '0001-01-01') <= $last
        AND coalesce(valid_to, DATE '9999-12-31') >= $first
)
SELECT
    u.level,
    u.code,
    u.name,
    $parameter AS parameter,
    e.edition,
    $day_min_hours AS day_min_hours,
    coalesce(j.days, 0) AS valid_days,
    round_half_even(j.mean, 9) AS mean,
    CAST(j.value AS $$published) AS value,
    CASE WHEN $year THEN l.annual_limit END AS annual_limit,
    CASE WHEN $year AND j.mean_compared <= l.annual_limit THEN 'compliant'
        WHEN $year AND j.mean_compared > l.annual_limit THEN 'exceed' END AS mean_verdict,
    CAST(j.percentile_95 AS $$published) AS percentile_95,
    l.day_limit,
    CASE WHEN $year AND j.percentile_compared <= l.day_limit THEN 'compliant'
        WHEN $year AND j.percentile_compared > l.day_limit THEN 'exceed' END AS percentile_verdict,
    coalesce(j.days_over, 0) AS days_over,
    coalesce(j.days - j.days_over, 0) AS good_days,
    CAST(CASE WHEN j.enough
        THEN round_half_even(CAST((j.days - j.days_over) * 100 AS DOUBLE) / CAST(j.days AS DOUBLE), 1) END
        AS DECIMAL(4, 1)) AS good_percent,
    CASE WHEN $year AND j.mean_compared <= l.annual_limit AND j.percentile_compared <= l.day_limit THEN 'compliant'
        WHEN $year AND j.enough THEN 'exceed' END AS verdict,
    CASE WHEN j.enough THEN 'valid' ELSE 'insufficient_data' END AS status
FROM units u
CROSS JOIN editions e
JOIN limits l
    ON l.parameter = $parameter
    AND $last >= coalesce(l.valid_from, DATE '0001-01-01')
    AND $last <= coalesce(l.valid_to, DATE '9999-12-31')
LEFT JOIN judged j ON j.level = u.level AND j.code = u.code
ORDER BY u.level ASC NULLS LAST, u.code ASC NULLS LAST
