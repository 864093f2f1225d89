//! Casts that can fail or that change a value's form: to and from text, between numbers that may not fit, between dates
//! and times, and the lengths and scales that type modifiers ask for. Casts that cannot fail (`int4` to `int8`) are
//! DataFusion's own, so that its optimizer sees through them.

use std::sync::Arc;

use arrow::{
    array::{Array as _, ArrayRef, PrimitiveArray},
    datatypes::{ArrowPrimitiveType, Float64Type},
};

use crate::{
    calendar::{self, DAY, SECOND},
    dates::{interval_native, interval_parts},
    error::{FunctionError, FunctionErrorKind},
    kernels::{
        Bool, Bytes, Date, Float4, Float8, Int2, Int4, Int8, Interval, Numeric, Oid, Text, Time, Timestamp,
        Uuid, map, map_bool, map_bytes, map_nullable, map_slice, map_text, map_uuid, map_written, primitive,
        result_scale, scale_of,
    },
    numbers::{self, fit},
    scalar::Arguments,
    text_input as input, text_output as output,
};

type Done = Result<ArrayRef, FunctionError>;

/// `boolean` → text: `true`, `false` (the wire's form is `t`, `f`).
pub fn bool_to_text(arguments: &Arguments<'_>) -> Done {
    map_slice::<(Bool,)>(arguments, |(value,)| Ok(if value { "true" } else { "false" }))
}

