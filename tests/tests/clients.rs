//! The programs that people use, unchanged: psql, isql, pyodbc over psqlODBC, psycopg, pgjdbc. They run where `tests/run` has
//! installed them (`LIS_TEST_CLIENTS`); elsewhere they are listed as skipped.

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, ensure};
use lis_tests::{
    Shared, TestServer,
    clients::{self, isql, psql, psql_rows, psql_script, python_program},
    reference::Reference,
    server::{Finished, lis},
    trials::{CLIENTS, Trials},
};

fn main() -> ExitCode {
    let trials = Trials::new()
        .needs(CLIENTS, "psql::lists_databases_schemas_tables_users", lists_databases_schemas_tables_users)
        .needs(CLIENTS, "psql::describes_a_table", describes_a_table)
        .needs(CLIENTS, "psql::selects_every_type", selects_every_type)
        .needs(CLIENTS, "psql::copies_to_a_file", copies_to_a_file)
        .needs(CLIENTS, "psql::copies_from_a_file", copies_from_a_file)
        .needs(CLIENTS, "psql::requires_tls", requires_tls)
        .needs(CLIENTS, "psql::says_why_it_cannot_log_in", says_why_it_cannot_log_in)
        .needs(CLIENTS, "psql::ctrl_c_stops_a_statement", ctrl_c_stops_a_statement)
        .needs(CLIENTS, "odbc::isql_runs_statements", isql_runs_statements)
        .needs(CLIENTS, "odbc::pyodbc", pyodbc)
        .needs(CLIENTS, "odbc::pyodbc_with_cursors_of_the_server", pyodbc_declare_fetch)
        .needs(CLIENTS, "odbc::pyodbc_writes", pyodbc_writes)
        .needs(CLIENTS, "python::psycopg", psycopg)
        .needs(CLIENTS, "python::psycopg_writes", psycopg_writes)
        .needs(CLIENTS, "jdbc::sees_what_postgresql_shows", jdbc_sees_what_postgresql_shows);
    let code = trials.run();
    CITY.stop();
    code
}

/// The city, with one more table of every type that a table can hold.
static CITY: Shared = Shared::new(make);

fn make() -> Result<TestServer> {
    let server = TestServer::demo("0.01")?;
    let mut admin = server.connect_admin()?;
    for sql in [
        "CREATE SCHEMA typer",
        "CREATE TABLE typer.alla (id integer PRIMARY KEY, boolesk boolean, litet smallint, heltal integer, stort bigint, \
         tal numeric(12,2), enkel real, dubbel double precision, dag date, klocka time, stampel timestamp, \
         stampel_tz timestamptz, text text, kort varchar(20), fast char(4), bytes bytea, id16 uuid, dokument json, \
         lista integer[], ord text[])",
        "INSERT INTO typer.alla VALUES (1, true, -32768, 2147483647, -9223372036854775808, 1234567890.12, 1.5, -2.25e-10, \
         '2024-02-29', '23:59:59.999999', '2024-06-15 12:34:56.789', '2024-06-15 12:34:56+02', 'åäö \"citat\" \\ snett', \
         'räksmörgås', 'ab', '\\xDEADBEEF', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{\"a\": [1, null]}', \
         '{1,NULL,3}', '{å,\"b c\"}')",
        "INSERT INTO typer.alla (id) VALUES (2)",
        "GRANT USAGE ON SCHEMA typer TO lasare",
        "GRANT SELECT ON typer.alla TO lasare",
    ] {
        admin.must(sql)?;
    }
    Ok(server)
}

fn has(text: &str, parts: &[&str]) -> Result<()> {
    for part in parts {
        ensure!(text.contains(part), "no {part:?} in:\n{text}");
    }
    Ok(())
}

