-- What is the mean of each station's day, and is it valid?
--
-- Input:   hourly; parameters; stations (where a monitor stood on that day).
-- Output:  daily, one row a (device, local day, parameter) with at least one valid hour, and the hours that it needs.
-- Rule:    GB 3095, chapter 3: the mean of the hourly means of a natural day, in the district's time zone. Valid with
--          at least $$day_min_hours valid hours, a column of parameters. The operational views take day_min_hours
--          (GB 3095 table 4: 20 of 24). The same text makes compliance_daily with compliance_day_min_hours, which is
--          24 for TSP (table 4: a TSP day is 24 hours of sampling) and never under 20.
-- Note:    means are summed as decimals of 12 places, so the result does not depend on the order of reading.
WITH days AS (
    SELECT
        device, local_day(hour) AS day, parameter,
        CAST(sum(CAST(mean AS DECIMAL(26, 12))) AS DOUBLE) / CAST(count(*) AS DOUBLE) AS mean,
        count(*) AS hours
    FROM hourly
    WHERE valid
    GROUP BY device, local_day(hour), parameter
)
SELECT
    d.device, d.day, d.parameter, d.mean, d.hours, d.hours >= p.$$day_min_hours AS valid, s.township, s.kind,
    p.$$day_min_hours AS day_min_hours
FROM days d
JOIN parameters p ON p.key = d.parameter
LEFT JOIN stations s
    ON s.device = d.device
    AND d.day >= coalesce(s.valid_from, DATE '0001-01-01')
    AND d.day <= coalesce(s.valid_to, DATE '9999-12-31')
