//! Comparisons, LIKE and regular expressions. A comparison is DataFusion's own expression over two operands of one
//! Arrow type; where a constant meets a column the constant is brought to the column's type if that loses nothing, so
//! that statistics and pruning see a bare column.

use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    logical_expr::{BinaryExpr, Expr, Like, Operator, lit},
};
use lis_functions::{bytes, casts as kernels, dates, patterns, scalar::Kernel};
use lis_lake::types::{ColumnType, PgType};

use super::{Formal, OperatorRow, comparison_of, is};
use crate::{
    build::{apply, call},
    error::{SqlError, SqlErrorKind},
    types::{
        Binding, CastContext, Typed,
        casts::{canonical_text, coerce_to, rescale, widen},
        coerce,
        collation::derived,
        ordering::order_key,
    },
};

const BOOLEAN: ColumnType = ColumnType::plain(PgType::Bool);

/// The pairs of types that PostgreSQL compares.
const COMPARED: &[(PgType, PgType)] = {
    use PgType as T;
    &[
        (T::Bool, T::Bool),
        (T::Bytea, T::Bytea),
        (T::Char, T::Char),
        (T::Name, T::Name),
        (T::Name, T::Text),
        (T::Text, T::Name),
        (T::Int2, T::Int2),
        (T::Int2, T::Int4),
        (T::Int2, T::Int8),
        (T::Int4, T::Int2),
        (T::Int4, T::Int4),
        (T::Int4, T::Int8),
        (T::Int8, T::Int2),
        (T::Int8, T::Int4),
        (T::Int8, T::Int8),
        (T::Text, T::Text),
        (T::Oid, T::Oid),
        (T::OidVector, T::OidVector),
        (T::Float4, T::Float4),
        (T::Float4, T::Float8),
        (T::Float8, T::Float4),
        (T::Float8, T::Float8),
        (T::Bpchar, T::Bpchar),
        (T::Date, T::Date),
        (T::Date, T::Timestamp),
        (T::Date, T::Timestamptz),
        (T::Time, T::Time),
        (T::Timestamp, T::Date),
        (T::Timestamp, T::Timestamp),
        (T::Timestamp, T::Timestamptz),
        (T::Timestamptz, T::Date),
        (T::Timestamptz, T::Timestamp),
        (T::Timestamptz, T::Timestamptz),
        (T::Interval, T::Interval),
        (T::Timetz, T::Timetz),
        (T::Numeric, T::Numeric),
        (T::Uuid, T::Uuid),
        (T::Jsonb, T::Jsonb),
        (T::Record, T::Record),
    ]
};

/// The rows of a comparison.
pub(super) fn rows(name: &'static str) -> Vec<OperatorRow> {
    let row = |left: Formal, right: Formal| OperatorRow {
        name,
        left: Some(left),
        right,
        result: is(PgType::Bool),
        build: build_comparison,
    };
    let mut rows: Vec<OperatorRow> =
        COMPARED.iter().map(|(left, right)| row(is(*left), is(*right))).collect();
    rows.push(row(Formal::AnyArray, Formal::AnyArray));
    if matches!(name, "=" | "<>") {
        rows.push(row(is(PgType::Xid), is(PgType::Xid)));
        rows.push(row(is(PgType::Xid), is(PgType::Int4)));
        rows.push(row(is(PgType::Aclitem), is(PgType::Aclitem)));
    }
    rows
}

macro_rules! text_row {
    ($name:literal, $left:ident, $function:path) => {
        OperatorRow {
            name: $name,
            left: Some(is(PgType::$left)),
            right: is(PgType::Text),
            result: is(PgType::Bool),
            build: |_, row, operands| {
                let operands: Vec<Typed> = operands.into_iter().map(canonical_text).collect();
                if let Some(like) = plain_like(row.name, &operands) {
                    return Ok(like);
                }
                call(&$function(), operands, BOOLEAN)
            },
        }
    };
}