macro_rules! to_text {
    ($($(#[$doc:meta])* $name:ident: $type:ty, |$value:ident, $out:ident| $write:expr;)*) => {
        $($(#[$doc])*
        pub fn $name(arguments: &Arguments<'_>) -> Done {
            map_written::<($type,)>(arguments, |($value,), $out| $write)
        })*
    };
}
to_text! {
    /// `smallint` → text.
    int2_to_text: Int2, |value, out| output::write_integer(value.into(), out);
    /// `integer` → text.
    int4_to_text: Int4, |value, out| output::write_integer(value.into(), out);
    /// `bigint` → text.
    int8_to_text: Int8, |value, out| output::write_integer(value, out);
    /// `oid` → text.
    oid_to_text: Oid, |value, out| output::write_unsigned(value.into(), out);
    /// `real` → text.
    float4_to_text: Float4, |value, out| output::write_float4(value, out);
    /// `double precision` → text.
    float8_to_text: Float8, |value, out| output::write_float8(value, out);
    /// `date` → text.
    date_to_text: Date, |value, out| output::write_date(value, out);
    /// `time` → text.
    time_to_text: Time, |value, out| output::write_time(value, out);
    /// `timestamp` → text.
    timestamp_to_text: Timestamp, |value, out| output::write_timestamp(value, out);
    /// `uuid` → text.
    uuid_to_text: Uuid, |value, out| output::write_uuid(value, out);
    /// `bytea` → text.
    bytea_to_text: Bytes, |value, out| output::write_bytea(value, out);
}

/// `interval` → text.
pub fn interval_to_text(arguments: &Arguments<'_>) -> Done {
    map_written::<(Interval,)>(arguments, |(value,), out| {
        let parts = interval_parts(value);
        output::write_interval(parts.months, parts.days, parts.microseconds, out);
    })
}

/// `numeric` → text.
pub fn numeric_to_text(arguments: &Arguments<'_>) -> Done {
    let scale = scale_of(arguments, 0)?;
    map_written::<(Numeric,)>(arguments, |(value,), out| output::write_numeric(value, scale, out))
}

/// The zone that a kernel was given as its constant argument `index`.
pub fn zone_argument(arguments: &Arguments<'_>, index: usize) -> Result<chrono_tz::Tz, FunctionError> {
    Ok(styles_argument(arguments, index)?.zone)
}

/// The session's styles as the binder writes them: the zone, and after a bar each what else is not the usual
/// (`Europe/Stockholm|SQL, DMY|iso_8601`).
pub fn styles_argument(arguments: &Arguments<'_>, index: usize) -> Result<output::Styles, FunctionError> {
    let (texts, _) = arguments.typed::<arrow::array::StringViewArray>(index)?;
    let mut parts = texts.iter().next().flatten().unwrap_or("UTC").split('|');
    let name = parts.next().unwrap_or("UTC");
    let zone = calendar::zone_by_name(name)
        .ok_or_else(|| FunctionError::invalid_parameter(format!("time zone \"{name}\" not recognized")))?;
    let dates = parts.next().unwrap_or("ISO, MDY");
    Ok(output::Styles::from_settings(zone, dates, parts.next().unwrap_or("postgres")))
}

/// text, styles → `date`
pub fn text_to_date_in(arguments: &Arguments<'_>) -> Done {
    let styles = styles_argument(arguments, 1)?;
    map::<(Text,), Date>(arguments, |(text,)| input::parse_date_in(text, styles.order))
}

/// text, styles → `timestamp`
pub fn text_to_timestamp_in(arguments: &Arguments<'_>) -> Done {
    let styles = styles_argument(arguments, 1)?;
    map::<(Text,), Timestamp>(arguments, |(text,)| input::parse_timestamp_in(text, styles.order))
}

/// text, styles → `interval`
pub fn text_to_interval_in(arguments: &Arguments<'_>) -> Done {
    let styles = styles_argument(arguments, 1)?;
    map::<(Text,), Interval>(arguments, |(text,)| {
        interval_native(input::parse_interval_in(text, None, styles.interval)?)
    })
}

/// `timestamptz`, zone → text.
pub fn timestamptz_to_text(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 1)?;
    map_written::<(Timestamp,)>(arguments, |(value,), out| output::write_timestamptz(value, zone, out))
}

macro_rules! from_text {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $parse:expr;)*) => {
        $($(#[$doc])*
        pub fn $name(arguments: &Arguments<'_>) -> Done {
            map::<(Text,), $type>(arguments, |(text,)| $parse(text))
        })*
    };
}
from_text! {
    /// text → `smallint`.
    text_to_int2: Int2, input::parse_int2;
    /// text → `integer`.
    text_to_int4: Int4, input::parse_int4;
    /// text → `bigint`.
    text_to_int8: Int8, input::parse_int8;
    /// text → `oid`.
    text_to_oid: Oid, input::parse_oid;
    /// text → `real`.
    text_to_float4: Float4, input::parse_float4;
    /// text → `double precision`.
    text_to_float8: Float8, input::parse_float8;
    /// text → `date`.
    text_to_date: Date, input::parse_date;
    /// text → `time`.
    text_to_time: Time, input::parse_time;
    /// text → `timestamp`.
    text_to_timestamp: Timestamp, input::parse_timestamp;
}

/// text → `boolean`.
pub fn text_to_bool(arguments: &Arguments<'_>) -> Done {
    map_bool::<(Text,)>(arguments, |(text,)| input::parse_bool(text))
}

/// text → `numeric` of the result's precision and scale.
pub fn text_to_numeric(arguments: &Arguments<'_>) -> Done {
    let (precision, scale) = result_scale(arguments)?;
    map::<(Text,), Numeric>(arguments, |(text,)| input::parse_numeric(text, precision, scale))
}

/// text, zone → `timestamptz`.
pub fn text_to_timestamptz(arguments: &Arguments<'_>) -> Done {
    let styles = styles_argument(arguments, 1)?;
    map::<(Text,), Timestamp>(arguments, |(text,)| {
        input::parse_timestamptz_in(text, styles.zone, styles.order)
    })
}

/// text → `interval`.
pub fn text_to_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Text,), Interval>(arguments, |(text,)| interval_native(input::parse_interval(text, None)?))
}

/// text → `uuid`.
pub fn text_to_uuid(arguments: &Arguments<'_>) -> Done {
    map_uuid::<(Text,)>(arguments, |(text,)| input::parse_uuid(text))
}

/// text → `bytea`.
pub fn text_to_bytea(arguments: &Arguments<'_>) -> Done {
    map_bytes::<(Text,)>(arguments, |(text,), out| {
        *out = input::parse_bytea(text)?;
        Ok(())
    })
}

