-- Which subject of a ledger stood best in a period by one of its items, and which worst?
--
-- Inputs:  ledger; ledger_subjects, who is listed whatever was handed in (subject, name), empty for ledgers of any names;
--          the request: $kind, $item, $combine ('mean', 'sum', 'last', 'worst', 'ratio'), $of and $to (the items of a
--          ratio), $decimals (places of a published value), $lower (whether low values are better), $percent (whether
--          changes are told in percent or as differences: of rates in points, of grades in grades), $$limit_value or
--          $limit_item (what a value is judged by), $full (rules.limit_compare), $group (the item within whose texts
--          subjects are ranked), and the spans of the period, of the one before (环比) and of last year (同比).
-- Output:  one row a subject, group after group, best first; who has no value last.
-- Rules:   the plan has these tables reported every month (门政办发〔2019〕41号). The values of a period become one as the
--          kind says; a ratio is the quotient of the period's sums in percent, never a mean of rates. GB/T 8170: rounded
--          half to even, once, from the unrounded value. Equal published values share a rank (1, 2, 2, 4). Changes are
--          computed from published values, null without a base, and in percent with a base of 0. A limit is kept by a
--          value that is not beyond it. A subject's own limit is the last that was told in the period.
WITH spans AS (
    SELECT 'current' AS role, $first AS first_day, $last AS last_day
    UNION ALL
    SELECT 'previous', $previous_first, $previous_last
    UNION ALL
    SELECT 'last_year', $last_year_first, $last_year_last
),
told AS (
    SELECT
        s.role, l.subject, l.item, l.value,
        row_number() OVER (
            PARTITION BY s.role, l.subject, l.item
            ORDER BY l.date DESC, CASE WHEN $lower THEN -l.value ELSE l.value END ASC, l.point ASC
        ) AS recency
    FROM ledger l
    JOIN spans s ON l.date >= s.first_day AND l.date <= s.last_day
    WHERE l.kind = $kind AND l.value IS NOT NULL AND l.item IN ($item, $of, $to, $limit_item)
),
combined AS (
    SELECT
        role, subject,
        count(CASE WHEN item = $item OR item = $to THEN value END) AS entries,
        CASE $combine
            WHEN 'mean' THEN CAST(sum(CASE WHEN item = $item THEN value END) AS DOUBLE)
                / nullif(count(CASE WHEN item = $item THEN value END), 0)
            WHEN 'sum' THEN CAST(sum(CASE WHEN item = $item THEN value END) AS DOUBLE)
            WHEN 'last' THEN CAST(max(CASE WHEN item = $item AND recency = 1 THEN value END) AS DOUBLE)
            WHEN 'worst' THEN CASE WHEN $lower
                THEN CAST(max(CASE WHEN item = $item THEN value END) AS DOUBLE)
                ELSE CAST(min(CASE WHEN item = $item THEN value END) AS DOUBLE) END
            WHEN 'ratio' THEN CAST(sum(CASE WHEN item = $of THEN value END) AS DOUBLE) * 100
                / nullif(CAST(sum(CASE WHEN item = $to THEN value END) AS DOUBLE), 0)
        END AS exact,
        CAST(max(CASE WHEN item = $limit_item AND recency = 1 THEN value END) AS DOUBLE) AS own_limit
    FROM told
    GROUP BY role, subject
),
subject_groups AS (
    SELECT subject, text AS subject_group
    FROM (
        SELECT subject, text, row_number() OVER (PARTITION BY subject ORDER BY date DESC, point ASC) AS recency
        FROM ledger
        WHERE kind = $kind AND item = $group AND text IS NOT NULL AND date <= $last
    )
    WHERE recency = 1
),
ranked AS (
    SELECT
        c.role, c.subject, c.entries, c.exact, c.own_limit, c.value, g.subject_group,
        rank() OVER (
            PARTITION BY c.role, g.subject_group
            ORDER BY CASE WHEN $lower THEN c.value ELSE -c.value END ASC NULLS LAST
        ) AS rank_best,
        rank() OVER (
            PARTITION BY c.role, g.subject_group
            ORDER BY CASE WHEN $lower THEN -c.value ELSE c.value END ASC NULLS LAST
        ) AS rank_worst,
        row_number() OVER (
            PARTITION BY c.role, g.subject_group
            ORDER BY
                CASE WHEN $lower THEN c.value ELSE -c.value END ASC NULLS LAST,
                CASE WHEN $lower THEN c.exact ELSE -c.exact END ASC NULLS LAST,
                c.subject ASC
        ) AS place
    FROM (SELECT *, round_half_even(exact, $decimals) AS value FROM combined) c
    LEFT JOIN subject_groups g ON g.subject = c.subject
),
-- One row a subject: every role has at most one row of it, so that max() picks that one.
figures AS (
    SELECT
        subject,
        max(subject_group) AS subject_group,
        max(CASE WHEN role = 'current' THEN entries END) AS entries,
        max(CASE WHEN role = 'current' THEN exact END) AS exact,
        max(CASE WHEN role = 'current' THEN value END) AS value,
        max(CASE WHEN role = 'current' THEN own_limit END) AS own_limit,
        max(CASE WHEN role = 'current' AND value IS NOT NULL THEN rank_best END) AS rank_best,
        max(CASE WHEN role = 'current' AND value IS NOT NULL THEN rank_worst END) AS rank_worst,
        max(CASE WHEN role = 'current' THEN place END) AS place,
        max(CASE WHEN role = 'previous' THEN value END) AS previous_value,
        max(CASE WHEN role = 'previous' AND value IS NOT NULL THEN rank_best END) AS previous_rank,
        max(CASE WHEN role = 'last_year' THEN value END) AS last_year_value
    FROM ranked
    GROUP BY subject
),
listed AS (
    SELECT subject, name FROM ledger_subjects
    UNION ALL
    SELECT f.subject, f.subject AS name
    FROM figures f
    LEFT JOIN ledger_subjects s ON s.subject = f.subject
    WHERE s.subject IS NULL
),
judged AS (
    SELECT
        l.subject, l.name, f.subject_group, f.entries, f.exact, f.value, f.rank_best, f.rank_worst, f.place,
        f.previous_value, f.previous_rank, f.last_year_value,
        coalesce($$limit_value, f.own_limit) AS limit_value,
        CASE WHEN $full THEN round_half_even(f.exact, 9) ELSE f.value END AS compared
    FROM listed l
    LEFT JOIN figures f ON f.subject = l.subject
)
SELECT
    CAST(rank_best AS BIGINT) AS rank,
    CAST(rank_worst AS BIGINT) AS rank_worst,
    subject_group,
    subject,
    name,
    value,
    coalesce(entries, 0) AS entries,
    limit_value,
    CASE
        WHEN compared IS NULL OR limit_value IS NULL THEN NULL
        WHEN $lower AND compared > limit_value THEN 'exceed'
        WHEN NOT $lower AND compared < limit_value THEN 'below'
        ELSE 'compliant'
    END AS verdict,
    previous_value,
    CASE
        WHEN NOT $percent THEN round_half_even(value - previous_value, $decimals)
        WHEN previous_value <> 0 THEN round_half_even((value - previous_value) * 100 / previous_value, 1)
    END AS change,
    CAST(previous_rank AS BIGINT) AS previous_rank,
    CAST(previous_rank AS BIGINT) - CAST(rank_best AS BIGINT) AS rank_change,
    last_year_value,
    CASE
        WHEN NOT $percent THEN round_half_even(value - last_year_value, $decimals)
        WHEN last_year_value <> 0 THEN round_half_even((value - last_year_value) * 100 / last_year_value, 1)
    END AS last_year_change
FROM judged
ORDER BY
    value IS NULL,
    subject_group ASC NULLS LAST,
    place ASC NULLS LAST,
    subject ASC
