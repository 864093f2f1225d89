//! `lis.administrations` and `lis.areas`: how the organisation is divided is everybody's; who belongs where is in
//! `pg_auth_members`.

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use chrono::{Datelike, NaiveDate};
use datafusion::common::{Result, ScalarValue};
use lis_lake::{ids::Oid, types::PgType};
use lis_pg_catalog::registry::{SystemColumn, SystemRelation, ViewContext};

use super::{batch, boolean, column, text, text_opt, viewer};

/// 1970-01-01, counted from the first day of the first year.
const EPOCH_DAY: i32 = 719_163;

fn day(date: Option<NaiveDate>) -> ScalarValue {
    ScalarValue::Date32(date.map(|date| date.num_days_from_ce() - EPOCH_DAY))
}

/// `lis.administrations`.
#[derive(Debug)]
pub(super) struct Administrations;

#[async_trait]
impl SystemRelation for Administrations {
    fn schema(&self) -> &'static str {
        "lis"
    }

    fn name(&self) -> &'static str {
        "administrations"
    }

    fn oid(&self) -> Oid {
        Oid::new(15905)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[
            column("code", PgType::Text),
            column("name", PgType::Text),
            column("parent", PgType::Text),
            column("valid_from", PgType::Date),
            column("valid_to", PgType::Date),
        ];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let rows = viewer(context)?
            .rights()
            .all_administrations()
            .iter()
            .map(|administration| {
                vec![
                    text(&administration.code),
                    text(&administration.name),
                    text_opt(administration.parent.as_deref()),
                    day(administration.valid_from),
                    day(administration.valid_to),
                ]
            })
            .collect();
        batch(self.columns(), rows)
    }
}

/// `lis.areas`.
#[derive(Debug)]
pub(super) struct Areas;

#[async_trait]
impl SystemRelation for Areas {
    fn schema(&self) -> &'static str {
        "lis"
    }

    fn name(&self) -> &'static str {
        "areas"
    }

    fn oid(&self) -> Oid {
        Oid::new(15906)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[column("name", PgType::Text), column("sensitive", PgType::Bool)];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let rows = viewer(context)?
            .rights()
            .all_administrations()
            .areas()
            .map(|area| vec![text(&area.name), boolean(area.sensitive)])
            .collect();
        batch(self.columns(), rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_1970() {
        assert_eq!(day(NaiveDate::from_ymd_opt(1970, 1, 2)), ScalarValue::Date32(Some(1)));
    }
}
