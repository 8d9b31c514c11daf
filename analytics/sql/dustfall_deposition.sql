-- How much dust fell into each collector, is the result valid, and which month does it count for?
--
-- Input:   dustfall_samples, the lines of a laboratory's file as they were written; dustfall_points (where a collector
--          stood, and its mouth where the file does not say it); the settings $exposure_min_days, $exposure_max_days,
--          $detection_limit, $crucible_max_difference_mg, $exchange_last_days, $net_max_g of [dustfall].
-- Output:  one row a line, in the columns of the table dustfall; township is null when the point did not stand then.
-- Rule:    HJ 1221-2021 (GB/T 15265-94 before it): W = (m1 - m0 - m2) / (S n) * 30 * 10^4, in t/(km²·30 d), of
--          crucible and residue m1, empty crucible m0 and blank m2 in g, the collector's mouth S in cm² and the
--          exposure n in days to 0.1 d; of an automatic monitor m1 - m0 is what it gained, and there is no blank.
--          S is what was measured, or π d² / 4 of the inner diameter d in cm with π = 3.1415926536, not rounded.
--          Of two weighings of one crucible the mean counts; they must differ by less than 0.4 mg.
--          Invalid: a note that voids the sample, a monitor's flag other than N, an exposure that is not 30 ± 2 d,
--          weighings that differ, a negative net mass, one beyond belief, nothing measured; the first of these is the
--          reason. Below the detection limit: the unrounded W is less than 0.3 t/(km²·30 d).
--          An exposure counts for the month that holds its middle: the month with most of its days; when two months
--          have the same share, the later one.
-- Note:    all in decimals; W has ten places, and is rounded to one when it is published.
WITH placed AS (
    SELECT
        *,
        local_day(to_timestamp_micros((CAST(exposed_from AS BIGINT) + CAST(exposed_to AS BIGINT)) / 2)) AS middle,
        round_half_even(CAST(CAST(exposed_to AS BIGINT) - CAST(exposed_from AS BIGINT) AS DOUBLE) / 86400000000, 1)
            AS span_days,
        date_part('day', date_trunc('month', local_day(exposed_to)) + INTERVAL '1 month' - INTERVAL '1 day')
            - date_part('day', local_day(exposed_to)) AS days_to_month_end
    FROM dustfall_samples
),
measured AS (
    SELECT
        s.*,
        p.township,
        coalesce(s.days_given, CAST(s.span_days AS DECIMAL(7, 1))) AS exposure_days,
        coalesce(
            s.area_given,
            CAST(3.1415926536 AS DECIMAL(11, 10)) * CAST(0.25 AS DECIMAL(3, 2)) * s.diameter_cm * s.diameter_cm,
            p.area_cm2,
            CAST(3.1415926536 AS DECIMAL(11, 10)) * CAST(0.25 AS DECIMAL(3, 2)) * p.diameter_cm * p.diameter_cm
        ) AS mouth,
        coalesce((s.m1_g + s.m1_second_g) * CAST(0.5 AS DECIMAL(2, 1)), s.m1_g) AS m1,
        coalesce((s.m0_g + s.m0_second_g) * CAST(0.5 AS DECIMAL(2, 1)), s.m0_g, 0) AS m0,
        coalesce(s.m2_g, 0) AS m2
    FROM placed s
    LEFT JOIN dustfall_points p
        ON p.site = s.site
        AND s.middle >= coalesce(p.valid_from, DATE '0001-01-01')
        AND s.middle <= coalesce(p.valid_to, DATE '9999-12-31')
),
calculated AS (
    SELECT
        *,
        m1 - m0 - m2 AS net,
        -- Beyond 100 g there is no result to speak of, and the digits of a decimal would not do.
        coalesce(
            result,
            CASE WHEN abs(m1 - m0 - m2) <= 100 THEN CAST(
                CAST((m1 - m0 - m2) * 30 * 10000 AS DECIMAL(38, 9)) / nullif(mouth * exposure_days, 0)
                AS DECIMAL(18, 10)
            ) END
        ) AS w
    FROM measured
),
judged AS (
    SELECT
        *,
        CASE
            WHEN void_note THEN 'void_note'
            WHEN flag <> 'N' THEN 'device_flag'
            WHEN exposure_days < $exposure_min_days OR exposure_days > $exposure_max_days
                THEN 'exposure_out_of_range'
            WHEN abs(m1_g - m1_second_g) * 1000 >= $crucible_max_difference_mg
                OR abs(m0_g - m0_second_g) * 1000 >= $crucible_max_difference_mg THEN 'not_constant_weight'
            WHEN net < 0 THEN 'negative_net'
            WHEN net > $net_max_g THEN 'implausible_net'
            WHEN w IS NULL AND NOT is_below THEN 'not_measured'
        END AS reason
    FROM calculated
)
SELECT
    line,
    site,
    township,
    sample,
    replicate,
    method,
    exposed_from,
    exposed_to,
    m1_g,
    m1_second_g,
    m0_g,
    m0_second_g,
    m2_g,
    diameter_cm,
    CASE WHEN result IS NULL AND NOT is_below THEN mouth END AS area_cm2,
    exposure_days,
    w AS deposition,
    CASE
        WHEN reason IS NOT NULL THEN 'invalid'
        WHEN is_below OR w < $detection_limit THEN 'below_detection'
        ELSE 'valid'
    END AS status,
    reason,
    nullif(
        concat_ws(
            ' ',
            CASE WHEN is_weighed AND method = 'manual' AND days_to_month_end >= $exchange_last_days
                THEN 'exchange_day' END,
            CASE WHEN method = 'manual' AND (diameter_cm < 14.5 OR diameter_cm > 15.5) THEN 'collector_diameter' END
        ),
        ''
    ) AS remark,
    note,
    source,
    to_char(middle, '%Y-%m') AS month
FROM judged
ORDER BY line
