//! Starting, stopping and failing to start: each failure says which thing is wrong and what to do.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use lis_tests::{
    TestServer, Warehouse,
    server::{Finished, binary, lis, one_value, run_lis},
};

/// Fails unless the text has every part.
fn says(text: &str, parts: &[&str]) -> Result<()> {
    for part in parts {
        ensure!(text.contains(part), "it does not say {part:?}: {text}");
    }
    Ok(())
}

fn serve(path: &Path) -> Result<Finished> {
    let mut command = lis(["serve", "--listen", "127.0.0.1:0", "--data"])?;
    Ok(Finished::from(command.arg(path).output()?))
}

pub(crate) fn a_missing_directory_is_named() -> Result<()> {
    let nothing = Warehouse::nothing()?;
    let path = nothing.path().display().to_string();
    says(&serve(nothing.path())?.failed()?, &[&path, "lis init"])?;
    says(&nothing.load("agresso", &[])?.failed()?, &[&path, "lis init"])
}

pub(crate) fn a_warehouse_is_not_made_twice() -> Result<()> {
    let warehouse = Warehouse::init()?;
    let before = fs::read(warehouse.path().join("catalog.sqlite"))?;
    let path = warehouse.path().display().to_string();
    says(&run_lis(["init", "--data", &path])?.failed()?, &[&path, "already"])?;
    ensure!(
        fs::read(warehouse.path().join("catalog.sqlite"))? == before,
        "init changed what it refused to make"
    );
    let mode = fs::metadata(warehouse.path().join("catalog.sqlite"))?.permissions().mode() & 0o777;
    ensure!(mode == 0o600, "the catalogue has mode {mode:o}");
    Ok(())
}

pub(crate) fn a_port_in_use_is_named() -> Result<()> {
    let warehouse = Warehouse::init()?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let path = warehouse.path().display().to_string();
    let stderr = run_lis(["serve", "--listen", &address, "--data", &path])?.failed()?;
    says(&stderr, &[&address, "in use", "--listen"])
}

pub(crate) fn a_damaged_catalogue_is_named() -> Result<()> {
    let whole = Warehouse::init()?;
    let length = fs::metadata(whole.path().join("catalog.sqlite"))?.len();
    ensure!(length > 8192, "a catalogue of {length} bytes");
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 3] = [
        ("overwritten", |bytes| bytes.fill(0x5A)),
        ("empty", Vec::clear),
        ("cut off", |bytes| bytes.truncate(bytes.len() / 2)),
    ];
    for (what, damage) in damages {
        let warehouse = Warehouse::copy_of(&whole)?;
        for log in ["catalog.sqlite-wal", "catalog.sqlite-shm"] {
            let path = warehouse.path().join(log);
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        let catalogue = warehouse.path().join("catalog.sqlite");
        let mut bytes = fs::read(&catalogue)?;
        damage(&mut bytes);
        fs::write(&catalogue, &bytes)?;
        let stderr = serve(warehouse.path())?.failed().with_context(|| what.to_owned())?;
        says(&stderr, &[&catalogue.display().to_string(), "backup"]).with_context(|| what.to_owned())?;
        ensure!(fs::read(&catalogue)? == bytes, "{what}: a damaged catalogue was written to");
    }
    Ok(())
}

/// The program as a user to whom the directory is closed: root reads everything, so under root it runs as `nobody`.
pub(crate) fn an_unreadable_directory_is_named() -> Result<()> {
    let warehouse = Warehouse::init()?;
    let place = tempfile::tempdir()?;
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755))?;
    let data = place.path().join("data");
    fs::create_dir(&data)?;
    fs::copy(warehouse.path().join("catalog.sqlite"), data.join("catalog.sqlite"))?;
    let is_root = Command::new("id").arg("-u").output()?.stdout == b"0\n";
    let program: PathBuf = place.path().join("lis");
    // The target directory may be closed to `nobody`, so the program is put where it is not.
    if fs::hard_link(binary()?, &program).is_err() {
        fs::copy(binary()?, &program)?;
    }
    let mut command = if is_root {
        let mut command = Command::new("runuser");
        command.args(["-u", "nobody", "--"]).arg(&program);
        command
    } else {
        Command::new(&program)
    };
    fs::set_permissions(&data, fs::Permissions::from_mode(0o000))?;
    let finished = command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data).output();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755))?;
    let stderr = Finished::from(finished?).failed()?;
    says(&stderr.to_lowercase(), &[&data.display().to_string().to_lowercase(), "permission"])
}

pub(crate) fn the_example_configuration_is_read() -> Result<()> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker/lis.toml");
    run_lis(["check-config", &example.display().to_string()])?.succeeded()?;
    let directory = tempfile::tempdir()?;
    let wrong = directory.path().join("lis.toml");
    fs::write(&wrong, "listen = \"127.0.0.1:5433\"\n\n[limits]\nconections = 10\n")?;
    let wrong = wrong.display().to_string();
    says(&run_lis(["check-config", &wrong])?.failed()?, &[&wrong, "line 4", "conections", "connections"])?;
    says(&run_lis(["check-config", "/no/such/lis.toml"])?.failed()?, &["/no/such/lis.toml"])
}

pub(crate) fn sigterm_ends_it_with_0() -> Result<()> {
    let server = TestServer::start()?;
    let mut connection = server.connect_admin()?;
    connection.must("SELECT 1")?;
    let status = server.terminate()?;
    ensure!(status.code() == Some(0), "{status}");
    Ok(())
}

/// Whatever port it was started with, and whether it ended by itself or was killed.
pub(crate) fn status_asks_the_server_that_serves() -> Result<()> {
    let mut server = TestServer::start()?;
    let warehouse = Arc::clone(server.warehouse());
    let path = warehouse.path().display().to_string();
    let status = || run_lis(["status", "--data", &path]);
    let answer = format!("the server answers on {}", server.address());
    says(&status()?.succeeded()?.stdout, &[&answer, "no batch has been loaded"])?;
    let gone = format!("no server answers on {}", server.address());
    server.kill()?;
    says(&status()?.failed()?, &[&gone])?;
    let server = TestServer::over(Arc::clone(&warehouse))?;
    let answer = format!("the server answers on {}", server.address());
    says(&status()?.succeeded()?.stdout, &[&answer])?;
    server.terminate()?;
    ensure!(!warehouse.path().join("listening").exists(), "a server that ended leaves no note");
    status()?.failed().map(drop)
}

pub(crate) fn what_was_written_survives_a_kill() -> Result<()> {
    let warehouse = Arc::new(Warehouse::init()?);
    let mut server = TestServer::over(Arc::clone(&warehouse))?;
    let mut connection = server.connect_admin()?;
    connection.must("CREATE SCHEMA s")?;
    connection.must("CREATE TABLE s.t (a integer, b varchar(10))")?;
    connection.must("INSERT INTO s.t VALUES (1, 'å'), (2, NULL)")?;
    connection.must("BEGIN")?;
    connection.must("INSERT INTO s.t VALUES (3, 'open')")?;
    let oid = "SELECT oid FROM pg_catalog.pg_class WHERE relname = 't'";
    let before = one_value(&mut connection, oid)?;
    server.kill()?;
    let server = TestServer::over(warehouse)?;
    let mut connection = server.connect_admin()?;
    ensure!(one_value(&mut connection, "SELECT count(*) FROM s.t")? == "2", "what was open is not there");
    ensure!(one_value(&mut connection, "SELECT b FROM s.t WHERE a = 1")? == "å", "what was written is there");
    ensure!(one_value(&mut connection, oid)? == before, "object identifiers survive");
    Ok(())
}
