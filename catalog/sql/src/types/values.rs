//! Values from text: literals, parameters in text format, COPY.

use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::common::ScalarValue;
use lis_functions::{
    arrays::shape,
    calendar, casts,
    error::{FunctionError, FunctionErrorKind},
    json, text_input as input,
    text_output::{Styles, write_date},
    timetz,
};
use lis_lake::types::{ColumnType, PgType};

use super::Binding;

/// The value of a string literal. The words that need a clock are known here, and no further down.
pub(super) fn parse_constant(
    binding: &Binding<'_>,
    text: &str,
    target: ColumnType,
    is_explicit: bool,
) -> Result<ScalarValue, FunctionError> {
    let styles = input_styles(binding);
    let zone = styles.zone;
    let temporal = matches!(target.pg_type, PgType::Date | PgType::Timestamp | PgType::Timestamptz);
    if temporal {
        let now = binding.context.transaction_started_at.timestamp_micros();
        let local = calendar::utc_to_local(zone, now);
        let midnight = local - local.rem_euclid(calendar::DAY);
        let words = input::trim(text).to_ascii_lowercase();
        let (word, rest) = words.split_once(' ').unwrap_or((&words, ""));
        let midnight = match word {
            "today" => Some(midnight),
            "tomorrow" => Some(midnight + calendar::DAY),
            "yesterday" => Some(midnight - calendar::DAY),
            _ => None,
        };
        let moment = match midnight {
            _ if words == "now" => Some((local, now)),
            Some(local) if rest.is_empty() => Some((local, calendar::local_to_utc(zone, local)?)),
            // `today 10:30`
            Some(local) => {
                let mut day = Vec::new();
                write_date(calendar::checked_date(local.div_euclid(calendar::DAY))?, &mut day);
                let text = format!("{} {rest}", String::from_utf8_lossy(&day));
                return parse_constant(binding, &text, target, is_explicit);
            }
            None => None,
        };
        if let Some((local, utc)) = moment {
            return Ok(match target.pg_type {
                PgType::Date => {
                    ScalarValue::Date32(Some(calendar::checked_date(local.div_euclid(calendar::DAY))?))
                }
                PgType::Timestamp => ScalarValue::TimestampMicrosecond(Some(local), None),
                _ => timestamptz_value(utc),
            });
        }
    }
    if is_explicit && let Some(length) = target.length() {
        // An explicit cast cuts, it does not complain.
        let cut: String = text.chars().take(length).collect();
        return parse_text(&cut, target, &styles);
    }
    if target.pg_type == PgType::Timetz {
        let now = binding.context.transaction_started_at.timestamp_micros();
        let value = timetz::parse(text, calendar::offset_at(zone, now))?;
        return rounded(ScalarValue::FixedSizeBinary(timetz::WIDTH, Some(value.to_vec())), target);
    }
    rounded(parse_text(text, target, &styles)?, target)
}

/// The modifier of times: a literal's fraction is rounded to it.
fn rounded(value: ScalarValue, target: ColumnType) -> Result<ScalarValue, FunctionError> {
    let digits = target.typmod;
    if !(0..6).contains(&digits) {
        return Ok(value);
    }
    let round = |value: i64| casts::round_micro(value, digits);
    Ok(match (target.pg_type, value) {
        (PgType::Timestamp | PgType::Timestamptz, ScalarValue::TimestampMicrosecond(Some(value), zone)) => {
            ScalarValue::TimestampMicrosecond(Some(round(value)), zone)
        }
        (PgType::Time, ScalarValue::Time64Microsecond(Some(value))) => {
            ScalarValue::Time64Microsecond(Some(round(value)))
        }
        (PgType::Timetz, ScalarValue::FixedSizeBinary(width, Some(value))) => {
            let (time, offset) = timetz::decode(&value);
            ScalarValue::FixedSizeBinary(width, Some(timetz::encode(round(time), offset).to_vec()))
        }
        (_, value) => value,
    })
}

