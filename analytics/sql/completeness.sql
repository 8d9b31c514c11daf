-- How complete are the data of a period?
--
-- Inputs:  hourly; stations; townships; $parameter, $district or $city, $first, $last.
-- Output:  one row a station and place that it stood at in the period, in the order of township and device.
-- Rule:    expected are 24 hours for each local day that the monitor stood there; valid are the hours that hourly.sql
--          calls valid.
WITH places AS (
    SELECT
        s.device, s.name, s.kind, s.township, t.name AS township_name,
        greatest(coalesce(s.valid_from, $first), $first) AS begins,
        least(coalesce(s.valid_to, $last), $last) AS ends
    FROM stations s
    JOIN townships t ON t.code = s.township
    WHERE ($city OR t.district = $district)
        AND coalesce(s.valid_from, $first) <= $last
        AND coalesce(s.valid_to, $last) >= $first
),
valid_hours AS (
    SELECT device, local_day(hour) AS day, count(*) AS hours
    FROM hourly
    WHERE valid AND parameter = $parameter AND local_day(hour) >= $first AND local_day(hour) <= $last
    GROUP BY device, local_day(hour)
)
SELECT
    p.township AS township_code,
    p.township_name AS township,
    p.device,
    p.name,
    p.kind,
    24 * (arrow_cast(p.ends, 'Int32') - arrow_cast(p.begins, 'Int32') + 1) AS expected_hours,
    coalesce(sum(h.hours), 0) AS valid_hours
FROM places p
LEFT JOIN valid_hours h ON h.device = p.device AND h.day >= p.begins AND h.day <= p.ends
GROUP BY p.township, p.township_name, p.device, p.name, p.kind, p.begins, p.ends
ORDER BY p.township ASC NULLS LAST, p.device ASC NULLS LAST, p.begins ASC NULLS LAST
