//! Security's system relations: roles and memberships as `pg_catalog` has them, policies, administrations and areas, the
//! audit. Each takes a viewer and shows what that viewer may see: names of roles are everybody's, as in PostgreSQL;
//! policies belong to relations and are shown with them; verifiers are shown to nobody.

mod administrations;
mod audit;
mod information_schema;
mod policies;
mod roles;

use std::{path::Path, sync::Arc};

use arrow::{
    array::new_empty_array,
    datatypes::{Field, Schema},
    record_batch::RecordBatch,
};
use datafusion::{
    common::{Result, ScalarValue},
    error::DataFusionError,
};
use lis_lake::{
    ids::Oid,
    types::{ColumnType, PgType},
};
use lis_pg_catalog::registry::{Registry, SystemColumn, SystemRelation, ViewContext, column};

use crate::{error::SecurityError, viewer::RightsViewer};

/// Registers them all.
pub(crate) fn register(registry: &mut Registry, audit: &Path) {
    let relations: Vec<Arc<dyn SystemRelation>> = vec![
        Arc::new(roles::PgAuthid),
        Arc::new(roles::PgAuthMembers),
        Arc::new(roles::PgDbRoleSetting),
        Arc::new(roles::PgGroup),
        Arc::new(roles::PgRoles),
        Arc::new(roles::PgUser),
        Arc::new(policies::PgPolicies),
        Arc::new(policies::PgPolicy),
        Arc::new(administrations::Administrations),
        Arc::new(administrations::Areas),
        Arc::new(information_schema::AdministrableRoleAuthorizations),
        Arc::new(information_schema::ApplicableRoles),
        Arc::new(information_schema::EnabledRoles),
        Arc::new(audit::AuditRecords::new(audit)),
    ];
    for relation in relations {
        registry.register(relation);
    }
}

/// A column.
/// The viewer as ours: every viewer of a server is.
fn viewer(context: &ViewContext) -> Result<&RightsViewer> {
    context.viewer.as_any().downcast_ref::<RightsViewer>().ok_or_else(|| {
        DataFusionError::External(Box::new(SecurityError::internal("a viewer that is not security's")))
    })
}

/// Rows to a batch of the relation's columns.
fn batch(columns: &[SystemColumn], rows: Vec<Vec<ScalarValue>>) -> Result<RecordBatch> {
    let mut cells: Vec<Vec<ScalarValue>> = columns.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        for (column, cell) in cells.iter_mut().zip(row) {
            column.push(cell);
        }
    }
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays = Vec::with_capacity(columns.len());
    for (column, cells) in columns.iter().zip(cells) {
        let arrow_type = column.column_type.to_arrow();
        fields.push(Field::new(column.name, arrow_type.clone(), true));
        arrays.push(if cells.is_empty() {
            new_empty_array(&arrow_type)
        } else {
            ScalarValue::iter_to_array(cells)?
        });
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
}

fn text(text: impl AsRef<str>) -> ScalarValue {
    ScalarValue::Utf8View(Some(text.as_ref().to_owned()))
}

fn text_opt(text: Option<impl AsRef<str>>) -> ScalarValue {
    ScalarValue::Utf8View(text.map(|text| text.as_ref().to_owned()))
}

fn boolean(value: bool) -> ScalarValue {
    ScalarValue::Boolean(Some(value))
}

fn oid(oid: Oid) -> ScalarValue {
    ScalarValue::UInt32(Some(oid.get()))
}

fn moment(microseconds: Option<i64>) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(microseconds, Some(Arc::from("UTC")))
}

/// An array; `None` is null.
fn array(element: PgType, values: Option<Vec<ScalarValue>>) -> ScalarValue {
    let arrow_type = ColumnType::plain(element).to_arrow();
    match values {
        Some(values) => ScalarValue::List(ScalarValue::new_list_nullable(&values, &arrow_type)),
        None => ScalarValue::new_null_list(arrow_type, true, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_canonical_types_also_when_there_are_none() {
        let columns = [
            column("oid", PgType::Oid),
            column("roles", PgType::Array(&PgType::Name)),
            column("at", PgType::Timestamptz),
        ];
        let expected: Vec<_> = columns.iter().map(|column| column.column_type.to_arrow()).collect();
        let filled = vec![
            vec![oid(Oid::new(1)), array(PgType::Name, Some(vec![text("a")])), moment(Some(1))],
            vec![oid(Oid::new(2)), array(PgType::Name, None), moment(None)],
        ];
        for rows in [Vec::new(), filled] {
            let batch = batch(&columns, rows).unwrap();
            let types: Vec<_> =
                batch.schema().fields().iter().map(|field| field.data_type().clone()).collect();
            assert_eq!(types, expected);
        }
    }
}
