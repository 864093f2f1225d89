//! `lis.retention`: how long which table's rows are kept. Superusers, operators and auditors see every rule, also those
//! that still erase the past of dropped tables; others see those of the tables that they have a privilege on, since
//! whoever reads rows ought to know when they go.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::common::Result;
use lis_lake::{lake::Lake, table::Relation, types::PgType};

use super::snapshots::{external, is_insider};
use crate::{
    registry::{SystemRelation, ViewContext},
    rows::{Cell, to_batch},
    shapes::{Shape, column},
};

static RETENTION: Shape = Shape::of_lis(
    "retention",
    15902,
    &[
        column("schema_name", PgType::Text),
        column("table_name", PgType::Text),
        column("column_name", PgType::Text),
        column("age", PgType::Text),
        column("grace", PgType::Text),
        column("author", PgType::Text),
        column("set_at", PgType::Timestamptz),
    ],
);

/// `lis.retention`
#[derive(Debug)]
pub(crate) struct Retention {
    lake: Arc<Lake>,
}

impl Retention {
    pub(crate) fn new(lake: Arc<Lake>) -> Self {
        Self { lake }
    }
}

#[async_trait]
impl SystemRelation for Retention {
    fn shape(&self) -> &'static Shape {
        &RETENTION
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let insider = is_insider(context);
        let user = context.bind.session_user.as_str();
        let mut rows = Vec::new();
        for rule in self.lake.retention_rules().await.map_err(external)? {
            let relation = context.snapshot.relation(rule.table);
            let known = relation.is_some() && context.viewer.may_see_relation(rule.table.oid());
            if !(insider || known) {
                continue;
            }
            let schema = relation.and_then(|relation| context.snapshot.schema(relation.schema_id()));
            let table = relation.and_then(Relation::as_table);
            let column = table.and_then(|table| table.column(rule.column));
            rows.push(vec![
                Cell::from(schema.map(|schema| schema.name.as_str().to_owned())),
                Cell::from(table.map(|table| table.name.as_str().to_owned())),
                Cell::from(column.map(|column| column.name.as_str().to_owned())),
                Cell::Text(rule.age.to_string()),
                Cell::Text(rule.grace.to_string()),
                Cell::from(Some(rule.author).filter(|author| insider || author == user)),
                rule.set_us.into(),
            ]);
        }
        to_batch(RETENTION.columns, &rows)
    }
}
