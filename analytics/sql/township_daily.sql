-- What is the mean of each township's day?
--
-- Input:   $$daily (daily, or compliance_daily for statements of compliance).
-- Output:  township_daily or compliance_township_daily, one row a (township, local day, parameter) that is valid, and
--          how many stations it is from.
-- Rule:    HJ 663: the mean of the daily means of the valid stations that stood in the township on that day. Only
--          stations of kind township take part; with one to three of them in a township, one is enough.
SELECT
    township, day, parameter,
    CAST(sum(CAST(mean AS DECIMAL(26, 12))) AS DOUBLE) / CAST(count(*) AS DOUBLE) AS mean,
    count(*) AS stations,
    day_min_hours
FROM $$daily
WHERE valid AND kind = 'township'
GROUP BY township, day, parameter, day_min_hours