macro_rules! narrow {
    ($($(#[$doc:meta])* $name:ident: $from:ty => $to:ty, $type_name:literal;)*) => {
        $($(#[$doc])*
        pub fn $name(arguments: &Arguments<'_>) -> Done {
            map::<($from,), $to>(arguments, |(value,)| {
                value.try_into().map_err(|_| FunctionError::out_of_range($type_name))
            })
        })*
    };
}
narrow! {
    /// `integer` → `smallint`.
    int4_to_int2: Int4 => Int2, "smallint";
    /// `bigint` → `smallint`.
    int8_to_int2: Int8 => Int2, "smallint";
    /// `bigint` → `integer`.
    int8_to_int4: Int8 => Int4, "integer";
    /// `bigint` → `oid`.
    int8_to_oid: Int8 => Oid, "OID";
}

/// `integer` → `oid`: the same 32 bits.
pub fn int4_to_oid(arguments: &Arguments<'_>) -> Done {
    map::<(Int4,), Oid>(arguments, |(value,)| Ok(u32::from_ne_bytes(value.to_ne_bytes())))
}

/// `oid` → `integer`: the same 32 bits.
pub fn oid_to_int4(arguments: &Arguments<'_>) -> Done {
    map::<(Oid,), Int4>(arguments, |(value,)| Ok(i32::from_ne_bytes(value.to_ne_bytes())))
}

/// `"char"` → `integer`: its byte, signed.
pub fn char_to_int4(arguments: &Arguments<'_>) -> Done {
    map::<(Text,), Int4>(arguments, |(text,)| {
        Ok(text.bytes().next().map_or(0, |byte| i32::from(i8::from_ne_bytes([byte]))))
    })
}

/// `integer` → `"char"`. Bytes from 128 on are no text of one byte and are refused.
pub fn int4_to_char(arguments: &Arguments<'_>) -> Done {
    map_text::<(Int4,)>(arguments, |(value,), out| {
        match (i8::try_from(value), u8::try_from(value)) {
            (Ok(0), _) => {}
            (Ok(1..), Ok(byte)) => out.push(char::from(byte)),
            (Ok(_), _) => return Err(not_one_byte()),
            (Err(_), _) => return Err(FunctionError::out_of_range("\"char\"")),
        }
        Ok(())
    })
}

fn not_one_byte() -> FunctionError {
    FunctionError::not_supported("a \"char\" that is not ASCII is not supported")
}

/// `integer` → `boolean`.
pub fn int4_to_bool(arguments: &Arguments<'_>) -> Done {
    map_bool::<(Int4,)>(arguments, |(value,)| Ok(value != 0))
}

/// `boolean` → `integer`.
pub fn bool_to_int4(arguments: &Arguments<'_>) -> Done {
    map::<(Bool,), Int4>(arguments, |(value,)| Ok(i32::from(value)))
}

/// Floats rounded half to even, which must lie from `minimum` to before `end` before they are rounded.
fn round_floats<O: ArrowPrimitiveType>(
    arguments: &Arguments<'_>,
    minimum: f64,
    end: f64,
    type_name: &str,
    cast: impl Fn(f64) -> O::Native,
) -> Done {
    let (values, _) = arguments.typed::<PrimitiveArray<Float64Type>>(0)?;
    let is_outside = |value: f64| !((value >= minimum) & (value < end));
    let mut some_outside = false;
    let results = values.values().iter().map(|value| {
        some_outside |= is_outside(*value);
        cast(*value)
    });
    let results: Vec<O::Native> = results.collect();
    if some_outside && values.iter().flatten().any(is_outside) {
        return Err(FunctionError::out_of_range(type_name));
    }
    primitive::<O>(results, values.nulls().cloned(), arguments)
}

/// The nearest integer, half to even. In a float of this size the last bit stands for 1, so that adding to it rounds, and
/// its last bits are those of the integer: there are instructions for several at a time.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the last bits are what is wanted")]
fn nearest(value: f64) -> i32 {
    const LAST_BIT_IS_ONE: f64 = 6_755_399_441_055_744.0;
    ((value + LAST_BIT_IS_ONE).to_bits() as u32).cast_signed()
}

/// `double precision` → `smallint`.
#[expect(clippy::cast_possible_truncation, reason = "checked to be within the bounds")]
pub fn float8_to_int2(arguments: &Arguments<'_>) -> Done {
    round_floats::<Int2>(arguments, -32_768.5, 32_767.5, "smallint", |value| nearest(value) as i16)
}

/// `double precision` → `integer`.
pub fn float8_to_int4(arguments: &Arguments<'_>) -> Done {
    round_floats::<Int4>(arguments, -2_147_483_648.5, 2_147_483_647.5, "integer", nearest)
}

/// `double precision` → `bigint`.
#[expect(clippy::cast_possible_truncation, reason = "checked to be within the bounds")]
pub fn float8_to_int8(arguments: &Arguments<'_>) -> Done {
    let end = 9_223_372_036_854_775_808.0;
    round_floats::<Int8>(arguments, -end, end, "bigint", |value| numbers::nearest_whole(value) as i64)
}

/// `double precision` → `real`.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to the nearest float4 is the point; overflow is checked"
)]
pub fn float8_to_float4(arguments: &Arguments<'_>) -> Done {
    map::<(Float8,), Float4>(arguments, |(value,)| {
        let narrow = value as f32;
        if narrow.is_infinite() && !value.is_infinite() {
            return Err(FunctionError::new(
                FunctionErrorKind::NumericValueOutOfRange,
                "value out of range: overflow",
            ));
        }
        if narrow == 0.0 && value != 0.0 {
            return Err(FunctionError::new(
                FunctionErrorKind::NumericValueOutOfRange,
                "value out of range: underflow",
            ));
        }
        Ok(narrow)
    })
}

fn rounded_text(value: f64, digits: usize) -> Result<String, FunctionError> {
    if !value.is_finite() {
        return Err(FunctionError::not_supported("numeric NaN and infinity are not supported"));
    }
    Ok(format!("{value:.*e}", digits - 1))
}

fn float_to_numeric(value: f64, digits: usize, precision: u8, scale: i8) -> Result<i128, FunctionError> {
    input::parse_numeric(&rounded_text(value, digits)?, precision, scale)
}

/// A float as the decimal of so many significant digits, without trailing zeros.
pub fn float_as_decimal(value: f64, digits: usize) -> Result<input::Decimal, FunctionError> {
    let mut decimal = input::parse_decimal(&rounded_text(value, digits)?)?;
    while decimal.scale > 0 && decimal.unscaled % 10 == 0 {
        decimal.unscaled /= 10;
        decimal.scale -= 1;
    }
    Ok(decimal)
}

/// `double precision` → `numeric`: 15 significant digits, as PostgreSQL does.
pub fn float8_to_numeric(arguments: &Arguments<'_>) -> Done {
    let (precision, scale) = result_scale(arguments)?;
    map::<(Float8,), Numeric>(arguments, |(value,)| float_to_numeric(value, 15, precision, scale))
}

/// `real` → `numeric`: 6 significant digits.
pub fn float4_to_numeric(arguments: &Arguments<'_>) -> Done {
    let (precision, scale) = result_scale(arguments)?;
    map::<(Float4,), Numeric>(arguments, |(value,)| float_to_numeric(value.into(), 6, precision, scale))
}

/// `numeric` → `numeric(p,s)`: rounds half away from zero.
pub fn numeric_to_numeric(arguments: &Arguments<'_>) -> Done {
    let from = scale_of(arguments, 0)?;
    let (precision, scale) = result_scale(arguments)?;
    map::<(Numeric,), Numeric>(arguments, |(value,)| input::fit_numeric(value, from, precision, scale))
}

/// `bigint` (or what was widened to it) → `numeric(p,s)`.
pub fn int8_to_numeric(arguments: &Arguments<'_>) -> Done {
    let (precision, scale) = result_scale(arguments)?;
    map::<(Int8,), Numeric>(arguments, |(value,)| input::fit_numeric(value.into(), 0, precision, scale))
}

macro_rules! numeric_to_integer {
    ($($(#[$doc:meta])* $name:ident: $to:ty, $type_name:literal;)*) => {
        $($(#[$doc])*
        pub fn $name(arguments: &Arguments<'_>) -> Done {
            let scale = scale_of(arguments, 0)?;
            map::<(Numeric,), $to>(arguments, |(value,)| {
                fit(value, i32::from(scale), 0)
                    .and_then(|value| value.try_into().ok())
                    .ok_or_else(|| FunctionError::out_of_range($type_name))
            })
        })*
    };
}
numeric_to_integer! {
    /// `numeric` → `smallint`.
    numeric_to_int2: Int2, "smallint";
    /// `numeric` → `integer`.
    numeric_to_int4: Int4, "integer";
    /// `numeric` → `bigint`.
    numeric_to_int8: Int8, "bigint";
}

/// `numeric` → `double precision`.
pub fn numeric_to_float8(arguments: &Arguments<'_>) -> Done {
    let scale = scale_of(arguments, 0)?;
    let unit = 10_f64.powi(i32::from(scale));
    map::<(Numeric,), Float8>(arguments, |(value,)| {
        // Both are exact then, and one division rounds once.
        Ok(match i32::try_from(value) {
            Ok(small) if (0..=22).contains(&scale) => f64::from(small) / unit,
            _ => numeric_as_float(value, scale),
        })
    })
}

/// `numeric` → `real`.
#[expect(clippy::cast_possible_truncation, reason = "rounding to the nearest float4 is the point")]
pub fn numeric_to_float4(arguments: &Arguments<'_>) -> Done {
    let scale = scale_of(arguments, 0)?;
    map::<(Numeric,), Float4>(arguments, |(value,)| Ok(numeric_as_float(value, scale) as f32))
}

/// The nearest float to a decimal. Values below 2^53 with small scales are exact in one division; the others go by
/// text, which rounds once.
#[expect(clippy::cast_precision_loss, reason = "only taken where it is exact")]
pub fn numeric_as_float(value: i128, scale: i8) -> f64 {
    const EXACT: u128 = 1 << 53;
    if (0..=22).contains(&scale) && value.unsigned_abs() < EXACT {
        return value as f64 / 10_f64.powi(i32::from(scale));
    }
    let mut text = Vec::new();
    output::write_numeric(value, scale, &mut text);
    std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).unwrap_or(f64::NAN)
}

/// `varchar(n)` by an explicit cast, and `name`: cuts.
pub fn truncate_text(arguments: &Arguments<'_>) -> Done {
    map_slice::<(Text, Int4)>(arguments, |(text, length)| Ok(first_characters(text, length)))
}

fn first_characters(text: &str, length: i32) -> &str {
    let length = usize::try_from(length).unwrap_or(0);
    match text.char_indices().nth(length) {
        Some((at, _)) => text.get(..at).unwrap_or(text),
        None => text,
    }
}

/// `name`: at most 63 bytes.
pub fn text_to_name(arguments: &Arguments<'_>) -> Done {
    map_slice::<(Text,)>(arguments, |(text,)| Ok(first_bytes(text, 63)))
}

fn first_bytes(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

/// `varchar(n)` by assignment: 22001 unless only blanks are cut.
pub fn fit_varchar(arguments: &Arguments<'_>) -> Done {
    map_slice::<(Text, Int4)>(arguments, |(text, length)| {
        let kept = first_characters(text, length);
        check_cut(text, kept, length, "character varying")?;
        Ok(kept)
    })
}

fn check_cut(text: &str, kept: &str, length: i32, type_name: &str) -> Result<(), FunctionError> {
    if text.get(kept.len()..).is_some_and(|cut| cut.bytes().any(|byte| byte != b' ')) {
        return Err(FunctionError::new(
            FunctionErrorKind::StringDataRightTruncation,
            format!("value too long for type {type_name}({length})"),
        ));
    }
    Ok(())
}

fn pad(kept: &str, length: i32, out: &mut String) {
    out.push_str(kept);
    let missing = usize::try_from(length).unwrap_or(0).saturating_sub(kept.chars().count());
    out.extend(std::iter::repeat_n(' ', missing));
}

/// `char(n)` by an explicit cast: cuts or pads.
pub fn pad_bpchar(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text, Int4)>(arguments, |(text, length), out| {
        pad(first_characters(text, length), length, out);
        Ok(())
    })
}

/// `char(n)` by assignment.
pub fn fit_bpchar(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text, Int4)>(arguments, |(text, length), out| {
        let kept = first_characters(text, length);
        check_cut(text, kept, length, "character")?;
        pad(kept, length, out);
        Ok(())
    })
}

/// `char(n)` → text and the like: without trailing blanks.
pub fn strip_blanks(arguments: &Arguments<'_>) -> Done {
    map_slice::<(Text,)>(arguments, |(text,)| Ok(text.trim_end_matches(' ')))
}

/// text → `"char"`: the first byte.
pub fn text_to_char(arguments: &Arguments<'_>) -> Done {
    map_slice::<(Text,)>(arguments, |(text,)| {
        let first = first_characters(text, 1);
        if first.is_ascii() { Ok(first) } else { Err(not_one_byte()) }
    })
}

/// `date` → `timestamp`.
pub fn date_to_timestamp(arguments: &Arguments<'_>) -> Done {
    /// Days within which nothing can go wrong, some 2,700 years.
    const NEAR: u32 = 1_000_000;
    let (dates, _) = arguments.typed::<PrimitiveArray<Date>>(0)?;
    if dates.values().iter().fold(0, |far, date| far | u32::from(date.unsigned_abs() > NEAR)) == 0 {
        return Ok(Arc::new(dates.unary::<_, Timestamp>(|date| i64::from(date) * DAY)));
    }
    map::<(Date,), Timestamp>(arguments, |(date,)| calendar::start_of_date(date))
}

/// `date`, zone → `timestamptz`.
pub fn date_to_timestamptz(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 1)?;
    map::<(Date,), Timestamp>(arguments, |(date,)| {
        calendar::local_to_utc(zone, calendar::start_of_date(date)?)
    })
}

/// A moment to compare by where the true one lies outside what a timestamp can hold: beside infinity.
fn beyond(local: i64, moment: Result<i64, FunctionError>) -> i64 {
    let end =
        if local < 0 { calendar::TIMESTAMP_MINUS_INFINITY + 1 } else { calendar::TIMESTAMP_INFINITY - 1 };
    moment.unwrap_or(end)
}

/// `date` → `timestamp` for a comparison, which no date is too early or too late for.
pub fn date_to_comparable(arguments: &Arguments<'_>) -> Done {
    map::<(Date,), Timestamp>(arguments, |(date,)| Ok(beyond(date.into(), calendar::start_of_date(date))))
}

/// `date`, zone → `timestamptz` for a comparison.
pub fn date_to_comparable_in_zone(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 1)?;
    map::<(Date,), Timestamp>(arguments, |(date,)| {
        let midnight = calendar::start_of_date(date);
        Ok(beyond(date.into(), midnight.and_then(|midnight| calendar::local_to_utc(zone, midnight))))
    })
}