fn lists_databases_schemas_tables_users() -> Result<()> {
    let city = CITY.get()?;
    let server = city.as_ref();
    for user in ["lis_admin", "chef_101"] {
        has(&psql_script(server, user, "\\l\n")?, &["List of databases", "lis", "UTF8"])?;
        has(&psql_script(server, user, "\\dn\n")?, &["List of schemas", "ekonomi", "org", "rapport"])?;
        has(
            &psql_script(server, user, "\\dt ekonomi.*\n")?,
            &["List of relations", "verifikationsrad", "budget", "table"],
        )?;
        has(&psql_script(server, user, "\\dv rapport.*\n")?, &["budgetuppfoljning", "view"])?;
        has(&psql_script(server, user, "\\du\n")?, &["List of roles", "lis_admin", user])?;
        has(&psql_script(server, user, "\\conninfo\n")?, &["database \"lis\"", user])?;
    }
    has(
        &psql_script(server, "lis_admin", "\\dt org.*\n")?,
        &["forvaltning", "namnd", "konto", "kalender", "(4 rows)"],
    )?;
    has(&psql_script(server, "lis_admin", "\\du\n")?, &["Superuser", "Cannot login"])?;
    has(&psql_script(server, "utan", "\\dn+\n")?, &["Ledger and budget"])
}

fn describes_a_table() -> Result<()> {
    let city = CITY.get()?;
    let server = city.as_ref();
    let text = psql_script(server, "chef_101", "\\d ekonomi.verifikationsrad\n")?;
    has(&text, &["character varying(3)", "numeric(15,2)", "bigint", "not null", "PRIMARY KEY", "Policies"])?;
    let text = psql_script(server, "chef_101", "\\d+ org.namnd\n")?;
    has(&text, &["character varying(80)", "Code, two digits"])
}

fn selects_every_type() -> Result<()> {
    let city = CITY.get()?;
    let server = city.as_ref();
    let text = psql_rows(
        server,
        "chef_101",
        "SET timezone = 'Europe/Stockholm'; SELECT * FROM typer.alla WHERE id = 1",
    )?;
    let expected = "1|t|-32768|2147483647|-9223372036854775808|1234567890.12|1.5|-2.25e-10|2024-02-29|23:59:59.999999|\
                    2024-06-15 12:34:56.789|2024-06-15 12:34:56+02|åäö \"citat\" \\ snett|räksmörgås|ab  |\\xdeadbeef|\
                    a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|{\"a\": [1, null]}|{1,NULL,3}|{å,\"b c\"}";
    ensure!(text.trim_start_matches("SET\n") == expected, "{text}\ninstead of\n{expected}");
    let types = psql_rows(
        server,
        "chef_101",
        "SELECT string_agg(pg_catalog.format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM pg_catalog.pg_attribute \
         WHERE attrelid = 'typer.alla'::regclass AND attnum > 0",
    )?;
    let expected = "integer, boolean, smallint, integer, bigint, numeric(12,2), real, double precision, date, \
                    time without time zone, timestamp without time zone, timestamp with time zone, text, \
                    character varying(20), character(4), bytea, uuid, json, integer[], text[]";
    ensure!(types == expected, "{types}\ninstead of\n{expected}");
    let nulls = psql_rows(server, "chef_101", "SELECT * FROM typer.alla WHERE id = 2")?;
    ensure!(nulls == format!("2{}", "|".repeat(19)), "{nulls}");
    Ok(())
}

fn copies_to_a_file() -> Result<()> {
    let city = CITY.get()?;
    let server = city.as_ref();
    let rows: usize =
        psql_rows(server, "chef_107", "SELECT count(*) FROM ekonomi.verifikationsrad")?.parse()?;
    for (options, header) in [("", 0), (" WITH (FORMAT csv, HEADER, DELIMITER ';')", 1)] {
        let path = server.warehouse().scratch().join(format!("ut{header}.txt"));
        let copy = format!("\\copy ekonomi.verifikationsrad to '{}'{options}\n", path.display());
        has(&psql_script(server, "chef_107", &copy)?, &[&format!("COPY {rows}")])?;
        let text = fs::read_to_string(&path)?;
        ensure!(text.lines().count() == rows + header, "{} lines of {rows}", text.lines().count());
        ensure!(text.lines().skip(header).all(|line| line.starts_with("107")), "rows of others");
    }
    let path = server.warehouse().scratch().join("typer.csv");
    let copy = format!(
        "\\copy (SELECT text, ord, tal FROM typer.alla ORDER BY id) to '{}' (FORMAT csv)\n",
        path.display()
    );
    psql_script(server, "lis_admin", &copy)?;
    let text = fs::read_to_string(&path)?;
    ensure!(text == "\"åäö \"\"citat\"\" \\ snett\",\"{å,\"\"b c\"\"}\",1234567890.12\n,,\n", "{text}");
    Ok(())
}

