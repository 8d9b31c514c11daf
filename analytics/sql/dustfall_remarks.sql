-- What is to be said about the results of each point in a span of months?
--
-- Input:   dustfall, dustfall_point_months, dustfall_points; the months $first to $last.
-- Output:  one row a point: the township it stood in last, and the reasons and remarks of its samples and months, each
--          once, with blanks between.
WITH said AS (
    SELECT site, reason AS word FROM dustfall WHERE month >= $first AND month <= $last
    UNION
    SELECT site, remark FROM dustfall WHERE month >= $first AND month <= $last
    UNION
    SELECT site, remark FROM dustfall_point_months WHERE month >= $first AND month <= $last
),
remarks AS (
    SELECT site, string_agg(word, ' ' ORDER BY word) AS remark
    FROM said
    WHERE word IS NOT NULL
    GROUP BY site
),
places AS (
    SELECT site, last_value(township ORDER BY month) AS township
    FROM (
        SELECT site, month, township FROM dustfall WHERE month <= $last
        UNION ALL
        SELECT site, '' AS month, township FROM dustfall_points
    )
    GROUP BY site
)
SELECT p.site, p.township, r.remark
FROM places p
LEFT JOIN remarks r ON r.site = p.site
