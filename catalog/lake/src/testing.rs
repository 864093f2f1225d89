//! What this crate's tests share: a lake in a temporary directory and a table of ledger-like rows.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringViewArray},
    datatypes::DataType,
};
use tempfile::TempDir;

use crate::{
    data_file::StagedFile,
    files::WriterOptions,
    ids::Oid,
    lake::{CommitInfo, Lake},
    names::Identifier,
    provider::table_schema,
    staged::{NewColumn, NewSchema, NewTable, StagedChanges},
    table::{Relation, Table},
    types::{ColumnType, PgType},
};

/// A lake that is removed with the value.
pub(crate) struct TestLake {
    pub(crate) lake: Arc<Lake>,
    pub(crate) directory: TempDir,
}

impl TestLake {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let lake = Lake::create(directory.path(), &[]).await.unwrap();
        Self { lake, directory }
    }

    /// The lake with schema `s` and table `s.t(administration, day, amount, line)`, sorted by the first two.
    pub(crate) async fn with_table() -> (Self, Arc<Table>) {
        let test = Self::new().await;
        let mut staged = test.stage().await;
        let table = create_table(&mut staged).await;
        test.commit(staged).await;
        (test, table)
    }

    pub(crate) async fn stage(&self) -> StagedChanges {
        self.lake.stage(self.lake.snapshot().await.unwrap())
    }

    pub(crate) async fn commit(&self, staged: StagedChanges) {
        self.lake.commit(staged, Vec::new(), CommitInfo::default()).await.unwrap();
    }

    pub(crate) async fn table(&self, table: &Table) -> Arc<Table> {
        table_of(&self.lake, table).await
    }

    pub(crate) async fn write(&self, table: &Table, batches: Vec<RecordBatch>) -> Vec<StagedFile> {
        write(&self.lake, table, batches).await
    }

    /// Appends one file in a commit of its own.
    pub(crate) async fn append(&self, table: &Table, batch: RecordBatch) {
        let files = self.write(table, vec![batch]).await;
        let mut staged = self.stage().await;
        staged.append_files(table.id, files).unwrap();
        self.commit(staged).await;
    }
}

pub(crate) async fn table_of(lake: &Lake, table: &Table) -> Arc<Table> {
    match lake.snapshot().await.unwrap().relation(table.id) {
        Some(Relation::Table(table)) => Arc::clone(table),
        other => panic!("no table: {other:?}"),
    }
}

pub(crate) async fn write(lake: &Arc<Lake>, table: &Table, batches: Vec<RecordBatch>) -> Vec<StagedFile> {
    let mut writer = lake.writer(table, WriterOptions::default()).await.unwrap();
    for batch in batches {
        writer.write(batch).await.unwrap();
    }
    writer.finish().await.unwrap()
}

pub(crate) fn new_column(name: &str, column_type: ColumnType) -> NewColumn {
    NewColumn::new(Identifier::exact(name), column_type)
}

pub(crate) async fn create_table(staged: &mut StagedChanges) -> Arc<Table> {
    let schema = staged
        .create_schema(NewSchema { name: Identifier::exact("s"), owner: Oid::ADMINISTRATOR, comment: None })
        .await
        .unwrap();
    let mut line = new_column("line", ColumnType::plain(PgType::Int8));
    line.not_null = true;
    staged
        .create_table(NewTable {
            schema_id: schema.id,
            name: Identifier::exact("t"),
            owner: Oid::ADMINISTRATOR,
            comment: Some("rows".to_owned()),
            columns: vec![
                new_column("administration", ColumnType::varchar(3)),
                new_column("day", ColumnType::plain(PgType::Date)),
                new_column("amount", ColumnType::numeric(12, 2)),
                line,
            ],
            materialized: None,
            constraints: Vec::new(),
            sort_order: vec![Identifier::exact("administration"), Identifier::exact("day")],
        })
        .await
        .unwrap()
}

/// Rows for [`create_table`]'s table: (administration, day, amount in hundredths, line).
pub(crate) fn rows(table: &Table, rows: &[(Option<&str>, i32, i128, i64)]) -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringViewArray::from_iter(rows.iter().map(|row| row.0))),
        Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.1))),
        Arc::new(
            Decimal128Array::from_iter_values(rows.iter().map(|row| row.2))
                .with_data_type(DataType::Decimal128(12, 2)),
        ),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.3))),
    ];
    RecordBatch::try_new(table_schema(table), columns).unwrap()
}