fn copies_from_a_file() -> Result<()> {
    let city = CITY.get()?;
    let server = city.as_ref();
    psql_script(
        server,
        "lis_admin",
        "CREATE TABLE typer.inlast (nr integer, kort varchar(5), tal numeric(6,2), dag date);\n",
    )?;
    let copy = |content: &str, options: &str| -> Result<Finished> {
        let path = server.warehouse().scratch().join("in.txt");
        fs::write(&path, content)?;
        let mut command = psql(server, "lis_admin")?;
        command.args(["--set=VERBOSITY=verbose", "--command"]);
        command.arg(format!("\\copy typer.inlast from '{}' {options}", path.display()));
        Ok(Finished::from(command.output()?))
    };
    // A line that cannot be taken refuses the whole, and says which line and column.
    for (content, parts) in [
        ("1;bra;1,00;2024-01-01\n".replace(',', "."), &["COPY 1"][..]),
        (
            "2;bra;1.00;2024-01-01\n3;långare;1.00;\n".to_owned(),
            &["22001", "character varying(5)", "line 2", "kort"][..],
        ),
        ("2;bra;1.00;2024-01-01\ntre;x;1.00;\n".to_owned(), &["22P02", "tre", "line 2", "nr"][..]),
        ("2;bra;99999.00;2024-01-01\n".to_owned(), &["22003", "line 1", "tal"][..]),
        ("2;bra;1.00;2024-02-30\n".to_owned(), &["22008", "2024-02-30", "line 1", "dag"][..]),
        ("2;bra;1.00\n".to_owned(), &["22P04", "line 1"][..]),
    ] {
        let finished = copy(&content, "(format csv, delimiter ';')")?;
        let said = format!("{}{}", finished.stdout, finished.stderr);
        has(&said, parts)?;
        ensure!(finished.status.success() == parts[0].starts_with("COPY"), "{said}");
        ensure!(
            psql_rows(server, "lis_admin", "SELECT count(*) FROM typer.inlast")? == "1",
            "half a file: {said}"
        );
    }
    copy("2\tå\\\\b\t\\N\t\\N\n", "")?.succeeded()?;
    ensure!(
        psql_rows(server, "lis_admin", "SELECT kort, tal FROM typer.inlast WHERE nr = 2")? == "å\\b|",
        "text format"
    );
    Ok(())
}

fn requires_tls() -> Result<()> {
    let city = CITY.get()?;
    let server = city.as_ref();
    let mut command = psql(server, "finans")?;
    command.env("PGSSLMODE", "require").args(["--command", "\\conninfo"]);
    let finished = Finished::from(command.output()?).succeeded()?;
    has(&finished.stdout, &["SSL connection", "TLSv1"])?;
    // The certificate that `init` made can be trusted by itself.
    let mut command = psql(server, "finans")?;
    command
        .env("PGSSLMODE", "verify-ca")
        .env("PGSSLROOTCERT", server.warehouse().path().join("server.crt"))
        .args(["--no-align", "--tuples-only", "--command", "SELECT 1"]);
    let finished = Finished::from(command.output()?).succeeded()?;
    ensure!(finished.stdout.trim() == "1", "{}", finished.stdout);
    Ok(())
}

fn says_why_it_cannot_log_in() -> Result<()> {
    let city = CITY.get()?;
    let server = city.as_ref();
    let mut command = psql(server, "finans")?;
    command.env("PGPASSWORD", "fel").args(["--command", "SELECT 1"]);
    let stderr = Finished::from(command.output()?).failed()?;
    has(&stderr, &["password authentication failed for user \"finans\""])?;
    let mut command = psql(server, "finans")?;
    command.args(["--dbname=annan", "--command", "SELECT 1"]);
    has(&Finished::from(command.output()?).failed()?, &["database \"annan\" does not exist"])
}

