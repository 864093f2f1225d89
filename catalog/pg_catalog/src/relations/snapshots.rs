//! `lis.snapshots`: every state of the lake. Everybody may know when data changed; who changed it and what for is for
//! superusers, operators and auditors.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::{common::Result, error::DataFusionError};
use lis_lake::{
    ids::Oid,
    lake::Lake,
    names::Identifier,
    types::{ColumnType, PgType},
};

use crate::{
    registry::{SystemColumn, SystemRelation, ViewContext},
    rows::{Cell, to_batch},
};

/// Roles that see who made a snapshot.
const INSIDERS: [&str; 2] = ["lis_operator", "lis_auditor"];

const COLUMNS: &[SystemColumn] = &[
    SystemColumn { name: "snapshot_id", column_type: ColumnType::plain(PgType::Int8) },
    SystemColumn { name: "committed_at", column_type: ColumnType::plain(PgType::Timestamptz) },
    SystemColumn { name: "author", column_type: ColumnType::plain(PgType::Text) },
    SystemColumn { name: "message", column_type: ColumnType::plain(PgType::Text) },
    SystemColumn { name: "batch", column_type: ColumnType::plain(PgType::Int8) },
];

/// The relation.
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
    fn schema(&self) -> &'static str {
        "lis"
    }

    fn name(&self) -> &'static str {
        "snapshots"
    }

    fn oid(&self) -> Oid {
        Oid::new(15900)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let viewer = &context.viewer;
        let insider = viewer.is_superuser()
            || INSIDERS
                .iter()
                .any(|role| viewer.has_role(None, &Identifier::exact(role), "USAGE") == Some(true));
        let snapshots =
            self.lake.snapshots().await.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let rows: Vec<Vec<Cell>> = snapshots
            .into_iter()
            .map(|snapshot| {
                let told = |text: Option<String>| Cell::from(text.filter(|_| insider));
                vec![
                    snapshot.id.get().into(),
                    snapshot.committed_at_us.into(),
                    told(snapshot.author),
                    told(snapshot.message),
                    Cell::from(snapshot.batch.filter(|_| insider).map(lis_lake::ids::BatchId::get)),
                ]
            })
            .collect();
        to_batch(COLUMNS, &rows)
    }
}
