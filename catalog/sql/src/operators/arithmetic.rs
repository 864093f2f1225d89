//! Arithmetic, concatenation, bits and arrays: the rows, and the scales of `numeric` results.
//!
//! `+`, `-` and `*` of `numeric` are exact: their scale is the larger one, and the sum of the scales. Beyond 38 digits a
//! product keeps 20 digits after the point. `/` has 20 digits after the point over columns; over constants it has just
//! PostgreSQL's number.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use lis_functions::{
    arrays,
    arrays::{dimensions, shape},
    bytes, dates, numbers, strings, timetz,
};
use lis_lake::types::{ColumnType, PgType, Shown};

use super::{Formal, OperatorRow, is};
use crate::{
    build::{apply, apply_on_null, call},
    error::{SqlError, SqlErrorKind},
    resolve::arrays::same_elements,
    types::{
        Binding, Typed,
        casts::{canonical_text, coerce_to, each_element, to_text},
        ordering::without_blanks,
        shown,
    },
};

/// Digits after the point of a quotient over columns.
const QUOTIENT_SCALE: i32 = 20;

fn plain(pg_type: PgType) -> ColumnType {
    ColumnType::plain(pg_type)
}

pub(crate) fn two(operands: Vec<Typed>) -> Result<(Typed, Typed), SqlError> {
    <[Typed; 2]>::try_from(operands)
        .map(|[left, right]| (left, right))
        .map_err(|_| SqlError::new(SqlErrorKind::Internal, "an operator has two operands here"))
}

/// Precision and scale of a `numeric` expression.
pub(crate) fn digits(typed: &Typed) -> (i32, i32) {
    match typed.arrow_type {
        DataType::Decimal128(precision, scale) => (i32::from(precision), i32::from(scale)),
        _ => (38, 10),
    }
}

/// An Arrow type for `numeric`, as wide as there is.
pub(crate) fn decimal(precision: i32, scale: i32) -> DataType {
    let scale = i8::try_from(scale.clamp(0, 38)).unwrap_or(38);
    let precision = u8::try_from(precision.clamp(1, 38)).unwrap_or(38).max(scale.unsigned_abs());
    DataType::Decimal128(precision, scale)
}

const NUMERIC: ColumnType = ColumnType::plain(PgType::Numeric);

fn numeric_sum(left: &Typed, right: &Typed) -> DataType {
    let ((p1, s1), (p2, s2)) = (digits(left), digits(right));
    let scale = s1.max(s2);
    decimal((p1 - s1).max(p2 - s2) + scale + 1, scale)
}

fn numeric_product(left: &Typed, right: &Typed) -> DataType {
    let ((p1, s1), (p2, s2)) = (digits(left), digits(right));
    let scale = s1 + s2;
    if p1 + p2 > 38 && scale > QUOTIENT_SCALE {
        return decimal(38, s1.max(s2).max(QUOTIENT_SCALE));
    }
    decimal(p1 + p2, scale)
}

/// The place of the first group of four digits, counted from the point, and that group: PostgreSQL's `weight` and first
/// digit of base 10000.
fn weight(unscaled: i128, scale: i8) -> (i32, i128) {
    if unscaled == 0 {
        return (0, 0);
    }
    let magnitude = unscaled.unsigned_abs();
    let last = i32::try_from(magnitude.ilog10()).unwrap_or(0);
    let exponent = last - i32::from(scale);
    let weight = exponent.div_euclid(4);
    // The digits behind the first group.
    let behind = last - (exponent - 4 * weight);
    let power = 10_u128.pow(behind.unsigned_abs().min(38));
    let first = if behind < 0 { magnitude * power } else { magnitude / power };
    (weight, i128::try_from(first).unwrap_or(0))
}

/// PostgreSQL's scale of a quotient of two values, which show at most `least` digits (`select_div_scale`).
pub(crate) fn quotient_scale(left: (i128, i8), right: (i128, i8), least: i32) -> i32 {
    let ((left_weight, left_first), (right_weight, right_first)) =
        (weight(left.0, left.1), weight(right.0, right.1));
    let quotient_weight = left_weight - right_weight - i32::from(left_first <= right_first);
    (16 - quotient_weight * 4).max(least).clamp(0, 37)
}

