-- Which lists of its worst townships has the city published, and of which days?
--
-- Input:   city_bulletin.
-- Output:  one row a list (period, parameter): its days, how many townships are on it, and of how many a value is told.
-- Rule:    a period is a half-month, 2024-10-H1 (1st to 15th) or 2024-10-H2 (16th to the end), or a month, 2024-10.
--          A township that a later list of the period does not name any more has no rank and is not counted.
SELECT
    period, parameter,
    CASE WHEN period LIKE '%-H2' THEN CAST(concat(substr(period, 1, 7), '-16') AS DATE)
        ELSE CAST(concat(substr(period, 1, 7), '-01') AS DATE) END AS first_day,
    CASE WHEN period LIKE '%-H1' THEN CAST(concat(substr(period, 1, 7), '-15') AS DATE)
        ELSE CAST(CAST(concat(substr(period, 1, 7), '-01') AS DATE)
            + INTERVAL '1 month' - INTERVAL '1 day' AS DATE) END AS last_day,
    count(rank_from_worst) AS listed,
    count(value) AS valued
FROM city_bulletin
GROUP BY period, parameter
