//! What a disk and a clock can do to a warehouse: bits that flip, files that are cut or gone, a disk that is full or
//! read-only, time that goes back. Each is an error that says what and where, and nothing that was there is lost.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use anyhow::{Context, Result, bail, ensure};
use lis_tests::{
    TestServer, Warehouse,
    raw::RawConnection,
    server::{Finished, must_fail, one_value, run_lis, text_rows},
};

use tempfile::TempDir;

use crate::loads::SmallDisk;

/// Every data file below a warehouse, oldest first: their names sort by time.
fn data_files(data: &Path) -> Result<Vec<PathBuf>> {
    let (mut found, mut directories) = (Vec::new(), vec![data.join("lake")]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_dir() { directories.push(path) } else { found.push(path) }
        }
    }
    found.sort_by_key(|path| path.file_name().map(std::ffi::OsStr::to_owned));
    Ok(found)
}

fn flip(path: &Path, at: usize) -> Result<()> {
    let mut bytes = fs::read(path)?;
    let byte = bytes.get_mut(at).context("a byte")?;
    *byte ^= 0x20;
    Ok(fs::write(path, bytes)?)
}

/// A server with a user who may read one table of two files, and the second of these.
fn served() -> Result<(TestServer, PathBuf)> {
    let server = TestServer::start()?;
    let mut admin = server.connect_admin()?;
    for sql in [
        "CREATE TABLE public.t (a integer, b text)",
        "INSERT INTO public.t SELECT i, 'text ' || i FROM generate_series(1, 50000) AS g(i)",
        "INSERT INTO public.t SELECT i, 'text ' || i FROM generate_series(50001, 100000) AS g(i)",
        "CREATE ROLE lasare LOGIN PASSWORD 'hemligt-i-prov'",
        "GRANT SELECT ON public.t TO lasare",
    ] {
        admin.must(sql)?;
    }
    let file = data_files(server.warehouse().path())?.pop().context("a data file")?;
    Ok((server, file))
}

/// The error of a statement names the file and not where the warehouse lies.
fn names(connection: &mut RawConnection, sqlstate: &str, sql: &str, file: &Path) -> Result<()> {
    let answers = connection.simple(sql)?;
    let error = answers
        .iter()
        .find_map(|answer| answer.error.as_ref())
        .with_context(|| format!("{sql}: no error"))?;
    ensure!(error.sqlstate() == sqlstate, "{sql}: {error:?}");
    let name = file.file_name().context("a name")?.to_string_lossy().into_owned();
    let all: String = error.fields.iter().map(|(_, text)| text.as_str()).collect();
    ensure!(error.message().contains(&name), "{sql}: it does not name {name}: {error:?}");
    let place = file.parent().context("a directory")?.display().to_string();
    ensure!(!all.contains(&place), "{sql}: it tells where the warehouse lies: {error:?}");
    ensure!(one_value(connection, "SELECT 1")? == "1", "the connection is not usable");
    Ok(())
}

pub(crate) fn a_flipped_bit_is_caught_and_its_file_named() -> Result<()> {
    let (server, file) = served()?;
    let mut reader = RawConnection::open(&server.target("lasare", "hemligt-i-prov"))?;
    let whole = fs::read(&file)?;
    let sum = "SELECT sum(a) FROM public.t";
    let before = one_value(&mut reader, sum)?;
    // The first column's bytes come first; what is not read is not judged.
    flip(&file, 1000)?;
    names(&mut reader, "XX001", sum, &file)?;
    names(&mut reader, "XX001", "SELECT b FROM public.t WHERE a = 99999 OR a = 50001", &file)?;
    ensure!(
        one_value(&mut reader, "SELECT count(*) FROM public.t WHERE a < 50000")? == "49999",
        "the other file"
    );
    must_fail(&mut reader, "42501", "CALL lis.verify()")?;
    let mut admin = server.connect_admin()?;
    let answers = admin.simple("CALL lis.verify()")?;
    let error = answers.iter().find_map(|answer| answer.error.as_ref()).context("verify finds it")?;
    ensure!(error.sqlstate() == "XX001" && error.message().starts_with("1 of 2 data files"), "{error:?}");
    let told: String = admin.notices.iter().map(lis_tests::raw::ServerError::message).collect();
    ensure!(told.contains(&file.display().to_string()), "the operator is not told which: {told}");
    ensure!(server.log().contains(&file.display().to_string()), "the log does not name it: {}", server.log());
    fs::write(&file, &whole)?;
    ensure!(one_value(&mut reader, sum)? == before, "the file that was put back");
    admin.must("CALL lis.verify('public.t')")?;
    must_fail(&mut admin, "42P01", "CALL lis.verify('public.finns_inte')")?;
    Ok(())
}

