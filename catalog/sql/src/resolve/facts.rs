//! Functions about an expression itself, not its value alone: its collation, and the bytes that it takes.

use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    logical_expr::{Case, Expr, lit},
};
use lis_lake::types::{ColumnType, PgType};

use crate::{
    build::apply,
    error::{SqlError, SqlErrorKind},
    keywords::quote_identifier,
    types::{
        Typed,
        collation::{Collation, is_collatable},
        type_name,
    },
};

const TEXT: ColumnType = ColumnType::plain(PgType::Text);
const INT4: ColumnType = ColumnType::plain(PgType::Int4);

/// `pg_collation_for("any")`, which is `COLLATION FOR (…)` too.
pub(super) fn collation_for(value: &Typed) -> Result<Typed, SqlError> {
    let explicit = matches!(value.collation, crate::types::Derived::Explicit(_));
    if value.is_unknown() && !explicit {
        return Ok(Typed::null(TEXT));
    }
    if !is_collatable(value.pg_type()) && !value.is_unknown() {
        let message = format!("collations are not supported by type {}", type_name(value.pg_type()));
        return Err(SqlError::new(SqlErrorKind::DatatypeMismatch, message));
    }
    let collation = match value.collation.settled()? {
        Collation::Default if value.pg_type() == PgType::Name => Collation::C,
        settled => settled,
    };
    Ok(Typed::constant(ScalarValue::Utf8View(Some(quote_identifier(&collation.name()))), TEXT))
}

/// `pg_column_size("any")`: what PostgreSQL would need for the value, without compression.
pub(super) fn column_size(value: Typed) -> Result<Typed, SqlError> {
    let length = match value.pg_type() {
        PgType::Text | PgType::Varchar | PgType::Bpchar | PgType::Bytea | PgType::Json | PgType::Numeric => {
            let stored = ScalarValue::Boolean(Some(value.origin.is_some()));
            let stored = Typed::constant(stored, ColumnType::plain(PgType::Bool));
            let value = crate::types::casts::canonical_text(value);
            let kernel = lis_functions::column_size::column_size;
            return apply("pg_column_size", kernel, vec![value, stored], INT4, DataType::Int32);
        }
        PgType::Unknown => match value.value() {
            // A literal's text and the zero byte behind it.
            Some(ScalarValue::Utf8View(Some(text)) | ScalarValue::Utf8(Some(text))) => text.len() + 1,
            _ => return Ok(Typed::null(INT4)),
        },
        PgType::Bool | PgType::Char => 1,
        PgType::Int2 => 2,
        PgType::Int4 | PgType::Float4 | PgType::Date | PgType::Oid => 4,
        PgType::Int8 | PgType::Float8 | PgType::Time | PgType::Timestamp | PgType::Timestamptz => 8,
        PgType::Timetz => 12,
        PgType::Interval | PgType::Uuid => 16,
        PgType::Name => 64,
        other => {
            let message = format!("pg_column_size of type {} is not supported", type_name(other));
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message));
        }
    };
    let length = ScalarValue::Int32(i32::try_from(length).ok());
    let expr = match value.value() {
        Some(known) if !known.is_null() => lit(length),
        _ => Expr::Case(Case {
            expr: None,
            when_then_expr: vec![(Box::new(value.expr.is_not_null()), Box::new(lit(length)))],
            else_expr: Some(Box::new(lit(ScalarValue::Int32(None)))),
        }),
    };
    Ok(Typed::canonical(expr, INT4))
}