fn ctrl_c_stops_a_statement() -> Result<()> {
    let city = CITY.get()?;
    let server = city.as_ref();
    // `timeout` sends psql the signal of Ctrl-C; psql then asks the server to cancel.
    let mut command = Command::new("timeout");
    let inner = psql(server, "lis_admin")?;
    command.args(["--signal=INT", "2"]).arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| value.map(|value| (name, value))));
    command.args([
        "--command",
        "SELECT sum(a.i * b.i) FROM generate_series(1, 3000000) AS a(i), generate_series(1, 3000000) AS b(i) WHERE a.i % 7 <> b.i % 5",
    ]);
    let finished = Finished::from(command.output()?);
    has(&finished.stderr, &["canceling statement due to user request"])?;
    ensure!(psql_rows(server, "lis_admin", "SELECT 1")? == "1", "the server is well");
    Ok(())
}

fn isql_runs_statements() -> Result<()> {
    let city = CITY.get()?;
    let server = city.as_ref();
    let text = isql(
        server,
        "chef_101",
        "SELECT forvaltning, namn FROM org.forvaltning WHERE forvaltning = '101'\n\
         SELECT DISTINCT forvaltning FROM ekonomi.budget\nhelp ekonomi%\n",
    )?;
    has(&text, &["101|Norrlunda-Åby stadsdelsförvaltning"])?;
    ensure!(!text.contains("102"), "{text}");
    // Connecting with a wrong password says why.
    let ini = server.warehouse().scratch().join("odbc.ini");
    let mut command = Command::new("isql");
    command
        .args(["-v", "-b", "lis", "chef_101", "fel"])
        .env("ODBCINI", &ini)
        .stdin(std::process::Stdio::null());
    let refused = Finished::from(command.output()?);
    has(&format!("{}{}", refused.stdout, refused.stderr), &["password authentication failed"])
}

fn pyodbc() -> Result<()> {
    let finished = python_program(CITY.get()?.as_ref(), "chef_107", "odbc.py")?;
    has(&finished.stdout, &["all well"])
}

fn pyodbc_declare_fetch() -> Result<()> {
    let city = CITY.get()?;
    let server = city.as_ref();
    let program = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/odbc_cursors.py");
    let mut command = Command::new(clients::python()?);
    command
        .arg(&program)
        .env("LIS_ODBC", clients::odbc_connection(server, "finans", "UseDeclareFetch=1;Fetch=100;")?);
    let finished = Finished::from(command.output()?).succeeded()?;
    has(&finished.stdout, &["all well"])
}

fn pyodbc_writes() -> Result<()> {
    let city = CITY.get()?;
    let program = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/odbc_writes.py");
    let mut command = Command::new(clients::python()?);
    command
        .arg(&program)
        .env("LIS_ODBC", clients::odbc_connection(city.as_ref(), "lis_admin", "Protocol=7.4-2;")?);
    let finished = Finished::from(command.output()?).succeeded()?;
    has(&finished.stdout, &["all well"])
}

fn psycopg_writes() -> Result<()> {
    let finished = python_program(CITY.get()?.as_ref(), "lis_admin", "psycopg_writes.py")?;
    has(&finished.stdout, &["all well"])
}

fn psycopg() -> Result<()> {
    let finished = python_program(CITY.get()?.as_ref(), "chef_107", "psycopg3.py")?;
    has(&finished.stdout, &["all well"])?;
    // The program itself answers to --help like any other.
    let help = Finished::from(lis(["--help"])?.output().context("lis --help")?).succeeded()?;
    has(&help.stdout, &["demo", "init", "serve", "load", "check-config"])
}

/// What pgjdbc tells of the metadata, and what it reads and writes, is the same as of PostgreSQL, line by line.
fn jdbc_sees_what_postgresql_shows() -> Result<()> {
    let reference = Reference::start()?;
    let server = CITY.get()?;
    for mode in ["extended", "extendedCacheEverything"] {
        let expected = clients::jdbc(&reference.target(), mode)?;
        let seen = clients::jdbc(&server.as_ref().admin()?, mode)?;
        ensure!(expected.lines().count() > 200, "PostgreSQL shows too little: {expected}");
        for (expected, seen) in expected.lines().zip(seen.lines()) {
            ensure!(seen == expected, "{mode}\n  LIS:        {seen}\n  PostgreSQL: {expected}");
        }
        ensure!(
            expected == seen,
            "{mode}: {} lines, PostgreSQL's {}",
            seen.lines().count(),
            expected.lines().count()
        );
    }
    Ok(())
}
