-- What did each monitor read of one parameter?
--
-- Input:   observations.
-- Output:  readings, one row a (device, observed_at, parameter) whose value is there; flag null means N (normal).
-- Note:    repeated for every parameter of parameters.toml, joined by UNION ALL.
SELECT device, observed_at, day, $parameter AS parameter, CAST($$value AS DECIMAL(18, 6)) AS value, $$flag AS flag
FROM observations
WHERE $$value IS NOT NULL
