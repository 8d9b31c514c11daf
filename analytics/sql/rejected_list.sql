-- What arrived and could not be taken, newest first?
--
-- Inputs:  rejected; rejected_replays; $reason, $device, $first, $last (days of receipt), $all, $limit.
-- Output:  one row a rejection; the payload as text, or in hexadecimal when it is no text, its first 200 characters;
--          replayed_at when a replay has taken it since.
-- Rule:    a replay names a rejection by its time, its topic and the fingerprint of its payload. An empty reason or
--          device stands for every one. The device is the one that the topic names: dust/v1/DISTRICT/DEVICE/obs.
WITH replays AS (
    SELECT received_at, topic, fingerprint, max(replayed_at) AS replayed_at
    FROM rejected_replays
    GROUP BY received_at, topic, fingerprint
)
SELECT
    r.received_at,
    r.topic,
    r.reason,
    r.detail,
    octet_length(encode(r.payload, 'hex')) / 2 AS bytes,
    substr(coalesce(TRY_CAST(r.payload AS VARCHAR), concat('hex ', encode(r.payload, 'hex'))), 1, 200) AS payload,
    s.replayed_at
FROM rejected r
LEFT JOIN replays s
    ON s.received_at = r.received_at AND s.topic = r.topic AND s.fingerprint = fingerprint(r.payload)
WHERE ($reason = '' OR r.reason = $reason)
    AND ($device = '' OR split_part(r.topic, '/', 4) = $device)
    AND r.day >= $first AND r.day <= $last
    AND ($all OR s.replayed_at IS NULL)
ORDER BY r.received_at DESC, r.topic ASC
LIMIT $$limit