/// PostgreSQL's scale of a square root: 16 significant digits.
pub(crate) fn square_root_scale(unscaled: i128, scale: i8) -> i32 {
    let (weight, _) = weight(unscaled, scale);
    let root_weight = (weight + 1) * 2 - 1;
    (16 - root_weight).max(i32::from(scale)).clamp(0, 37)
}

fn numeric_quotient(left: &Typed, right: &Typed) -> DataType {
    let value = |typed: &Typed| match typed.value() {
        Some(ScalarValue::Decimal128(Some(value), _, scale)) => Some((*value, *scale)),
        _ => None,
    };
    if let (Some(left), Some(right)) = (value(left), value(right)) {
        return decimal(38, quotient_scale(left, right, i32::from(left.1.max(right.1))));
    }
    let ((_, left_scale), (_, right_scale)) = (digits(left), digits(right));
    decimal(38, left_scale.max(right_scale.min(QUOTIENT_SCALE)).max(QUOTIENT_SCALE))
}

/// A row whose kernel takes both operands as they are, widened to the result's type where they are integers or floats
/// of another size.
macro_rules! binary {
    ($name:literal, $left:ident, $right:ident, $result:ident, $function:literal, $kernel:path) => {
        OperatorRow {
            name: $name,
            left: Some(is(PgType::$left)),
            right: is(PgType::$right),
            result: is(PgType::$result),
            build: |_, _, operands| {
                apply($function, $kernel, operands, plain(PgType::$result), plain(PgType::$result).to_arrow())
            },
        }
    };
}

macro_rules! same {
    ($name:literal, $type:ident, $function:literal, $kernel:path) => {
        binary!($name, $type, $type, $type, $function, $kernel)
    };
}

macro_rules! mixed {
    ($name:literal, $left:ident, $right:ident, $result:ident, $function:literal, $kernel:path) => {
        OperatorRow {
            name: $name,
            left: Some(is(PgType::$left)),
            right: is(PgType::$right),
            result: is(PgType::$result),
            build: |binding, _, operands| {
                let operands = operands
                    .into_iter()
                    .map(|operand| coerce_to(binding, operand, PgType::$result))
                    .collect::<Result<Vec<_>, _>>()?;
                apply($function, $kernel, operands, plain(PgType::$result), plain(PgType::$result).to_arrow())
            },
        }
    };
}

macro_rules! prefix {
    ($name:literal, $type:ident, $function:literal, $kernel:path) => {
        OperatorRow {
            name: $name,
            left: None,
            right: is(PgType::$type),
            result: is(PgType::$type),
            build: |_, _, operands| {
                apply($function, $kernel, operands, plain(PgType::$type), plain(PgType::$type).to_arrow())
            },
        }
    };
}

/// A unary operator on `numeric` keeps its operand's scale.
macro_rules! prefix_numeric {
    ($name:literal, $function:literal, $kernel:path) => {
        OperatorRow {
            name: $name,
            left: None,
            right: is(PgType::Numeric),
            result: is(PgType::Numeric),
            build: |_, _, operands| {
                let (precision, scale) = operands.first().map_or((38, 10), digits);
                let result = NUMERIC.shown(operands.first().map(shown::of_same).unwrap_or_default());
                apply($function, $kernel, operands, result, decimal(precision, scale))
            },
        }
    };
}

