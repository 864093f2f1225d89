CREATE VIEW rapport.budgetuppfoljning AS
WITH belopp AS (
    SELECT v.namnd, v.period, 0.00 AS budget, -v.belopp AS utfall
    FROM ekonomi.verifikationsrad v
    JOIN org.konto k ON k.konto = v.konto
    WHERE k.typ IN ('I', 'K')
    UNION ALL
    SELECT b.namnd, b.period, -b.belopp, 0.00
    FROM ekonomi.budget b
),
manad AS (
    SELECT namnd, period, sum(budget) AS budget, sum(utfall) AS utfall
    FROM belopp
    GROUP BY namnd, period
),
lopande AS (
    SELECT m.namnd, m.period, kal.ar,
           sum(m.budget) OVER (PARTITION BY m.namnd, kal.ar ORDER BY m.period) AS budget,
           sum(m.utfall) OVER (PARTITION BY m.namnd, kal.ar ORDER BY m.period) AS utfall
    FROM manad m
    JOIN org.kalender kal ON kal.period = m.period
)
SELECT l.namnd, n.namn, l.ar, l.period,
       CAST(l.budget AS numeric(15,2)) AS budget,
       CAST(l.utfall AS numeric(15,2)) AS utfall,
       CAST(l.utfall - l.budget AS numeric(15,2)) AS avvikelse
FROM lopande l
JOIN org.namnd n ON n.namnd = l.namnd
