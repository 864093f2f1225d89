//! `lis backup` while serving, `lis restore`, and what comes back: everything, from one moment.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};
use lis_tests::{
    TestServer, Warehouse,
    raw::RawConnection,
    server::{Finished, lis, one_value, pause, text_rows},
};

use crate::city::CITY;

fn backup(data: &Path, place: &Path, more: &[&str]) -> Result<Finished> {
    let mut command = lis(["backup"])?;
    Ok(Finished::from(command.arg(place).arg("--data").arg(data).args(more).output()?))
}

fn restore(place: &Path, data: &Path, more: &[&str]) -> Result<Finished> {
    let mut command = lis(["restore"])?;
    Ok(Finished::from(command.arg(place).arg("--data").arg(data).args(more).output()?))
}

/// A relation's rows in an order that does not depend on how they were stored.
fn rows(connection: &mut RawConnection, relation: &str) -> Result<Vec<Vec<String>>> {
    let mut rows = text_rows(&connection.must(&format!("SELECT * FROM {relation}"))?);
    rows.sort();
    Ok(rows)
}

pub(crate) fn what_is_restored_is_what_was_there() -> Result<()> {
    let city = CITY.get()?;
    let place = tempfile::tempdir()?;
    let place = place.path().join("backup");
    let first = backup(city.warehouse().path(), &place, &[])?.succeeded()?;
    ensure!(!first.stdout.contains(" 0 data files copied"), "{}", first.stdout);
    let second = backup(city.warehouse().path(), &place, &[])?.succeeded()?;
    ensure!(second.stdout.contains(" 0 data files copied"), "nothing had changed: {}", second.stdout);
    let restored = Warehouse::nothing()?;
    restore(&place, restored.path(), &[])?.succeeded()?;
    ensure!(fs::metadata(restored.path())?.permissions().mode() & 0o777 == 0o700, "others may enter");
    let again = restore(&place, restored.path(), &[])?.failed()?;
    ensure!(again.contains("not empty"), "{again}");
    let restored = TestServer::over(Arc::new(restored))?;
    let recorded = |connection: &mut RawConnection, what: &str| {
        let sql = "SELECT count(*) || ' ' || min(\"session_user\"::text) FROM lis.audit WHERE text LIKE";
        one_value(connection, &format!("{sql} '{what} %'"))
    };
    let account = format!("account {} of the operating system", fs::metadata("/proc/self")?.uid());
    let made = recorded(&mut city.connect_admin()?, "lis backup")?;
    ensure!(made == format!("2 {account}"), "the audit has {made}");
    let brought = recorded(&mut restored.connect_admin()?, "lis restore")?;
    ensure!(brought == format!("1 {account}"), "the audit has {brought}");
    let (mut old, mut new) = (city.connect_admin()?, restored.connect_admin()?);
    let tables = "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                  WHERE c.relkind IN ('r', 'v') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'lis')";
    let tables = text_rows(&old.must(tables)?).into_iter().flatten();
    let system = [
        "pg_catalog.pg_roles",
        "pg_catalog.pg_auth_members",
        "pg_catalog.pg_policies",
        "pg_catalog.pg_class",
        "pg_catalog.pg_attribute",
        "pg_catalog.pg_constraint",
        "information_schema.role_table_grants",
        "lis.administrations",
        "lis.batches",
        "lis.batch_tables",
        "lis.rejects",
        "lis.snapshots",
    ];
    let all: BTreeSet<String> = tables.chain(system.map(str::to_owned)).collect();
    ensure!(all.len() > system.len() + 5, "{all:?}");
    for relation in all {
        let (before, after) = (rows(&mut old, &relation)?, rows(&mut new, &relation)?);
        ensure!(before == after, "{relation} differs: {} rows and {}", before.len(), after.len());
    }
    // A head sees the own administration there too, and logs in with the same password.
    let sql = "SELECT count(*) FROM ekonomi.verifikationsrad";
    let chef = "chef_101";
    let seen = one_value(&mut city.connect(chef)?, sql)?;
    ensure!(one_value(&mut restored.connect(chef)?, sql)? == seen && seen != "0", "{chef} sees {seen}");
    Ok(())
}

/// Backups beside a writer that always commits to two tables, some of them killed.
pub(crate) fn backups_beside_a_writer_are_of_one_moment() -> Result<()> {
    let server = TestServer::start()?;
    let mut admin = server.connect_admin()?;
    for table in ["ett", "tva"] {
        admin.must(&format!("CREATE TABLE public.{table} (n integer)"))?;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (stop, target) = (Arc::clone(&stop), server.admin()?);
        thread::spawn(move || -> Result<u32> {
            let mut connection = RawConnection::open(&target)?;
            let mut written = 0;
            while !stop.load(Ordering::Acquire) {
                connection.must("BEGIN")?;
                for table in ["ett", "tva"] {
                    connection.must(&format!("INSERT INTO public.{table} VALUES ({written})"))?;
                }
                connection.must("COMMIT")?;
                written += 1;
            }
            Ok(written)
        })
    };
    let place = tempfile::tempdir()?;
    let data = server.warehouse().path();
    for killed_after in [30, 60, 90] {
        let mut command = lis(["backup"])?;
        command.arg(place.path()).arg("--data").arg(data).stdout(Stdio::null()).stderr(Stdio::null());
        let mut cut = command.spawn()?;
        pause(Duration::from_millis(killed_after));
        cut.kill()?;
        cut.wait()?;
        backup(data, place.path(), &[])?.succeeded().context("after a cut one")?;
    }
    stop.store(true, Ordering::Release);
    let written = writer.join().map_err(|_| anyhow!("the writer panicked"))??;
    backup(data, place.path(), &["--keep", "2"])?.succeeded()?;
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(place.path().join("backups"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    ensure!(names.len() == 2, "two are kept: {names:?}");
    let mut last = 0;
    for name in &names {
        let restored = Warehouse::nothing()?;
        restore(place.path(), restored.path(), &["--backup", name])?.succeeded()?;
        let restored = TestServer::over(Arc::new(restored))?;
        let mut connection = restored.connect_admin()?;
        let (one, two) = (rows(&mut connection, "public.ett")?, rows(&mut connection, "public.tva")?);
        ensure!(one == two, "{name}: half a commit: {} and {} rows", one.len(), two.len());
        last = one.len();
    }
    ensure!(u32::try_from(last)? == written, "the last backup has {last} of {written} commits");
    Ok(())
}