macro_rules! numeric {
    ($name:literal, $function:literal, $kernel:path, $type_of:path) => {
        numeric!($name, $function, $kernel, $type_of, |_, _| Shown::default())
    };
    ($name:literal, $function:literal, $kernel:path, $type_of:path, $shown:expr) => {
        OperatorRow {
            name: $name,
            left: Some(is(PgType::Numeric)),
            right: is(PgType::Numeric),
            result: is(PgType::Numeric),
            build: |_, _, operands| {
                let (left, right) = two(operands)?;
                let arrow_type = $type_of(&left, &right);
                let shown: fn(&Typed, &Typed) -> Shown = $shown;
                let result = NUMERIC.shown(shown(&left, &right));
                let operands = vec![shown::operand(left)?, shown::operand(right)?];
                apply($function, $kernel, operands, result, arrow_type)
            },
        }
    };
}

/// The operands the other way round.
macro_rules! swapped {
    ($name:literal, $left:ident, $right:ident, $result:ident, $function:literal, $kernel:path) => {
        OperatorRow {
            name: $name,
            left: Some(is(PgType::$left)),
            right: is(PgType::$right),
            result: is(PgType::$result),
            build: |_, _, mut operands| {
                operands.reverse();
                apply($function, $kernel, operands, plain(PgType::$result), plain(PgType::$result).to_arrow())
            },
        }
    };
}

/// The session's zone as a third argument.
macro_rules! zoned {
    ($name:literal, $left:ident, $right:ident, $function:literal, $kernel:path, $swap:literal) => {
        OperatorRow {
            name: $name,
            left: Some(is(PgType::$left)),
            right: is(PgType::$right),
            result: is(PgType::Timestamptz),
            build: |binding, _, mut operands| {
                if $swap {
                    operands.reverse();
                }
                operands.push(zone(binding));
                let result = plain(PgType::Timestamptz);
                apply($function, $kernel, operands, result, result.to_arrow())
            },
        }
    };
}

/// The session's zone as a constant argument.
pub(crate) fn zone(binding: &Binding<'_>) -> Typed {
    Typed::constant(ScalarValue::Utf8View(Some(binding.context.time_zone.clone())), plain(PgType::Text))
}

/// The session's zone and what else of its styles of dates and intervals is not the usual, for text.
pub(crate) fn styles(binding: &Binding<'_>) -> Typed {
    let settings = &binding.context.settings;
    let setting =
        |name: &str, usual: &'static str| settings.get(name).map_or(usual, String::as_str).to_owned();
    let (dates, intervals) = (setting("datestyle", "ISO, MDY"), setting("intervalstyle", "postgres"));
    if dates == "ISO, MDY" && intervals == "postgres" {
        return zone(binding);
    }
    let text = format!("{}|{dates}|{intervals}", binding.context.time_zone);
    Typed::constant(ScalarValue::Utf8View(Some(text)), plain(PgType::Text))
}

/// `date + interval` and `date - interval` are a timestamp's.
macro_rules! date_interval {
    ($name:literal, $left:ident, $right:ident, $function:literal, $kernel:path, $swap:literal) => {
        OperatorRow {
            name: $name,
            left: Some(is(PgType::$left)),
            right: is(PgType::$right),
            result: is(PgType::Timestamp),
            build: |binding, _, mut operands| {
                if $swap {
                    operands.reverse();
                }
                let (date, interval) = two(operands)?;
                let timestamp = coerce_to(binding, date, PgType::Timestamp)?;
                let result = plain(PgType::Timestamp);
                apply($function, $kernel, vec![timestamp, interval], result, result.to_arrow())
            },
        }
    };
}

fn concatenate(binding: &Binding<'_>, _: &OperatorRow, operands: Vec<Typed>) -> Result<Typed, SqlError> {
    let mut texts = Vec::with_capacity(2);
    for operand in operands {
        let position = operand.position;
        texts.push(canonical_text(to_text(binding, operand, position)?));
    }
    call(&strings::textcat(), texts, plain(PgType::Text))
}