/// `timestamp`, zone → `timestamptz` for a comparison.
pub fn timestamp_to_comparable_in_zone(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 1)?;
    map::<(Timestamp,), Timestamp>(arguments, |(timestamp,)| {
        Ok(beyond(timestamp, calendar::local_to_utc(zone, timestamp)))
    })
}

/// `timestamp` → `date`.
pub fn timestamp_to_date(arguments: &Arguments<'_>) -> Done {
    map::<(Timestamp,), Date>(arguments, |(timestamp,)| calendar::date_of(timestamp))
}

/// The time of day: an infinite moment has none.
fn time_of(timestamp: i64) -> Option<i64> {
    (!calendar::is_infinite_timestamp(timestamp)).then(|| calendar::split_timestamp(timestamp).1)
}

/// `timestamp` → `time`.
pub fn timestamp_to_time(arguments: &Arguments<'_>) -> Done {
    map_nullable::<(Timestamp,), Time>(arguments, |(timestamp,)| Ok(time_of(timestamp)))
}

/// `timestamp`, zone → `timestamptz`.
pub fn timestamp_to_timestamptz(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 1)?;
    map::<(Timestamp,), Timestamp>(arguments, |(timestamp,)| calendar::local_to_utc(zone, timestamp))
}

/// `timestamptz`, zone → `timestamp`.
pub fn timestamptz_to_timestamp(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 1)?;
    map::<(Timestamp,), Timestamp>(arguments, |(timestamp,)| Ok(calendar::utc_to_local(zone, timestamp)))
}