/// The longest pattern that is given to DataFusion, which makes regular expressions of most patterns: they take memory
/// and time by their length, and nothing stops them within one text.
const PLAIN_LIKE_BYTES_MAX: usize = 256;

/// LIKE with a constant pattern is DataFusion's own expression, which prunes by the pattern's first characters. A
/// pattern that ends in a lone backslash is an error, which only our function raises.
fn plain_like(name: &str, operands: &[Typed]) -> Option<Typed> {
    let negated = match name {
        "~~" => false,
        "!~~" => true,
        _ => return None,
    };
    let [value, pattern] = operands else { return None };
    let text = match pattern.value()? {
        ScalarValue::Utf8View(Some(text)) => text,
        _ => return None,
    };
    let backslashes = text.len() - text.trim_end_matches('\\').len();
    if text.len() > PLAIN_LIKE_BYTES_MAX
        || backslashes % 2 == 1
        || value.value().is_some()
        || value.pg_type() == PgType::Bpchar
    {
        return None;
    }
    let expr = Expr::Like(Like {
        negated,
        expr: Box::new(value.expr.clone()),
        pattern: Box::new(pattern.expr.clone()),
        escape_char: None,
        case_insensitive: false,
    });
    Some(Typed::new(expr, BOOLEAN, DataType::Boolean).at(value.position))
}

macro_rules! bytea_row {
    ($name:literal, $function:literal, $kernel:path) => {
        OperatorRow {
            name: $name,
            left: Some(is(PgType::Bytea)),
            right: is(PgType::Bytea),
            result: is(PgType::Bool),
            build: |_, _, operands| apply($function, $kernel, operands, BOOLEAN, DataType::Boolean),
        }
    };
}

/// `~<~` and its kin compare byte by byte, whatever the collation.
macro_rules! bytewise_row {
    ($name:literal, $type:ident, $operator:ident) => {
        OperatorRow {
            name: $name,
            left: Some(is(PgType::$type)),
            right: is(PgType::$type),
            result: is(PgType::Bool),
            build: |binding, _, operands| {
                let (left, right) = super::two(operands)?;
                let position = left.position.or(right.position);
                let (left, right) = align(binding, left, right)?;
                let expr = BinaryExpr::new(Box::new(left.expr), Operator::$operator, Box::new(right.expr));
                Ok(Typed::new(Expr::BinaryExpr(expr), BOOLEAN, DataType::Boolean).at(position))
            },
        }
    };
}

/// LIKE and regular expressions.
pub(super) const TEXT_ROWS: &[OperatorRow] = &[
    text_row!("~~", Text, patterns::like),
    text_row!("~~", Name, patterns::like),
    text_row!("~~", Bpchar, patterns::like),
    text_row!("!~~", Text, patterns::not_like),
    text_row!("!~~", Name, patterns::not_like),
    text_row!("!~~", Bpchar, patterns::not_like),
    text_row!("~~*", Text, patterns::ilike),
    text_row!("~~*", Name, patterns::ilike),
    text_row!("~~*", Bpchar, patterns::ilike),
    bytea_row!("~~", "bytealike", bytes::like),
    bytea_row!("!~~", "byteanlike", bytes::not_like),
    bytewise_row!("~<~", Text, Lt),
    bytewise_row!("~<=~", Text, LtEq),
    bytewise_row!("~>~", Text, Gt),
    bytewise_row!("~>=~", Text, GtEq),
    bytewise_row!("~<~", Bpchar, Lt),
    bytewise_row!("~<=~", Bpchar, LtEq),
    bytewise_row!("~>~", Bpchar, Gt),
    bytewise_row!("~>=~", Bpchar, GtEq),
    text_row!("!~~*", Text, patterns::not_ilike),
    text_row!("!~~*", Name, patterns::not_ilike),
    text_row!("!~~*", Bpchar, patterns::not_ilike),
    text_row!("~", Text, patterns::regex_equal),
    text_row!("~", Name, patterns::regex_equal),
    text_row!("~", Bpchar, patterns::regex_equal),
    text_row!("!~", Text, patterns::regex_not_equal),
    text_row!("!~", Name, patterns::regex_not_equal),
    text_row!("!~", Bpchar, patterns::regex_not_equal),
    text_row!("~*", Text, patterns::regex_equal_folded),
    text_row!("~*", Name, patterns::regex_equal_folded),
    text_row!("~*", Bpchar, patterns::regex_equal_folded),
    text_row!("!~*", Text, patterns::regex_not_equal_folded),
    text_row!("!~*", Name, patterns::regex_not_equal_folded),
    text_row!("!~*", Bpchar, patterns::regex_not_equal_folded),
];

