-- Which values do not take part in the statistics?
--
-- Inputs:  qc_flags; $suspect.
-- Output:  qc_excluded, one row a (device, observed_at, parameter).
-- Rule:    what quality control found invalid, and what it found suspect as long as the setting qc.suspect is "exclude"
--          (domain reference 5.5: suspect values are kept, and excluded from official means by configuration). A note
--          excludes nothing.
SELECT DISTINCT device, observed_at, parameter, day
FROM qc_flags
WHERE level = 'invalid' OR (level = 'suspect' AND $suspect)
