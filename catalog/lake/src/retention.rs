//! Retention: how long a table's rows are kept. A rule names a column of dates or times, an age and a grace period.
//!
//! Rows that are older than the age **disappear from the live table** in one snapshot, as by a DELETE; past states still
//! show them. When the grace period has passed too, they are **erased**: every past file that holds some is replaced, in
//! the snapshots that show it, by one without them, snapshots with a name included, and the old file is removed from the
//! disk. The law on personal data asks for that, and nothing brings such a row back: neither time travel nor the undoing
//! of a batch. What outlives it are copies that people made: backups, exports, tables derived from this one.
//!
//! A row is too old when its value is before *now less the age*, and to be erased when it is before *now less the age
//! less the grace period*. So that a mistaken rule does no harm at once, nothing is erased before the rule has stood for
//! its grace period. A row without a value stays. A rule outlives its table: the dropped table's past is erased as any.
//!
//! It is safe beside everything else. The live table changes by an ordinary commit, which gives way to statements that
//! are rewriting the table. Erasing touches past files only, so that nobody's newest snapshot changes; it is one commit,
//! which leaves out what has expired meanwhile. Old files go when nobody reads a snapshot that showed them (`pins.rs`); a
//! kill in between leaves files that the next run removes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use arrow::{
    array::{Array as _, ArrayRef, BooleanArray, RecordBatch},
    compute::{kernels::cmp::lt, not, prep_null_mask_filter},
    datatypes::{DataType, TimeUnit},
};
use chrono::{DateTime, Days, Months, TimeDelta};
use datafusion::{
    common::{Column as ColumnName, ScalarValue},
    execution::SessionState,
    logical_expr::{Expr, lit},
};
use futures::StreamExt as _;

use crate::{
    data_file::DataFile,
    error::LakeError,
    format::{self, Erasure, PastFile},
    ids::{ColumnId, RelationId, SnapshotId},
    lake::{CommitInfo, Lake, now_us},
    metadata::{MetadataRead, MetadataRow},
    moved_rows::MovedRows,
    provider::LakeTable,
    table::{Column, Relation, Table},
    types::PgType,
};

/// How often the live table is tried when others get in the way.
const TRIES_MAX: u32 = 5;
/// Of these, how many give way to a statement that rewrites the table.
const TRIES_POLITE: u32 = 3;
/// Bytes of past files that are replaced in one commit.
const ERASED_BYTES_MAX: u64 = 4 << 30;

/// A length of time as PostgreSQL keeps intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Months.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Microseconds.
    pub microseconds: i64,
}

impl Span {
    /// Whether no part of it is negative.
    pub fn is_forward(self) -> bool {
        self.months >= 0 && self.days >= 0 && self.microseconds >= 0
    }

    /// Whether it has no length.
    pub fn is_zero(self) -> bool {
        self.months == 0 && self.days == 0 && self.microseconds == 0
    }

    /// As a length of time, a month being 30 days; `None` if it is negative.
    pub fn as_duration(self) -> Option<Duration> {
        const DAY_MICROSECONDS: i64 = 86_400_000_000;
        let days = i64::from(self.months).checked_mul(30)?.checked_add(i64::from(self.days))?;
        let microseconds = days.checked_mul(DAY_MICROSECONDS)?.checked_add(self.microseconds)?;
        u64::try_from(microseconds).ok().map(Duration::from_micros)
    }

    /// The time, in microseconds since 1970, that a time is this much after; `None` before all times.
    fn before(self, microseconds: i64) -> Option<i64> {
        let months = Months::new(u32::try_from(self.months).ok()?);
        let days = Days::new(u64::try_from(self.days).ok()?);
        let time = DateTime::from_timestamp_micros(microseconds)?.naive_utc();
        let time = time.checked_sub_months(months)?.checked_sub_days(days)?;
        Some(
            time.checked_sub_signed(TimeDelta::microseconds(self.microseconds))?.and_utc().timestamp_micros(),
        )
    }
}