/// `timestamptz`, zone → `date`.
pub fn timestamptz_to_date(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 1)?;
    map::<(Timestamp,), Date>(arguments, |(timestamp,)| {
        calendar::date_of(calendar::utc_to_local(zone, timestamp))
    })
}

/// `timestamptz`, zone → `time`.
pub fn timestamptz_to_time(arguments: &Arguments<'_>) -> Done {
    let zone = zone_argument(arguments, 1)?;
    map_nullable::<(Timestamp,), Time>(arguments, |(timestamp,)| {
        Ok(time_of(calendar::utc_to_local(zone, timestamp)))
    })
}

/// `interval` → `time`: what is left of whole days.
pub fn interval_to_time(arguments: &Arguments<'_>) -> Done {
    map::<(Interval,), Time>(arguments, |(value,)| Ok(interval_parts(value).microseconds.rem_euclid(DAY)))
}

/// `time` → `interval`.
pub fn time_to_interval(arguments: &Arguments<'_>) -> Done {
    map::<(Time,), Interval>(arguments, |(time,)| {
        interval_native(input::Interval { months: 0, days: 0, microseconds: time })
    })
}

/// Microseconds rounded to a number of decimals (`timestamp(0)`).
pub fn round_micro(value: i64, decimals: i32) -> i64 {
    if calendar::is_infinite_timestamp(value) {
        return value;
    }
    let Ok(dropped) = u32::try_from(6 - decimals) else { return value };
    let unit = 10_i64.pow(dropped.min(6));
    if unit == 1 {
        return value;
    }
    let down = value.div_euclid(unit) * unit;
    if value - down >= unit / 2 { down.saturating_add(unit) } else { down }
}

