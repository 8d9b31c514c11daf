-- What is the mean of each district's day, and is it valid?
--
-- Input:   $$township_daily (township_daily, or compliance_township_daily for statements of compliance); townships;
--          stations (how many townships had a station on that day).
-- Output:  district_daily or compliance_district_daily, one row a (district, local day, parameter) with at least one valid township.
-- Rule:    HJ 663, area average: the mean of the townships' daily values; the day counts for the district when at
--          least 75 % of the townships that had a station on that day are valid.
WITH valid_townships AS (
    SELECT
        t.district, d.day, d.parameter,
        CAST(sum(CAST(d.mean AS DECIMAL(26, 12))) AS DOUBLE) / CAST(count(*) AS DOUBLE) AS mean,
        count(*) AS townships,
        d.day_min_hours
    FROM $$township_daily d
    JOIN townships t ON t.code = d.township
    GROUP BY t.district, d.day, d.parameter, d.day_min_hours
),
standing AS (
    SELECT v.district, v.day, count(DISTINCT s.township) AS townships
    FROM (SELECT DISTINCT district, day FROM valid_townships) v
    JOIN townships t ON t.district = v.district
    JOIN stations s
        ON s.township = t.code
        AND s.kind = 'township'
        AND v.day >= coalesce(s.valid_from, DATE '0001-01-01')
        AND v.day <= coalesce(s.valid_to, DATE '9999-12-31')
    GROUP BY v.district, v.day
)
SELECT
    v.district, v.day, v.parameter, v.mean, v.townships, s.townships AS townships_standing,
    v.townships * 100 >= s.townships * 75 AS valid,
    v.day_min_hours
FROM valid_townships v
JOIN standing s ON s.district = v.district AND s.day = v.day