impl fmt::Display for Span {
    /// As PostgreSQL writes an interval that is not negative.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let parts = [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")];
        for (number, unit) in parts.into_iter().filter(|(number, _)| *number != 0) {
            write!(out, "{separator}{number} {unit}{}", if number == 1 { "" } else { "s" })?;
            separator = " ";
        }
        if self.microseconds == 0 && !separator.is_empty() {
            return Ok(());
        }
        let (seconds, fraction) = (self.microseconds / 1_000_000, self.microseconds % 1_000_000);
        write!(out, "{separator}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        if fraction == 0 {
            Ok(())
        } else {
            write!(out, "{}", format!(".{fraction:06}").trim_end_matches('0'))
        }
    }
}

/// Now, as a clock at Greenwich has it and as the clock on the wall.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Microseconds since 1970 UTC: what `timestamptz` is compared with.
    pub utc_us: i64,
    /// Microseconds since 1970 by the local clock: for `date` and `timestamp`.
    pub local_us: i64,
}

/// How long a table's rows are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// The table.
    pub table: RelationId,
    /// Its column of dates or times.
    pub column: ColumnId,
    /// Rows older than this go from the live table.
    pub age: Span,
    /// And after so much more from history.
    pub grace: Span,
    /// Who set it.
    pub author: String,
    /// When, in microseconds since 1970 UTC.
    pub set_us: i64,
}

/// What applying a rule has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retained {
    /// Rows that went from the live table.
    pub removed: u64,
    /// Past files that rows were taken out of.
    pub files_erased: u64,
    /// Past files that cannot be judged, since the column had another type then.
    pub files_unjudged: u64,
}

/// Whether a rule can go by a column of the type.
pub fn can_rule(pg_type: PgType) -> bool {
    matches!(pg_type, PgType::Date | PgType::Timestamp | PgType::Timestamptz)
}