pub(crate) fn a_cut_or_missing_file_is_named() -> Result<()> {
    let (server, file) = served()?;
    let mut reader = RawConnection::open(&server.target("lasare", "hemligt-i-prov"))?;
    let whole = fs::read(&file)?;
    let sql = "SELECT max(b) FROM public.t";
    for length in [0, 7, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..length])?;
        names(&mut reader, "XX001", sql, &file)?;
    }
    fs::remove_file(&file)?;
    names(&mut reader, "58P01", sql, &file)?;
    // A restart does not hide it, nor does it keep the rest from being read.
    let warehouse = Arc::clone(server.warehouse());
    ensure!(server.terminate()?.code() == Some(0), "it ends well");
    let server = TestServer::over(warehouse)?;
    let mut reader = RawConnection::open(&server.target("lasare", "hemligt-i-prov"))?;
    names(&mut reader, "58P01", sql, &file)?;
    ensure!(one_value(&mut reader, "SELECT count(*) FROM public.t WHERE a < 9")? == "8", "the other file");
    fs::write(&file, &whole)?;
    ensure!(one_value(&mut reader, sql)? == "text 99999", "the file that was put back");
    Ok(())
}

/// A server on a disk of a few megabytes that fills up: statements fail with 53100, what was committed stays, and when
/// there is room again everything works.
pub(crate) fn a_full_disk_loses_nothing() -> Result<()> {
    let disk = SmallDisk::mount()?;
    let server = TestServer::over(Arc::new(Warehouse::init_in(&disk.path().join("data"))?))?;
    let mut admin = server.connect_admin()?;
    admin.must("CREATE TABLE public.t (n integer, a text, b text)")?;
    admin.must("CREATE TABLE public.u (n integer)")?;
    let rows = |n: u32, count: u32| {
        format!(
            "INSERT INTO public.t SELECT {n}, md5({n}::text || i::text), md5(i::text || 'b' || {n}::text) \
             FROM generate_series(1, {count}) AS g(i)"
        )
    };
    // What is taken away in the end: how much the rows below leave over is chance.
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![7; 512 << 10])?;
    let mut written = 0;
    let error = loop {
        let answer = admin.simple(&rows(written, 10_000))?;
        match answer.iter().find_map(|answer| answer.error.clone()) {
            Some(error) => break error,
            None => written += 1,
        }
        ensure!(written < 100, "8 MB are not full after {written} times 640 kB");
    };
    ensure!(error.sqlstate() == "53100", "{error:?}");
    // Smaller and smaller, until not even a commit fits.
    let mut small = 0;
    for kibibytes in [512, 64, 16, 4, 1] {
        let mut bytes = fs::read(&ballast).unwrap_or_default();
        loop {
            bytes.extend(std::iter::repeat_n(7, kibibytes << 10));
            if fs::write(&ballast, &bytes).is_err() {
                bytes.truncate(bytes.len() - (kibibytes << 10));
                break;
            }
        }
        drop(fs::write(&ballast, &bytes));
    }
    for _ in 0..40 {
        let answer = admin.simple(&format!("INSERT INTO public.u VALUES ({small})"))?;
        match answer.iter().find_map(|answer| answer.error.clone()) {
            None => small += 1,
            Some(error) => ensure!(["53100", "58000"].contains(&error.sqlstate()), "{error:?}"),
        }
    }
    let count = |connection: &mut RawConnection| -> Result<Vec<Vec<String>>> {
        let sql = "SELECT (SELECT count(*) FROM public.t), (SELECT count(*) FROM public.u)";
        Ok(text_rows(&connection.must(sql)?))
    };
    fs::remove_file(&ballast)?;
    let expected = vec![vec![(written * 10_000).to_string(), small.to_string()]];
    ensure!(count(&mut admin)? == expected, "{:?} and not {expected:?}", count(&mut admin)?);
    admin.must("INSERT INTO public.u VALUES (-1)").context("there is room again")?;
    admin.must("DELETE FROM public.u WHERE n = -1")?;
    let warehouse = Arc::clone(server.warehouse());
    drop(server);
    let server = TestServer::over(warehouse)?;
    ensure!(count(&mut server.connect_admin()?)? == expected, "after a restart");
    drop(server);
    drop(disk);
    Ok(())
}

