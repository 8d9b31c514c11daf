-- What do the city's lists of its worst townships say?
--
-- Inputs:  city_bulletin; bulletins (bulletins.sql); $parameter, empty for all; $first and $last, within which a list's
--          days lie.
-- Output:  one row an entry that stands, newest list first, worst township first; townships that are told with their
--          value and are not on the list come last.
-- Rule:    an entry that a later list of its period does not name any more has neither rank nor value, and is left out.
SELECT
    c.period, c.parameter, c.rank_from_worst, c.district, c.township, c.code, c.value, c.flag, c.source, c.imported_at
FROM city_bulletin c
JOIN bulletins b ON b.period = c.period AND b.parameter = c.parameter
WHERE (c.rank_from_worst IS NOT NULL OR c.value IS NOT NULL)
    AND ($parameter = '' OR c.parameter = $parameter)
    AND b.first_day >= $first AND b.last_day <= $last
ORDER BY
    b.last_day DESC, b.first_day DESC, c.parameter ASC,
    c.rank_from_worst ASC NULLS LAST, c.district ASC, c.township ASC
