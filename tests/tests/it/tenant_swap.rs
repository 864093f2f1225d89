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

/// What the errors of modifications name.
const NAMES: [&str; 6] = ["w", "w_v_check", "v", "t", "k", "ny"];

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
        "CREATE TABLE s.w (adm varchar(3), k integer PRIMARY KEY, v integer CHECK (v < 1000), t varchar(5) NOT NULL, u integer UNIQUE)",
        "CALL lis.secure_table('s.w', 'adm')",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON s.w TO anna",
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
    // Hidden keys meet the user's own and those that the user proposes.
    for k in 0..20 {
        admin.must(&format!("INSERT INTO s.w VALUES ('a', {k}, {}, 'a{k}', {})", k * 10, 100 + k))?;
    }
    for _ in 0..hidden.random_range(5..40) {
        let (k, v) = (hidden.random_range(0..60), hidden.random_range(-5..5));
        admin.must(&format!(
            "INSERT INTO s.w VALUES ('b', {k}, {v}, 'b', {})",
            hidden.random_range(90..160)
        ))?;
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

/// Random modifications of `s.w`, some of which break a rule.
impl Queries {
    fn value(&mut self) -> String {
        let number = self.0.random_range(0..60);
        match self.0.random_range(0..8) {
            0 => format!("100 / (k - {number})"),
            1 => format!("v * {number}"),
            2 => "(SELECT count(*) FROM s.w)".to_owned(),
            3 => "(SELECT max(v) FROM s.w)".to_owned(),
            _ => number.to_string(),
        }
    }

    fn of_rows(&mut self) -> String {
        let number = self.0.random_range(0..60);
        match self.0.random_range(0..6) {
            0 => format!("10 / (k - {number}) > 0"),
            1 => "t::integer > 0".to_owned(),
            2 => format!("u > {}", 90 + number),
            3 => "adm = 'b'".to_owned(),
            _ => format!("k % 7 = {}", number % 7),
        }
    }

    fn proposed(&mut self) -> String {
        let rows: Vec<String> = (0..self.0.random_range(1..5))
            .map(|_| {
                let adm = if self.0.random_range(0..12) == 0 { "b" } else { "a" };
                let k = self.0.random_range(0..60);
                let v = self.0.random_range(0..1010);
                let t = if self.0.random_range(0..15) == 0 { "NULL" } else { "'ny'" };
                format!("('{adm}', {k}, {v}, {t}, {})", self.0.random_range(90..160))
            })
            .collect();
        format!("VALUES {}", rows.join(", "))
    }

    fn modification(&mut self) -> String {
        let (value, condition, proposed) = (self.value(), self.of_rows(), self.proposed());
        match self.0.random_range(0..9) {
            0 => format!("INSERT INTO s.w {proposed} RETURNING *, (SELECT count(*) FROM s.w)"),
            1 => format!("INSERT INTO s.w {proposed} ON CONFLICT DO NOTHING RETURNING *"),
            2 => format!(
                "INSERT INTO s.w {proposed} ON CONFLICT (k) DO UPDATE SET v = w.v + excluded.v RETURNING *"
            ),
            3 => format!(
                "INSERT INTO s.w {proposed} ON CONFLICT (u) DO UPDATE SET t = excluded.t WHERE w.v > 50 RETURNING k"
            ),
            4 => format!("UPDATE s.w SET v = {value} WHERE {condition} RETURNING k, v"),
            5 => format!("UPDATE s.w SET t = t || k::text, u = NULL WHERE {condition}"),
            6 => format!("DELETE FROM s.w WHERE {condition} RETURNING k, 1 / (k - 7)"),
            7 => format!(
                "MERGE INTO s.w USING ({proposed}) AS p (adm, k, v, t, u) ON w.k = p.k \
                 WHEN MATCHED AND w.v > 20 THEN DELETE WHEN MATCHED THEN UPDATE SET v = {value} - p.v \
                 WHEN NOT MATCHED THEN INSERT VALUES (p.adm, p.k, p.v, p.t, p.u)"
            )
            .replace("(k -", "(w.k -")
            .replace("= v *", "= w.v *"),
            _ => format!(
                "WITH gone AS (DELETE FROM s.w WHERE {condition} RETURNING k, v, t) \
                 INSERT INTO s.w SELECT 'a', k + 100, v, t, NULL FROM gone RETURNING *"
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
    // A modification can break several rules with several rows: which of them is met first is nobody's promise either.
    if !error.sqlstate().starts_with("22") && !error.sqlstate().starts_with("23") {
        return format!("{error:?}");
    }
    let foreign: Vec<&str> = error
        .fields
        .iter()
        .flat_map(|(_, field)| field.split('"').skip(1).step_by(2))
        .filter(|value| !OWN_TEXTS.contains(value) && !NAMES.contains(value) && !value.starts_with('a'))
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

pub(crate) fn random_modifications_cannot_tell() -> Result<()> {
    let (_one, mut anna_of_one) = warehouse(3)?;
    let (_other, mut anna_of_other) = warehouse(4)?;
    let mut queries = Queries(StdRng::seed_from_u64(SEED));
    let mut outcomes: BTreeMap<bool, usize> = BTreeMap::new();
    for number in 0..if is_set(LONG) { QUERIES_LONG } else { QUERIES } {
        let sql = queries.modification();
        let mut both = Vec::new();
        for anna in [&mut anna_of_one, &mut anna_of_other] {
            anna.must("BEGIN")?;
            let (failed, mut text) = told(anna, &sql)?;
            if failed {
                anna.must("ROLLBACK")?;
            } else {
                text.push_str(&told(anna, "SELECT * FROM s.w")?.1);
                // Some of it stays, so that later ones meet it.
                anna.must(if number % 5 == 0 { "COMMIT" } else { "ROLLBACK" })?;
            }
            both.push((failed, text));
        }
        let [(failed, in_one), (_, in_other)] = both.as_slice() else { continue };
        ensure!(in_one == in_other, "modification {number}: {sql}\none:   {in_one}\nother: {in_other}");
        ensure!(!in_one.contains("XX000") && !in_one.contains("42601"), "{number}: {sql}\n{in_one}");
        *outcomes.entry(*failed).or_default() += 1;
    }
    let of = |failed| outcomes.get(&failed).copied().unwrap_or(0);
    ensure!(of(false) > 50 && of(true) > 20, "{outcomes:?}: the modifications are not what they should be");
    Ok(())
}