impl Lake {
    /// Sets a table's rule, in place of the one that it has.
    pub async fn set_retention(&self, rule: &RetentionRule) -> Result<(), LakeError> {
        let mut tx = self.metadata().write().await?;
        let head = format::head(&mut *tx).await?;
        let snapshot = format::load(&mut *tx, head, self.newest_known().as_ref()).await?;
        let table = snapshot.relation(rule.table).and_then(Relation::as_table);
        let column = table.and_then(|table| table.column(rule.column));
        if column.is_none_or(|column| !can_rule(column.column_type.pg_type)) {
            return Err(LakeError::Unknown { kind: "column", name: rule.column.to_string() });
        }
        let (age, grace) = (rule.age, rule.grace);
        tx.execute(
            "INSERT OR REPLACE INTO lis_retention(table_id, column_id, months, days, microseconds, grace_months, \
             grace_days, grace_microseconds, author, set_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            &[
                rule.table.get().into(),
                rule.column.get().into(),
                i64::from(age.months).into(),
                i64::from(age.days).into(),
                age.microseconds.into(),
                i64::from(grace.months).into(),
                i64::from(grace.days).into(),
                grace.microseconds.into(),
                rule.author.as_str().into(),
                rule.set_us.into(),
            ],
        )
        .await?;
        tx.commit().await
    }

    /// Takes a table's rule away. Whether there was one.
    pub async fn drop_retention(&self, table: RelationId) -> Result<bool, LakeError> {
        let mut tx = self.metadata().write().await?;
        let sql = "DELETE FROM lis_retention WHERE table_id = ?";
        let dropped = tx.execute(sql, &[table.get().into()]).await?;
        tx.commit().await?;
        Ok(dropped > 0)
    }

    /// Every rule, also those of dropped tables.
    pub async fn retention_rules(&self) -> Result<Vec<RetentionRule>, LakeError> {
        rules(&mut *self.metadata().read().await?).await
    }

    /// Applies a rule: to the live table, and to the past as far as its grace period has passed. [`LakeError::Conflict`]
    /// when others kept writing to the same files.
    pub async fn apply_retention(
        self: &Arc<Self>,
        state: &SessionState,
        rule: &RetentionRule,
        now: Moment,
        author: &str,
    ) -> Result<Retained, LakeError> {
        let mut done =
            Retained { removed: self.leave_out(state, rule, now, author).await?, ..Retained::default() };
        if rule.grace.before(now.utc_us).is_some_and(|passed| rule.set_us <= passed) {
            let graced = |us| rule.grace.before(us);
            if let (Some(utc_us), Some(local_us)) = (graced(now.utc_us), graced(now.local_us)) {
                let erasing = Erasing { lake: self, state, rule, until: Moment { utc_us, local_us } };
                (done.files_erased, done.files_unjudged) = erasing.erase(author).await?;
            }
        }
        // Whatever there was to do: the run before may have been killed after its commit, and the bounds of the whole
        // table are values of rows too.
        self.refresh_statistics(rule.table).await?;
        self.remove_erased().await?;
        Ok(done)
    }

    /// After rules were applied: nothing of the statistics of what was erased is left in a file of the catalogue.
    pub async fn scrub_catalog(&self) -> Result<(), LakeError> {
        self.metadata().scrub().await
    }

    /// Removes the rows that are too old from the live table. How many.
    async fn leave_out(
        self: &Arc<Self>,
        state: &SessionState,
        rule: &RetentionRule,
        now: Moment,
        author: &str,
    ) -> Result<u64, LakeError> {
        for attempt in 0..TRIES_MAX {
            let base = self.snapshot().await?;
            let Some(table) = base.relation(rule.table).and_then(Relation::as_table) else { return Ok(0) };
            let Some(limit) = Limit::of(table, rule, now) else { return Ok(0) };
            let whole = LakeTable::new(Arc::clone(self), Arc::clone(table));
            let files: Vec<Arc<DataFile>> = limit.files(&whole, state)?.into_iter().map(Arc::clone).collect();
            let mut moved = MovedRows::new(self, state, table);
            let (mut touched, mut removed) = (BTreeSet::new(), 0);
            for file in files {
                let old = limit.leave_out(&mut moved, &file).await?;
                if old > 0 {
                    removed += old;
                    touched.insert(file.id);
                }
            }
            if touched.is_empty() {
                return Ok(0);
            }
            let name = base.qualified_name(&Relation::Table(Arc::clone(table)));
            let name = name.map_or_else(String::new, |name| name.to_string());
            let message = format!("retention of {name}: rows with {} before {}", limit.column, limit.before);
            let mut staged = self.stage(Arc::clone(&base));
            staged.rewrite_files(rule.table, &touched, moved.finish().await?)?;
            let gate = self.rewriting.shut_out(rule.table).await;
            if gate.is_none() && attempt < TRIES_POLITE {
                continue;
            }
            let info = CommitInfo { author: author.to_owned(), message, ..CommitInfo::default() };
            match self.commit(staged, Vec::new(), info).await {
                Ok(_) => return Ok(removed),
                Err(LakeError::Conflict { .. }) if attempt + 1 < TRIES_MAX => {}
                Err(error) => return Err(error),
            }
        }
        Ok(0)
    }
}

async fn rules(read: &mut dyn MetadataRead) -> Result<Vec<RetentionRule>, LakeError> {
    let sql = "SELECT table_id, column_id, months, days, microseconds, grace_months, grace_days, \
               grace_microseconds, author, set_us FROM lis_retention ORDER BY table_id";
    let span = |row: &MetadataRow, at: usize| -> Result<Span, LakeError> {
        let part = |at| -> Result<i32, LakeError> {
            let number = row.integer(at)?;
            i32::try_from(number)
                .map_err(|_| LakeError::damaged(format!("a rule of {number} months or days")))
        };
        Ok(Span { months: part(at)?, days: part(at + 1)?, microseconds: row.integer(at + 2)? })
    };
    let rows = read.query(sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(RetentionRule {
                table: RelationId::new(row.integer(0)?),
                column: ColumnId::new(row.integer(1)?),
                age: span(row, 2)?,
                grace: span(row, 5)?,
                author: row.text(8)?.to_owned(),
                set_us: row.integer(9)?,
            })
        })
        .collect()
}

/// Which rows of one version of a table are too old.
#[derive(Debug)]
struct Limit {
    position: usize,
    /// The column's name.
    column: String,
    /// Values before this are too old; of the column's type.
    before: ScalarValue,
}

