-- Which months led to a township's being called in?
--
-- Inputs:  triggers; standings; streaks; $month_number (year × 12 + month − 1).
-- Output:  one row a (parameter, township, month), oldest first: the months of the streak that a township which meets a
--          rule in the month is in; the month alone where it is in none (R3a).
WITH met AS (
    SELECT DISTINCT parameter, township FROM triggers WHERE month_number = $month_number
),
led AS (
    SELECT m.parameter, m.township, s.island
    FROM met m
    JOIN streaks s
        ON s.parameter = m.parameter AND s.township = m.township AND s.month_number = $month_number
)
SELECT s.parameter, s.township, s.month, s.value, s.rank_worst, s.basis
FROM streaks s
JOIN led l ON l.parameter = s.parameter AND l.township = s.township AND l.island = s.island
WHERE s.month_number <= $month_number
UNION ALL
SELECT s.parameter, s.township, s.month, s.value, s.rank_worst, s.basis
FROM standings s
JOIN met m ON m.parameter = s.parameter AND m.township = s.township
LEFT JOIN led l ON l.parameter = m.parameter AND l.township = m.township
WHERE s.month_number = $month_number AND l.island IS NULL
ORDER BY parameter ASC, township ASC, month ASC
