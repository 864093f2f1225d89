//! The metadata database as one SQLite file, beside the data. Durable by the write-ahead log with `synchronous = FULL`:
//! what a commit acknowledged is on disk. One connection writes, a few read, and one, which never writes, is asked
//! whether anything has changed (`PRAGMA data_version` does not count the asking connection's own commits).
//!
//! Pitfalls: a read transaction that is kept open keeps the log from shrinking, so readers are short; SQLite reports a
//! damaged file only when it meets the damage, so [`SqliteMetadata::open`] also compares the file's length with the
//! number of pages it should have.

use std::{
    fs::OpenOptions,
    io::ErrorKind,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use sha2::{Digest as _, Sha256};
use sqlx::{
    AssertSqlSafe, Column as _, Connection as _, Decode, Row as _, Sqlite, SqliteConnection, SqlitePool,
    Transaction, TypeInfo as _, ValueRef as _,
    query::Query,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
        SqliteSynchronous,
    },
};
use tokio::sync::Mutex;

use crate::{
    error::LakeError,
    metadata::{Component, Metadata, MetadataRead, MetadataRow, MetadataTx, Value},
};

/// How long a writer waits for another one, also in another process.
pub const WRITER_WAIT_SECONDS_MAX: u64 = 60;
/// Rows of an answer that may wait for whoever asked. The database runs in a thread of its own, which would otherwise be
/// woken for every fifty rows: a catalogue is tens of thousands.
const ROWS_WAITING_MAX: usize = 4096;
/// Connections that read at the same time; further readers wait for one.
pub const READERS_MAX: u32 = 4;

/// An open metadata database.
#[derive(Debug)]
pub struct SqliteMetadata {
    path: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
    /// Gone when closed.
    observer: Mutex<Option<SqliteConnection>>,
}

