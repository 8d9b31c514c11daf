-- What was expected of each monitor on each local day, what came of it, and where was the rest lost?
--
-- Inputs:  observations (each counted once); observations_rows; stations; townships; ledger_days (the period's days that
--          have begun, with the seconds of them that are over); ledger_rejected; ledger_stretches (completeness_gaps.sql
--          and completeness_silences.sql together); $device, $first, $last, $from, $until, $$valid.
-- Output:  one row a (day, device) that was registered, or of which something came.
-- Rule:    expected + surplus = valid + flagged + rejected + lost_network + lost_edge + lost_sensor + lost_unknown.
--          expected: the registered intervals of the day that are over. received: rows of the table. valid: those of which
--          $$valid holds. rejected: observations of rejected messages that the table does not have (a replayed one it
--          has); by their time, else by their number, else on the day of receipt. A rejected message that cannot be read
--          counts as one, and is taken out of lost_network. lost_network: missing numbers, spread evenly between their
--          neighbours' times. What remains is lost_edge and lost_sensor as far as silences prove it, and lost_unknown
--          otherwise: devices without numbers, and before the first and behind the last number that came. sent is what
--          the numbers prove: received, rejected and lost_network; null without numbers.
WITH days_received AS (
    SELECT
        device, day, count(*) AS received, sum(CASE WHEN $$valid THEN 1 ELSE 0 END) AS valid,
        bool_or(seq IS NOT NULL) AS numbered
    FROM observations
    WHERE day >= $first AND day <= $last
    GROUP BY device, day
),
outstanding AS (
    SELECT r.*
    FROM ledger_rejected r
    WHERE NOT EXISTS (
            SELECT 1 FROM observations_rows o
            WHERE o.day >= $from AND o.day <= $until
                AND o.device = r.device AND arrow_cast(o.observed_at, 'Int64') = r.at
        )
        AND NOT EXISTS (
            SELECT 1 FROM observations_rows o
            WHERE o.day >= $from AND o.day <= $until
                AND o.device = r.device AND coalesce(o.epoch, '') = r.epoch AND o.seq = r.seq
        )
),
dated AS (
    SELECT
        r.device, r.seq, r.messages, r.readable,
        CASE
            WHEN r.at IS NOT NULL THEN local_day(to_timestamp_micros(r.at))
            WHEN g.device IS NOT NULL THEN local_day(to_timestamp_micros(
                g.lower_at + (g.upper_at - g.lower_at) / (g.upper_seq - g.lower_seq) * (r.seq - g.lower_seq)
            ))
            ELSE r.received_day
        END AS day,
        r.at IS NULL AND g.device IS NOT NULL AS within_gap
    FROM outstanding r
    LEFT JOIN ledger_stretches g
        ON g.lost = 'network' AND g.device = r.device AND g.epoch = r.epoch AND r.at IS NULL
        AND r.seq > g.lower_seq AND r.seq < g.upper_seq
),
days_rejected AS (
    SELECT
        device, day,
        sum(CASE WHEN readable THEN messages ELSE 0 END) AS readable,
        sum(CASE WHEN readable THEN 0 ELSE messages END) AS unreadable,
        sum(CASE WHEN within_gap THEN 1 ELSE 0 END) AS untimed,
        bool_or(seq IS NOT NULL) AS numbered
    FROM dated
    WHERE day >= $first AND day <= $last
    GROUP BY device, day
),
edges AS (
    SELECT
        s.*, d.day,
        least(greatest(d.starts, s.lower_at), s.upper_at) - s.lower_at AS before_start,
        least(greatest(d.ends, s.lower_at), s.upper_at) - s.lower_at AS before_end,
        greatest(s.upper_at - s.lower_at, 1) AS span,
        d.starts <= s.lower_at AND s.lower_at < d.ends AS begins
    FROM ledger_stretches s
    JOIN ledger_days d ON d.starts < greatest(s.upper_at, s.lower_at + 1) AND d.ends > s.lower_at
),
spread AS (
    SELECT
        device, day, lost,
        CASE
            WHEN upper_at <= lower_at THEN CASE WHEN begins THEN missing ELSE 0 END
            ELSE CASE WHEN before_end <= 0 THEN 0 ELSE least((before_end * (missing + 1) - 1) / span, missing) END
               - CASE WHEN before_start <= 0 THEN 0 ELSE least((before_start * (missing + 1) - 1) / span, missing) END
        END AS missing
    FROM edges
),
days_lost AS (
    SELECT
        device, day,
        sum(CASE WHEN lost = 'network' THEN missing ELSE 0 END) AS network,
        sum(CASE WHEN lost = 'edge' THEN missing ELSE 0 END) AS edge,
        sum(CASE WHEN lost = 'sensor' THEN missing ELSE 0 END) AS sensor,
        bool_or(missing > 0) AS numbered
    FROM spread
    GROUP BY device, day
),
registered AS (
    SELECT
        d.day, s.device, s.township, s.kind, d.elapsed_seconds / s.interval_seconds AS expected
    FROM ledger_days d
    JOIN stations s
        ON d.day >= coalesce(s.valid_from, DATE '0001-01-01') AND d.day <= coalesce(s.valid_to, DATE '9999-12-31')
),
spoke AS (
    SELECT day, device FROM registered
    UNION
    SELECT day, device FROM days_received
    UNION
    SELECT day, device FROM days_rejected
),
counted AS (
    SELECT
        k.day, k.device, r.township, r.kind,
        coalesce(r.expected, 0) AS expected,
        coalesce(c.received, 0) AS received,
        coalesce(c.valid, 0) AS valid,
        coalesce(j.readable, 0) + coalesce(j.unreadable, 0) AS rejected,
        greatest(coalesce(l.network, 0) - coalesce(j.unreadable, 0), 0) AS lost_network,
        coalesce(l.edge, 0) AS edge,
        greatest(coalesce(l.sensor, 0) - coalesce(l.network, 0) - coalesce(j.untimed, 0), 0) AS sensor,
        coalesce(c.numbered, false) OR coalesce(j.numbered, false) OR coalesce(l.numbered, false) AS numbered
    FROM spoke k
    LEFT JOIN registered r ON r.day = k.day AND r.device = k.device
    LEFT JOIN days_received c ON c.day = k.day AND c.device = k.device
    LEFT JOIN days_rejected j ON j.day = k.day AND j.device = k.device
    LEFT JOIN days_lost l ON l.day = k.day AND l.device = k.device
),
settled AS (
    SELECT
        *,
        received + rejected + lost_network AS accounted,
        greatest(expected - received - rejected - lost_network, 0) AS remaining
    FROM counted
)
SELECT
    s.day, s.township AS township_code, t.name AS township, s.device, s.kind,
    s.expected,
    CASE WHEN s.numbered THEN s.accounted ELSE NULL END AS sent,
    s.received,
    s.valid,
    s.received - s.valid AS flagged,
    s.rejected,
    s.lost_network,
    least(s.edge, s.remaining) AS lost_edge,
    least(s.sensor, s.remaining - least(s.edge, s.remaining)) AS lost_sensor,
    s.remaining - least(s.edge, s.remaining)
        - least(s.sensor, s.remaining - least(s.edge, s.remaining)) AS lost_unknown,
    greatest(s.accounted - s.expected, 0) AS surplus
FROM settled s
LEFT JOIN townships t ON t.code = s.township
WHERE $device = '' OR s.device = $device
ORDER BY s.day ASC NULLS LAST, s.township ASC NULLS LAST, s.device ASC NULLS LAST
