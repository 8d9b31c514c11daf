-- For how many months in a row has a township been among the last?
--
-- Inputs:  standings; $skip (rules.streak_missing: skip).
-- Output:  streaks, one row a (parameter, month, township) that is among the last: how many months the streak has so
--          far, and the rank that it began with.
-- Rule:    in a row are consecutive calendar months. A month in which others have a value and the township has none
--          neither extends nor ends a streak with $skip, and ends it without. A month in which nobody has a value ends
--          every streak: there was no ranking to be among the last of.
WITH counted AS (
    SELECT
        *,
        month_number
            - CAST(dense_rank() OVER (PARTITION BY parameter ORDER BY month_number) AS BIGINT) AS ranked_since,
        CASE
            WHEN $skip
                THEN CAST(row_number() OVER (PARTITION BY parameter, township ORDER BY month_number) AS BIGINT)
            ELSE month_number
        END AS place
    FROM standings
),
islands AS (
    SELECT
        *,
        concat(
            ranked_since, ' ',
            place - CAST(row_number() OVER (PARTITION BY parameter, township, ranked_since ORDER BY place) AS BIGINT)
        ) AS island
    FROM counted
    WHERE is_last
)
SELECT
    *,
    CAST(row_number() OVER (PARTITION BY parameter, township, island ORDER BY place) AS BIGINT) AS months_in_row,
    first_value(rank_worst) OVER (PARTITION BY parameter, township, island ORDER BY place) AS rank_worst_at_start
FROM islands
