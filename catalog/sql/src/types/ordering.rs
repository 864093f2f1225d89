//! What values are ordered by, where Arrow's order of their representation is not PostgreSQL's: text under a collation of
//! ICU's, intervals (by the time they span), `char` with other blanks at its end, floats (their zeros are one), `jsonb`,
//! arrays and records (nulls inside them come last).
//!
//! The key of such a value is an expression over it whose own order is right: computed once per row by whoever sorts or
//! compares, and not a bare column, so that neither pruning nor a file's bounds are asked about it.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use lis_functions::{casts, collation, dates, json, numbers, scalar::Kernel};
use lis_lake::types::{Category, ColumnType, PgType};

use super::{
    Typed,
    casts::{canonical_text, each_element},
};
use crate::{
    build::apply,
    error::{SqlError, SqlErrorKind},
};

/// The key to order by; the value itself where that will do.
pub(crate) fn order_key(typed: Typed) -> Result<Typed, SqlError> {
    let position = typed.position;
    keyed(typed).map_err(|error| error.at(position))
}

fn keyed(typed: Typed) -> Result<Typed, SqlError> {
    match typed.pg_type() {
        PgType::Text | PgType::Varchar | PgType::Bpchar | PgType::Name | PgType::Unknown => {
            let typed = if is_unpadded(&typed) { without_blanks(typed)? } else { typed };
            match typed.collation.settled()?.locale() {
                None => Ok(typed),
                Some(locale) => text_key(typed, locale),
            }
        }
        PgType::Array(PgType::Bpchar) => {
            let texts = ColumnType::plain(PgType::Array(&PgType::Text));
            let collation = typed.collation;
            keyed(each_element(typed, texts, without_blanks)?.collated(collation))
        }
        other @ (PgType::Json | PgType::Jsonpath) => Err(SqlError::new(
            SqlErrorKind::UndefinedFunction,
            format!("could not identify an ordering operator for type {}", other.facts().name),
        )
        .with_hint("Use an explicit ordering operator or modify the query.")),
        PgType::Float4 | PgType::Float8 => one_zero(typed),
        PgType::Interval => interval_key(typed),
        PgType::Jsonb => apply("jsonb_key", json::order_key, vec![typed], BYTES, DataType::BinaryView),
        PgType::Array(_) | PgType::Record => {
            let locale = typed.collation.settled()?.locale();
            let tag = match typed.pg_type() {
                PgType::Array(PgType::Jsonb) => Some(collation::JSONB_TAG.to_owned()),
                _ => locale.map(|locale| locale.tag().to_owned()),
            };
            let tag = Typed::constant(ScalarValue::Utf8View(tag), ColumnType::plain(PgType::Text));
            crate::build::apply_on_null(
                "nested_key",
                collation::nested_key,
                vec![typed, tag],
                BYTES,
                DataType::BinaryView,
            )
        }
        _ => Ok(typed),
    }
}

const BYTES: ColumnType = ColumnType::plain(PgType::Bytea);

/// Whether values of a type, with this expression's collation, are ordered by keys.
pub(crate) fn is_keyed(typed: &Typed) -> bool {
    match typed.pg_type() {
        PgType::Text | PgType::Varchar | PgType::Bpchar | PgType::Name | PgType::Unknown => {
            is_unpadded(typed) || has_collation_key(typed)
        }
        PgType::Interval | PgType::Jsonb | PgType::Array(_) | PgType::Record => true,
        _ => false,
    }
}

/// Whether text is ordered by the keys of a collation, which its own text can be had from.
pub(crate) fn has_collation_key(typed: &Typed) -> bool {
    typed.pg_type().facts().category == Category::String
        && typed.collation.settled().map_or(true, |collation| collation.locale().is_some())
}

/// Whether an expression is a `char` of no one length: its values end with as many blanks as where they came from, which
/// do not count. Values of one length are all padded to it, and compare as they are.
pub(crate) fn is_unpadded(typed: &Typed) -> bool {
    typed.pg_type() == PgType::Bpchar && typed.column_type.length().is_none()
}

