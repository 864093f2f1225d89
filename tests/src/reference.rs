//! The reference: a private PostgreSQL 15 that a test starts for itself and that ends with it. PostgreSQL refuses to run
//! as root, so under root it runs as `nobody`. Same locale, encoding and settings as LIS has, so that answers compare.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::raw::Target;

const PASSWORD: &str = "reference";

/// A running PostgreSQL; stopped when dropped.
#[derive(Debug)]
pub struct Reference {
    directory: TempDir,
    binaries: PathBuf,
    port: u16,
}

impl Reference {
    /// Makes a cluster in a temporary directory and starts it on a free port.
    pub fn start() -> Result<Self> {
        let binaries = binaries()?;
        let directory = TempDir::with_prefix("lis-reference-")?;
        let port = free_port()?;
        let reference = Self { directory, binaries, port };
        let root = reference.directory.path();
        if is_root()? {
            run(Command::new("chown").arg("nobody").arg(root))?;
        }
        let password = root.join("password");
        std::fs::write(&password, PASSWORD)?;
        let data = root.join("data");
        run(reference.command("initdb").arg("-D").arg(&data).arg("--pwfile").arg(&password).args([
            "-U",
            "postgres",
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--lc-collate=C",
            "--lc-ctype=C.UTF-8",
            "--no-sync",
        ]))?;
        let options = format!(
            "-p {port} -k {} -c listen_addresses=127.0.0.1 -c fsync=off -c jit=off -c timezone=Europe/Stockholm -c log_min_messages=panic",
            root.display()
        );
        run(reference
            .command("pg_ctl")
            .arg("-D")
            .arg(&data)
            .args(["-w", "-o", &options, "-l"])
            .arg(root.join("log"))
            .arg("start"))?;
        Ok(reference)
    }

    /// Where it listens.
    pub fn target(&self) -> Target {
        Target {
            address: format!("127.0.0.1:{}", self.port),
            database: "postgres".into(),
            user: "postgres".into(),
            password: PASSWORD.into(),
        }
    }

    fn command(&self, program: &str) -> Command {
        let program = self.binaries.join(program);
        let mut command = if is_root().unwrap_or(false) {
            let mut command = Command::new("runuser");
            command.args(["-u", "nobody", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.directory.path());
        command
    }
}

impl Drop for Reference {
    #[expect(clippy::print_stderr, reason = "a drop has no other way to say that a process is left behind")]
    fn drop(&mut self) {
        let data = self.directory.path().join("data");
        let stopped = run(self.command("pg_ctl").arg("-D").arg(data).args(["-m", "immediate", "-w", "stop"]));
        if let Err(error) = stopped {
            eprintln!("the reference server did not stop: {error:#}");
        }
    }
}

fn binaries() -> Result<PathBuf> {
    let directory = Path::new("/usr/lib/postgresql/15/bin");
    if directory.join("initdb").exists() {
        return Ok(directory.to_owned());
    }
    bail!("no PostgreSQL 15 in {}: install Debian's postgresql-15 (tests/run does)", directory.display())
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output().context("id -u")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn run(command: &mut Command) -> Result<()> {
    // A daemon started by pg_ctl inherits what it is given: with pipes, waiting for their end would wait for it.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.with_context(|| format!("{command:?}"))?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(())
}
