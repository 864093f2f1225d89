//! Statistics of a whole table drawn tight again. Commits widen them by what they add and leave them as they are by what
//! they remove; here they are made anew from the files that are left. Nothing but bounds changes, so no snapshot is made.

use std::collections::BTreeMap;

use crate::{
    data_file::ColumnStatistics,
    error::LakeError,
    ids::RelationId,
    lake::Lake,
    metadata::MetadataTx,
    statistics,
    table::{Relation, Table},
};

impl Lake {
    /// Makes a table's statistics anew from its files'. Nothing happens when the table is gone.
    pub async fn refresh_statistics(&self, id: RelationId) -> Result<(), LakeError> {
        let mut tx = self.metadata().write().await?;
        let head = super::head(&mut *tx).await?;
        // Nobody can commit now, so this is the table as it is.
        let snapshot = super::load(&mut *tx, head, self.newest_known().as_ref()).await?;
        let Some(table) = snapshot.relation(id).and_then(Relation::as_table) else { return Ok(()) };
        refresh(&mut *tx, table).await?;
        tx.commit().await
    }
}

async fn refresh(tx: &mut dyn MetadataTx, table: &Table) -> Result<(), LakeError> {
    let id = table.id.get();
    let mut totals: BTreeMap<i64, ColumnStatistics> = BTreeMap::new();
    for file in table.files.iter() {
        for found in file.statistics.columns().unwrap_or_default().iter() {
            let Some(column) = table.column(found.column_id) else { continue };
            totals
                .entry(found.column_id.get())
                .and_modify(|total| statistics::widen(total, found, column))
                .or_insert_with(|| found.clone());
        }
    }
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    tx.execute(
        "UPDATE ducklake_table_stats SET record_count = ?, file_size_bytes = ? WHERE table_id = ?",
        &[number(table.files.record_count()).into(), number(table.files.size_bytes()).into(), id.into()],
    )
    .await?;
    tx.execute("DELETE FROM ducklake_table_column_stats WHERE table_id = ?", &[id.into()]).await?;
    for total in totals.values() {
        tx.execute(
            "INSERT INTO ducklake_table_column_stats(table_id, column_id, contains_null, contains_nan, min_value, \
             max_value) VALUES (?, ?, ?, ?, ?, ?)",
            &[
                id.into(),
                total.column_id.get().into(),
                total.null_count.map(|nulls| nulls > 0).into(),
                total.contains_nan.into(),
                total.min.clone().into(),
                total.max.clone().into(),
            ],
        )
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing::{TestLake, rows};

    #[tokio::test]
    async fn bounds_are_those_of_what_is_left() {
        let (test, table) = TestLake::with_table().await;
        test.append(&table, rows(&table, &[(Some("b"), 2, 100, 1)])).await;
        test.append(&table, rows(&table, &[(Some("z"), 2, 100, 99)])).await;
        let last = test.table(&table).await.files.iter().skip(1).map(|file| file.id).collect();
        let mut staged = test.stage().await;
        staged.rewrite_files(table.id, &last, []).unwrap();
        test.commit(staged).await;
        let bounds = async || {
            let mut read = test.lake.metadata().read().await.unwrap();
            let sql = "SELECT c.max_value, t.record_count FROM ducklake_table_column_stats c \
                       JOIN ducklake_table_stats t USING (table_id) WHERE column_id = 4";
            let rows = read.query(sql, &[]).await.unwrap();
            (rows[0].text(0).unwrap().to_owned(), rows[0].integer(1).unwrap())
        };
        assert_eq!(bounds().await, ("99".to_owned(), 1));
        test.lake.refresh_statistics(table.id).await.unwrap();
        assert_eq!(bounds().await, ("1".to_owned(), 1));
    }
}