impl SqliteMetadata {
    /// Makes an empty database, readable by its owner only, or opens the file that is there: see
    /// [`SqliteMetadata::is_empty`].
    pub async fn create(path: &Path) -> Result<Self, LakeError> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        match made {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(LakeError::io(path, error)),
            _ => Self::connect(path).await,
        }
    }

    /// Whether it holds no table yet.
    pub async fn is_empty(&self) -> Result<bool, LakeError> {
        let tables = self.read().await?.query("SELECT 1 FROM sqlite_master LIMIT 1", &[]).await?;
        Ok(tables.is_empty())
    }

    /// Opens a database that exists.
    pub async fn open(path: &Path) -> Result<Self, LakeError> {
        let header_bytes = 100;
        match std::fs::metadata(path) {
            Ok(found) if found.len() < header_bytes => {
                return Err(LakeError::damaged(format!(
                    "{} is {} bytes long and cannot be a database",
                    path.display(),
                    found.len()
                )));
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(LakeError::NotFound { path: path.to_owned() });
            }
            Err(error) => return Err(LakeError::io(path, error)),
        }
        // SQLite would say "unable to open" for a file that it may not read.
        OpenOptions::new().read(true).write(true).open(path).map_err(|error| LakeError::io(path, error))?;
        let metadata = Self::connect(path).await?;
        metadata.check_length().await?;
        Ok(metadata)
    }

    async fn connect(path: &Path) -> Result<Self, LakeError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .row_buffer_size(ROWS_WAITING_MAX)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(WRITER_WAIT_SECONDS_MAX));
        // What is deleted is overwritten: bounds of erased files hold values of their rows.
        let to_write = options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("secure_delete", "on");
        let to_read = options.pragma("query_only", "1");
        let failed = |error| database_error(path, error);
        let writer = pool(1).connect_with(to_write).await.map_err(failed)?;
        let readers = pool(READERS_MAX).connect_with(to_read.clone()).await.map_err(failed)?;
        let observer = SqliteConnection::connect_with(&to_read).await.map_err(failed)?;
        Ok(Self { path: path.to_owned(), writer, readers, observer: Mutex::new(Some(observer)) })
    }

    /// Reads a copy that nobody writes to and that must not be changed. Damage in it is found here.
    pub(crate) async fn read_copy(path: &Path) -> Result<Box<dyn MetadataRead>, LakeError> {
        let failed = |error| database_error(path, error);
        let options = SqliteConnectOptions::new().filename(path).read_only(true).immutable(true);
        let tx = pool(1).connect_with(options).await.map_err(failed)?.begin().await.map_err(failed)?;
        let mut read = SqliteTransaction(tx, path.to_owned());
        let found = read.query("PRAGMA quick_check(1)", &[]).await?;
        match found.first().map(|row| row.text(0)).transpose()? {
            Some("ok") => Ok(Box::new(read)),
            found => Err(LakeError::damaged(format!("{}: {}", path.display(), found.unwrap_or("no answer")))),
        }
    }

    /// Refuses a file that lost its end. While there is a write-ahead log the file may rightly be shorter.
    async fn check_length(&self) -> Result<(), LakeError> {
        let mut read = self.read().await?;
        let number = |rows: Vec<MetadataRow>| rows.first().map_or(Ok(0), |row| row.integer(0));
        let pages = number(read.query("PRAGMA page_count", &[]).await?)?;
        let page_bytes = number(read.query("PRAGMA page_size", &[]).await?)?;
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        let expected = u64::try_from(pages.saturating_mul(page_bytes)).unwrap_or(0);
        let found = length(&self.path);
        if length(Path::new(&log)) == 0 && found < expected {
            return Err(LakeError::damaged(format!(
                "{} is {found} bytes long and must be {expected}",
                self.path.display()
            )));
        }
        Ok(())
    }

    async fn apply(&self, component: &Component) -> Result<(), LakeError> {
        let failed = |error| database_error(&self.path, error);
        let mut tx = self.begin_write().await?;
        let applied = tx
            .query(
                "SELECT version, checksum FROM lis_migration WHERE component = ? ORDER BY version",
                &[component.name.into()],
            )
            .await?;
        for row in &applied {
            let version = row.integer(0)?;
            let known = component.migrations.iter().find(|migration| migration.version == version);
            let Some(known) = known else {
                return Err(LakeError::Newer {
                    component: component.name.to_owned(),
                    found: version.to_string(),
                    known: component.migrations.last().map_or(0, |last| last.version).to_string(),
                });
            };
            if row.text(1)? != checksum(known.sql) {
                return Err(LakeError::AlteredMigration { component: component.name.to_owned(), version });
            }
        }
        let there = applied.iter().map(|row| row.integer(0)).collect::<Result<Vec<_>, _>>()?;
        let missing: Vec<_> =
            component.migrations.iter().filter(|migration| !there.contains(&migration.version)).collect();
        for migration in &missing {
            sqlx::raw_sql(migration.sql).execute(&mut *tx.0).await.map_err(failed)?;
            tx.execute(
                "INSERT INTO lis_migration(component, version, checksum) VALUES (?, ?, ?)",
                &[component.name.into(), migration.version.into(), checksum(migration.sql).into()],
            )
            .await?;
        }
        if missing.is_empty() { Ok(()) } else { Box::new(tx).commit().await }
    }

    async fn begin_write(&self) -> Result<SqliteTransaction, LakeError> {
        self.begin(&self.writer, "BEGIN IMMEDIATE").await
    }

    /// Begins a transaction on a sound connection. After some errors (a full disk above all) SQLite has ended a
    /// transaction by itself, and the pool's connection believes for ever that it is in one: such a one is closed, and
    /// another opened in its place.
    async fn begin(&self, pool: &SqlitePool, sql: &'static str) -> Result<SqliteTransaction, LakeError> {
        let failed = |error| database_error(&self.path, error);
        for _ in 0..=READERS_MAX {
            match pool.begin_with(sql).await {
                Err(sqlx::Error::InvalidSavePointStatement) => {
                    tracing::warn!(path = %self.path.display(), "a transaction ended by itself; connecting anew");
                    pool.acquire().await.map_err(failed)?.close().await.map_err(failed)?;
                }
                begun => {
                    return begun.map(|tx| SqliteTransaction(tx, self.path.clone())).map_err(failed);
                }
            }
        }
        Err(failed(sqlx::Error::InvalidSavePointStatement))
    }
}