/// A disk that becomes read-only under a running server, as one does that reports errors.
pub(crate) fn a_read_only_disk_is_still_read() -> Result<()> {
    let disk = SmallDisk::mount()?;
    let data = disk.path().join("data");
    let server = TestServer::over(Arc::new(Warehouse::init_in(&data)?))?;
    let mut admin = server.connect_admin()?;
    admin.must("CREATE TABLE public.t (n integer)")?;
    admin.must("INSERT INTO public.t VALUES (1), (2)")?;
    drop(server);
    let remount = |how: &str| -> Result<()> {
        let done = Command::new("mount").args(["-o", &format!("remount,{how}")]).arg(disk.path()).output()?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    };
    remount("ro")?;
    let refused = run_lis(["serve", "--listen", "127.0.0.1:0", "--data", &data.display().to_string()]);
    remount("rw")?;
    let said = refused?.failed()?;
    ensure!(said.contains(&data.display().to_string()) && said.contains("permission denied"), "{said}");
    let server = TestServer::over(Arc::new(Warehouse::at(&data)?))?;
    ensure!(
        one_value(&mut server.connect_admin()?, "SELECT count(*) FROM public.t")? == "2",
        "what was there"
    );
    Ok(())
}

/// A disk of its own in a file, which becomes read-only when its file system finds an error.
struct FailingDisk {
    place: TempDir,
    device: String,
}

impl FailingDisk {
    fn make() -> Result<Self> {
        let place = TempDir::with_prefix("lis-test-")?;
        let image = place.path().join("disk");
        fs::File::create(&image)?.set_len(64 << 20)?;
        run("mkfs.ext4", &["-q", "-F", &image.display().to_string()])?;
        fs::create_dir(place.path().join("mounted"))?;
        let mut disk = Self { place, device: String::new() };
        disk.mount()?;
        Ok(disk)
    }

    fn path(&self) -> PathBuf {
        self.place.path().join("mounted")
    }

    fn mount(&mut self) -> Result<()> {
        let (image, place) = (self.place.path().join("disk"), self.path());
        let (image, place) = (image.display().to_string(), place.display().to_string());
        run("mount", &["-o", "loop,errors=remount-ro", &image, &place])?;
        let mounts = fs::read_to_string("/proc/self/mounts")?;
        let line = mounts.lines().find(|line| line.split(' ').nth(1) == Some(&place)).context("a mount")?;
        let device =
            line.split(' ').next().and_then(|device| device.rsplit('/').next()).context("a device")?;
        device.clone_into(&mut self.device);
        Ok(())
    }

    /// As a disk does that reports an error: nothing more is written to it, nor what had not reached it yet.
    fn fail(&self) -> Result<()> {
        Ok(fs::write(format!("/sys/fs/ext4/{}/trigger_fs_error", self.device), "1")?)
    }

