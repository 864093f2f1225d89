//! Records: rows as values. A record is an Arrow struct whose fields say their PostgreSQL types
//! ([`lis_lake::types::record_field`]), so that whoever holds one, here or on the wire, knows all of it.

use arrow::datatypes::{DataType, Fields};
use datafusion::{common::ScalarValue, logical_expr::Expr};
use lis_functions::{json, records as kernels};
use lis_lake::types::{ColumnType, PgType, field_type, record_field};

use super::{Binding, Typed, casts, settle_unknown};
use crate::{
    build::apply_on_null,
    error::{SqlError, SqlErrorKind},
};

const RECORD: ColumnType = ColumnType::plain(PgType::Record);

/// A record of named fields. A field that nothing has given a type is text.
pub(crate) fn record(binding: &Binding<'_>, fields: Vec<(String, Typed)>) -> Result<Typed, SqlError> {
    let mut shapes = Vec::with_capacity(fields.len());
    let mut values = Vec::with_capacity(fields.len());
    for (name, typed) in fields {
        let typed = casts::canonical_text(settle_unknown(binding, typed)?);
        shapes.push(record_field(&name, typed.column_type, typed.arrow_type.clone()));
        values.push(typed);
    }
    let arrow_type = DataType::Struct(Fields::from(shapes));
    apply_on_null("row", kernels::make_record, values, RECORD, arrow_type)
}

/// `ROW(…)`: fields `f1`, `f2`, ….
pub(crate) fn row(binding: &Binding<'_>, values: Vec<Typed>) -> Result<Typed, SqlError> {
    record(
        binding,
        values.into_iter().zip(1..).map(|(typed, number)| (format!("f{number}"), typed)).collect(),
    )
}

/// The whole row of a table at the nullable side of an outer join: null where the join found nothing.
pub(crate) fn nullable(record: Typed, columns: &[Typed]) -> Typed {
    let missing = columns.iter().map(|column| column.expr.clone().is_null()).reduce(Expr::and);
    let Some(missing) = missing else { return record };
    let null = ScalarValue::try_from(&record.arrow_type).unwrap_or(ScalarValue::Null);
    let expr = Expr::Case(datafusion::logical_expr::Case {
        expr: None,
        when_then_expr: vec![(Box::new(missing), Box::new(datafusion::logical_expr::lit(null)))],
        else_expr: Some(Box::new(record.expr.clone())),
    });
    Typed { expr, ..record }
}

/// Names and types of a record's fields; `None` if it is none or one of them has no type.
pub(crate) fn shape(arrow_type: &DataType) -> Option<Vec<(String, ColumnType, DataType)>> {
    let DataType::Struct(fields) = arrow_type else { return None };
    fields
        .iter()
        .map(|field| Some((field.name().clone(), field_type(field)?, field.data_type().clone())))
        .collect()
}

/// The fields of a record.
pub(crate) fn fields(record: &Typed) -> Result<Option<Vec<(String, Typed)>>, SqlError> {
    let Some(shape) = shape(&record.arrow_type) else { return Ok(None) };
    let mut fields = Vec::with_capacity(shape.len());
    for (index, (name, column_type, arrow_type)) in shape.into_iter().enumerate() {
        let number = i32::try_from(index).unwrap_or(i32::MAX);
        let number = Typed::constant(ScalarValue::Int32(Some(number)), ColumnType::plain(PgType::Int4));
        let field = apply_on_null(
            "record_field",
            kernels::field,
            vec![record.clone(), number],
            column_type,
            arrow_type,
        )?;
        fields.push((name, field.at(record.position)));
    }
    Ok(Some(fields))
}

fn known_fields(record: &Typed) -> Result<Vec<(String, Typed)>, SqlError> {
    fields(record)?.ok_or_else(|| {
        SqlError::new(SqlErrorKind::FeatureNotSupported, "a record of unknown fields is not supported")
            .at(record.position)
    })
}

/// `(1,"a b",)`
pub(crate) fn to_text(
    binding: &Binding<'_>,
    record: Typed,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let mut arguments = vec![record.clone()];
    for (_, field) in known_fields(&record)? {
        arguments.push(casts::canonical_text(casts::output_text(binding, field, position)?));
    }
    let text = ColumnType::plain(PgType::Text);
    apply_on_null("record_out", kernels::record_to_text, arguments, text, DataType::Utf8View)
}

/// `{"f1":1,"f2":"a b"}`
pub(crate) fn to_json(binding: &Binding<'_>, record: Typed) -> Result<Typed, SqlError> {
    let mut arguments = vec![record.clone()];
    for (name, field) in known_fields(&record)? {
        arguments.push(Typed::constant(ScalarValue::Utf8View(Some(name)), ColumnType::plain(PgType::Text)));
        arguments.push(casts::canonical_text(crate::functions::strings::as_json(binding, field)?));
    }
    let json = ColumnType::plain(PgType::Json);
    apply_on_null("row_to_json", json::build::record, arguments, json, DataType::Utf8View)
}

/// Two records with fields of the same types, to be compared.
pub(crate) fn align(binding: &Binding<'_>, left: Typed, right: Typed) -> Result<(Typed, Typed), SqlError> {
    if left.arrow_type == right.arrow_type {
        return Ok((left, right));
    }
    let (lefts, rights) = (known_fields(&left)?, known_fields(&right)?);
    if lefts.len() != rights.len() {
        return Err(SqlError::new(
            SqlErrorKind::DatatypeMismatch,
            "cannot compare record types with different numbers of columns",
        ));
    }
    let mut pairs = (Vec::new(), Vec::new());
    for (number, ((_, one), (_, two))) in (1..).zip(lefts.into_iter().zip(rights)) {
        if one.pg_type() != two.pg_type() {
            let message = format!(
                "cannot compare dissimilar column types {} and {} at record column {number}",
                super::type_name(one.pg_type()),
                super::type_name(two.pg_type())
            );
            return Err(SqlError::new(SqlErrorKind::DatatypeMismatch, message));
        }
        let (one, two) = crate::operators::align(binding, one, two)?;
        pairs.0.push((format!("f{number}"), Typed { column_type: ColumnType::plain(one.pg_type()), ..one }));
        pairs.1.push((format!("f{number}"), Typed { column_type: ColumnType::plain(two.pg_type()), ..two }));
    }
    Ok((record(binding, pairs.0)?, record(binding, pairs.1)?))
}

/// `record IS NULL`: all its fields are; `IS NOT NULL`: none is.
pub(crate) fn null_tests(record: &Typed, negated: bool) -> Result<Option<Vec<Expr>>, SqlError> {
    let Some(fields) = fields(record)? else { return Ok(None) };
    let test = |field: Typed| if negated { field.expr.is_not_null() } else { field.expr.is_null() };
    Ok(Some(fields.into_iter().map(|(_, field)| test(field)).collect()))
}
