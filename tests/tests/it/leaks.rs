//! What a user can learn of rows that the user may not see: nothing, by no error, no statistic and no plan.
//!
//! Every query is asked of the secured table and of an open table that has the user's own rows and no others: the
//! answers must be the same. That a query could tell is tried first, as a user who sees every row.

use anyhow::{Context, Result, ensure};
use lis_tests::{
    TestServer,
    raw::{RawConnection, Response, Target},
    server::{one_value, text_rows},
};

/// Fails on a hidden row and on none of anna's: the first on a zero, the others on what their name says.
const FAILING: [(&str, &str); 12] = [
    ("division", "100 / (x - 5) >= -1000"),
    ("modulo", "100 % (x - 5) >= -1000"),
    ("overflow", "y + 1 > 0"),
    ("multiplication", "y * 2 > 0"),
    ("narrowing", "y::smallint > 0"),
    ("number", "kod::integer > 0"),
    ("date", "dag::date > DATE '2000-01-01'"),
    ("regular expression", "'abc' ~ monster OR x > 0"),
    ("root", "sqrt(z) >= 0"),
    ("logarithm", "ln(z + 1) IS NOT NULL"),
    ("boolean", "CASE WHEN x > 0 THEN vaxel::boolean ELSE true END IS NOT NULL"),
    ("numeric", "(belopp * 10000000)::numeric(12,2) IS NOT NULL"),
];

/// Where a predicate can stand; `{t}` is the table.
const PLACES: [&str; 14] = [
    "SELECT id FROM {t} WHERE {p} ORDER BY id",
    "SELECT id FROM {t} WHERE x < 1000 AND ({p}) ORDER BY id",
    "SELECT id, ({p}) AS svar FROM {t} ORDER BY id",
    "SELECT id FROM {t} ORDER BY ({p}), id",
    "SELECT ({p}) AS svar, count(*) FROM {t} GROUP BY 1 ORDER BY 1",
    "SELECT count(*) FILTER (WHERE {p}) FROM {t}",
    "SELECT id FROM {t} GROUP BY id HAVING bool_and({p}) ORDER BY id",
    // Not `a.x = l.nr`: the optimizer would judge `liten`, whose rows everybody may see, by the same predicate.
    "SELECT a.id FROM leak.liten l JOIN {t} a ON a.x = l.nr + 0 AND ({p}) ORDER BY a.id",
    "SELECT l.nr FROM leak.liten l WHERE l.nr IN (SELECT x FROM {t} WHERE {p}) ORDER BY 1",
    "SELECT l.nr FROM leak.liten l WHERE EXISTS (SELECT 1 FROM {t} a WHERE a.x = l.nr AND ({p})) ORDER BY 1",
    "WITH c AS (SELECT * FROM {t} WHERE {p}) SELECT count(*) FROM c",
    "SELECT id FROM {t} WHERE adm = 'a' AND ({p}) UNION ALL SELECT nr FROM leak.liten ORDER BY 1",
    "SELECT CASE WHEN {p} THEN 1 ELSE 2 END AS svar FROM {t} ORDER BY id",
    "SELECT id FROM (SELECT id, ({p}) AS svar FROM {t}) AS s WHERE svar ORDER BY id LIMIT 5",
];

struct Fixture {
    server: TestServer,
    admin: RawConnection,
    anna: RawConnection,
}

