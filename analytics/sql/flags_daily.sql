-- How many values of each monitor's day were taken, and how many were left out for their flag?
--
-- Input:   observations; $parameter and its columns.
-- Output:  flags_daily, one row a (device, local day, parameter) of which the device said anything.
-- Rule:    HJ 212-2017, table 8. Only values with flag N (null) take part in means. T (over range) is counted apart from
--          F, M, S, D, C, B: the sensor worked, and its value may be the highest of the day. A value that no column
--          holds has flag T and stands in the column original.
-- Note:    repeated for every parameter of parameters.toml, joined by UNION ALL.
SELECT
    device, day, $parameter AS parameter,
    count(CASE WHEN $$flag IS NULL OR $$flag = 'N' THEN $$value END) AS normal,
    sum(CASE WHEN $$flag = 'T' THEN 1 ELSE 0 END) AS over_range,
    sum(CASE WHEN $$flag <> 'N' AND $$flag <> 'T' THEN 1 ELSE 0 END) AS invalid
FROM observations
WHERE $$value IS NOT NULL OR $$flag IS NOT NULL
GROUP BY device, day
