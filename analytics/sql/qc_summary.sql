-- What did quality control find, day by day?
--
-- Inputs:  readings; qc_flags; stations; townships; $first, $last, $township.
-- Output:  one row a (day, device), or a (day, township) when $township is true.
-- Rule:    values = flagged + invalid + suspect + valid. values: what came, each parameter counted; flagged: what the
--          device itself did not call normal; of the others invalid is what any test found invalid, suspect what was
--          found suspect and not invalid. q1 to q11 are flags, of notes as well: q6, q8, the notes of q7 and of q9 are
--          about hours. There is no q10: no column tells averages from instantaneous values.
WITH values_of AS (
    SELECT
        device, day, count(*) AS "values", sum(CASE WHEN flag IS NULL OR flag = 'N' THEN 0 ELSE 1 END) AS flagged
    FROM readings
    WHERE day >= $first AND day <= $last
    GROUP BY device, day
),
worst AS (
    SELECT device, day, observed_at, parameter, bool_or(level = 'invalid') AS is_invalid
    FROM qc_flags
    WHERE day >= $first AND day <= $last AND level <> 'note'
    GROUP BY device, day, observed_at, parameter
),
judged AS (
    SELECT
        device, day,
        sum(CASE WHEN is_invalid THEN 1 ELSE 0 END) AS invalid, sum(CASE WHEN is_invalid THEN 0 ELSE 1 END) AS suspect
    FROM worst
    GROUP BY device, day
),
raised AS (
    SELECT device, day, $$counts
    FROM qc_flags
    WHERE day >= $first AND day <= $last
    GROUP BY device, day
),
of_devices AS (
    SELECT
        v.day, s.township AS township_code, t.name AS township, v.device, s.kind,
        v."values", v.flagged, coalesce(j.invalid, 0) AS invalid, coalesce(j.suspect, 0) AS suspect,
        $$raised
    FROM values_of v
    LEFT JOIN judged j ON j.device = v.device AND j.day = v.day
    LEFT JOIN raised f ON f.device = v.device AND f.day = v.day
    LEFT JOIN stations s
        ON s.device = v.device
        AND v.day >= coalesce(s.valid_from, DATE '0001-01-01')
        AND v.day <= coalesce(s.valid_to, DATE '9999-12-31')
    LEFT JOIN townships t ON t.code = s.township
)
SELECT
    day, township_code, township, $$who,
    sum("values") AS "values", sum("values" - flagged - invalid - suspect) AS valid,
    sum(suspect) AS suspect, sum(invalid) AS invalid, sum(flagged) AS flagged,
    $$sums
FROM of_devices
GROUP BY day, township_code, township$$by
ORDER BY day ASC NULLS LAST, township_code ASC NULLS LAST, $$order
