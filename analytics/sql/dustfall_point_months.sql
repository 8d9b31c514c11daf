-- What is the result of each point and month?
--
-- Input:   dustfall, each sample once; the settings $detection_limit, $nd_policy, $parallel_max_percent of [dustfall].
-- Output:  dustfall_point_months, one row a (month, point) with at least one sample: measured, the mean of what was
--          measured; mean, what counts for the township; value, mean as published; all in t/(km²·30 d).
-- Rule:    the mean of the parallel samples that are valid. Below the detection limit when that mean is; it then
--          counts for half of the limit, for nothing or for what was measured ($nd_policy half, zero, value), and is
--          published as <0.3. A sample of which only <0.3 is known counts for half of the limit.
--          relative_deviation is the largest difference of parallel samples of one exposure from their mean, in
--          percent of it (of two: |a - b| / (a + b)); beyond $parallel_max_percent the month carries the remark
--          parallel_deviation, and counts all the same: a person decides, and voids a sample by its note.
--          GB/T 8170: rounded half to even from the unrounded mean.
WITH samples AS (
    SELECT
        *,
        CASE WHEN status <> 'invalid'
            THEN coalesce(deposition, CAST($detection_limit * 0.5 AS DECIMAL(24, 12))) END AS w
    FROM dustfall
),
months AS (
    SELECT
        month,
        site,
        max(township) AS township,
        max(method) AS method,
        count(*) AS samples,
        count(w) AS valid_samples,
        count(DISTINCT exposed_from) AS exposures,
        CAST(CAST(sum(w) AS DECIMAL(38, 12)) / nullif(count(w), 0) AS DECIMAL(24, 12)) AS measured,
        min(w) AS least,
        max(w) AS most,
        min(reason) AS reason
    FROM samples
    GROUP BY month, site
),
judged AS (
    SELECT
        *,
        round_half_even(CAST(measured AS DOUBLE), 9) < CAST($detection_limit AS DOUBLE) AS below_detection,
        CASE WHEN valid_samples > 1 AND exposures = 1 AND measured >= $detection_limit
            THEN round_half_even(
                CAST(greatest(most - measured, measured - least) AS DOUBLE) * 100 / CAST(measured AS DOUBLE), 9
            ) END AS deviation
    FROM months
),
counted AS (
    SELECT
        *,
        CASE
            WHEN measured IS NULL THEN NULL
            WHEN NOT below_detection OR $nd_policy = 'value' THEN measured
            WHEN $nd_policy = 'zero' THEN CAST(0 AS DECIMAL(24, 12))
            ELSE CAST($detection_limit * 0.5 AS DECIMAL(24, 12))
        END AS mean
    FROM judged
)
SELECT
    month,
    site,
    township,
    method,
    samples,
    valid_samples,
    measured,
    mean,
    round_half_even(CAST(mean AS DOUBLE), 1) AS value,
    CASE WHEN measured IS NULL THEN 'invalid' WHEN below_detection THEN 'below_detection' ELSE 'valid' END AS status,
    CASE WHEN measured IS NULL THEN reason END AS reason,
    round_half_even(deviation, 1) AS relative_deviation,
    CASE WHEN deviation > CAST($parallel_max_percent AS DOUBLE) THEN 'parallel_deviation' END AS remark
FROM counted
