-- Which places stand out from their surroundings?
--
-- Inputs:  hourly; stations; townships; alarms; $parameter, $first, $last, $min_hours, $$grid and $$radius (m), $$latitude (degrees,
--          of the district), $$published.
-- Output:  one row a site and place where it stood (kind site) and one a grid cell with monitors (kind cell), ranked apart, those that stand out most
--          first.
-- Rule:    a monitor's value is the mean of its valid hourly means in the period, of min_hours at least, at the place where it
--          stood. A cell's value is the mean of its monitors'. Its surroundings are the other monitors within the radius: for a
--          cell of its centre and outside it, for a site of the site. Without any, those of its township (basis township);
--          without these it is listed without a rank. The ratio compares unrounded values; values are published like every
--          mean. Ours: no standard says what a hot spot is.
-- Note:    distances are on a sphere with 111,319.49 m a degree, to less than 1 % within the radius.
WITH monitors AS (
    SELECT
        h.device, s.name, s.kind, s.township, s.lat, s.lon,
        CAST(sum(CAST(h.mean AS DECIMAL(26, 12))) AS DOUBLE) / CAST(count(*) AS DOUBLE) AS value,
        CAST(floor(s.lat * 111319.49 / $$grid) AS BIGINT) AS y,
        CAST(floor(s.lon * cos(radians($$latitude)) * 111319.49 / $$grid) AS BIGINT) AS x
    FROM hourly h
    JOIN stations s
        ON s.device = h.device
        AND local_day(h.hour) >= coalesce(s.valid_from, DATE '0001-01-01')
        AND local_day(h.hour) <= coalesce(s.valid_to, DATE '9999-12-31')
    WHERE h.valid AND h.parameter = $parameter
        AND local_day(h.hour) >= $first AND local_day(h.hour) <= $last
        AND s.lat IS NOT NULL AND s.lon IS NOT NULL
    GROUP BY h.device, s.name, s.kind, s.township, s.lat, s.lon
    HAVING count(*) >= $min_hours
),
places AS (
    SELECT
        'site' AS kind, device AS place, concat(device, '@', CAST(lat AS VARCHAR), ',', CAST(lon AS VARCHAR)) AS spot,
        device, name, township, x, y, lat, lon, CAST(1 AS BIGINT) AS monitors, value
    FROM monitors
    WHERE kind = 'site'
    UNION ALL
    SELECT
        'cell' AS kind, concat('x', CAST(x AS VARCHAR), 'y', CAST(y AS VARCHAR)) AS place,
        concat('x', CAST(x AS VARCHAR), 'y', CAST(y AS VARCHAR)) AS spot, CAST(NULL AS VARCHAR) AS device,
        string_agg(name, '、' ORDER BY name ASC NULLS LAST) AS name, min(township) AS township, x, y,
        (CAST(y AS DOUBLE) + 0.5) * $$grid / 111319.49 AS lat,
        (CAST(x AS DOUBLE) + 0.5) * $$grid / 111319.49 / cos(radians($$latitude)) AS lon,
        count(*) AS monitors,
        avg(value) AS value
    FROM monitors
    GROUP BY x, y
),
beside AS (
    SELECT
        p.kind, p.spot, m.township = p.township AS is_township, m.value,
        sqrt(
            power((m.lat - p.lat) * 111319.49, 2)
            + power((m.lon - p.lon) * cos(radians((m.lat + p.lat) / 2)) * 111319.49, 2)
        ) <= $$radius AS is_near
    FROM places p
    JOIN monitors m
        ON CASE p.kind WHEN 'site' THEN m.device <> p.device ELSE NOT (m.x = p.x AND m.y = p.y) END
),
surroundings AS (
    SELECT
        kind, spot,
        avg(CASE WHEN is_near THEN value END) AS near,
        avg(CASE WHEN is_township THEN value END) AS of_township,
        sum(CASE WHEN is_near THEN 1 ELSE 0 END) AS near_monitors
    FROM beside
    GROUP BY kind, spot
),
raised AS (
    SELECT
        a.device, s.lat, s.lon,
        CAST(floor(s.lat * 111319.49 / $$grid) AS BIGINT) AS y,
        CAST(floor(s.lon * cos(radians($$latitude)) * 111319.49 / $$grid) AS BIGINT) AS x,
        count(*) AS n
    FROM alarms a
    JOIN stations s
        ON s.device = a.device
        AND a.day >= coalesce(s.valid_from, DATE '0001-01-01')
        AND a.day <= coalesce(s.valid_to, DATE '9999-12-31')
    WHERE NOT a.continued AND a.day >= $first AND a.day <= $last
    GROUP BY a.device, s.lat, s.lon
),
told AS (
    SELECT p.kind, p.spot, sum(r.n) AS alarms
    FROM places p
    JOIN raised r
        ON CASE p.kind
            WHEN 'site' THEN r.device = p.device AND r.lat = p.lat AND r.lon = p.lon
            ELSE r.x = p.x AND r.y = p.y
        END
    GROUP BY p.kind, p.spot
),
compared AS (
    SELECT
        p.*, coalesce(s.near, s.of_township) AS surroundings,
        CASE WHEN s.near IS NOT NULL THEN 'radius' WHEN s.of_township IS NOT NULL THEN 'township' END AS basis,
        p.value / nullif(coalesce(s.near, s.of_township), 0) AS times,
        coalesce(t.alarms, 0) AS alarms
    FROM places p
    LEFT JOIN surroundings s ON s.kind = p.kind AND s.spot = p.spot
    LEFT JOIN told t ON t.kind = p.kind AND t.spot = p.spot
)
SELECT
    CASE WHEN c.times IS NOT NULL THEN rank() OVER (PARTITION BY c.kind ORDER BY round(c.times, 9) DESC NULLS LAST) END AS rank,
    c.kind, c.place, c.name, t.name AS township, c.monitors,
    CAST(round_half_even(c.value, $decimals) AS $$published) AS value,
    CAST(round_half_even(c.surroundings, $decimals) AS $$published) AS surroundings,
    c.basis,
    CAST(round_half_even(c.times, 2) AS DECIMAL(12, 2)) AS ratio,
    c.alarms,
    CAST(round_half_even(c.lat, 5) AS DECIMAL(9, 5)) AS lat,
    CAST(round_half_even(c.lon, 5) AS DECIMAL(9, 5)) AS lon
FROM compared c
LEFT JOIN townships t ON t.code = c.township
ORDER BY c.kind DESC NULLS LAST, round(c.times, 9) DESC NULLS LAST, c.place ASC NULLS LAST, c.spot ASC NULLS LAST
