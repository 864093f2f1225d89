//! A warehouse in a temporary directory and a server over it.
//!
//! The program is the `lis` that was built beside the test binaries (`target/release/lis`); `LIS_BIN` names another.
//! A server listens on a port that the system chooses and is taken to be up when it says that it accepts connections.
//! It is killed when dropped; use [`TestServer::terminate`] to see it end by itself.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use tempfile::TempDir;

use crate::raw::{RawConnection, Response, Target};

/// How long a server may take to come up.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a server may take to go down when asked.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// The password of `lis_admin` in warehouses that `lis init` makes here.
const ADMIN_PASSWORD: &str = "administrator-i-prov";
/// What a server says when it is up, before its address.
const READY: &str = "ready to accept connections on ";

/// The program under test.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("LIS_BIN") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let path = test.ancestors().nth(2).context("the test lies in no target directory")?.join("lis");
    ensure!(path.is_file(), "{} is missing: cargo build --release --workspace makes it", path.display());
    Ok(path)
}

/// The program with arguments, its environment cleaned of what could change it.
pub fn lis<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.args(arguments).env_remove("LIS_ADMIN_PASSWORD").env_remove("RUST_LOG").stdin(Stdio::null());
    Ok(command)
}

/// Runs the program to its end and gives what it wrote, whatever its exit status.
pub fn run_lis<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Finished> {
    Ok(Finished::from(lis(arguments)?.output().context("start lis")?))
}

