-- Q6: which stations disagree with their neighbours for hours?
--
-- Inputs:  qc_hours; stations; qc_settings (neighbour_z, neighbour_hours, neighbour_min_deviation); $$days.
-- Output:  rows of qc_flags: device, hour, parameter, test, level, detail, day; one row an hour.
-- Rule:    against a station stand the three nearest of its kind that reported the parameter in that hour, out of the six
--          nearest. The modified z-score is 0.6745 × (mean − median of the three) / MAD of the three, with
--          neighbour_min_deviation as the least MAD, since three stations may agree by chance. Where it exceeds
--          neighbour_z to one side for neighbour_hours on end, there is a note: a station may disagree because it is
--          right, so people look at it, and no figure changes (domain reference 5.5, Q6: review).
-- Note:    of three values the MAD is the smaller distance from the median to the two others.
WITH days AS (
    SELECT DISTINCT day FROM qc_hours
),
places AS (
    SELECT d.day, s.device, s.kind, s.lat, s.lon
    FROM days d
    JOIN stations s
        ON d.day >= coalesce(s.valid_from, DATE '0001-01-01') AND d.day <= coalesce(s.valid_to, DATE '9999-12-31')
    WHERE s.lat IS NOT NULL AND s.lon IS NOT NULL
),
pairs AS (
    SELECT day, device, neighbour, place
    FROM (
        SELECT
            a.day, a.device, b.device AS neighbour,
            row_number() OVER (
                PARTITION BY a.day, a.device
                ORDER BY power(a.lat - b.lat, 2) + power((a.lon - b.lon) * cos(radians(a.lat)), 2), b.device
            ) AS place
        FROM places a
        JOIN places b ON b.day = a.day AND b.kind = a.kind AND b.device <> a.device
    )
    WHERE place <= 6
),
beside AS (
    SELECT
        h.device, h.parameter, h.hour, h.day, h.mean, n.mean AS other,
        row_number() OVER (PARTITION BY h.device, h.parameter, h.hour ORDER BY p.place) AS place
    FROM qc_hours h
    JOIN pairs p ON p.day = h.day AND p.device = h.device
    JOIN qc_hours n ON n.device = p.neighbour AND n.parameter = h.parameter AND n.hour = h.hour
),
middles AS (
    SELECT
        device, parameter, hour, day, mean,
        median(other) AS middle, min(other) AS least, max(other) AS most
    FROM beside
    WHERE place <= 3
    GROUP BY device, parameter, hour, day, mean
    HAVING count(*) = 3
),
scores AS (
    SELECT
        m.*, q.neighbour_hours,
        0.6745 * (m.mean - m.middle) / greatest(least(m.middle - m.least, m.most - m.middle), q.neighbour_min_deviation)
            AS z,
        q.neighbour_z AS bound
    FROM middles m
    CROSS JOIN qc_settings q
),
outstanding AS (
    SELECT
        *, z > 0 AS above,
        arrow_cast(hour, 'Int64') / 3600000000
            - row_number() OVER (PARTITION BY device, parameter, z > 0 ORDER BY hour) AS run
    FROM scores
    WHERE abs(z) > bound
),
runs AS (
    SELECT *, count(*) OVER (PARTITION BY device, parameter, above, run) AS hours
    FROM outstanding
)
SELECT
    device, hour AS observed_at, parameter, 'q6' AS test, 'note' AS level,
    concat(
        CAST(round(mean, 1) AS VARCHAR), ' against ', CAST(round(middle, 1) AS VARCHAR),
        ' around, z ', CAST(round(z, 1) AS VARCHAR)
    ) AS detail,
    day
FROM runs
WHERE hours >= neighbour_hours AND day IN ($$days)
