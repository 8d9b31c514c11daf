-- How much dust fell in each township and month?
--
-- Input:   dustfall_point_months.
-- Output:  dustfall_monthly, one row a (month, township) with a valid point: points, mean (unrounded) and value (as
--          published), in t/(km²·30 d).
-- Rule:    the arithmetic mean of the valid points' unrounded results, rounded half to even once (GB/T 8170).
WITH months AS (
    SELECT
        month,
        township,
        count(*) AS points,
        CAST(CAST(sum(mean) AS DECIMAL(38, 12)) / count(*) AS DECIMAL(24, 12)) AS mean
    FROM dustfall_point_months
    WHERE mean IS NOT NULL
    GROUP BY month, township
)
SELECT month, township, points, mean, round_half_even(CAST(mean AS DOUBLE), 1) AS value
FROM months
