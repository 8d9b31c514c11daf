-- Which observations are there, each counted once?
--
-- Input:   observations_rows (the table as it is stored).
-- Output:  observations, one row a (device, observed_at), in the columns of the table.
-- Rule:    (device, observed_at) identifies an observation. What arrives again with another content is a correction:
--          the latest received wins. Rows received at the same instant are decided by epoch, number, values and
--          flags, so that the answer never depends on the order of reading.
-- Note:    the day is a function of observed_at; naming it lets a filter on the day reach the files. The rule is
--          applied to days on which an identity occurs twice; on other days it would change nothing.
SELECT * EXCEPT (recency)
FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY day, device, observed_at
            ORDER BY received_at DESC NULLS LAST, epoch DESC NULLS LAST, seq DESC NULLS LAST, $$others
        ) AS recency
    FROM observations_rows
)
WHERE recency = 1
