//! Two warehouses that are equal in one user's rows and different everywhere else answer that user's random queries
//! alike: rows, errors, messages. What is hidden then has no influence, by whatever road.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use lis_tests::{
    TestServer,
    raw::{RawConnection, ServerError},
    server::{one_value, text_rows},
    trials::{LONG, is_set},
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

const QUERIES: usize = 200;
const QUERIES_LONG: usize = 3000;
const SEED: u64 = 20_261_123;

/// The texts of the user's own rows; those of hidden rows are others.
const OWN_TEXTS: [&str; 8] = ["1", "2", "abc", "2024-01-31", "x y", "3.5", "true", "ä"];

/// A warehouse whose rows of administration `a` are always the same, and whose others come from `hidden_seed`.
fn warehouse(hidden_seed: u64) -> Result<(TestServer, RawConnection)> {
    let server = TestServer::start()?;
    let mut admin = server.connect_admin()?;
    for sql in [
        "CALL lis.create_administration('a', 'A')",
        "CALL lis.create_administration('b', 'B')",
        "CREATE ROLE anna LOGIN PASSWORD 'prov'",
        "GRANT adm_a TO anna",
        "CREATE SCHEMA s",
        "CREATE TABLE s.r (adm varchar(3), i integer, j integer, n numeric(12,2), f double precision, t varchar(20), d date, b boolean)",
        "CREATE TABLE s.o (i integer, t varchar(20))",
        "CALL lis.secure_table('s.r', 'adm')",
        "GRANT USAGE ON SCHEMA s TO anna",
        "GRANT SELECT ON s.r, s.o TO anna",
        "INSERT INTO s.o VALUES (0, 'noll'), (1, 'ett'), (2, '2'), (3, '2024-03-03'), (NULL, NULL)",
    ] {
        admin.must(sql)?;
    }
    let mut own = StdRng::seed_from_u64(SEED);
    let mut hidden = StdRng::seed_from_u64(hidden_seed);
    for _ in 0..3 {
        let mut rows: Vec<String> = (0..30).map(|_| row(&mut own, "a", false)).collect();
        let count = hidden.random_range(20..80);
        rows.extend((0..count).map(|_| row(&mut hidden, "b", true)));
        admin.must(&format!("INSERT INTO s.r VALUES {}", rows.join(", ")))?;
    }
    let anna = RawConnection::open(&server.target("anna", "prov"))?;
    Ok((server, anna))
}

fn row(rng: &mut StdRng, adm: &str, wild: bool) -> String {
    let texts: &[&str] =
        if wild { &["inget", "(", "99999999999", "2024-02-30", "", "zzz", "-1", "[a"] } else { &OWN_TEXTS };
    let text = texts[rng.random_range(0..texts.len())];
    let null =
        |rng: &mut StdRng, value: String| if rng.random_range(0..8) == 0 { "NULL".to_owned() } else { value };
    let span = if wild { 2_000_000_000 } else { 12 };
    let i = rng.random_range(-span..=span);
    let j = rng.random_range(-span..=span);
    let n = f64::from(rng.random_range(-99_999..99_999)) / 100.0;
    let f = f64::from(rng.random_range(-50..50)) / 4.0;
    let day = rng.random_range(1..=28);
    let values = [
        null(rng, i.to_string()),
        null(rng, j.to_string()),
        null(rng, format!("{n:.2}")),
        null(rng, format!("{f}")),
        null(rng, format!("'{text}'")),
        null(rng, format!("'2024-05-{day:02}'")),
        null(rng, (day % 2 == 0).to_string()),
    ];
    format!("('{adm}', {})", values.join(", "))
}

/// Random queries over `s.r` and `s.o`. Some fail on some rows: whether they do must not depend on hidden ones.
struct Queries(StdRng);