/// What the session's settings say about the text of dates and intervals.
pub(crate) fn input_styles(binding: &Binding<'_>) -> Styles {
    let zone = calendar::zone_by_name(&binding.context.time_zone).unwrap_or(Tz::UTC);
    let setting = |name: &str| binding.context.settings.get(name).map_or("", String::as_str);
    Styles::from_settings(zone, setting("datestyle"), setting("intervalstyle"))
}

fn timestamptz_value(timestamp: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(timestamp), Some("UTC".into()))
}

/// A value of a type from its text: literals, parameters in text format, COPY. The modifier is applied as by assignment.
/// A `numeric` without a modifier keeps the scale that it is written with. `reg…` types need the catalogue and take
/// numbers only.
pub fn parse_text(
    text: &str,
    column_type: ColumnType,
    styles: &Styles,
) -> Result<ScalarValue, FunctionError> {
    use PgType as T;
    let view = |text: String| ScalarValue::Utf8View(Some(text));
    Ok(match column_type.pg_type {
        T::Bool => ScalarValue::Boolean(Some(input::parse_bool(text)?)),
        T::Int2 => ScalarValue::Int16(Some(input::parse_int2(text)?)),
        T::Int4 => ScalarValue::Int32(Some(input::parse_int4(text)?)),
        T::Int8 => ScalarValue::Int64(Some(input::parse_int8(text)?)),
        T::Float4 => ScalarValue::Float32(Some(input::parse_float4(text)?)),
        T::Float8 => ScalarValue::Float64(Some(input::parse_float8(text)?)),
        T::Numeric => match column_type.precision_scale() {
            Some((precision, scale)) => {
                ScalarValue::Decimal128(Some(input::parse_numeric(text, precision, scale)?), precision, scale)
            }
            None => decimal_value(input::parse_decimal(text)?),
        },
        T::Date => ScalarValue::Date32(Some(input::parse_date_in(text, styles.order)?)),
        T::Time => ScalarValue::Time64Microsecond(Some(input::parse_time(text)?)),
        // Without the statement's clock the session's zone counts as it is in winter.
        T::Timetz => {
            let offset = calendar::offset_at(styles.zone, 0);
            ScalarValue::FixedSizeBinary(timetz::WIDTH, Some(timetz::parse(text, offset)?.to_vec()))
        }
        T::Timestamp => {
            ScalarValue::TimestampMicrosecond(Some(input::parse_timestamp_in(text, styles.order)?), None)
        }
        T::Timestamptz => timestamptz_value(input::parse_timestamptz_in(text, styles.zone, styles.order)?),
        T::Interval => ScalarValue::IntervalMonthDayNano(Some(lis_functions::dates::interval_native(
            input::parse_interval_in(text, None, styles.interval)?,
        )?)),
        T::Uuid => ScalarValue::FixedSizeBinary(16, Some(input::parse_uuid(text)?.to_vec())),
        T::Bytea => ScalarValue::BinaryView(Some(input::parse_bytea(text)?)),
        T::Oid | T::Xid | T::Regproc | T::Regclass | T::Regtype | T::Regnamespace | T::Regrole => {
            ScalarValue::UInt32(Some(input::parse_oid(text)?))
        }
        T::Varchar | T::Bpchar => view(fit_text(text, column_type)?),
        T::Name => view(
            text.chars()
                .scan(0, |bytes, one| {
                    *bytes += one.len_utf8();
                    (*bytes <= 63).then_some(one)
                })
                .collect(),
        ),
        T::Char => view(text.chars().take(1).collect()),
        T::Json => view(json::check(text)?.to_owned()),
        T::Jsonb => view(json::normalise(text)?),
        T::Jsonpath => view(json::path::normalise(text)?),
        T::Text | T::Unknown | T::PgNodeTree | T::Aclitem => view(text.to_owned()),
        T::Array(element) => {
            let element = column_type.with_type(*element);
            array_value(input::parse_array(text)?, element, styles)?
        }
        T::Int2Vector | T::OidVector => {
            let element = column_type.pg_type.element().unwrap_or(T::Int4);
            let elements = text.split_ascii_whitespace().map(|one| Some(one.to_owned())).collect();
            let array = input::ArrayText { elements, dimensions: Vec::new() };
            array_value(array, ColumnType::plain(element), styles)?
        }
        T::Record | T::Void => {
            return Err(FunctionError::not_supported(format!(
                "input of type {} is not supported",
                column_type.pg_type.facts().sql_name
            )));
        }
    })
}

