-- Which observations are checked at once?
--
-- Inputs:  observations (each counted once); $$columns (values and flags of the parameters), $$days, $first and $last device.
-- Output:  one row an observation.
SELECT device, observed_at, received_at, day, $$columns
FROM observations
WHERE day IN ($$days) AND device >= $first AND device <= $last
