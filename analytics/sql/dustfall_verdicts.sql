-- Is the district's limit met, and did dustfall rise instead of falling (不降反升)?
--
-- Input:   $$ranking, the rows of dustfall_ranking.sql; $monthly, whether single months were asked for; the settings
--          $r4_limit, $r4_period, $r3_basis, $limit_compare of [rules].
-- Output:  those rows with month_exceeds, year_exceeds, exceeds and rose; null where there is nothing to judge.
-- Rules:   R4 (门政办发〔2019〕41号: dustfall within 6.5 t/(km²·month)): above the limit exceeds, the limit itself is
--          met; per 30 days and per month are not converted. month_exceeds judges the month, year_exceeds the mean
--          of the year's months up to the end of the span; exceeds is the one that $r4_period names (month,
--          year_mean). The rounded value is compared, or the unrounded one with $limit_compare full.
--          R3a: the published value is higher than the same months' last year, or where there is none than the
--          months' before ($r3_basis yoy); with $r3_basis mom always than the months' before.
WITH judged AS (
    SELECT
        r.*,
        CASE WHEN $monthly THEN
            CASE WHEN $limit_compare = 'full' THEN round_half_even(r.mean, 9) ELSE r.value END
                > CAST($r4_limit AS DOUBLE)
        END AS month_exceeds,
        CASE WHEN $limit_compare = 'full' THEN round_half_even(r.cumulative_mean, 9) ELSE r.cumulative_value END
            > CAST($r4_limit AS DOUBLE) AS year_exceeds,
        r.value > CASE WHEN $r3_basis = 'yoy' THEN coalesce(r.last_year_value, r.previous_value)
            ELSE r.previous_value END AS rose
    FROM ($$ranking) r
)
SELECT *, CASE WHEN $r4_period = 'month' THEN month_exceeds ELSE year_exceeds END AS exceeds
FROM judged
ORDER BY
    asked,
    value IS NULL,
    CASE WHEN $worst THEN -CAST(place AS BIGINT) ELSE CAST(place AS BIGINT) END ASC NULLS LAST,
    township_code ASC NULLS LAST