impl Queries {
    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.0.random_range(0..items.len())]
    }

    fn number(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.pick(&["r.i", "r.j", "1", "7", "0", "length(r.t)", "-3", "r.i"]).to_owned();
        }
        let (left, right) = (self.number(depth - 1), self.number(depth - 1));
        match self.0.random_range(0..9) {
            0 => format!("({left} + {right})"),
            1 => format!("({left} - {right})"),
            2 => format!("({left} * {right})"),
            3 => format!("({left} / {right})"),
            4 => format!("({left} % {right})"),
            5 => format!("coalesce({left}, {right})"),
            6 => format!("CASE WHEN {} THEN {left} ELSE {right} END", self.predicate(depth - 1)),
            7 => "(r.t)::integer".to_owned(),
            _ => format!("nullif({left}, {right})"),
        }
    }

    fn predicate(&mut self, depth: u32) -> String {
        if depth == 0 {
            let number = self.number(0);
            return match self.0.random_range(0..9) {
                0 => format!("r.i {} {number}", self.pick(&["=", "<", ">", "<>", "<=", ">="])),
                1 => "r.b".to_owned(),
                2 => "r.t IS NOT NULL".to_owned(),
                3 => "r.t LIKE '2%'".to_owned(),
                4 => "r.d > DATE '2024-05-14'".to_owned(),
                5 => "'abc' ~ r.t".to_owned(),
                6 => "r.n / r.j > 1".to_owned(),
                7 => "(r.t)::date > DATE '2024-01-01'".to_owned(),
                _ => "r.adm = 'b'".to_owned(),
            };
        }
        let (left, right) = (self.predicate(depth - 1), self.predicate(depth - 1));
        match self.0.random_range(0..7) {
            0 => format!("({left} AND {right})"),
            1 => format!("({left} OR {right})"),
            2 => format!("NOT ({left})"),
            3 => format!("r.i IN (SELECT o.i FROM s.o AS o WHERE o.i > {})", self.pick(&["0", "1", "-5"])),
            4 => "EXISTS (SELECT 1 FROM s.r AS q WHERE q.i = r.j)".to_owned(),
            5 => format!("{} > {}", self.number(depth), self.number(0)),
            _ => format!("r.n > (SELECT {}(q.n) FROM s.r AS q)", self.pick(&["min", "max", "avg"])),
        }
    }

    fn source(&mut self) -> &'static str {
        self.pick(&[
            "s.r AS r",
            "s.r AS r",
            "s.r AS r JOIN s.o AS o ON o.i = r.i",
            "s.o AS o LEFT JOIN s.r AS r ON r.i = o.i",
            "(SELECT * FROM s.r WHERE i > -100) AS r",
            "s.r AS r JOIN s.r AS q ON q.i = r.j",
        ])
    }

    fn next(&mut self) -> String {
        let (source, predicate) = (self.source(), self.predicate(2));
        let number = self.number(2);
        match self.0.random_range(0..7) {
            0 => format!("SELECT r.i, {number} AS v FROM {source} WHERE {predicate}"),
            1 => format!(
                "SELECT count(*), sum(r.i), min(r.t), max(r.d), avg(r.n) FROM {source} WHERE {predicate}"
            ),
            2 => format!("SELECT r.b, count(*), max({number}) FROM {source} GROUP BY r.b"),
            3 => format!(
                "SELECT r.t, sum(r.n) AS s FROM {source} WHERE {predicate} GROUP BY r.t HAVING count(*) > 1"
            ),
            4 => format!("SELECT DISTINCT r.t, r.b FROM {source} WHERE {predicate}"),
            5 => format!("SELECT r.i FROM {source} WHERE {predicate} UNION SELECT o.i FROM s.o AS o"),
            _ => format!(
                "WITH c AS (SELECT {number} AS v FROM {source}) SELECT count(*), min(v), max(v) FROM c"
            ),
        }
    }
}

/// Everything that a user is told, rows as a multiset: their order is nobody's promise. How many of the user's own rows
/// had gone out when a statement failed is nobody's promise either: it differs between two runs on one server.
fn told(connection: &mut RawConnection, sql: &str) -> Result<(bool, String)> {
    let responses = connection.simple(sql)?;
    let mut text = String::new();
    let mut failed = false;
    for response in responses {
        let mut rows = if response.error.is_some() { Vec::new() } else { text_rows(&response) };
        rows.sort();
        let columns: Vec<_> = response
            .columns
            .iter()
            .flatten()
            .map(|column| (column.name.clone(), column.type_oid, column.typmod))
            .collect();
        failed |= response.error.is_some();
        let error = response.error.map(|error| what_it_tells(&error));
        text.push_str(&format!("{columns:?} {rows:?} {:?} {error:?}\n", response.tag));
    }
    Ok((failed, text))
}

/// An error without what differs between two runs on one server: which of several own values that fail is met first. So of
/// an error of data (class 22) only the class is kept, and every value in it that is not one of the user's own.
fn what_it_tells(error: &ServerError) -> String {
    if !error.sqlstate().starts_with("22") {
        return format!("{error:?}");
    }
    let foreign: Vec<&str> = error
        .fields
        .iter()
        .flat_map(|(_, field)| field.split('"').skip(1).step_by(2))
        .filter(|value| !OWN_TEXTS.contains(value))
        .collect();
    format!("22: {foreign:?}")
}

pub(crate) fn random_queries_cannot_tell() -> Result<()> {
    let (one, mut anna_of_one) = warehouse(1)?;
    let (other, mut anna_of_other) = warehouse(2)?;
    let hidden = |server: &TestServer| {
        one_value(&mut server.connect_admin()?, "SELECT sum(i) FROM s.r WHERE adm = 'b'")
    };
    ensure!(hidden(&one)? != hidden(&other)?, "the hidden rows are the same, so this proves nothing");
    let mut queries = Queries(StdRng::seed_from_u64(SEED));
    let mut outcomes: BTreeMap<bool, usize> = BTreeMap::new();
    for number in 0..if is_set(LONG) { QUERIES_LONG } else { QUERIES } {
        let sql = queries.next();
        let (failed, in_one) = told(&mut anna_of_one, &sql)?;
        let (_, in_other) = told(&mut anna_of_other, &sql)?;
        ensure!(in_one == in_other, "query {number}: {sql}\none:   {in_one}\nother: {in_other}");
        ensure!(!in_one.contains("XX000") && !in_one.contains("42601"), "query {number}: {sql}\n{in_one}");
        *outcomes.entry(failed).or_default() += 1;
    }
    let answered = outcomes.get(&false).copied().unwrap_or(0);
    let refused = outcomes.get(&true).copied().unwrap_or(0);
    ensure!(
        answered > refused,
        "{answered} answered, {refused} failed: the queries are not what they should be"
    );
    ensure!(refused > 5, "too few can fail: {refused}");
    Ok(())
}
