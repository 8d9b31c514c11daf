-- What is the mean of a day in a statement of compliance, of each district and of each township?
--
-- Inputs:  compliance_township_daily, compliance_district_daily; townships.
-- Output:  area_daily, one row a (level, code, local day, parameter) that is valid; level is district or township.
-- Rule:    the means are those of township_daily.sql and district_daily.sql, over station days that have the hours that
--          a statement of compliance wants (daily.sql).
SELECT 'district' AS level, district AS code, district, day, parameter, mean, day_min_hours
FROM compliance_district_daily
WHERE valid
UNION ALL
SELECT 'township', d.township, t.district, d.day, d.parameter, d.mean, d.day_min_hours
FROM compliance_township_daily d
JOIN townships t ON t.code = d.township