impl Fixture {
    fn new() -> Result<Self> {
        let server = TestServer::start()?;
        let mut admin = server.connect_admin()?;
        for sql in [
            "CALL lis.create_administration('a', 'Förvaltning A')",
            "CALL lis.create_administration('b', 'Förvaltning B')",
            "CREATE ROLE anna LOGIN PASSWORD 'prov'",
            "GRANT adm_a TO anna",
            "CREATE SCHEMA leak",
            "CREATE TABLE leak.hemlig (id integer, adm varchar(3), x integer, y integer, z double precision, \
             kod varchar(20), dag varchar(20), monster varchar(20), vaxel varchar(10), belopp numeric(12,2))",
            "CREATE TABLE leak.oppen (id integer, adm varchar(3), x integer, y integer, z double precision, \
             kod varchar(20), dag varchar(20), monster varchar(20), vaxel varchar(10), belopp numeric(12,2))",
            "CREATE TABLE leak.liten (nr integer)",
            "INSERT INTO leak.liten VALUES (1), (2), (5), (7), (9)",
            "CALL lis.secure_table('leak.hemlig', 'adm')",
            "GRANT USAGE ON SCHEMA leak TO anna",
            "GRANT SELECT ON leak.hemlig, leak.oppen, leak.liten TO anna",
        ] {
            admin.must(sql)?;
        }
        let own: Vec<String> = (6..26)
            .map(|id| {
                format!(
                    "({id}, 'a', {id}, {}, {id}.5, '{id}', '2024-01-{id:02}', 'a+', 'true', {id}.25)",
                    id * 1000
                )
            })
            .collect();
        let own = own.join(", ");
        admin.must(&format!("INSERT INTO leak.oppen VALUES {own}"))?;
        // Hidden rows of every dangerous kind, in the same file as anna's and in others.
        let hidden = "(5, 'b', 5, 2147483647, -5, 'inget tal', '2024-02-30', '(', 'kanske', 9999999999.99), \
                      (1, 'b', 1, 2000000000, -1, '', 'i dag', '[', 'x', -9999999999.99)";
        admin.must(&format!("INSERT INTO leak.hemlig VALUES {hidden}, {own}"))?;
        admin.must(&format!("INSERT INTO leak.hemlig VALUES {hidden}"))?;
        let anna = RawConnection::open(&server.target("anna", "prov"))?;
        Ok(Self { server, admin, anna })
    }
}

/// An answer without what may differ between two tables: their names and numbers.
fn answer(connection: &mut RawConnection, sql: &str) -> Result<String> {
    let responses = connection.simple(sql)?;
    Ok(responses.iter().map(written).collect::<Vec<_>>().join("\n"))
}

fn written(response: &Response) -> String {
    match &response.error {
        Some(error) => format!("{} {}", error.sqlstate(), error.message()),
        None => format!("{:?} {:?}", response.tag, text_rows(response)),
    }
}

fn same(anna: &mut RawConnection, sql: &str) -> Result<String> {
    let secured = answer(anna, &sql.replace("{t}", "leak.hemlig"))?;
    let open = answer(anna, &sql.replace("{t}", "leak.oppen"))?;
    ensure!(secured == open, "{sql}\nof the secured table: {secured}\nof her own rows:      {open}");
    Ok(open)
}

pub(crate) fn errors_tell_nothing() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let mut told = 0;
    for (name, predicate) in FAILING {
        let direct = format!("SELECT count(*) FROM leak.hemlig WHERE {predicate}");
        let seen = fixture.admin.simple(&direct)?;
        ensure!(
            seen.iter().any(|answer| answer.error.is_some()),
            "{name}: it fails on no row, so it proves nothing"
        );
        for place in PLACES {
            let answer =
                same(&mut fixture.anna, &place.replace("{p}", predicate)).with_context(|| name.to_owned())?;
            ensure!(!answer.starts_with("2"), "{name}: {place} fails on her own rows: {answer}");
            told += usize::from(answer.contains("SELECT"));
        }
        // With values that the client binds, by the extended protocol.
        let bound = format!("SELECT count(*) FROM leak.hemlig WHERE x <> $1 AND ({predicate})");
        let answer = fixture.anna.extended(&bound, &[Some("4")], false)?;
        ensure!(answer.error.is_none(), "{name}, with parameters: {answer:?}");
    }
    ensure!(told == FAILING.len() * PLACES.len(), "only {told} queries were answered");
    Ok(())
}