fn build_comparison(
    binding: &Binding<'_>,
    row: &OperatorRow,
    operands: Vec<Typed>,
) -> Result<Typed, SqlError> {
    let Some(operator) = comparison_of(row.name) else {
        return Err(SqlError::new(SqlErrorKind::Internal, format!("{} is no comparison", row.name)));
    };
    let Ok([left, right]) = <[Typed; 2]>::try_from(operands) else {
        return Err(SqlError::new(SqlErrorKind::Internal, "a comparison has two operands"));
    };
    compare(binding, operator, left, right)
}

/// `left op right` over operands that PostgreSQL compares.
pub(crate) fn compare(
    binding: &Binding<'_>,
    operator: Operator,
    left: Typed,
    right: Typed,
) -> Result<Typed, SqlError> {
    let position = left.position.or(right.position);
    let (mut left, mut right) = align(binding, left, right)?;
    if is_ordering(operator) {
        // Both sides are ordered by what the two together give.
        let collation = derived(&[left.clone(), right.clone()])?;
        left = order_key(left.collated(collation))?;
        right = order_key(right.collated(collation))?;
    } else if matches!(left.pg_type(), PgType::Jsonb | PgType::Record | PgType::Array(_)) {
        // 1 and 1.0 are one number, written differently; nulls inside records are equal.
        left = order_key(left)?;
        right = order_key(right)?;
    }
    let expr =
        Expr::BinaryExpr(BinaryExpr { left: Box::new(left.expr), op: operator, right: Box::new(right.expr) });
    Ok(Typed::new(expr, BOOLEAN, DataType::Boolean).at(position))
}

/// Whether a comparison asks which is larger, and not only whether they are the same.
fn is_ordering(operator: Operator) -> bool {
    matches!(operator, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq)
}

/// Brings two operands to one Arrow type in which they compare as PostgreSQL compares them.
pub(crate) fn align(binding: &Binding<'_>, left: Typed, right: Typed) -> Result<(Typed, Typed), SqlError> {
    use PgType as T;
    let (one, two) = (left.pg_type(), right.pg_type());
    let both = |to: PgType, left: Typed, right: Typed| -> Result<(Typed, Typed), SqlError> {
        Ok((coerce_to(binding, left, to)?, coerce_to(binding, right, to)?))
    };
    match (one, two) {
        (T::Interval, T::Interval) => {
            let value = |typed: Typed| {
                let kernel = dates::interval_to_comparable;
                apply(
                    "interval_value",
                    kernel,
                    vec![typed],
                    ColumnType::plain(T::Numeric),
                    DataType::Decimal128(38, 0),
                )
            };
            Ok((value(left)?, value(right)?))
        }
        (T::Bpchar, T::Bpchar) => {
            // From here on they are texts like others.
            let as_text = |typed: Typed| Typed { column_type: ColumnType::plain(T::Text), ..typed };
            align_padded(left, right).map(|(left, right)| (as_text(left), as_text(right)))
        }
        (T::Numeric, T::Numeric) => align_numeric(left, right),
        (T::Int2 | T::Int4 | T::Int8, T::Int2 | T::Int4 | T::Int8) => Ok(align_integers(left, right)),
        (T::Float4, T::Float8) | (T::Float8, T::Float4) => both(T::Float8, left, right),
        (T::Date | T::Timestamp, T::Timestamptz)
        | (T::Timestamptz, T::Date | T::Timestamp)
        | (T::Date, T::Timestamp)
        | (T::Timestamp, T::Date) => align_moments(binding, left, right),
        (T::Record, T::Record) => crate::types::records::align(binding, left, right),
        (T::Xid, T::Int4) => Ok((left, coerce_oid(right)?)),
        (T::Array(_), T::Array(_)) if left.arrow_type != right.arrow_type => {
            let (left, right) = crate::resolve::arrays::same_elements(left, right)?;
            crate::resolve::arrays::same_form(left, right)
        }
        _ => Ok((canonical_text(left), canonical_text(right))),
    }
}

