-- How did a township's days go?
--
-- Inputs:  township_daily; $township, $parameter, $first, $last, $decimals, $$published.
-- Output:  one row a day with at least one valid station: its published mean.
SELECT
    day,
    CAST(round_half_even(mean, $decimals) AS $$published) AS value,
    stations
FROM township_daily
WHERE township = $township AND parameter = $parameter AND day >= $first AND day <= $last
ORDER BY day ASC NULLS LAST
