-- Question: what arrived and could not be taken, newest first?
-- Input:    rejected
-- Output:   one row a rejection; the payload as text as far as it is text, its first 200 characters
SELECT
    received_at,
    topic,
    reason,
    detail,
    octet_length(payload) AS bytes,
    substr(arrow_cast(payload, 'Utf8'), 1, 200) AS payload
FROM rejected
-- {filter}
ORDER BY received_at DESC, topic