/// `array || array`, `array || element`, `element || array`: the operands have one element type already.
fn concatenate_arrays(_: &Binding<'_>, row: &OperatorRow, operands: Vec<Typed>) -> Result<Typed, SqlError> {
    let (left, right) = two(operands)?;
    let (left, right) = same_elements(left, right)?;
    let array = if row.left == Some(Formal::AnyCompatible) { &right } else { &left };
    let column_type = plain(array.pg_type());
    let shaped = [&left, &right].into_iter().find(|operand| shape::is_shaped(&operand.arrow_type));
    let arrow_type = shaped.unwrap_or(array).arrow_type.clone();
    let (name, kernel): (&'static str, lis_functions::scalar::Kernel) =
        match (row.left == Some(Formal::AnyCompatible), row.right == Formal::AnyCompatible) {
            (true, _) => ("array_prepend", dimensions::array_prepend),
            (_, true) => ("array_append", dimensions::array_append),
            _ => ("array_cat", dimensions::array_cat),
        };
    apply_on_null(name, kernel, vec![left, right], column_type, arrow_type)
}

/// An array of `char` as arrays of text, for comparisons: blanks at the end do not count.
fn unpadded_elements(array: Typed) -> Result<Typed, SqlError> {
    if array.pg_type() != PgType::Array(&PgType::Bpchar) {
        return Ok(array);
    }
    each_element(array, plain(PgType::Array(&PgType::Text)), without_blanks)
}

macro_rules! arrays_row {
    ($name:literal, $function:literal, $kernel:path, $swap:literal) => {
        OperatorRow {
            name: $name,
            left: Some(Formal::AnyArray),
            right: Formal::AnyArray,
            result: is(PgType::Bool),
            build: |_, _, mut operands| {
                if $swap {
                    operands.reverse();
                }
                let (left, right) = two(operands)?;
                let (left, right) = same_elements(left, right)?;
                let (left, right) = (unpadded_elements(left)?, unpadded_elements(right)?);
                apply($function, $kernel, vec![left, right], plain(PgType::Bool), DataType::Boolean)
            },
        }
    };
}

/// The rows.
pub(super) const ROWS: &[OperatorRow] = &[
    same!("+", Int2, "int2pl", numbers::int2_add),
    mixed!("+", Int2, Int4, Int4, "int4pl", numbers::int4_add),
    mixed!("+", Int2, Int8, Int8, "int8pl", numbers::int8_add),
    mixed!("+", Int4, Int2, Int4, "int4pl", numbers::int4_add),
    same!("+", Int4, "int4pl", numbers::int4_add),
    mixed!("+", Int4, Int8, Int8, "int8pl", numbers::int8_add),
    mixed!("+", Int8, Int2, Int8, "int8pl", numbers::int8_add),
    mixed!("+", Int8, Int4, Int8, "int8pl", numbers::int8_add),
    same!("+", Int8, "int8pl", numbers::int8_add),
    same!("+", Float4, "float4pl", numbers::float4_add),
    mixed!("+", Float4, Float8, Float8, "float8pl", numbers::float8_add),
    mixed!("+", Float8, Float4, Float8, "float8pl", numbers::float8_add),
    same!("+", Float8, "float8pl", numbers::float8_add),
    numeric!("+", "numeric_add", numbers::numeric_add, numeric_sum, shown::of_sum),
    same!("-", Int2, "int2mi", numbers::int2_subtract),
    mixed!("-", Int2, Int4, Int4, "int4mi", numbers::int4_subtract),
    mixed!("-", Int2, Int8, Int8, "int8mi", numbers::int8_subtract),
    mixed!("-", Int4, Int2, Int4, "int4mi", numbers::int4_subtract),
    same!("-", Int4, "int4mi", numbers::int4_subtract),
    mixed!("-", Int4, Int8, Int8, "int8mi", numbers::int8_subtract),
    mixed!("-", Int8, Int2, Int8, "int8mi", numbers::int8_subtract),
    mixed!("-", Int8, Int4, Int8, "int8mi", numbers::int8_subtract),
    same!("-", Int8, "int8mi", numbers::int8_subtract),
    same!("-", Float4, "float4mi", numbers::float4_subtract),
    mixed!("-", Float4, Float8, Float8, "float8mi", numbers::float8_subtract),
    mixed!("-", Float8, Float4, Float8, "float8mi", numbers::float8_subtract),
    same!("-", Float8, "float8mi", numbers::float8_subtract),
    numeric!("-", "numeric_sub", numbers::numeric_subtract, numeric_sum, shown::of_difference),
    same!("*", Int2, "int2mul", numbers::int2_multiply),
    mixed!("*", Int2, Int4, Int4, "int4mul", numbers::int4_multiply),
    mixed!("*", Int2, Int8, Int8, "int8mul", numbers::int8_multiply),
    mixed!("*", Int4, Int2, Int4, "int4mul", numbers::int4_multiply),
    same!("*", Int4, "int4mul", numbers::int4_multiply),
    mixed!("*", Int4, Int8, Int8, "int8mul", numbers::int8_multiply),
    mixed!("*", Int8, Int2, Int8, "int8mul", numbers::int8_multiply),
    mixed!("*", Int8, Int4, Int8, "int8mul", numbers::int8_multiply),
    same!("*", Int8, "int8mul", numbers::int8_multiply),
    same!("*", Float4, "float4mul", numbers::float4_multiply),
    mixed!("*", Float4, Float8, Float8, "float8mul", numbers::float8_multiply),
    mixed!("*", Float8, Float4, Float8, "float8mul", numbers::float8_multiply),
    same!("*", Float8, "float8mul", numbers::float8_multiply),
    numeric!("*", "numeric_mul", numbers::numeric_multiply, numeric_product, shown::of_product),
    same!("/", Int2, "int2div", numbers::int2_divide),
    mixed!("/", Int2, Int4, Int4, "int4div", numbers::int4_divide),
    mixed!("/", Int2, Int8, Int8, "int8div", numbers::int8_divide),
    mixed!("/", Int4, Int2, Int4, "int4div", numbers::int4_divide),
    same!("/", Int4, "int4div", numbers::int4_divide),
    mixed!("/", Int4, Int8, Int8, "int8div", numbers::int8_divide),
    mixed!("/", Int8, Int2, Int8, "int8div", numbers::int8_divide),
    mixed!("/", Int8, Int4, Int8, "int8div", numbers::int8_divide),
    same!("/", Int8, "int8div", numbers::int8_divide),
    same!("/", Float4, "float4div", numbers::float4_divide),
    mixed!("/", Float4, Float8, Float8, "float8div", numbers::float8_divide),
    mixed!("/", Float8, Float4, Float8, "float8div", numbers::float8_divide),
    same!("/", Float8, "float8div", numbers::float8_divide),
    numeric!("/", "numeric_div", numbers::numeric_divide, numeric_quotient, shown::of_quotient),
    same!("%", Int2, "int2mod", numbers::int2_modulo),
    same!("%", Int4, "int4mod", numbers::int4_modulo),
    same!("%", Int8, "int8mod", numbers::int8_modulo),
    numeric!("%", "numeric_mod", numbers::numeric_modulo, numeric_sum),
    same!("^", Float8, "dpow", numbers::float8_power),
    numeric!("^", "numeric_power", numbers::numeric_power, crate::functions::numbers::power_type),
    same!("&", Int2, "int2and", numbers::int2_and),
    same!("&", Int4, "int4and", numbers::int4_and),
    same!("&", Int8, "int8and", numbers::int8_and),
    same!("|", Int2, "int2or", numbers::int2_or),
    same!("|", Int4, "int4or", numbers::int4_or),
    same!("|", Int8, "int8or", numbers::int8_or),
    same!("#", Int2, "int2xor", numbers::int2_xor),
    same!("#", Int4, "int4xor", numbers::int4_xor),
    same!("#", Int8, "int8xor", numbers::int8_xor),
    binary!("<<", Int2, Int4, Int2, "int2shl", numbers::int2_shift_left),
    binary!("<<", Int4, Int4, Int4, "int4shl", numbers::int4_shift_left),
    binary!("<<", Int8, Int4, Int8, "int8shl", numbers::int8_shift_left),
    binary!(">>", Int2, Int4, Int2, "int2shr", numbers::int2_shift_right),
    binary!(">>", Int4, Int4, Int4, "int4shr", numbers::int4_shift_right),
    binary!(">>", Int8, Int4, Int8, "int8shr", numbers::int8_shift_right),
    prefix!("~", Int2, "int2not", numbers::int2_not),
    prefix!("~", Int4, "int4not", numbers::int4_not),
    prefix!("~", Int8, "int8not", numbers::int8_not),
    prefix!("-", Int2, "int2um", numbers::int2_negate),
    prefix!("-", Int4, "int4um", numbers::int4_negate),
    prefix!("-", Int8, "int8um", numbers::int8_negate),
    prefix!("-", Float4, "float4um", numbers::float4_negate),
    prefix!("-", Float8, "float8um", numbers::float8_negate),
    prefix_numeric!("-", "numeric_uminus", numbers::numeric_negate),
    prefix!("-", Interval, "interval_um", dates::interval_negate),
    prefix!("@", Int2, "int2abs", numbers::int2_abs),
    prefix!("@", Int4, "int4abs", numbers::int4_abs),
    prefix!("@", Int8, "int8abs", numbers::int8_abs),
    prefix!("@", Float4, "float4abs", numbers::float4_abs),
    prefix!("@", Float8, "float8abs", numbers::float8_abs),
    prefix_numeric!("@", "numeric_abs", numbers::numeric_abs),
    prefix!("|/", Float8, "dsqrt", numbers::float8_sqrt),
    prefix!("||/", Float8, "dcbrt", numbers::float8_cbrt),
    unary_plus(PgType::Int2),
    unary_plus(PgType::Int4),
    unary_plus(PgType::Int8),
    unary_plus(PgType::Float4),
    unary_plus(PgType::Float8),
    unary_plus(PgType::Numeric),
    binary!("+", Date, Int4, Date, "date_pli", dates::date_add_days),
    swapped!("+", Int4, Date, Date, "date_pli", dates::date_add_days),
    binary!("+", Date, Time, Timestamp, "datetime_pl", dates::date_add_time),
    swapped!("+", Time, Date, Timestamp, "datetime_pl", dates::date_add_time),
    date_interval!("+", Date, Interval, "timestamp_pl_interval", dates::timestamp_add_interval, false),
    date_interval!("+", Interval, Date, "timestamp_pl_interval", dates::timestamp_add_interval, true),
    binary!("+", Interval, Interval, Interval, "interval_pl", dates::interval_add),
    swapped!("+", Interval, Time, Time, "time_pl_interval", dates::time_add_interval),
    swapped!("+", Interval, Timestamp, Timestamp, "timestamp_pl_interval", dates::timestamp_add_interval),
    zoned!("+", Interval, Timestamptz, "timestamptz_pl_interval", dates::timestamptz_add_interval, true),
    binary!("+", Time, Interval, Time, "time_pl_interval", dates::time_add_interval),
    binary!("+", Timestamp, Interval, Timestamp, "timestamp_pl_interval", dates::timestamp_add_interval),
    zoned!("+", Timestamptz, Interval, "timestamptz_pl_interval", dates::timestamptz_add_interval, false),
    binary!("-", Date, Date, Int4, "date_mi", dates::date_difference),
    binary!("-", Date, Int4, Date, "date_mii", dates::date_subtract_days),
    date_interval!("-", Date, Interval, "timestamp_mi_interval", dates::timestamp_subtract_interval, false),
    binary!("-", Interval, Interval, Interval, "interval_mi", dates::interval_subtract),
    binary!("-", Time, Interval, Time, "time_mi_interval", dates::time_subtract_interval),
    binary!("-", Time, Time, Interval, "time_mi_time", dates::time_difference),
    binary!("-", Timestamp, Interval, Timestamp, "timestamp_mi_interval", dates::timestamp_subtract_interval),
    binary!("-", Timestamp, Timestamp, Interval, "timestamp_mi", dates::timestamp_difference),
    zoned!(
        "-",
        Timestamptz,
        Interval,
        "timestamptz_mi_interval",
        dates::timestamptz_subtract_interval,
        false
    ),
    binary!("-", Timestamptz, Timestamptz, Interval, "timestamptz_mi", dates::timestamp_difference),
    swapped!("*", Float8, Interval, Interval, "interval_mul", dates::interval_multiply),
    binary!("*", Interval, Float8, Interval, "interval_mul", dates::interval_multiply),
    binary!("/", Interval, Float8, Interval, "interval_div", dates::interval_divide),
    OperatorRow {
        name: "||",
        left: Some(is(PgType::Text)),
        right: is(PgType::Text),
        result: is(PgType::Text),
        build: concatenate,
    },
    OperatorRow {
        name: "||",
        left: Some(Formal::AnyNonArray),
        right: is(PgType::Text),
        result: is(PgType::Text),
        build: concatenate,
    },
    OperatorRow {
        name: "||",
        left: Some(is(PgType::Text)),
        right: Formal::AnyNonArray,
        result: is(PgType::Text),
        build: concatenate,
    },
    OperatorRow {
        name: "||",
        left: Some(Formal::AnyCompatibleArray),
        right: Formal::AnyCompatibleArray,
        result: Formal::AnyCompatibleArray,
        build: concatenate_arrays,
    },
    OperatorRow {
        name: "||",
        left: Some(Formal::AnyCompatibleArray),
        right: Formal::AnyCompatible,
        result: Formal::AnyCompatibleArray,
        build: concatenate_arrays,
    },
    OperatorRow {
        name: "||",
        left: Some(Formal::AnyCompatible),
        right: Formal::AnyCompatibleArray,
        result: Formal::AnyCompatibleArray,
        build: concatenate_arrays,
    },
    binary!("+", Timetz, Interval, Timetz, "timetz_pl_interval", timetz::add),
    swapped!("+", Interval, Timetz, Timetz, "timetz_pl_interval", timetz::add),
    binary!("-", Timetz, Interval, Timetz, "timetz_mi_interval", timetz::subtract),
    binary!("+", Date, Timetz, Timestamptz, "datetimetz_timestamptz", timetz::on_date),
    swapped!("+", Timetz, Date, Timestamptz, "datetimetz_timestamptz", timetz::on_date),
    binary!("||", Bytea, Bytea, Bytea, "byteacat", bytes::concatenate),
    arrays_row!("@>", "arraycontains", arrays::array_contains, false),
    arrays_row!("<@", "arraycontains", arrays::array_contains, true),
    arrays_row!("&&", "arrayoverlap", arrays::array_overlaps, false),
    OperatorRow {
        name: "^@",
        left: Some(is(PgType::Text)),
        right: is(PgType::Text),
        result: is(PgType::Bool),
        build: |_, _, operands| {
            let operands = operands.into_iter().map(canonical_text).collect();
            call(&strings::starts_with(), operands, plain(PgType::Bool))
        },
    },
];

const fn unary_plus(pg_type: PgType) -> OperatorRow {
    OperatorRow {
        name: "+",
        left: None,
        right: Formal::Is(pg_type),
        result: Formal::Is(pg_type),
        build: |_, _, operands| {
            operands
                .into_iter()
                .next()
                .ok_or_else(|| SqlError::new(SqlErrorKind::Internal, "a prefix operator has an operand"))
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_have_postgresqls_scale() {
        // select scale(1 / 3.0), …
        for (left, right, scale) in [
            ((1, 0), (30, 1), 20),
            ((10, 0), (3, 0), 16),
            ((3, 0), (20, 1), 16),
            ((1, 0), (8, 0), 20),
            ((100_000, 0), (7, 0), 12),
            ((1, 2), (3, 0), 20),
        ] {
            assert_eq!(
                quotient_scale(left, right, i32::from(left.1.max(right.1))),
                scale,
                "{left:?} / {right:?}"
            );
        }
    }
}