#[async_trait]
impl Metadata for SqliteMetadata {
    async fn migrate(&self, components: &[Component]) -> Result<(), LakeError> {
        let mut tx = self.begin_write().await?;
        let known = tx.query("SELECT 1 FROM sqlite_master WHERE name = 'lis_migration'", &[]).await?;
        if known.is_empty() {
            tx.execute(
                "CREATE TABLE lis_migration(component TEXT NOT NULL, version INTEGER NOT NULL, \
                 checksum TEXT NOT NULL, PRIMARY KEY (component, version)) STRICT, WITHOUT ROWID",
                &[],
            )
            .await?;
            Box::new(tx).commit().await?;
        } else {
            drop(tx);
        }
        for component in components {
            self.apply(component).await?;
        }
        Ok(())
    }

    async fn read(&self) -> Result<Box<dyn MetadataRead>, LakeError> {
        Ok(Box::new(self.begin(&self.readers, "BEGIN").await?))
    }

    async fn write(&self) -> Result<Box<dyn MetadataTx>, LakeError> {
        Ok(Box::new(self.begin_write().await?))
    }

    async fn close(&self) -> Result<(), LakeError> {
        let failed = |error| database_error(&self.path, error);
        self.readers.close().await;
        if let Some(observer) = self.observer.lock().await.take() {
            observer.close().await.map_err(failed)?;
        }
        self.empty_log().await?;
        self.writer.close().await;
        Ok(())
    }

    async fn scrub(&self) -> Result<(), LakeError> {
        // `secure_delete` overwrites what is deleted, and not what is left behind in the free space of a page whose other
        // rows have moved.
        let failed = |error| database_error(&self.path, error);
        sqlx::query("VACUUM").execute(&self.writer).await.map_err(failed)?;
        self.empty_log().await
    }

    async fn copy_to(&self, path: &Path) -> Result<(), LakeError> {
        let target = path.to_str().ok_or_else(|| LakeError::Missing { path: path.to_owned() })?;
        let failed = |error| database_error(&self.path, error);
        // Not one of the readers, which may not write to any file, nor the writer, on whom others wait.
        let options = SqliteConnectOptions::new().filename(&self.path).create_if_missing(false);
        let mut connection = SqliteConnection::connect_with(&options).await.map_err(failed)?;
        sqlx::query("VACUUM INTO ?").bind(target).execute(&mut connection).await.map_err(failed)?;
        connection.close().await.map_err(failed)
    }

    async fn change_counter(&self) -> Result<i64, LakeError> {
        let failed = |error| database_error(&self.path, error);
        let mut observer = self.observer.lock().await;
        let observer = observer.as_mut().ok_or(sqlx::Error::PoolClosed).map_err(failed)?;
        sqlx::query_scalar("PRAGMA data_version").fetch_one(observer).await.map_err(failed)
    }
}

impl SqliteMetadata {
    /// Puts everything that nobody is reading around into the main file.
    async fn empty_log(&self) -> Result<(), LakeError> {
        let failed = |error| database_error(&self.path, error);
        // Somebody may still read from the log; then it stays, which harms nobody.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.writer).await.map_err(failed)?;
        Ok(())
    }
}

/// A read or write transaction; dropping it rolls it back.
struct SqliteTransaction(Transaction<'static, Sqlite>, PathBuf);

#[async_trait]
impl MetadataRead for SqliteTransaction {
    async fn query(&mut self, sql: &str, arguments: &[Value]) -> Result<Vec<MetadataRow>, LakeError> {
        let failed = |error| database_error(&self.1, error);
        let rows = bind(sql, arguments).fetch_all(&mut *self.0).await.map_err(failed)?;
        rows.iter().map(|row| values(row).map_err(failed)).collect()
    }
}

#[async_trait]
impl MetadataTx for SqliteTransaction {
    async fn execute(&mut self, sql: &str, arguments: &[Value]) -> Result<u64, LakeError> {
        let done = bind(sql, arguments).execute(&mut *self.0).await;
        done.map(|done| done.rows_affected()).map_err(|error| database_error(&self.1, error))
    }

    async fn commit(self: Box<Self>) -> Result<(), LakeError> {
        let Self(tx, path) = *self;
        tx.commit().await.map_err(|error| database_error(&path, error))
    }
}

fn pool(connections_max: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections_max)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .acquire_timeout(Duration::from_secs(WRITER_WAIT_SECONDS_MAX))
}

