-- R1w: which townships of the district come close to the city's list of the last ones by TSP?
--
-- Inputs:  own_values, the district's ranking of the half-month to date (township_code, township, value, null where too
--          few days are valid); city_bulletin; bulletins (bulletins.sql); $n (rules.r1_n); $$delta (rules.r1_warn_delta,
--          µg/m³); $first, the half-month's first day.
-- Output:  one row a township, the highest value first: the last list before the half-month, its bound, the verdict.
-- Rule:    not in the plan's text, an early warning. The lists have ranks; of the districts' worst three townships the
--          city tells the values too. The lowest value among those that are also on the list bounds the value of the
--          list's end from above. Warn when a township's own published value >= that bound - delta.
WITH last_list AS (
    SELECT period
    FROM bulletins
    WHERE parameter = 'tsp' AND listed > 0 AND last_day < $first
    ORDER BY last_day DESC, first_day DESC
    LIMIT 1
),
bounds AS (
    SELECT l.period, min(c.value) AS bound
    FROM last_list l
    LEFT JOIN city_bulletin c
        ON c.period = l.period AND c.parameter = 'tsp' AND c.rank_from_worst <= $n AND c.value IS NOT NULL
    GROUP BY l.period
)
SELECT
    o.township_code, o.township, CAST(o.value AS DOUBLE) AS own_value, b.period, CAST(b.bound AS DOUBLE) AS bound,
    CASE
        WHEN o.value IS NULL THEN 'insufficient_data'
        WHEN b.period IS NULL THEN 'no_list'
        WHEN b.bound IS NULL THEN 'no_bound'
        WHEN o.value >= b.bound - $$delta THEN 'warning'
        ELSE 'clear'
    END AS verdict
FROM own_values o
LEFT JOIN bounds b ON true
ORDER BY o.value DESC NULLS LAST, o.township_code ASC
