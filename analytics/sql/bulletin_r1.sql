-- R1: which townships of the district are on the city's lists of the last ones?
--
-- Inputs:  city_bulletin; bulletins (bulletins.sql); townships; $n (rules.r1_n, length of the list); $district and
--          $district_name; $first and $last: every list whose days lie within them is looked at.
-- Output:  for each list a row a township of the district on it, worst first, or one row without a township.
-- Rule:    门政办发〔2019〕41号: none of the district's townships may be among the city's last 30 by PM2.5 or TSP. Each
--          published period counts by itself. "Last" is the highest value: rank_from_worst <= n. A township counts by
--          its code, or by its district's name as the list writes it, so that one with an unknown name is not missed.
WITH hits AS (
    SELECT c.period, c.parameter, c.code, c.township, c.rank_from_worst, c.value
    FROM city_bulletin c
    LEFT JOIN townships t ON t.code = c.code
    WHERE c.rank_from_worst <= $n
        AND (t.district = $district OR c.district = $district OR c.district = $district_name)
)
SELECT
    b.period, b.parameter, b.listed,
    h.code AS township_code, h.township, h.rank_from_worst, CAST(h.value AS DOUBLE) AS value
FROM bulletins b
LEFT JOIN hits h ON h.period = b.period AND h.parameter = b.parameter
WHERE b.listed > 0 AND b.first_day >= $first AND b.last_day <= $last
ORDER BY b.first_day ASC, b.last_day ASC, b.parameter ASC, h.rank_from_worst ASC NULLS LAST, h.township ASC
