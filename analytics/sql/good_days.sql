-- On how many days of a period did the district meet the 24-hour limit?
--
-- Inputs:  district_daily; $parameter, $district, $first, $last; $decimals; $limit (class 2, 24 h, of the edition of
--          GB 3095 in force on the period's last day).
-- Output:  one row.
-- Rule:    HJ 663: the daily value is rounded to whole units of publication first, then compared; equal meets it.
SELECT coalesce(sum(CASE WHEN round_half_even(mean, $decimals) <= $limit THEN 1 ELSE 0 END), 0) AS good_days
FROM district_daily
WHERE valid AND district = $district AND parameter = $parameter AND day >= $first AND day <= $last
