-- Which entries of a table that people hand in hold?
--
-- Input:   $$rows, the table as it is stored: an entry that was corrected stands there more than once.
-- Output:  one row an entry ($$key), in the columns of the table.
-- Rule:    what is handed in again with another content is a correction: the latest import wins.
SELECT * EXCEPT (recency)
FROM (
    SELECT
        *,
        row_number() OVER (PARTITION BY $$key ORDER BY imported_at DESC NULLS LAST, source DESC NULLS LAST) AS recency
    FROM $$rows
)
WHERE recency = 1