/// `timestamp(p)`, `timestamptz(p)`.
pub fn round_timestamp(arguments: &Arguments<'_>) -> Done {
    map::<(Timestamp, Int4), Timestamp>(arguments, |(value, decimals)| Ok(round_micro(value, decimals)))
}

/// `time(p)`.
pub fn round_time(arguments: &Arguments<'_>) -> Done {
    map::<(Time, Int4), Time>(arguments, |(value, decimals)| Ok(round_micro(value, decimals)))
}

/// Seconds since 1970 as a `timestamptz`: `to_timestamp(double precision)`.
#[expect(clippy::cast_possible_truncation, reason = "checked to be within 64 bits")]
pub fn seconds_to_timestamptz(arguments: &Arguments<'_>) -> Done {
    map::<(Float8,), Timestamp>(arguments, |(seconds,)| {
        if seconds.is_infinite() {
            let positive = seconds > 0.0;
            return Ok(if positive {
                calendar::TIMESTAMP_INFINITY
            } else {
                calendar::TIMESTAMP_MINUS_INFINITY
            });
        }
        #[expect(clippy::cast_precision_loss, reason = "a million is exact")]
        let micro = (seconds * SECOND as f64).round_ties_even();
        if micro.is_finite() && micro.abs() < 9.2e18 {
            Ok(micro as i64)
        } else {
            Err(calendar::timestamp_out_of_range())
        }
    })
}
