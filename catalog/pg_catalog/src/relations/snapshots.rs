//! `lis.snapshots`: the states of the lake, with what happened, by whom, and with which batch. `lis.named_snapshots`:
//! those with a name.
//!
//! Superusers, operators and auditors see all of it. Others see the snapshots that they made themselves, and the named
//! ones, which are there for everybody to read, by number and time: that somebody changed something in the night, how
//! often and when, is otherwise nobody's business. Reading the past needs no list, since a time says it too.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::{common::Result, error::DataFusionError};
use lis_lake::{
    error::LakeError,
    ids::{BatchId, RelationId},
    lake::Lake,
    names::Identifier,
    snapshot::Snapshot,
    types::PgType,
};

use crate::{
    registry::{SystemRelation, ViewContext},
    rows::{Cell, to_batch},
    shapes::{Shape, column},
};

/// Roles that see every snapshot.
const INSIDERS: [&str; 2] = ["lis_operator", "lis_auditor"];

static SNAPSHOTS: Shape = Shape::of_lis(
    "snapshots",
    15900,
    &[
        column("snapshot_id", PgType::Int8),
        column("committed_at", PgType::Timestamptz),
        column("author", PgType::Text),
        column("message", PgType::Text),
        column("batch", PgType::Int8),
        column("changes", PgType::Text),
    ],
);

static NAMED: Shape = Shape::of_lis(
    "named_snapshots",
    15901,
    &[
        column("name", PgType::Text),
        column("snapshot_id", PgType::Int8),
        column("committed_at", PgType::Timestamptz),
        column("named_by", PgType::Text),
        column("named_at", PgType::Timestamptz),
    ],
);

pub(super) fn external(error: LakeError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

pub(super) fn is_insider(context: &ViewContext) -> bool {
    let uses = |role: &&str| context.viewer.has_role(None, &Identifier::exact(role), "USAGE") == Some(true);
    context.viewer.is_superuser() || INSIDERS.iter().any(uses)
}

/// `lis.snapshots`
#[derive(Debug)]
pub(crate) struct Snapshots {
    lake: Arc<Lake>,
}

impl Snapshots {
    pub(crate) fn new(lake: Arc<Lake>) -> Self {
        Self { lake }
    }
}

#[async_trait]
impl SystemRelation for Snapshots {
    fn shape(&self) -> &'static Shape {
        &SNAPSHOTS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let insider = is_insider(context);
        let user = context.bind.session_user.as_str();
        let snapshots = self.lake.snapshots().await.map_err(external)?;
        let named = self.lake.named_snapshots().await.map_err(external)?;
        let today = self.lake.snapshot().await.map_err(external)?;
        let mut rows = Vec::with_capacity(snapshots.len());
        for snapshot in snapshots {
            let known = insider || snapshot.author.as_deref() == Some(user);
            if !known && !named.iter().any(|named| named.id == snapshot.id) {
                continue;
            }
            let told = |text: Option<String>| Cell::from(text.filter(|_| known));
            rows.push(vec![
                snapshot.id.get().into(),
                snapshot.committed_at_us.into(),
                told(snapshot.author),
                told(snapshot.message),
                Cell::from(snapshot.batch.filter(|_| known).map(BatchId::get)),
                told(Some(in_words(&snapshot.changes, &today))),
            ]);
        }
        to_batch(SNAPSHOTS.columns, &rows)
    }
}

/// DuckLake's list of changes with the names that relations have today: `inserted_into_table:5` becomes `inserted into
/// ekonomi.bokslut`. A relation that is gone keeps its number.
fn in_words(changes: &str, today: &Snapshot) -> String {
    let mut words = String::new();
    for change in split(changes) {
        let (what, of) = change.split_once(':').unwrap_or((change, ""));
        let relation = of.parse().ok().and_then(|id| today.relation(RelationId::new(id)));
        let name = relation.and_then(|relation| today.qualified_name(relation)).map(|name| name.to_string());
        let separator = if words.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        let _infallible = write!(
            words,
            "{separator}{} {}",
            what.replace('_', " ").replace(" table", ""),
            name.as_deref().unwrap_or(of)
        );
    }
    words
}

/// Splits at commas outside quotes.
fn split(changes: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    changes
        .split(move |character| {
            quoted ^= character == '"';
            character == ',' && !quoted
        })
        .filter(|change| !change.is_empty())
}

/// `lis.named_snapshots`
#[derive(Debug)]
pub(crate) struct NamedSnapshots {
    lake: Arc<Lake>,
}

impl NamedSnapshots {
    pub(crate) fn new(lake: Arc<Lake>) -> Self {
        Self { lake }
    }
}

#[async_trait]
impl SystemRelation for NamedSnapshots {
    fn shape(&self) -> &'static Shape {
        &NAMED
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let insider = is_insider(context);
        let user = context.bind.session_user.as_str();
        let times: BTreeMap<_, _> = self
            .lake
            .snapshots()
            .await
            .map_err(external)?
            .into_iter()
            .map(|snapshot| (snapshot.id, snapshot.committed_at_us))
            .collect();
        let named = self.lake.named_snapshots().await.map_err(external)?;
        let rows: Vec<Vec<Cell>> = named
            .into_iter()
            .map(|named| {
                let known = insider || named.author == user;
                vec![
                    Cell::Text(named.name),
                    named.id.get().into(),
                    times.get(&named.id).copied().into(),
                    Cell::from(Some(named.author).filter(|_| known)),
                    named.named_us.into(),
                ]
            })
            .collect();
        to_batch(NAMED.columns, &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_in_words() {
        let today = Snapshot::new(lis_lake::ids::SnapshotId::new(1), 0, [], []);
        let changes = "created_table:\"s\".\"a,b\",inserted_into_table:5";
        assert_eq!(in_words(changes, &today), "created \"s\".\"a,b\", inserted into 5");
        assert_eq!(in_words("", &today), "");
    }
}