/// A `char` as it is compared.
pub(crate) fn without_blanks(typed: Typed) -> Result<Typed, SqlError> {
    let collation = typed.collation;
    let text = ColumnType::plain(PgType::Text);
    let stripped = apply("strip_blanks", casts::strip_blanks, vec![typed], text, DataType::Utf8View)?;
    Ok(stripped.collated(collation))
}

/// A float whose zeros are one, to be counted: Arrow keeps them apart. Anything else as it is.
pub(crate) fn one_zero(typed: Typed) -> Result<Typed, SqlError> {
    let kernel: Kernel = match typed.pg_type() {
        PgType::Float4 => numbers::float4_one_zero,
        PgType::Float8 => numbers::float8_one_zero,
        _ => return Ok(typed),
    };
    let (column_type, arrow_type) = (typed.column_type, typed.arrow_type.clone());
    apply("one_zero", kernel, vec![typed], column_type, arrow_type)
}

/// The key by which equal values are found, where Arrow would keep values apart that PostgreSQL holds equal: intervals of
/// the same length, `char` with more and fewer blanks, `jsonb` numbers, and arrays and records that may hold them. `None` if the value itself will do.
pub(crate) fn equality_key(typed: &Typed) -> Result<Option<Typed>, SqlError> {
    if !is_unpadded(typed) && !has_own_equality(typed.pg_type(), &typed.arrow_type) {
        return Ok(None);
    }
    // Which of the equal texts comes first is no matter here.
    order_key(Typed { collation: super::Derived::default(), ..typed.clone() }).map(Some)
}

fn has_own_equality(pg_type: PgType, arrow_type: &DataType) -> bool {
    match pg_type {
        PgType::Interval | PgType::Jsonb | PgType::Array(PgType::Bpchar) => true,
        PgType::Array(element) => {
            let inside = lis_functions::arrays::shape::element_type(arrow_type);
            inside.is_some_and(|inside| has_own_equality_inside(*element, inside))
        }
        PgType::Record => super::records::shape(arrow_type).is_none_or(|fields| {
            fields.iter().any(|(_, field, inside)| has_own_equality_inside(field.pg_type, inside))
        }),
        _ => false,
    }
}

/// The same of a value inside another one, where no cast and no comparison of its own makes zeros one and blanks none.
fn has_own_equality_inside(pg_type: PgType, arrow_type: &DataType) -> bool {
    matches!(pg_type, PgType::Float4 | PgType::Float8 | PgType::Bpchar)
        || has_own_equality(pg_type, arrow_type)
}

/// The key by which equal rows are put together where they are sorted for it, not hashed: windows and what is made of them.
pub(crate) fn partition_key(typed: Typed) -> Result<Typed, SqlError> {
    let key = equality_key(&typed)?;
    one_zero(key.unwrap_or(typed))
}

/// Refuses to tell equal values of a type that has no equality: DISTINCT, GROUP BY, set operations.
pub(crate) fn check_equality(typed: &Typed) -> Result<(), SqlError> {
    match typed.pg_type() {
        other @ (PgType::Json | PgType::Jsonpath) => Err(SqlError::new(
            SqlErrorKind::UndefinedFunction,
            format!("could not identify an equality operator for type {}", other.facts().name),
        )
        .at(typed.position)),
        _ => Ok(()),
    }
}

fn text_key(typed: Typed, locale: collation::Locale) -> Result<Typed, SqlError> {
    let tag = ScalarValue::Utf8View(Some(locale.tag().to_owned()));
    let tag = Typed::constant(tag, ColumnType::plain(PgType::Text));
    // The keys are bytes: what they are made of has no more to say about collations.
    let text = Typed { collation: super::Derived::default(), ..canonical_text(typed) };
    apply("collation_key", collation::collation_key, vec![text, tag], BYTES, DataType::BinaryView)
}

fn interval_key(typed: Typed) -> Result<Typed, SqlError> {
    let column_type = ColumnType::plain(PgType::Numeric);
    let arrow_type = DataType::Decimal128(38, 0);
    apply("interval_value", dates::interval_to_comparable, vec![typed], column_type, arrow_type)
}
