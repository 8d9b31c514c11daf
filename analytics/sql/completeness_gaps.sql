-- Which numbers of an agent's epoch are missing between two that are known?
--
-- Inputs:  observations_rows (as stored: a number whose row was corrected came all the same); ledger_rejected;
--          $from, $until (local days), $max_span (µs), $max_gap (numbers).
-- Output:  one row a gap: device, epoch, the numbers and times on both sides, and how many are missing.
-- Rule:    an agent numbers what it has taken before it sends it, without a gap; so a number between two known ones was
--          sent, or given up by its spool. Known are the numbers of the table, and those of rejected messages whose time
--          can be read. Not missing are rejected numbers without a readable time, and as many as there are other
--          observations of the device between the two times: the same observation sent again under a new number is
--          stored once. Neighbours further apart than $max_span or $max_gap prove nothing.
WITH points AS (
    SELECT device, coalesce(epoch, '') AS epoch, seq, arrow_cast(observed_at, 'Int64') AS at
    FROM observations_rows
    WHERE day >= $from AND day <= $until
    UNION ALL
    SELECT device, epoch, seq, at
    FROM ledger_rejected
    WHERE at IS NOT NULL
),
placed AS (
    SELECT
        device, epoch, seq, at,
        CAST(dense_rank() OVER (PARTITION BY device ORDER BY at ASC NULLS LAST) AS BIGINT) AS place
    FROM points
),
known AS (
    SELECT device, epoch, seq, min(at) AS at, min(place) AS place
    FROM placed
    WHERE seq IS NOT NULL
    GROUP BY device, epoch, seq
),
pairs AS (
    SELECT
        device, epoch,
        lag(seq) OVER (PARTITION BY device, epoch ORDER BY seq ASC NULLS LAST) AS lower_seq,
        seq AS upper_seq,
        lag(at) OVER (PARTITION BY device, epoch ORDER BY seq ASC NULLS LAST) AS lower_at,
        at AS upper_at,
        abs(place - lag(place) OVER (PARTITION BY device, epoch ORDER BY seq ASC NULLS LAST)) - 1 AS others
    FROM known
),
gaps AS (
    SELECT *
    FROM pairs
    WHERE upper_seq - lower_seq > 1 AND upper_seq - lower_seq <= $max_gap AND abs(upper_at - lower_at) <= $max_span
),
untimed AS (
    SELECT g.device, g.epoch, g.lower_seq, count(DISTINCT r.seq) AS numbers
    FROM gaps g
    JOIN ledger_rejected r
        ON r.device = g.device AND r.epoch = g.epoch AND r.at IS NULL AND r.seq > g.lower_seq AND r.seq < g.upper_seq
    GROUP BY g.device, g.epoch, g.lower_seq
)
SELECT
    g.device, g.epoch, g.lower_seq, g.upper_seq, g.lower_at, g.upper_at,
    greatest(
        g.upper_seq - g.lower_seq - 1 - greatest(g.others, 0) - coalesce(u.numbers, 0), 0
    ) AS missing,
    'network' AS lost
FROM gaps g
LEFT JOIN untimed u ON u.device = g.device AND u.epoch = g.epoch AND u.lower_seq = g.lower_seq
