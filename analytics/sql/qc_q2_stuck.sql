-- Q2: which values belong to a sensor that got stuck?
--
-- Inputs:  qc_readings; qc_settings (stuck_hourly_minutes, stuck_minutes); qc_lists (stuck_exempt); $$days.
-- Output:  rows of qc_flags: device, observed_at, parameter, test, level, detail, day.
-- Rule:    a run is one value in successive observations of a device and parameter, no two of them more than three
--          intervals apart. It covers the time from its first to its last observation and one interval more. A run of at
--          least four observations that covers stuck_hourly_minutes (interval of an hour or more) or stuck_minutes (any
--          other) makes all its values suspect; zero does not, since calm and silence are zeros (domain reference 5.5,
--          Q2: 6 h hourly, 60 min of real-time data).
-- Note:    the neighbouring days are read too. No limit is longer than a day, so what is seen of a run that crosses both
--          midnights is long enough.
WITH steps AS (
    SELECT
        device, parameter, observed_at, at, day, micro, shown, interval_seconds,
        CASE
            WHEN micro = lag(micro) OVER series AND at - lag(at) OVER series <= interval_seconds * 3000000 THEN 0
            ELSE 1
        END AS begins
    FROM qc_readings
    WINDOW series AS (PARTITION BY device, parameter ORDER BY at)
),
numbered AS (
    SELECT
        *, sum(begins) OVER (
            PARTITION BY device, parameter ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS run
    FROM steps
),
stuck AS (
    SELECT
        n.device, n.parameter, n.run,
        CASE WHEN max(n.interval_seconds) >= 3600 THEN q.stuck_hourly_minutes ELSE q.stuck_minutes END AS minutes
    FROM numbered n
    CROSS JOIN qc_settings q
    GROUP BY n.device, n.parameter, n.run, q.stuck_hourly_minutes, q.stuck_minutes
    HAVING count(*) >= 4
        AND min(n.micro) <> 0
        AND max(n.at) - min(n.at) + max(n.interval_seconds) * 1000000
            >= CASE WHEN max(n.interval_seconds) >= 3600 THEN q.stuck_hourly_minutes ELSE q.stuck_minutes END
               * 60000000
)
SELECT
    n.device, n.observed_at, n.parameter, 'q2' AS test, 'suspect' AS level,
    concat(n.shown, ' for ', CAST(s.minutes AS VARCHAR), ' min or longer') AS detail,
    n.day
FROM numbered n
JOIN stuck s ON s.device = n.device AND s.parameter = n.parameter AND s.run = n.run
LEFT JOIN qc_lists x ON x.list = 'stuck_exempt' AND x.name = n.parameter
WHERE n.day IN ($$days) AND x.name IS NULL
