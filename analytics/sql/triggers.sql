-- In which months does a township meet a rule of the district's action plan (门政办发〔2019〕41号)?
--
-- Inputs:  standings; streaks; $k (rules.r2_k), $improved (rules.r2_improved), $basis (rules.r3_basis),
--          $both (rules.r3_combine: and).
-- Output:  triggers, one row a (parameter, township, month, rule).
-- Rules:   R2:  PM2.5 or TSP among the last in $k consecutive months without improvement.
--          R3a: dustfall rose instead of falling (不降反升): against last year where there is a value of it and $basis
--               says yoy, else against the month before.
--          R3b: dustfall among the last in $k consecutive months without improvement.
--          With $both, R3a and R3b count only together. Improvement, by $improved: yoy, lower than last year, or
--          without a value of last year lower than the month before and a better rank than at the streak's start; mom,
--          lower than the month before; rank, a better rank than at the start; ratio, lower against the district's mean
--          than the month before. Where there is nothing to compare with, there is no improvement.
WITH repeated AS (
    SELECT
        parameter, month_number, month, township,
        CASE WHEN parameter = 'dustfall' THEN 'R3b' ELSE 'R2' END AS rule
    FROM streaks
    WHERE months_in_row >= $k
        AND NOT coalesce(
            CASE $improved
                WHEN 'mom' THEN value < previous_value
                WHEN 'rank' THEN rank_worst > rank_worst_at_start
                WHEN 'ratio' THEN ratio < previous_ratio
                ELSE CASE
                    WHEN last_year_value IS NOT NULL THEN value < last_year_value
                    ELSE value < previous_value AND rank_worst > rank_worst_at_start
                END
            END,
            false
        )
),
rose AS (
    SELECT parameter, month_number, month, township, 'R3a' AS rule
    FROM standings
    WHERE parameter = 'dustfall'
        AND value > CASE
            WHEN $basis = 'yoy' AND last_year_value IS NOT NULL THEN last_year_value
            ELSE previous_value
        END
),
met AS (
    SELECT * FROM repeated
    UNION ALL
    SELECT * FROM rose
)
SELECT m.*
FROM met m
WHERE NOT $both
    OR m.rule = 'R2'
    OR EXISTS (
        SELECT 1 FROM met o
        WHERE o.parameter = m.parameter AND o.township = m.township
            AND o.month_number = m.month_number AND o.rule <> m.rule
    )
