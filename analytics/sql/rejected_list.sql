-- Question: what arrived and could not be taken, newest first?
-- Input:    rejected
-- Output:   one row a rejection; the payload as text, or in hexadecimal when it is no text, its first 200 characters
SELECT
    received_at,
    topic,
    reason,
    detail,
    octet_length(encode(payload, 'hex')) / 2 AS bytes,
    substr(coalesce(TRY_CAST(payload AS VARCHAR), concat('hex ', encode(payload, 'hex'))), 1, 200) AS payload
FROM rejected
-- {filter}
ORDER BY received_at DESC, topic
