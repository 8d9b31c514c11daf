-- What was inspected, punished and closed in a period, and in the one before?
--
-- Inputs:  enforcement; enforcement_spans, the days of the roles 'current' and 'previous', of one unit or of all (unit is
--          null); enforcement_units, what is listed whatever was handed in; $$unit, the column that tells units apart.
-- Output:  one row a unit, in print order, and a last one, 'total', with their sums: for each count its value, the one
--          before, and the change in percent. Of weeks, whose spans before overlap, the total means nothing.
-- Rules:   the plan (门政办发〔2019〕41号) has seven groups report weekly; an entry (date, department, township, action)
--          counts once. Changes are computed from the counts, rounded half to even (GB/T 8170) to one place, null where
--          there was nothing before.
WITH counted AS (
    SELECT
        coalesce(s.unit, e.$$unit) AS unit, s.role,
        sum(e.inspections) AS inspections,
        sum(e.cases) AS cases,
        sum(e.penalty_yuan) AS penalty_yuan,
        sum(e.closed) AS closed
    FROM enforcement e
    JOIN enforcement_spans s ON e.date >= s.first_day AND e.date <= s.last_day
    GROUP BY coalesce(s.unit, e.$$unit), s.role
),
listed AS (
    SELECT unit, name, place FROM enforcement_units
    UNION ALL
    SELECT DISTINCT c.unit, c.unit AS name, CAST(NULL AS BIGINT) AS place
    FROM counted c
    LEFT JOIN enforcement_units u ON u.unit = c.unit
    WHERE u.unit IS NULL
),
figures AS (
    SELECT
        l.unit, l.name, l.place, false AS is_total,
        coalesce(sum(CASE WHEN c.role = 'current' THEN c.inspections END), 0) AS inspections,
        coalesce(sum(CASE WHEN c.role = 'previous' THEN c.inspections END), 0) AS inspections_previous,
        coalesce(sum(CASE WHEN c.role = 'current' THEN c.cases END), 0) AS cases,
        coalesce(sum(CASE WHEN c.role = 'previous' THEN c.cases END), 0) AS cases_previous,
        coalesce(sum(CASE WHEN c.role = 'current' THEN c.penalty_yuan END), 0) AS penalty_yuan,
        coalesce(sum(CASE WHEN c.role = 'previous' THEN c.penalty_yuan END), 0) AS penalty_yuan_previous,
        coalesce(sum(CASE WHEN c.role = 'current' THEN c.closed END), 0) AS closed,
        coalesce(sum(CASE WHEN c.role = 'previous' THEN c.closed END), 0) AS closed_previous
    FROM listed l
    LEFT JOIN counted c ON c.unit = l.unit
    GROUP BY l.unit, l.name, l.place
),
with_total AS (
    SELECT * FROM figures
    UNION ALL
    SELECT
        'total', '合计', NULL, true,
        coalesce(sum(inspections), 0), coalesce(sum(inspections_previous), 0),
        coalesce(sum(cases), 0), coalesce(sum(cases_previous), 0),
        coalesce(sum(penalty_yuan), 0), coalesce(sum(penalty_yuan_previous), 0),
        coalesce(sum(closed), 0), coalesce(sum(closed_previous), 0)
    FROM figures
)
SELECT
    unit, name,
    inspections, inspections_previous,
    CASE WHEN inspections_previous <> 0 THEN round_half_even(
        CAST(inspections - inspections_previous AS DOUBLE) * 100 / inspections_previous, 1) END AS inspections_change,
    cases, cases_previous,
    CASE WHEN cases_previous <> 0 THEN round_half_even(
        CAST(cases - cases_previous AS DOUBLE) * 100 / cases_previous, 1) END AS cases_change,
    penalty_yuan, penalty_yuan_previous,
    CASE WHEN penalty_yuan_previous <> 0 THEN round_half_even(
        CAST(penalty_yuan - penalty_yuan_previous AS DOUBLE) * 100 / penalty_yuan_previous, 1)
        END AS penalty_yuan_change,
    closed, closed_previous,
    CASE WHEN closed_previous <> 0 THEN round_half_even(
        CAST(closed - closed_previous AS DOUBLE) * 100 / closed_previous, 1) END AS closed_change
FROM with_total
ORDER BY is_total, place ASC NULLS LAST, unit ASC
