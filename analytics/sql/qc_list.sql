-- Which flags has quality control raised?
--
-- Inputs:  qc_flags; $first, $last, $device, $parameter, $test, $level (an empty text lets everything through), $limit.
-- Output:  one row a flag, newest first.
SELECT device, observed_at, parameter, test, level, detail, day
FROM qc_flags
WHERE day >= $first AND day <= $last
    AND ($device = '' OR device = $device)
    AND ($parameter = '' OR parameter = $parameter)
    AND ($test = '' OR test = $test)
    AND ($level = '' OR level = $level)
ORDER BY
    observed_at DESC NULLS LAST, device ASC NULLS LAST, parameter ASC NULLS LAST, test ASC NULLS LAST
LIMIT $$limit
