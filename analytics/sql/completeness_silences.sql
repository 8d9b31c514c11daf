-- When was a monitor silent between two numbered observations, and did its agent keep its numbers meanwhile?
--
-- Inputs:  observations_rows; ledger_rejected; stations; $from, $until (local days), $max_span (µs).
-- Output:  one row a silence of an interval or more: device, the times on both sides, how many observations its interval
--          would have let expect between them, and whose silence it was.
-- Rule:    'sensor' when the numbers on both sides are of one epoch: the agent's spool went on, so what is not numbered
--          was not taken. 'edge' when the epoch changed: the agent's spool was lost or begun anew, with what it held.
--          Without numbers on either side nothing is proven. Neighbours further apart than $max_span prove nothing.
WITH points AS (
    SELECT
        device, CASE WHEN seq IS NULL THEN NULL ELSE coalesce(epoch, '') END AS epoch, seq,
        arrow_cast(observed_at, 'Int64') AS at
    FROM observations_rows
    WHERE day >= $from AND day <= $until
    UNION ALL
    SELECT device, CASE WHEN seq IS NULL THEN NULL ELSE epoch END AS epoch, seq, at
    FROM ledger_rejected
    WHERE at IS NOT NULL
),
pairs AS (
    SELECT
        device,
        lag(epoch) OVER (PARTITION BY device ORDER BY at ASC NULLS LAST, epoch ASC NULLS LAST, seq ASC NULLS LAST) AS lower_epoch,
        epoch AS upper_epoch,
        lag(at) OVER (PARTITION BY device ORDER BY at ASC NULLS LAST, epoch ASC NULLS LAST, seq ASC NULLS LAST) AS lower_at,
        at AS upper_at
    FROM points
),
expected AS (
    SELECT
        p.device, p.lower_epoch, p.upper_epoch, p.lower_at, p.upper_at,
        (p.upper_at - p.lower_at + s.interval_seconds * 500000) / (s.interval_seconds * 1000000) - 1 AS missing
    FROM pairs p
    JOIN stations s
        ON s.device = p.device
        AND local_day(to_timestamp_micros(p.lower_at)) >= coalesce(s.valid_from, DATE '0001-01-01')
        AND local_day(to_timestamp_micros(p.lower_at)) <= coalesce(s.valid_to, DATE '9999-12-31')
    WHERE p.lower_epoch IS NOT NULL AND p.upper_epoch IS NOT NULL AND p.upper_at - p.lower_at <= $max_span
        AND (p.upper_at - p.lower_at) * 2 >= s.interval_seconds * 3000000
)
SELECT
    device, CAST(NULL AS VARCHAR) AS epoch, CAST(NULL AS BIGINT) AS lower_seq, CAST(NULL AS BIGINT) AS upper_seq,
    lower_at, upper_at, missing,
    CASE WHEN lower_epoch = upper_epoch THEN 'sensor' ELSE 'edge' END AS lost
FROM expected
WHERE missing > 0
