-- What was expected of each township on each local day, what came of it, and where was the rest lost?
--
-- Input:   ledger (completeness_ledger.sql).
-- Output:  one row a (day, township), the sums over its devices; devices that are registered nowhere stand last.
-- Note:    sent is the sum over the devices that number what they send, and sent_devices says how many these are.
SELECT
    day, township_code, township,
    count(*) AS devices,
    sum(expected) AS expected,
    sum(sent) AS sent,
    count(sent) AS sent_devices,
    sum(received) AS received,
    sum(valid) AS valid,
    sum(flagged) AS flagged,
    sum(rejected) AS rejected,
    sum(lost_network) AS lost_network,
    sum(lost_edge) AS lost_edge,
    sum(lost_sensor) AS lost_sensor,
    sum(lost_unknown) AS lost_unknown,
    sum(surplus) AS surplus
FROM ledger
GROUP BY day, township_code, township
ORDER BY day ASC NULLS LAST, township_code ASC NULLS LAST