/// A program that has ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl From<Output> for Finished {
    fn from(output: Output) -> Self {
        Self {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Finished {
    /// The output of a program that must have succeeded.
    pub fn succeeded(self) -> Result<Self> {
        ensure!(
            self.status.success(),
            "{}\nstandard output: {}\nstandard error: {}",
            self.status,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }

    /// What a program said that must have failed by itself: not by a signal, not by a panic. The reason is on standard
    /// error; what it did before, on standard output.
    pub fn failed(self) -> Result<String> {
        ensure!(!self.status.success(), "it succeeded: {}", self.stdout);
        ensure!(self.status.code().is_some(), "ended by a signal: {}", self.status);
        ensure!(!self.stderr.contains("panicked"), "{}", self.stderr);
        Ok(self.stdout + &self.stderr)
    }
}

/// A data directory.
#[derive(Debug)]
pub struct Warehouse {
    directory: TempDir,
    path: PathBuf,
}

impl Warehouse {
    /// An empty temporary directory, in which there is no warehouse yet.
    pub fn nothing() -> Result<Self> {
        let directory = TempDir::with_prefix("lis-test-")?;
        let path = directory.path().join("data");
        Ok(Self { directory, path })
    }

    /// A new, empty warehouse.
    pub fn init() -> Result<Self> {
        let warehouse = Self::nothing()?;
        let mut command = lis([OsStr::new("init"), OsStr::new("--data"), warehouse.path.as_os_str()])?;
        command.env("LIS_ADMIN_PASSWORD", ADMIN_PASSWORD);
        Finished::from(command.output()?).succeeded().context("lis init")?;
        Ok(warehouse)
    }

    /// A new, empty warehouse in a directory that the caller keeps.
    pub fn init_in(path: &Path) -> Result<Self> {
        let warehouse = Self::at(path)?;
        let mut command = lis([OsStr::new("init"), OsStr::new("--data"), path.as_os_str()])?;
        command.env("LIS_ADMIN_PASSWORD", ADMIN_PASSWORD);
        Finished::from(command.output()?).succeeded().context("lis init")?;
        Ok(warehouse)
    }

    /// A warehouse in a directory that the caller keeps.
    pub fn at(path: &Path) -> Result<Self> {
        Ok(Self { directory: TempDir::with_prefix("lis-test-")?, path: path.to_owned() })
    }

    /// The demo city.
    pub fn demo(scale: &str) -> Result<Self> {
        let warehouse = Self::nothing()?;
        let made = run_lis([
            OsStr::new("demo"),
            OsStr::new("--no-serve"),
            OsStr::new("--scale"),
            OsStr::new(scale),
            OsStr::new("--data"),
            warehouse.path.as_os_str(),
        ])?;
        made.succeeded().context("lis demo --no-serve")?;
        Ok(warehouse)
    }

    /// A copy of another warehouse that nobody is changing.
    pub fn copy_of(other: &Self) -> Result<Self> {
        let warehouse = Self::nothing()?;
        copy_directory(&other.path, &warehouse.path)?;
        Ok(warehouse)
    }

    /// The data directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A place for a test's own files, beside the data directory.
    pub fn scratch(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file below the data directory.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    /// `lis load SOURCE --data … further arguments`.
    pub fn load(&self, source: &str, arguments: &[&str]) -> Result<Finished> {
        Ok(Finished::from(self.load_command(source, arguments)?.output()?))
    }

    /// The command of [`Warehouse::load`], for tests that do not wait for its end.
    pub fn load_command(&self, source: &str, arguments: &[&str]) -> Result<Command> {
        let mut command = lis(["load", source, "--data"])?;
        command.arg(&self.path).args(arguments);
        Ok(command)
    }

    /// A user's password: of a demo's users from its credentials file, else `lis_admin`'s.
    pub fn password(&self, user: &str) -> Result<String> {
        let path = self.path.join("demo-credentials.txt");
        if !path.exists() && user == "lis_admin" {
            return Ok(ADMIN_PASSWORD.to_owned());
        }
        let text = fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let users: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once(' ')).collect();
        let password = users.get(user).with_context(|| format!("{user} is not in {}", path.display()))?;
        Ok((*password).to_owned())
    }
}

/// Copies a directory with everything in it.
fn copy_directory(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// A running server.
#[derive(Debug)]
pub struct TestServer {
    warehouse: Arc<Warehouse>,
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
}

impl TestServer {
    /// A server over a new, empty warehouse.
    pub fn start() -> Result<Self> {
        Self::over(Arc::new(Warehouse::init()?))
    }

    /// A server over the demo city.
    pub fn demo(scale: &str) -> Result<Self> {
        Self::over(Arc::new(Warehouse::demo(scale)?))
    }

    /// A server over a warehouse.
    pub fn over(warehouse: Arc<Warehouse>) -> Result<Self> {
        Self::with_arguments(warehouse, &[])
    }

    /// A server over a warehouse, with further arguments.
    pub fn with_arguments(warehouse: Arc<Warehouse>, arguments: &[&str]) -> Result<Self> {
        Self::with(warehouse, None, arguments, &[])
    }

    /// A server over a warehouse with settings of its configuration, in TOML.
    pub fn with_configuration(warehouse: Arc<Warehouse>, settings: &str) -> Result<Self> {
        let data = format!("{:?}", warehouse.path().display().to_string());
        let file = warehouse.scratch().join("lis.toml");
        fs::write(&file, format!("data = {data}\n{settings}"))?;
        Self::with(warehouse, Some(&file), &[], &[])
    }

    /// A server over a warehouse, with further environment variables.
    pub fn with_environment(warehouse: Arc<Warehouse>, variables: &[(&str, &str)]) -> Result<Self> {
        Self::with(warehouse, None, &[], variables)
    }

    fn with(
        warehouse: Arc<Warehouse>,
        configuration: Option<&Path>,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let mut command = lis(["serve", "--listen", "127.0.0.1:0"])?;
        match configuration {
            Some(file) => command.arg("--config").arg(file),
            None => command.arg("--data").arg(warehouse.path()),
        };
        command.args(arguments).envs(variables.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("start lis serve")?;
        let log = Arc::new(Mutex::new(String::new()));
        let (ready, readiness) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            keep_reading(stdout, Arc::clone(&log), Some(ready));
        }
        if let Some(stderr) = child.stderr.take() {
            keep_reading(stderr, Arc::clone(&log), None);
        }
        let mut server = Self { warehouse, child, address: String::new(), log };
        // The channel closes when standard output does, so a server that ends early is not waited for.
        match readiness.recv_timeout(START_TIMEOUT) {
            Ok(address) => server.address = address,
            Err(_) => bail!("the server is not ready ({:?}): {}", server.child.try_wait()?, server.log()),
        }
        Ok(server)
    }

    /// Its warehouse.
    pub fn warehouse(&self) -> &Arc<Warehouse> {
        &self.warehouse
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The port.
    pub fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap_or_default()
    }

    /// How `lis_admin` connects.
    pub fn admin(&self) -> Result<Target> {
        self.user("lis_admin")
    }

    /// How a user connects whose password the warehouse knows.
    pub fn user(&self, name: &str) -> Result<Target> {
        Ok(self.target(name, &self.warehouse.password(name)?))
    }

    /// How a user with this password connects.
    pub fn target(&self, user: &str, password: &str) -> Target {
        Target {
            address: self.address.clone(),
            database: "lis".to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    /// Connects as `lis_admin`.
    pub fn connect_admin(&self) -> Result<RawConnection> {
        RawConnection::open(&self.admin()?)
    }

    /// Connects as a user whose password the warehouse knows.
    pub fn connect(&self, user: &str) -> Result<RawConnection> {
        RawConnection::open(&self.user(user)?)
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its process.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory now, in KiB.
    pub fn resident_kib(&self) -> Result<u64> {
        self.memory_kib("VmRSS:")
    }

    /// The most memory that it has held at once, in KiB.
    pub fn peak_kib(&self) -> Result<u64> {
        self.memory_kib("VmHWM:")
    }

    fn memory_kib(&self, what: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with(what)).context("no such line")?;
        line.split_whitespace().nth(1).context("no number")?.parse().context("a number")
    }

    /// kill -9.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(mut self) -> Result<ExitStatus> {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(sent.success(), "kill -TERM: {sent}");
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(
                begun.elapsed() < STOP_TIMEOUT,
                "still running {STOP_TIMEOUT:?} after SIGTERM: {}",
                self.log()
            );
            pause(Duration::from_millis(20));
        }
    }
}

/// One server that several tests share, made when the first of them needs it. What is static is never dropped, so the
/// program that runs the tests stops it at the end.
#[derive(Debug)]
pub struct Shared {
    make: fn() -> Result<TestServer>,
    made: Mutex<Option<Result<Arc<TestServer>, String>>>,
}

impl Shared {
    /// A server that `make` will make.
    pub const fn new(make: fn() -> Result<TestServer>) -> Self {
        Self { make, made: Mutex::new(None) }
    }

    /// The server. If it could not be made, every test that needs it says why.
    pub fn get(&self) -> Result<Arc<TestServer>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let made =
            made.get_or_insert_with(|| (self.make)().map(Arc::new).map_err(|error| format!("{error:#}")));
        made.clone().map_err(|error| anyhow!("the server that tests share: {error}"))
    }

    /// Stops it, and removes its warehouse.
    pub fn stop(&self) {
        drop(self.made.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // It may have ended already; both calls then say so, and there is nothing to do about it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads a stream to its end in a thread of its own, so that the program is never held up by a full pipe.
fn keep_reading(
    stream: impl std::io::Read + Send + 'static,
    log: Arc<Mutex<String>>,
    ready: Option<mpsc::Sender<String>>,
) {
    thread::spawn(move || {
        let mut ready = ready;
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { break };
            if let Some((_, address)) = line.split_once(READY)
                && let Some(ready) = ready.take()
            {
                drop(ready.send(address.trim().to_owned()));
            }
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            log.push_str(&line);
            log.push('\n');
        }
    });
}

/// A response's rows as text; NULL is `NULL`.
pub fn text_rows(response: &Response) -> Vec<Vec<String>> {
    let text = |value: &Option<bytes::Bytes>| {
        value.as_ref().map_or_else(|| "NULL".to_owned(), |value| String::from_utf8_lossy(value).into_owned())
    };
    response.rows.iter().map(|row| row.iter().map(text).collect()).collect()
}

/// The one value of a statement that must give one row of one column.
pub fn one_value(connection: &mut RawConnection, sql: &str) -> Result<String> {
    let rows = text_rows(&connection.must(sql)?);
    match rows.as_slice() {
        [row] if row.len() == 1 => Ok(row[0].clone()),
        _ => bail!("{sql}: {rows:?}"),
    }
}

/// Runs a statement that must fail with this SQLSTATE and leave the connection usable; gives the message.
pub fn must_fail(connection: &mut RawConnection, sqlstate: &str, sql: &str) -> Result<String> {
    let responses = connection.simple(sql)?;
    let error = responses.iter().find_map(|response| response.error.clone());
    let Some(error) = error else { bail!("{sql}: no error but {responses:?}") };
    ensure!(error.sqlstate() == sqlstate, "{sql}: {} {}, not {sqlstate}", error.sqlstate(), error.message());
    if connection.status == b'I' {
        ensure!(one_value(connection, "SELECT 1")? == "1", "the connection is not usable after {sql}");
    }
    Ok(error.message().to_owned())
}

/// Lets time pass. For slow clients and for random moments; to wait for something, wait for that.
pub fn pause(time: Duration) {
    let begun = Instant::now();
    // Parking can end early.
    while let Some(left) = time.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        thread::park_timeout(left);
    }
}
