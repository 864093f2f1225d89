//! Reading the past: which snapshot a point in time means, snapshots with a name, and what a reader sees of one.
//!
//! **Rows are those of then, everything else is today's.** A table of the past has today's name, columns and owner,
//! since today's grants, policies and masks speak of those; only its files are of then. So no right is ever given back:
//! a policy that was made later filters the rows of then, a column that was dropped is gone, a table that was dropped
//! and made again under the same name is another table. A query of today runs on every past state. Three consequences:
//!
//! - A column that was added since is null; a NOT NULL that was set since is not promised of the past.
//! - A table or view that did not exist then is not there.
//! - A relation that was dropped since has no rights any more. Only who has all rights (a superuser) finds it, as it was
//!   defined then, unless today's have taken its name.

use std::sync::{Arc, PoisonError};

use crate::{
    error::LakeError,
    format,
    ids::SnapshotId,
    lake::{Lake, now_us},
    metadata::{MetadataRead, Value},
    snapshot::Snapshot,
    table::{Column, Relation, Table},
};

/// The longest name of a snapshot, in characters.
pub const SNAPSHOT_NAME_CHARACTERS_MAX: usize = 100;
/// Past states that are kept put together for the next who asks.
const COMPOSED_MAX: usize = 16;

/// A point in the lake's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PointInTime {
    /// A snapshot by its number.
    Snapshot(SnapshotId),
    /// What was newest at a time, in microseconds since 1970 UTC.
    Time(i64),
    /// A snapshot by its name.
    Name(String),
}

/// A snapshot with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSnapshot {
    /// The name.
    pub name: String,
    /// The snapshot.
    pub id: SnapshotId,
    /// Who named it.
    pub author: String,
    /// When, in microseconds since 1970 UTC.
    pub named_us: i64,
}

/// A past state put together with a present one.
#[derive(Debug)]
pub(crate) struct Composed {
    then: SnapshotId,
    now: Arc<Snapshot>,
    with_dropped: bool,
    snapshot: Arc<Snapshot>,
}

impl Lake {
    /// The snapshot that a point in time means. [`LakeError::NoPointInTime`] for what never was,
    /// [`LakeError::Expired`] for what is no more.
    pub async fn resolve(&self, point: &PointInTime) -> Result<SnapshotId, LakeError> {
        let mut read = self.metadata().read().await?;
        match point {
            PointInTime::Snapshot(id) => {
                let head = format::head(&mut *read).await?;
                match format::head_at(&mut *read, *id).await {
                    Ok(found) => Ok(found.id),
                    Err(LakeError::NoSnapshot(_)) if (0..head.id.get()).contains(&id.get()) => {
                        Err(LakeError::Expired { what: format!("snapshot {id}") })
                    }
                    Err(LakeError::NoSnapshot(_)) => {
                        Err(LakeError::NoPointInTime { what: format!("snapshot {id} does not exist") })
                    }
                    Err(error) => Err(error),
                }
            }
            PointInTime::Time(microseconds) => at_time(&mut *read, *microseconds).await,
            PointInTime::Name(name) => named(&mut *read, name)
                .await?
                .ok_or_else(|| LakeError::NoPointInTime { what: format!("no snapshot is named \"{name}\"") }),
        }
    }

    /// The rows of a snapshot in today's definitions. `with_dropped`: also what was dropped since, for who has all
    /// rights.
    pub async fn as_of(&self, id: SnapshotId, with_dropped: bool) -> Result<Arc<Snapshot>, LakeError> {
        let now = self.snapshot().await?;
        if now.id() == id {
            return Ok(now);
        }
        {
            let known = self.composed.lock().unwrap_or_else(PoisonError::into_inner);
            let same = |kept: &&Composed| {
                kept.then == id && kept.with_dropped == with_dropped && Arc::ptr_eq(&kept.now, &now)
            };
            if let Some(kept) = known.iter().find(same) {
                return Ok(Arc::clone(&kept.snapshot));
            }
        }
        let then = match self.snapshot_at(id).await {
            Err(LakeError::NoSnapshot(_)) => {
                return Err(LakeError::Expired { what: format!("snapshot {id}") });
            }
            then => then?,
        };
        let snapshot = Arc::new(compose(&then, &now, with_dropped));
        let mut known = self.composed.lock().unwrap_or_else(PoisonError::into_inner);
        // What was put together with an older present is of no use any more.
        known.retain(|kept| Arc::ptr_eq(&kept.now, &now));
        if known.len() >= COMPOSED_MAX {
            known.remove(0);
        }
        known.push(Composed { then: id, now, with_dropped, snapshot: Arc::clone(&snapshot) });
        Ok(snapshot)
    }

