-- How many days of a period were of each class of air quality, and which was the worst?
--
-- Inputs:  aqi_daily, townships; the request: $level (district or township), $district and $district_name, $first and
--          $last, and the valid days that the period needs, as in ranking.sql.
-- Output:  three rows a unit, by code: of PM2.5 alone, of PM10 alone, and of both (the AQI, where both are valid).
-- Rule:    HJ 633, table 2: 优 to 50, 良 to 100, 轻度污染 to 150, 中度污染 to 200, 重度污染 to 300, 严重污染 above. Good
--          days (优良天数) have an index of at most 100; their share is of the valid days, in percent with one place,
--          and is not given when these are too few (GB 3095 table 4). Of equal worst days the first.
WITH units AS (
    SELECT code, name FROM townships WHERE $level = 'township' AND district = $district
    UNION ALL
    SELECT $district, $district_name WHERE $level = 'district'
),
bases (basis, place) AS (
    VALUES ('pm25', 1), ('pm10', 2), ('pm25+pm10', 3)
),
days AS (
    SELECT
        d.code, b.basis, d.day,
        CASE WHEN b.place = 1 THEN d.iaqi_pm25 WHEN b.place = 2 THEN d.iaqi_pm10 ELSE d.aqi END AS day_index,
        CASE WHEN b.place = 3 THEN d.primary_pollutant END AS primary_pollutant
    FROM aqi_daily d
    CROSS JOIN bases b
    WHERE d.level = $level AND d.district = $district AND d.day >= $first AND d.day <= $last
),
worst AS (
    SELECT
        code, basis, day, day_index, primary_pollutant,
        row_number() OVER (PARTITION BY code, basis ORDER BY day_index DESC NULLS LAST, day ASC NULLS LAST) AS place
    FROM days
    WHERE day_index IS NOT NULL
),
months AS (
    SELECT
        code, basis, date_part('month', day) AS month,
        count(*) AS days,
        sum(CASE WHEN day_index <= 50 THEN 1 ELSE 0 END) AS excellent,
        sum(CASE WHEN day_index > 50 AND day_index <= 100 THEN 1 ELSE 0 END) AS good,
        sum(CASE WHEN day_index > 100 AND day_index <= 150 THEN 1 ELSE 0 END) AS light,
        sum(CASE WHEN day_index > 150 AND day_index <= 200 THEN 1 ELSE 0 END) AS moderate,
        sum(CASE WHEN day_index > 200 AND day_index <= 300 THEN 1 ELSE 0 END) AS heavy,
        sum(CASE WHEN day_index > 300 THEN 1 ELSE 0 END) AS severe
    FROM days
    WHERE day_index IS NOT NULL
    GROUP BY code, basis, date_part('month', day)
),
counts AS (
    SELECT
        code, basis,
        sum(days) AS days, sum(excellent) AS excellent, sum(good) AS good, sum(light) AS light,
        sum(moderate) AS moderate, sum(heavy) AS heavy, sum(severe) AS severe,
        sum(days) >= $min_days
            AND sum(CASE WHEN days >= CASE WHEN month = 2 THEN $february_min_days ELSE $month_min_days END
                THEN 1 ELSE 0 END) >= $min_months AS enough
    FROM months
    GROUP BY code, basis
)
SELECT
    u.code,
    u.name,
    b.basis,
    coalesce(c.days, 0) AS valid_days,
    coalesce(c.excellent, 0) AS excellent,
    coalesce(c.good, 0) AS good,
    coalesce(c.light, 0) AS light,
    coalesce(c.moderate, 0) AS moderate,
    coalesce(c.heavy, 0) AS heavy,
    coalesce(c.severe, 0) AS severe,
    coalesce(c.excellent + c.good, 0) AS good_days,
    CAST(CASE WHEN c.enough
        THEN round_half_even(CAST((c.excellent + c.good) * 100 AS DOUBLE) / CAST(c.days AS DOUBLE), 1) END
        AS DECIMAL(4, 1)) AS good_percent,
    w.day_index AS max_index,
    w.day AS worst_day,
    aqi_class(w.day_index) AS worst_class,
    w.primary_pollutant AS worst_primary,
    CASE WHEN c.enough THEN 'valid' ELSE 'insufficient_data' END AS status
FROM units u
CROSS JOIN bases b
LEFT JOIN counts c ON c.code = u.code AND c.basis = b.basis
LEFT JOIN worst w ON w.code = u.code AND w.basis = b.basis AND w.place = 1
ORDER BY u.code ASC NULLS LAST, b.place ASC NULLS LAST
