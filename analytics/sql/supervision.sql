-- Who is to be called in for an interview (约谈), and who is proposed for accountability (问责)?
--
-- Inputs:  triggers; standings; townships; $month_number (year × 12 + month − 1); $c_months (rules.r3c_months).
-- Output:  one row a (township, parameter) that meets a rule in the month; supervision_months.sql has the months that
--          led to it.
-- Rule:    R3c: who meets a rule is called in; who met one of the same parameter in one of the $c_months months before
--          is proposed for accountability. The proposal is for people to decide on.
WITH current AS (
    SELECT parameter, township, string_agg(rule, ' ' ORDER BY rule) AS rules
    FROM triggers
    WHERE month_number = $month_number
    GROUP BY parameter, township
),
earlier AS (
    SELECT parameter, township, max(month) AS month
    FROM triggers
    WHERE month_number >= $month_number - $c_months AND month_number < $month_number
    GROUP BY parameter, township
)
SELECT
    CASE WHEN e.month IS NULL THEN 'interview' ELSE 'accountability' END AS outcome,
    c.rules,
    c.parameter,
    c.township AS township_code,
    t.name AS township,
    s.value, s.rank_worst,
    s.previous_value, s.change_percent, s.last_year_value, s.last_year_percent,
    e.month AS met_before
FROM current c
JOIN standings s
    ON s.parameter = c.parameter AND s.township = c.township AND s.month_number = $month_number
JOIN townships t ON t.code = c.township
LEFT JOIN earlier e ON e.parameter = c.parameter AND e.township = c.township
ORDER BY outcome ASC, c.parameter ASC, s.rank_worst ASC, c.township ASC