/// Dates and moments. A constant that is a midnight is a date where the other side is one, so that pruning sees the bare
/// column; else all is a moment, and what is too early or too late for one is before or after all others.
fn align_moments(binding: &Binding<'_>, left: Typed, right: Typed) -> Result<(Typed, Typed), SqlError> {
    use PgType as T;
    let as_date = |constant: &Typed, of: &Typed| -> Result<Option<Typed>, SqlError> {
        if of.pg_type() != T::Date
            || of.value().is_some()
            || constant.value().is_none_or(ScalarValue::is_null)
        {
            return Ok(None);
        }
        let moment = constant.pg_type();
        let date =
            coerce(binding, constant.clone(), ColumnType::plain(T::Date), CastContext::Assignment, None)?;
        let back = coerce_to(binding, date.clone(), moment)?;
        let same = date.value().is_some() && back.value() == constant.value();
        Ok(same.then_some(date.at(constant.position)))
    };
    if let Some(right) = as_date(&right, &left)? {
        return Ok((left, right));
    }
    if let Some(left) = as_date(&left, &right)? {
        return Ok((left, right));
    }
    let zoned = [&left, &right].iter().any(|typed| typed.pg_type() == T::Timestamptz);
    let moment = ColumnType::plain(if zoned { T::Timestamptz } else { T::Timestamp });
    let bring = |typed: Typed| -> Result<Typed, SqlError> {
        let (name, kernel): (&'static str, Kernel) = match (typed.pg_type(), zoned) {
            (T::Date, true) => ("date_comparable_in_zone", kernels::date_to_comparable_in_zone),
            (T::Date, false) => ("date_comparable", kernels::date_to_comparable),
            (T::Timestamp, true) => {
                ("timestamp_comparable_in_zone", kernels::timestamp_to_comparable_in_zone)
            }
            _ => return Ok(typed),
        };
        let mut arguments = vec![typed];
        if zoned {
            arguments.push(super::zone(binding));
        }
        apply(name, kernel, arguments, moment, moment.to_arrow())
    };
    Ok((bring(left)?, bring(right)?))
}

fn coerce_oid(typed: Typed) -> Result<Typed, SqlError> {
    apply("oid", kernels::int4_to_oid, vec![typed], ColumnType::plain(PgType::Oid), DataType::UInt32)
}

/// Integers of different sizes: a constant takes the column's size if it fits, else the smaller is widened.
fn align_integers(left: Typed, right: Typed) -> (Typed, Typed) {
    if left.arrow_type == right.arrow_type {
        return (left, right);
    }
    let narrowed = |constant: &Typed, to: &Typed| -> Option<Typed> {
        let value = constant.value()?;
        if to.value().is_some() {
            return None;
        }
        let cast = value.cast_to(&to.arrow_type).ok().filter(|cast| cast.is_null() == value.is_null())?;
        Some(Typed { expr: lit(cast), arrow_type: to.arrow_type.clone(), ..constant.clone() })
    };
    if let Some(right) = narrowed(&right, &left) {
        return (left, right);
    }
    if let Some(left) = narrowed(&left, &right) {
        return (left, right);
    }
    let wide = |typed: &Typed| match typed.arrow_type {
        DataType::Int16 => 2,
        DataType::Int32 => 4,
        _ => 8,
    };
    if wide(&left) < wide(&right) {
        let (column_type, arrow_type) = (right.column_type, right.arrow_type.clone());
        (widen(left, column_type, arrow_type), right)
    } else {
        let (column_type, arrow_type) = (left.column_type, left.arrow_type.clone());
        (left, widen(right, column_type, arrow_type))
    }
}