/// What a user can ask about a table beside its rows. The answers must not change when hidden rows do.
const OBSERVATIONS: [&str; 16] = [
    "SELECT count(*), min(x), max(x), min(belopp), max(kod), sum(y), avg(x), count(DISTINCT adm) FROM leak.hemlig",
    "SELECT count(*) FROM leak.hemlig",
    "SELECT max(id) FROM leak.hemlig",
    "SELECT reltuples, relpages FROM pg_catalog.pg_class WHERE relname = 'hemlig'",
    "SELECT * FROM pg_catalog.pg_stats WHERE tablename = 'hemlig'",
    "SELECT n_live_tup FROM pg_catalog.pg_stat_user_tables WHERE relname = 'hemlig'",
    "SELECT pg_catalog.pg_relation_size('leak.hemlig'::regclass)",
    "SELECT pg_catalog.pg_total_relation_size('leak.hemlig'::regclass)",
    "EXPLAIN SELECT * FROM leak.hemlig",
    "EXPLAIN SELECT count(*) FROM leak.hemlig WHERE x < 10",
    "EXPLAIN SELECT * FROM leak.liten l JOIN leak.hemlig h ON h.x = l.nr",
    "EXPLAIN ANALYZE SELECT count(*) FROM leak.hemlig",
    "EXPLAIN VERBOSE SELECT * FROM leak.hemlig ORDER BY x",
    "SELECT * FROM lis.batches",
    "SELECT * FROM lis.rejects",
    "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = 'bo'",
];

fn observe(anna: &mut RawConnection) -> Result<Vec<String>> {
    let redacted = |text: String| lis_tests::redact::redact(&text);
    OBSERVATIONS
        .iter()
        .map(|sql| answer(anna, sql).map(redacted).map(|text| format!("{sql}\n{text}")))
        .collect()
}

pub(crate) fn statistics_tell_nothing() -> Result<()> {
    let mut fixture = Fixture::new()?;
    let before = observe(&mut fixture.anna)?;
    ensure!(before[1].contains("[[\"20\"]]"), "{}", before[1]);
    // Hidden rows far outside of everything that is there, in a file of their own and many of them.
    fixture.admin.must(
        "INSERT INTO leak.hemlig SELECT 1000000 + i, 'b', -i, i, i, 'zz', 'zz', 'zz', 'zz', 0 FROM generate_series(1, 50000) AS g(i)",
    )?;
    ensure!(
        one_value(&mut fixture.admin, "SELECT count(*) FROM leak.hemlig")? == "50024",
        "the hidden rows are there"
    );
    let after = observe(&mut fixture.anna)?;
    for (before, after) in before.iter().zip(&after) {
        ensure!(before == after, "it changed with rows that she may not see:\n{before}\n{after}");
    }
    Ok(())
}

pub(crate) fn explain_tells_nothing() -> Result<()> {
    let mut fixture = Fixture::new()?;
    for sql in [
        "EXPLAIN SELECT * FROM leak.hemlig WHERE kod = 'inget tal'",
        "EXPLAIN ANALYZE SELECT * FROM leak.hemlig WHERE x = 5",
        "EXPLAIN VERBOSE SELECT count(*) FROM leak.hemlig",
    ] {
        let plan = answer(&mut fixture.anna, sql)?.to_lowercase();
        for telling in
            [".parquet", "file_groups", "statistics", "rows=", "row_groups", "output_rows", "pruned", "cost="]
        {
            ensure!(!plan.contains(telling), "{sql} says {telling}: {plan}");
        }
    }
    // Who may see every row may see how they are read.
    let open = answer(&mut fixture.admin, "EXPLAIN SELECT * FROM leak.hemlig")?;
    ensure!(open.contains("hemlig"), "{open}");
    Ok(())
}