    /// Gives a snapshot a name, which keeps it from expiry. A name is given once: whoever wants another snapshot under it
    /// drops it first, so that nobody's year-end figures change behind the name.
    pub async fn name_snapshot(&self, name: &str, id: SnapshotId, author: &str) -> Result<(), LakeError> {
        let length = name.chars().count();
        let sensible = length > 0 && length <= SNAPSHOT_NAME_CHARACTERS_MAX && name.trim() == name;
        if !sensible || name.chars().any(char::is_control) {
            return Err(LakeError::NoPointInTime {
                what: format!(
                    "a snapshot's name has 1 to {SNAPSHOT_NAME_CHARACTERS_MAX} characters and no blanks around it"
                ),
            });
        }
        let mut tx = self.metadata().write().await?;
        if named(&mut *tx, name).await?.is_some() {
            return Err(LakeError::Duplicate { kind: "snapshot", name: name.to_owned() });
        }
        let named = tx
            .execute(
                "INSERT INTO lis_snapshot_name(name, snapshot_id, author, named_us) \
                 SELECT ?, snapshot_id, ?, ? FROM ducklake_snapshot WHERE snapshot_id = ?",
                &[name.into(), author.into(), now_us().into(), id.get().into()],
            )
            .await?;
        if named == 0 {
            return Err(LakeError::Expired { what: format!("snapshot {id}") });
        }
        tx.commit().await
    }

    /// Takes a snapshot's name away. Whether there was one.
    pub async fn drop_snapshot_name(&self, name: &str) -> Result<bool, LakeError> {
        let mut tx = self.metadata().write().await?;
        let dropped = tx.execute("DELETE FROM lis_snapshot_name WHERE name = ?", &[name.into()]).await?;
        tx.commit().await?;
        Ok(dropped > 0)
    }

    /// Every snapshot that has a name, oldest first.
    pub async fn named_snapshots(&self) -> Result<Vec<NamedSnapshot>, LakeError> {
        let sql =
            "SELECT name, snapshot_id, author, named_us FROM lis_snapshot_name ORDER BY snapshot_id, name";
        let rows = self.metadata().read().await?.query(sql, &[]).await?;
        rows.iter()
            .map(|row| {
                Ok(NamedSnapshot {
                    name: row.text(0)?.to_owned(),
                    id: SnapshotId::new(row.integer(1)?),
                    author: row.text(2)?.to_owned(),
                    named_us: row.integer(3)?,
                })
            })
            .collect()
    }
}

async fn named(read: &mut dyn MetadataRead, name: &str) -> Result<Option<SnapshotId>, LakeError> {
    let sql = "SELECT snapshot_id FROM lis_snapshot_name WHERE name = ?";
    let rows = read.query(sql, &[name.into()]).await?;
    rows.first().map(|row| row.integer(0).map(SnapshotId::new)).transpose()
}

/// The snapshot that was the newest at a time. Numbers have no gaps but where snapshots have expired: the time may then
/// fall into one of those, and the one before would be another state.
async fn at_time(read: &mut dyn MetadataRead, microseconds: i64) -> Result<SnapshotId, LakeError> {
    let time: Value = format::time_text(microseconds).into();
    let before = "SELECT max(snapshot_id) FROM ducklake_snapshot WHERE snapshot_time <= ?1";
    let after = "SELECT min(snapshot_id) FROM ducklake_snapshot WHERE snapshot_time > ?1";
    let mut number = async |sql: &str| -> Result<Option<i64>, LakeError> {
        let rows = read.query(sql, std::slice::from_ref(&time)).await?;
        rows.first().map_or(Ok(None), |row| row.integer_opt(0))
    };
    let (before, after) = (number(before).await?, number(after).await?);
    let expired = || LakeError::Expired { what: "the snapshot of that time".to_owned() };
    match (before, after) {
        (Some(before), Some(after)) if after == before + 1 => Ok(SnapshotId::new(before)),
        (Some(before), None) => Ok(SnapshotId::new(before)),
        (None, Some(0)) => {
            Err(LakeError::NoPointInTime { what: "there was no warehouse at that time".to_owned() })
        }
        (Some(_), Some(_)) | (None, Some(_)) => Err(expired()),
        (None, None) => Err(LakeError::damaged("the catalogue has no snapshot")),
    }
}

/// Rows of `then` in the definitions of `now`.
fn compose(then: &Snapshot, now: &Snapshot, with_dropped: bool) -> Snapshot {
    let mut seen = Snapshot::clone(then);
    for relation in then.relations() {
        seen.remove_relation(relation.id());
    }
    for schema in now.schemas() {
        seen.put_schema(Arc::clone(schema));
    }
    if with_dropped {
        for relation in then.relations().filter(|relation| now.relation(relation.id()).is_none()) {
            seen.put_relation(relation.clone());
        }
    } else {
        for schema in then.schemas().filter(|schema| now.schema(schema.id).is_none()) {
            seen.remove_schema(schema.id);
        }
    }
    for relation in now.relations() {
        match (then.relation(relation.id()), relation) {
            (Some(Relation::Table(then)), Relation::Table(now)) => {
                seen.put_relation(Relation::Table(Arc::new(table_of_then(then, now))));
            }
            // A view has no rows of its own; it is read as it is defined today.
            (Some(_), relation) => seen.put_relation(relation.clone()),
            (None, _) => {}
        }
    }
    seen.mark_staged();
    seen
}

fn table_of_then(then: &Table, now: &Table) -> Table {
    let promised = |column: &Column| {
        let kept = then.column(column.id).is_some_and(|then| then.not_null);
        Column { not_null: column.not_null && kept, ..column.clone() }
    };
    let columns: Vec<Column> = now.columns.iter().map(promised).collect();
    let files =
        if columns == then.columns { Arc::clone(&then.files) } else { Arc::new(then.files.for_columns()) };
    Table { columns, files, ..now.clone() }
}

#[cfg(test)]
mod tests;
