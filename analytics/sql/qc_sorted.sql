-- In which order do flags stand in their table?
--
-- Inputs:  qc_flags; $$days.
-- Output:  the flags of these days in one order, so that two runs can be compared row by row.
SELECT device, observed_at, parameter, test, level, detail, day
FROM qc_flags
WHERE day IN ($$days)
ORDER BY
    day ASC NULLS LAST, device ASC NULLS LAST, observed_at ASC NULLS LAST, parameter ASC NULLS LAST,
    test ASC NULLS LAST, level ASC NULLS LAST, detail ASC NULLS LAST