/// Numerics of different scales: a constant takes the column's if nothing is lost, else both are brought to the larger.
fn align_numeric(left: Typed, right: Typed) -> Result<(Typed, Typed), SqlError> {
    if left.arrow_type == right.arrow_type {
        return Ok((left, right));
    }
    if let Some(right) = exactly(&right, &left) {
        return Ok((left, right));
    }
    if let Some(left) = exactly(&left, &right) {
        return Ok((left, right));
    }
    let (DataType::Decimal128(p1, s1), DataType::Decimal128(p2, s2)) = (&left.arrow_type, &right.arrow_type)
    else {
        return Err(SqlError::new(SqlErrorKind::Internal, "a numeric operand has another type"));
    };
    let scale = (*s1).max(*s2);
    let whole = (i32::from(*p1) - i32::from(*s1)).max(i32::from(*p2) - i32::from(*s2));
    let precision = u8::try_from((whole + i32::from(scale)).clamp(1, 38)).unwrap_or(38);
    Ok((rescale(left, precision, scale)?, rescale(right, precision, scale)?))
}

/// The constant at the other operand's precision and scale, if it has exactly that value there.
fn exactly(constant: &Typed, to: &Typed) -> Option<Typed> {
    if to.value().is_some() {
        return None;
    }
    let (DataType::Decimal128(precision, scale), Some(ScalarValue::Decimal128(value, _, own))) =
        (&to.arrow_type, constant.value())
    else {
        return None;
    };
    let value = match value {
        None => None,
        Some(value) => {
            let moved = lis_functions::text_input::rescale(*value, i32::from(*own), i32::from(*scale))?;
            let back = lis_functions::text_input::rescale(moved, i32::from(*scale), i32::from(*own))?;
            let limit = lis_functions::text_input::power_of_ten(u32::from(*precision))?;
            if back != *value || moved.unsigned_abs() >= limit.unsigned_abs() {
                return None;
            }
            Some(moved)
        }
    };
    Some(Typed {
        expr: lit(ScalarValue::Decimal128(value, *precision, *scale)),
        arrow_type: to.arrow_type.clone(),
        ..constant.clone()
    })
}

/// `char(n)`: trailing blanks do not count. Stored values are padded to their length, so a constant is padded to the
/// column's; otherwise both are stripped.
fn align_padded(left: Typed, right: Typed) -> Result<(Typed, Typed), SqlError> {
    let padded = |constant: &Typed, to: &Typed| -> Option<Typed> {
        let length = to.column_type.length().filter(|_| to.origin.is_some())?;
        let text = match constant.value()? {
            ScalarValue::Utf8View(Some(text)) | ScalarValue::Utf8(Some(text)) => text.trim_end_matches(' '),
            _ => return None,
        };
        let missing = length.saturating_sub(text.chars().count());
        let value = ScalarValue::Utf8View(Some(format!("{text}{}", " ".repeat(missing))));
        Some(Typed { expr: lit(value), ..constant.clone() })
    };
    if let Some(right) = padded(&right, &left) {
        return Ok((canonical_text(left), right));
    }
    if let Some(left) = padded(&left, &right) {
        return Ok((left, canonical_text(right)));
    }
    if left.column_type.typmod >= 0
        && left.column_type == right.column_type
        && left.origin.is_some()
        && right.origin.is_some()
    {
        return Ok((canonical_text(left), canonical_text(right)));
    }
    let strip = |typed: Typed| {
        let column_type = typed.column_type;
        apply("strip_blanks", kernels::strip_blanks, vec![typed], column_type, DataType::Utf8View)
    };
    Ok((strip(left)?, strip(right)?))
}