    /// Takes the disk out, checks it and puts it in again.
    fn repair(&mut self) -> Result<()> {
        run("umount", &[&self.path().display().to_string()])?;
        // It says by its exit status that it has mended something.
        let image = self.place.path().join("disk");
        Command::new("e2fsck").arg("-fy").arg(image).output()?;
        self.mount()
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(self.path()).status());
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let done = Command::new(program).args(arguments).output()?;
    ensure!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

/// Whether this machine lets us mount a file system that is in a file.
pub(crate) fn can_mount_a_disk() -> bool {
    FailingDisk::make()
        .is_ok_and(|disk| Path::new(&format!("/sys/fs/ext4/{}/trigger_fs_error", disk.device)).exists())
}

/// A disk that fails under a running server, as after a power cut: what had not reached it is lost, what was acknowledged
/// is not. Nothing is answered any more, since nothing can be recorded in the audit.
pub(crate) fn a_disk_that_fails_loses_nothing() -> Result<()> {
    let mut disk = FailingDisk::make()?;
    let data = disk.path().join("data");
    let mut server = TestServer::over(Arc::new(Warehouse::init_in(&data)?))?;
    for round in 0..3 {
        let mut admin = server.connect_admin()?;
        admin.must("CREATE TABLE IF NOT EXISTS public.t (n integer)")?;
        for _ in 0..4 {
            admin.must("INSERT INTO public.t SELECT i FROM generate_series(1, 1000) AS g(i)")?;
        }
        admin.must("UPDATE public.t SET n = n + 1 WHERE n % 10 = 3")?;
        let sql = "SELECT count(*) || ' ' || sum(n) FROM public.t";
        let before = one_value(&mut admin, sql)?;
        disk.fail()?;
        for sql in ["INSERT INTO public.t VALUES (0)", sql] {
            let answers = admin.simple(sql)?;
            let error = answers.iter().find_map(|answer| answer.error.as_ref()).context("an answer")?;
            ensure!(error.sqlstate() == "58000", "{sql}: {error:?}");
        }
        drop(admin);
        server.kill()?;
        drop(server);
        disk.repair()?;
        server = TestServer::over(Arc::new(Warehouse::at(&data)?))?;
        let mut admin = server.connect_admin()?;
        let after = one_value(&mut admin, sql)?;
        ensure!(after == before, "round {round}: {after} and not {before}");
        admin.must("CALL lis.verify()")?;
    }
    drop(server);
    drop(disk);
    Ok(())
}

/// Where Debian's package `faketime` puts its library.
fn faketime() -> Option<PathBuf> {
    let places = fs::read_dir("/usr/lib").ok()?;
    places
        .filter_map(|place| Some(place.ok()?.path().join("faketime/libfaketime.so.1")))
        .find(|library| library.is_file())
}

/// Whether the clock can be set for a program alone.
pub(crate) fn can_turn_the_clock() -> bool {
    faketime().is_some()
}

/// The clock goes back a day between two starts: snapshots still follow each other, and time travel by time still finds
/// what it found.
pub(crate) fn a_clock_that_goes_back_breaks_nothing() -> Result<()> {
    let library = faketime().context("faketime")?;
    let warehouse = Arc::new(Warehouse::init()?);
    let server = TestServer::over(Arc::clone(&warehouse))?;
    let mut admin = server.connect_admin()?;
    admin.must("CREATE TABLE public.t (n integer)")?;
    admin.must("INSERT INTO public.t VALUES (1)")?;
    let between = one_value(&mut admin, "SELECT max(committed_at) FROM lis.snapshots")?;
    drop(server);
    let library = library.display().to_string();
    let server = TestServer::with_environment(
        Arc::clone(&warehouse),
        &[("LD_PRELOAD", library.as_str()), ("FAKETIME", "-1d")],
    )?;
    let mut admin = server.connect_admin()?;
    let now = one_value(&mut admin, "SELECT now() < (SELECT max(committed_at) FROM lis.snapshots)")?;
    ensure!(now == "t", "the clock was not turned");
    for n in 2..5 {
        admin.must(&format!("INSERT INTO public.t VALUES ({n})"))?;
    }
    admin.must("DELETE FROM public.t WHERE n = 2")?;
    let order = "SELECT count(*) FROM (SELECT committed_at, lag(committed_at) OVER (ORDER BY snapshot_id) AS before \
                 FROM lis.snapshots) AS s WHERE committed_at <= before";
    ensure!(one_value(&mut admin, order)? == "0", "snapshots go back in time");
    drop(server);
    let server = TestServer::over(warehouse)?;
    let mut admin = server.connect_admin()?;
    ensure!(one_value(&mut admin, "SELECT sum(n) FROM public.t")? == "8", "what was written");
    admin.must(&format!("SET lis.as_of = '{between}'"))?;
    ensure!(one_value(&mut admin, "SELECT sum(n) FROM public.t")? == "1", "what was there at {between}");
    Ok(())
}

/// A catalogue from a newer program, or one that is damaged where opening reads it, is refused with what to do.
pub(crate) fn a_strange_catalogue_is_refused() -> Result<()> {
    let whole = Warehouse::init()?;
    let serve = |warehouse: &Warehouse| -> Result<String> {
        let data = warehouse.path().display().to_string();
        run_lis(["serve", "--listen", "127.0.0.1:0", "--data", &data])?.failed()
    };
    let lake = Warehouse::copy_of(&whole)?;
    fs::remove_dir_all(lake.path().join("lake"))?;
    let said = serve(&lake)?;
    ensure!(said.contains("lake") && said.contains("missing"), "no lake directory: {said}");
    let page = Warehouse::copy_of(&whole)?;
    let catalog = page.path().join("catalog.sqlite");
    let mut bytes = fs::read(&catalog)?;
    // Every page but the first, which says what the file is.
    bytes[4096..].fill(0xA5);
    fs::write(&catalog, &bytes)?;
    let said = serve(&page)?;
    ensure!(said.contains("damaged") && said.contains("backup"), "damaged pages: {said}");
    let gone = Warehouse::copy_of(&whole)?;
    fs::remove_file(gone.path().join("catalog.sqlite"))?;
    let said = serve(&gone)?;
    ensure!(said.contains("no warehouse"), "no catalogue: {said}");
    // SQLite's own program is not needed: Python has it.
    let newer = [
        ("INSERT INTO lis_migration VALUES ('lake', 9999, 'x')", "newer version"),
        ("INSERT INTO lis_migration VALUES ('security', 9999, 'x')", "newer version"),
        (
            "UPDATE lis_migration SET checksum = 'x' WHERE component = 'lake' AND version = 1",
            "altered migration",
        ),
        ("UPDATE ducklake_metadata SET value = '2.0' WHERE key = 'version'", "newer version"),
    ];
    for (change, word) in newer {
        let changed = Warehouse::copy_of(&whole)?;
        let program =
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()";
        let catalog = changed.path().join("catalog.sqlite");
        let done = Command::new("python3").args(["-c", program]).arg(&catalog).arg(change).output();
        let Ok(done) = done else { bail!("python3 is missing") };
        Finished::from(done).succeeded()?;
        let said = serve(&changed)?;
        ensure!(said.contains(word), "{change}: {said}");
    }
    Ok(())
}
