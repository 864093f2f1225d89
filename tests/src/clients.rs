//! Programs that people use: psql, isql, Python with psycopg and pyodbc, Java with pgjdbc, run against a test server.
//!
//! Which Python has the drivers is told by `LIS_TEST_PYTHON`; without it, it is the virtual environment that
//! `tests/run` makes below `${XDG_CACHE_HOME:-$HOME/.cache}/lis/venv`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::{
    raw::Target,
    server::{Finished, TestServer},
};

/// psql, connected as a user: no start-up file, no alignment, errors stop it.
pub fn psql(server: &TestServer, user: &str) -> Result<Command> {
    let mut command = Command::new("psql");
    command
        .args(["--no-psqlrc", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1", "--dbname=lis"])
        .args([format!("--port={}", server.port()), format!("--username={user}")])
        .env("PGPASSWORD", server.warehouse().password(user)?)
        .env("PGCONNECT_TIMEOUT", "30")
        .env("LC_ALL", "C.UTF-8")
        .env("PGCLIENTENCODING", "UTF8")
        .env_remove("PGOPTIONS");
    Ok(command)
}

/// Runs commands through psql's standard input and gives its standard output; it must succeed.
pub fn psql_script(server: &TestServer, user: &str, script: &str) -> Result<String> {
    Ok(with_input(psql(server, user)?, script)?.succeeded()?.stdout)
}

/// The rows of a query through psql, unaligned: one line per row, `|` between values.
pub fn psql_rows(server: &TestServer, user: &str, sql: &str) -> Result<String> {
    let mut command = psql(server, user)?;
    command.args(["--no-align", "--tuples-only", "--command", sql]);
    let finished =
        Finished::from(command.output().context("start psql")?).succeeded().context(sql.to_owned())?;
    Ok(finished.stdout.trim_end().to_owned())
}

/// Where psqlODBC's Unicode driver lies.
pub fn odbc_driver() -> Result<PathBuf> {
    let found =
        ["/usr/lib/x86_64-linux-gnu/odbc/psqlodbcw.so", "/usr/lib/aarch64-linux-gnu/odbc/psqlodbcw.so"]
            .into_iter()
            .map(PathBuf::from)
            .find(|path| path.is_file());
    found.context("psqlODBC is missing: tests/run installs it (Debian: odbc-postgresql)")
}

/// An ODBC connection string without a data source name.
pub fn odbc_connection(server: &TestServer, user: &str, further: &str) -> Result<String> {
    Ok(format!(
        "Driver={};Server=127.0.0.1;Port={};Database=lis;UID={user};PWD={};{further}",
        odbc_driver()?.display(),
        server.port(),
        server.warehouse().password(user)?
    ))
}

/// Runs SQL through isql, which gets a data source of its own in a directory of the warehouse.
pub fn isql(server: &TestServer, user: &str, script: &str) -> Result<String> {
    let ini = server.warehouse().scratch().join("odbc.ini");
    let section = format!(
        "[lis]\nDriver={}\nServername=127.0.0.1\nPort={}\nDatabase=lis\n",
        odbc_driver()?.display(),
        server.port()
    );
    std::fs::write(&ini, section)?;
    let password = server.warehouse().password(user)?;
    let mut command = Command::new("isql");
    command.args(["-b", "-d|", "lis", user, &password]).env("ODBCINI", &ini).env("LC_ALL", "C.UTF-8");
    Ok(with_input(command, script)?.succeeded().context("isql")?.stdout)
}

/// Python with the drivers.
pub fn python() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("LIS_TEST_PYTHON") {
        return Ok(path.into());
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let path = cache.context("neither XDG_CACHE_HOME nor HOME is set")?.join("lis/venv/bin/python");
    ensure!(path.is_file(), "{} is missing: tests/run makes it", path.display());
    Ok(path)
}

/// Runs a Python program of `clients/`, with `LIS_PORT`, `LIS_USER`, `LIS_PASSWORD` and `LIS_ODBC` set.
pub fn python_program(server: &TestServer, user: &str, program: &str) -> Result<Finished> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(program);
    let mut command = Command::new(python()?);
    command
        .arg(&path)
        .env("LIS_PORT", server.port())
        .env("LIS_USER", user)
        .env("LIS_PASSWORD", server.warehouse().password(user)?)
        .env("LIS_ODBC", odbc_connection(server, user, "")?)
        .env("LIS_CATALOG", server.warehouse().path().join("catalog.sqlite"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    Finished::from(command.output().with_context(|| format!("start {}", path.display()))?).succeeded()
}

/// Runs `clients/Jdbc.java` over pgjdbc in one of its `preferQueryMode`s; gives what it printed.
pub fn jdbc(target: &Target, mode: &str) -> Result<String> {
    let driver = Path::new("/usr/share/java/postgresql.jar");
    ensure!(driver.is_file(), "pgjdbc is missing: tests/run installs it (Debian: libpostgresql-jdbc-java)");
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/Jdbc.java");
    let mut command = Command::new("java");
    command
        .args(["-Duser.timezone=Europe/Stockholm", "-Duser.language=en", "-Dfile.encoding=UTF-8"])
        .args(["-Dstdout.encoding=UTF-8", "-cp"])
        .arg(driver)
        .arg(program)
        .arg(format!("jdbc:postgresql://{}/{}", target.address, target.database))
        .args([&target.user, &target.password, mode]);
    let finished = Finished::from(command.output().context("start java")?);
    Ok(finished.succeeded().context("clients/Jdbc.java")?.stdout)
}

fn with_input(mut command: Command, input: &str) -> Result<Finished> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("start {:?}", command.get_program()))?;
    let mut stdin = child.stdin.take().context("no standard input")?;
    let input = input.to_owned();
    // In a thread of its own: a program that answers much before it has read everything must not block us both.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    // A program that stopped early closes its input; its exit status says more than this does.
    drop(writer.join());
    Ok(Finished::from(output))
}