impl Limit {
    /// `None` if the table has no such column, of no such type, or if nothing can be so old.
    fn of(table: &Table, rule: &RetentionRule, now: Moment) -> Option<Self> {
        let position = table.columns.iter().position(|column| column.id == rule.column)?;
        let column = table.columns.get(position)?;
        Some(Self {
            position,
            column: column.name.as_str().to_owned(),
            before: oldest_kept(column, rule.age, now)?,
        })
    }

    /// The files that may hold rows that are too old.
    fn files<'t>(
        &self,
        table: &'t LakeTable,
        state: &SessionState,
    ) -> Result<Vec<&'t Arc<DataFile>>, LakeError> {
        let column = Expr::Column(ColumnName::from_name(self.column.clone()));
        let too_old = column.lt(lit(self.before.clone()));
        table.matching_files(state, &[too_old]).map_err(LakeError::Engine)
    }

    /// Writes the rows of a file that are not too old. How many are; if none, nothing is written.
    async fn leave_out(&self, moved: &mut MovedRows<'_>, file: &Arc<DataFile>) -> Result<u64, LakeError> {
        let mut old = 0;
        let mut values = moved.rows(file, Some(&vec![self.position])).await?;
        while let Some(batch) = values.next().await {
            let batch = batch.map_err(LakeError::Engine)?;
            old += self.too_old(batch.column(0))?.true_count() as u64;
        }
        if old == 0 || old == file.record_count {
            return Ok(old);
        }
        let mut rows = moved.rows(file, None).await?;
        while let Some(batch) = rows.next().await {
            let batch: RecordBatch = batch.map_err(LakeError::Engine)?;
            let stay = not(&self.too_old(batch.column(self.position))?).map_err(arrow_error)?;
            moved.write(&batch, &stay).await?;
        }
        Ok(old)
    }

    fn too_old(&self, values: &ArrayRef) -> Result<BooleanArray, LakeError> {
        let before = self.before.to_scalar().map_err(LakeError::Engine)?;
        let old = lt(values, &before).map_err(arrow_error)?;
        // A value that is null has no age.
        Ok(if old.null_count() > 0 { prep_null_mask_filter(&old) } else { old })
    }
}

fn arrow_error(error: arrow::error::ArrowError) -> LakeError {
    LakeError::Engine(error.into())
}

/// The first value of the column that is not too old.
fn oldest_kept(column: &Column, age: Span, now: Moment) -> Option<ScalarValue> {
    const DAY_MICROSECONDS: i64 = 86_400_000_000;
    if !can_rule(column.column_type.pg_type) {
        return None;
    }
    Some(match column.column_type.to_arrow() {
        DataType::Date32 => {
            let days = age.before(now.local_us)?.div_euclid(DAY_MICROSECONDS);
            ScalarValue::Date32(Some(i32::try_from(days).ok()?))
        }
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            ScalarValue::TimestampMicrosecond(Some(age.before(now.local_us)?), None)
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            ScalarValue::TimestampMicrosecond(Some(age.before(now.utc_us)?), zone)
        }
        _ => return None,
    })
}

/// Taking rows out of a table's past.
struct Erasing<'a> {
    lake: &'a Arc<Lake>,
    state: &'a SessionState,
    rule: &'a RetentionRule,
    /// Now less the grace period.
    until: Moment,
}