fn bind<'a>(sql: &str, arguments: &'a [Value]) -> Query<'a, Sqlite, SqliteArguments> {
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for argument in arguments {
        query = match argument {
            Value::Null => query.bind(None::<i64>),
            Value::Integer(value) => query.bind(*value),
            Value::Real(value) => query.bind(*value),
            Value::Text(value) => query.bind(value.as_str()),
            Value::Blob(value) => query.bind(value.as_slice()),
        };
    }
    query
}

fn values(row: &SqliteRow) -> Result<MetadataRow, sqlx::Error> {
    let decode = |index: usize| -> Result<Value, sqlx::Error> {
        let value = row.try_get_raw(index)?;
        if value.is_null() {
            return Ok(Value::Null);
        }
        let failed =
            |source| sqlx::Error::ColumnDecode { index: row.column(index).name().to_owned(), source };
        let info = value.type_info();
        let decoded = match info.name() {
            "INTEGER" => <i64 as Decode<Sqlite>>::decode(value).map(Value::Integer),
            "REAL" => <f64 as Decode<Sqlite>>::decode(value).map(Value::Real),
            "BLOB" => <Vec<u8> as Decode<Sqlite>>::decode(value).map(Value::Blob),
            _ => <String as Decode<Sqlite>>::decode(value).map(Value::Text),
        };
        decoded.map_err(failed)
    };
    (0..row.len()).map(decode).collect::<Result<_, _>>().map(MetadataRow)
}

fn checksum(sql: &str) -> String {
    hexadecimal(&Sha256::digest(sql.as_bytes()))
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

/// SQLite's result codes (<https://www.sqlite.org/rescode.html>): the primary code is the low byte.
fn database_error(path: &Path, error: sqlx::Error) -> LakeError {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const READ_ONLY: u32 = 8;
    const CORRUPT: u32 = 11;
    const FULL: u32 = 13;
    const CANNOT_OPEN: u32 = 14;
    const NOT_A_DATABASE: u32 = 26;
    const CONSTRAINT_PRIMARY_KEY: u32 = 1555;
    const CONSTRAINT_UNIQUE: u32 = 2067;
    if matches!(error, sqlx::Error::PoolTimedOut) {
        return LakeError::Busy { seconds: WRITER_WAIT_SECONDS_MAX };
    }
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok()).unwrap_or(0);
    let message = error.as_database_error().map_or_else(String::new, |error| error.message().to_owned());
    match (code, code & 0xff) {
        (CONSTRAINT_PRIMARY_KEY | CONSTRAINT_UNIQUE, _) => LakeError::UniqueViolation { detail: message },
        (_, BUSY | LOCKED) => LakeError::Busy { seconds: WRITER_WAIT_SECONDS_MAX },
        (_, READ_ONLY | CANNOT_OPEN) => LakeError::PermissionDenied { path: path.to_owned() },
        (_, FULL) => LakeError::DiskFull { path: path.to_owned() },
        (_, CORRUPT | NOT_A_DATABASE) => LakeError::damaged(format!("{}: {message}", path.display())),
        _ => LakeError::Database(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_disk_keeps_nobody_from_writing_afterwards() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("catalog.sqlite");
        let metadata = SqliteMetadata::create(&path).await.unwrap();
        let mut tx = metadata.write().await.unwrap();
        tx.execute("CREATE TABLE t (b BLOB)", &[]).await.unwrap();
        tx.commit().await.unwrap();
        // As a disk that has room for so many pages.
        sqlx::query("PRAGMA max_page_count = 20").execute(&metadata.writer).await.unwrap();
        let mut tx = metadata.write().await.unwrap();
        let filled = tx.execute("INSERT INTO t VALUES (zeroblob(1000000))", &[]).await;
        assert!(matches!(filled, Err(LakeError::DiskFull { .. })), "{filled:?}");
        drop(tx);
        for _ in 0..3 {
            let mut tx = metadata.write().await.unwrap();
            tx.execute("INSERT INTO t VALUES (zeroblob(10))", &[]).await.unwrap();
            tx.commit().await.unwrap();
        }
        let rows = metadata.read().await.unwrap().query("SELECT count(*) FROM t", &[]).await.unwrap();
        assert_eq!(rows[0].integer(0).unwrap(), 3);
    }
}
