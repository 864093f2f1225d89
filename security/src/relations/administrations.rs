//! `lis.administrations` and `lis.areas`: how the organisation is divided is everybody's; who belongs where is in
//! `pg_auth_members`.

use chrono::{Datelike, NaiveDate};
use datafusion::common::Result;
use lis_lake::types::PgType;
use lis_pg_catalog::{
    registry::ViewContext,
    rows::{Cell, Rows},
    shapes::{Shape, column},
};

use super::viewer;

/// 1970-01-01, counted from the first day of the first year.
const EPOCH_DAY: i32 = 719_163;

fn day(date: Option<NaiveDate>) -> Cell {
    date.map(|date| date.num_days_from_ce() - EPOCH_DAY).into()
}

pub(super) static ADMINISTRATIONS: Shape = Shape::of_lis(
    "administrations",
    15_905,
    &[
        column("code", PgType::Text),
        column("name", PgType::Text),
        column("parent", PgType::Text),
        column("valid_from", PgType::Date),
        column("valid_to", PgType::Date),
    ],
);

pub(super) fn administrations(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    for administration in viewer(context)?.rights().all_administrations().iter() {
        rows.add([
            ("code", administration.code.as_str().into()),
            ("name", administration.name.as_str().into()),
            ("parent", administration.parent.as_deref().into()),
            ("valid_from", day(administration.valid_from)),
            ("valid_to", day(administration.valid_to)),
        ]);
    }
    Ok(())
}

pub(super) static AREAS: Shape =
    Shape::of_lis("areas", 15_906, &[column("name", PgType::Text), column("sensitive", PgType::Bool)]);

pub(super) fn areas(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    for area in viewer(context)?.rights().all_administrations().areas() {
        rows.add([("name", area.name.as_str().into()), ("sensitive", area.sensitive.into())]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_1970() {
        assert_eq!(day(NaiveDate::from_ymd_opt(1970, 1, 2)), Cell::Integer(1));
    }
}