/// An array of one dimension is a list, any other a shaped one. Elements of `numeric` without a modifier have the scale of
/// the one with the most digits after the point.
fn array_value(
    array: input::ArrayText,
    element: ColumnType,
    styles: &Styles,
) -> Result<ScalarValue, FunctionError> {
    let elements = array
        .elements
        .into_iter()
        .map(|text| text.map(|text| parse_text(&text, element, styles)).transpose())
        .collect::<Result<Vec<_>, FunctionError>>()?;
    let arrow_type = element_type(&elements, element);
    let values = elements
        .into_iter()
        .map(|value| match value {
            None => Ok(ScalarValue::try_from(&arrow_type)?),
            Some(value) if value.data_type() == arrow_type => Ok(value),
            Some(value) => Ok(value.cast_to(&arrow_type)?),
        })
        .collect::<Result<Vec<_>, FunctionError>>()?;
    if shape::is_plain(&array.dimensions) {
        return Ok(ScalarValue::List(ScalarValue::new_list(&values, &arrow_type, true)));
    }
    let shaped = shape::one(ScalarValue::iter_to_array(values)?, array.dimensions)?;
    Ok(ScalarValue::try_from_array(&shaped, 0)?)
}

/// The Arrow type that holds all of an array's elements.
fn element_type(elements: &[Option<ScalarValue>], element: ColumnType) -> DataType {
    if element.pg_type != PgType::Numeric || element.typmod >= 0 {
        return element.to_arrow();
    }
    let (mut whole, mut scale) = (None, 0);
    for value in elements.iter().flatten() {
        if let ScalarValue::Decimal128(Some(_), precision, own) = value {
            let digits = i32::from(*precision) - i32::from(*own);
            whole = Some(whole.map_or(digits, |whole: i32| whole.max(digits)));
            scale = scale.max(*own);
        }
    }
    match whole {
        // Nothing that has a scale: any other array brings its own.
        None => DataType::Decimal128(38, 0),
        Some(whole) => {
            let precision = u8::try_from((whole + i32::from(scale)).clamp(1, 38)).unwrap_or(38);
            DataType::Decimal128(precision, scale)
        }
    }
}

pub(crate) fn decimal_value(decimal: input::Decimal) -> ScalarValue {
    let digits = decimal.unscaled.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
    let digits = u8::try_from(digits).unwrap_or(38);
    let precision = digits.max(decimal.scale.unsigned_abs()).clamp(1, 38);
    ScalarValue::Decimal128(Some(decimal.unscaled), precision, decimal.scale)
}

fn fit_text(text: &str, column_type: ColumnType) -> Result<String, FunctionError> {
    let Some(length) = column_type.length() else { return Ok(text.to_owned()) };
    let count = text.chars().count();
    if column_type.pg_type == PgType::Bpchar && count < length {
        return Ok(format!("{text}{}", " ".repeat(length - count)));
    }
    if count <= length {
        return Ok(text.to_owned());
    }
    let (kept, cut): (String, String) =
        (text.chars().take(length).collect(), text.chars().skip(length).collect());
    if cut.chars().any(|one| one != ' ') {
        return Err(FunctionError::new(
            FunctionErrorKind::StringDataRightTruncation,
            format!("value too long for type {}({length})", column_type.pg_type.facts().sql_name),
        ));
    }
    Ok(kept)
}