impl Erasing<'_> {
    /// How many past files were replaced, and how many cannot be judged.
    async fn erase(&self, author: &str) -> Result<(u64, u64), LakeError> {
        let id = self.rule.table;
        let mut read = self.lake.metadata().read().await?;
        let past = format::past_files(&mut *read, id).await?;
        let versions = format::table_versions(&mut *read, id).await?;
        drop(read);
        let (mut erased, mut unjudged) = (0, 0);
        // A table's columns change seldom: the definitions are read once for each version.
        let mut known: BTreeMap<SnapshotId, Option<Arc<Table>>> = BTreeMap::new();
        let latest = match self.lake.snapshot().await?.relation(id).and_then(Relation::as_table) {
            Some(table) => Some(Arc::clone(table)),
            None => match past.iter().map(|past| past.end.get() - 1).max() {
                Some(last) => self.table_at(SnapshotId::new(last)).await?,
                None => None,
            },
        };
        let mut erasures = Vec::new();
        let mut bytes = 0;
        for past in past {
            let begin = past.file.begin_snapshot;
            let version = versions.range(..=begin).next_back().copied().unwrap_or(begin);
            let table = match known.get(&version) {
                Some(table) => table.clone(),
                None => {
                    let table = self.table_at(version).await?;
                    known.entry(version).or_insert(table).clone()
                }
            };
            let Some(table) = table else { continue };
            bytes += past.file.file_size_bytes;
            match self.without_old(past, &table, latest.as_deref()).await? {
                Judged::Young => {}
                Judged::Unknown => unjudged += 1,
                Judged::Old(erasure) => erasures.push(erasure),
            }
            if bytes >= ERASED_BYTES_MAX {
                erased += self.commit(std::mem::take(&mut erasures), author).await?;
                bytes = 0;
            }
        }
        erased += self.commit(erasures, author).await?;
        if latest.is_none() || self.lake.snapshot().await?.relation(id).is_none() {
            let mut tx = self.lake.metadata().write().await?;
            if format::forget_table(&mut *tx, id).await? {
                tx.execute("DELETE FROM lis_retention WHERE table_id = ?", &[id.get().into()]).await?;
            }
            tx.commit().await?;
        }
        Ok((erased, unjudged))
    }

    async fn table_at(&self, at: SnapshotId) -> Result<Option<Arc<Table>>, LakeError> {
        format::table_at(&mut *self.lake.metadata().read().await?, self.rule.table, at).await
    }

    /// A past file without the rows that are too old. `table` is the table as it was when the file came.
    async fn without_old(
        &self,
        past: PastFile,
        table: &Arc<Table>,
        latest: Option<&Table>,
    ) -> Result<Judged, LakeError> {
        let Some(column) = table.column(self.rule.column) else {
            // The rows have the value that the column was added with.
            let added = latest.and_then(|latest| latest.column(self.rule.column));
            let before = added.and_then(|column| oldest_kept(column, self.rule.age, self.until));
            let value = added.and_then(|column| column.initial_default.as_ref());
            let is_old = value.zip(before).is_some_and(|(value, before)| *value < before);
            return Ok(if is_old {
                Judged::Old(Erasure { old: past, new: Vec::new() })
            } else {
                Judged::Young
            });
        };
        if !can_rule(column.column_type.pg_type) {
            return Ok(Judged::Unknown);
        }
        let Some(limit) = Limit::of(table, self.rule, self.until) else { return Ok(Judged::Young) };
        let mut moved = MovedRows::new(self.lake, self.state, table);
        let alone = moved.table_of(vec![Arc::clone(&past.file)]);
        if limit.files(&alone, self.state)?.is_empty() || limit.leave_out(&mut moved, &past.file).await? == 0
        {
            return Ok(Judged::Young);
        }
        // What came later than the old file is not in the new one either.
        let bound =
            past.file.column_bound.or_else(|| table.columns.iter().map(|column| column.id.get() + 1).max());
        let new =
            moved.finish().await?.into_iter().map(|staged| Arc::new(staged.file.with_column_bound(bound)));
        Ok(Judged::Old(Erasure { new: new.collect(), old: past }))
    }

    async fn commit(&self, erasures: Vec<Erasure>, author: &str) -> Result<u64, LakeError> {
        if erasures.is_empty() {
            return Ok(0);
        }
        let mut tx = self.lake.metadata().write().await?;
        let head = format::head(&mut *tx).await?;
        let message =
            format!("retention of table {}: rows erased from {} past files", self.rule.table, erasures.len());
        let info = CommitInfo { author: author.to_owned(), message, ..CommitInfo::default() };
        let written =
            format::write_erasure(&mut *tx, head, self.rule.table, &erasures, &info, now_us()).await?;
        if written.is_none() {
            return Ok(0);
        }
        for file in erasures.iter().flat_map(|erasure| &erasure.new) {
            if let Some(guard) = &file.guard {
                guard.keep();
            }
        }
        tx.commit().await?;
        Ok(erasures.len() as u64)
    }
}

/// What of a past file has to go.
#[derive(Debug)]
enum Judged {
    Young,
    Old(Erasure),
    /// The column had a type that has no age.
    Unknown,
}

#[cfg(test)]
mod tests;
