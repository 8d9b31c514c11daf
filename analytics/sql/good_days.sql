-- On how many days of a period did the district meet the 24-hour limit?
--
-- Inputs:  district_daily; limits; $parameter, $district, $first, $last; $decimals; $full (compare the unrounded value).
-- Output:  one row; 0 when no day is valid, or when there is no limit for the parameter.
-- Rule:    HJ 663: the daily value is rounded to whole units of publication first, then compared with the class 2 limit
--          of the edition of GB 3095 in force on that day; equal meets it.
SELECT count(*) AS good_days
FROM district_daily d
JOIN limits l
    ON l.parameter = d.parameter
    AND d.day >= coalesce(l.valid_from, DATE '0001-01-01')
    AND d.day <= coalesce(l.valid_to, DATE '9999-12-31')
WHERE d.valid AND d.district = $district AND d.parameter = $parameter AND d.day >= $first AND d.day <= $last
    AND CASE WHEN $full THEN round_half_even(d.mean, 9) ELSE round_half_even(d.mean, $decimals) END <= l.day_limit
