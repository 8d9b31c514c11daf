-- How much dust fell in the district in each month?
--
-- Input:   dustfall_monthly, dustfall_point_months, townships; $by_points, whether the setting
--          dustfall.district_dustfall says mean_of_points.
-- Output:  dustfall_district_monthly, one row a (month, district) with a valid point: points, mean and value, in
--          t/(km²·30 d).
-- Rule:    the arithmetic mean of the townships' unrounded means, or of all points', rounded half to even once.
WITH counted AS (
    SELECT m.month, t.district, m.points, m.mean
    FROM dustfall_monthly m
    JOIN townships t ON t.code = m.township
    WHERE NOT $by_points
    UNION ALL
    SELECT p.month, t.district, 1 AS points, p.mean
    FROM dustfall_point_months p
    JOIN townships t ON t.code = p.township
    WHERE $by_points AND p.mean IS NOT NULL
),
months AS (
    SELECT
        month,
        district,
        sum(points) AS points,
        CAST(CAST(sum(mean) AS DECIMAL(38, 12)) / count(*) AS DECIMAL(24, 12)) AS mean
    FROM counted
    GROUP BY month, district
)
SELECT month, district, points, mean, round_half_even(CAST(mean AS DOUBLE), 1) AS value
FROM months