pub(crate) fn a_policy_holds_wherever_the_table_stands() -> Result<()> {
    let mut fixture = Fixture::new()?;
    for sql in [
        "SELECT * FROM {t} ORDER BY id",
        "TABLE {t} ORDER BY id",
        "SELECT h.id, o.id FROM {t} h JOIN leak.oppen o ON o.x = h.x ORDER BY 1, 2",
        "SELECT h.id, o.id FROM leak.oppen o LEFT JOIN {t} h ON o.x = h.x + 1 ORDER BY 2, 1",
        "SELECT h.id, l.nr FROM {t} h FULL JOIN leak.liten l ON l.nr = h.x ORDER BY 1, 2",
        "SELECT count(*) FROM {t} a, {t} b",
        "SELECT id FROM leak.oppen WHERE id NOT IN (SELECT id FROM {t})",
        "SELECT (SELECT max(x) FROM {t} h WHERE h.x < o.x) FROM leak.oppen o ORDER BY o.id",
        "SELECT nr FROM leak.liten EXCEPT SELECT x FROM {t} ORDER BY 1",
        "SELECT nr FROM leak.liten INTERSECT SELECT x FROM {t} ORDER BY 1",
        "SELECT x FROM {t} UNION SELECT nr FROM leak.liten ORDER BY 1",
        "WITH RECURSIVE r(n) AS (SELECT min(x) FROM {t} UNION ALL SELECT n + 1 FROM r WHERE n < (SELECT max(x) FROM {t})) SELECT count(*) FROM r",
        "SELECT id, row_number() OVER (ORDER BY x DESC), sum(x) OVER () FROM {t} ORDER BY id",
        "SELECT adm, count(*), sum(belopp) FROM {t} GROUP BY adm ORDER BY adm",
        "SELECT DISTINCT adm FROM {t}",
        "SELECT count(*) FROM {t} WHERE adm = 'b' OR x = 5 OR true",
        "SELECT string_agg(kod, ',' ORDER BY id) FROM {t}",
        "PREPARE p AS SELECT count(*), max(x) FROM {t}; EXECUTE p; DEALLOCATE p",
        "BEGIN; DECLARE c CURSOR FOR SELECT id FROM {t} ORDER BY id; FETCH ALL FROM c; COMMIT",
    ] {
        let answer = same(&mut fixture.anna, sql)?;
        ensure!(!answer.contains("[\"5\", \"b\""), "{sql}: {answer}");
    }
    // Another identity on the same connection: what was prepared follows it, both ways.
    let mut session = fixture.server.connect_admin()?;
    session.must("PREPARE p AS SELECT count(*) FROM leak.hemlig")?;
    ensure!(one_value(&mut session, "EXECUTE p")? == "24", "as a superuser");
    session.must("SET ROLE anna")?;
    ensure!(one_value(&mut session, "EXECUTE p")? == "20", "as anna");
    session.must("RESET ROLE")?;
    ensure!(one_value(&mut session, "EXECUTE p")? == "24", "as a superuser again");
    session.must("BEGIN")?;
    session.must("SET LOCAL ROLE anna")?;
    session.must("ROLLBACK")?;
    ensure!(
        one_value(&mut session, "SELECT current_user")? == "lis_admin",
        "a rollback gives the identity back"
    );
    // A view obeys who asks; a right that is taken away is gone with the next statement, also of what was prepared.
    fixture.admin.must("CREATE VIEW leak.vy AS SELECT id, x FROM leak.hemlig")?;
    fixture.admin.must("GRANT SELECT ON leak.vy TO anna")?;
    ensure!(one_value(&mut fixture.anna, "SELECT count(*) FROM leak.vy")? == "20", "through a view");
    fixture.anna.must("PREPARE q AS SELECT count(*) FROM leak.hemlig")?;
    fixture.admin.must("REVOKE adm_a FROM anna")?;
    ensure!(one_value(&mut fixture.anna, "EXECUTE q")? == "0", "she belongs to nothing now");
    fixture.admin.must("REVOKE SELECT ON leak.hemlig FROM anna")?;
    let refused = fixture.anna.simple("EXECUTE q")?;
    ensure!(
        refused.iter().any(|it| it.error.as_ref().is_some_and(|error| error.sqlstate() == "42501")),
        "{refused:?}"
    );
    // A table with row security and no policy shows nothing; one without a grant is refused.
    fixture.admin.must("CREATE TABLE leak.stangd (a integer)")?;
    fixture.admin.must("INSERT INTO leak.stangd VALUES (1)")?;
    let refused = fixture.anna.simple("SELECT * FROM leak.stangd")?;
    ensure!(
        refused.iter().any(|it| it.error.as_ref().is_some_and(|error| error.sqlstate() == "42501")),
        "{refused:?}"
    );
    fixture.admin.must("GRANT SELECT ON leak.stangd TO anna")?;
    ensure!(one_value(&mut fixture.anna, "SELECT count(*) FROM leak.stangd")? == "1", "an open table");
    fixture.admin.must("ALTER TABLE leak.stangd ENABLE ROW LEVEL SECURITY")?;
    ensure!(one_value(&mut fixture.anna, "SELECT count(*) FROM leak.stangd")? == "0", "no policy, no rows");
    let nobody = Target { user: "ingen".to_owned(), ..fixture.server.target("ingen", "prov") };
    ensure!(RawConnection::try_open(&nobody, &[])?.is_err(), "a user who does not exist");
    Ok(())
}
