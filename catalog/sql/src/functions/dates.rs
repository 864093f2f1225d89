//! Date and time functions. The session's zone and the statement's clock are constants of the call.

use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::common::ScalarValue;
use lis_functions::{
    calendar, dates as k,
    dates::Field,
    scalar::{Kernel, Scalar},
    timetz as tz,
};
use lis_lake::types::{ColumnType, PgType};

use super::{FunctionRow, Make, build, kernel};
use crate::{
    build::apply,
    error::{SqlError, SqlErrorKind},
    operators::{decimal, zone},
    resolve::select::Formal::Is,
    types::{Binding, CastContext, Typed, casts::coerce_to, coerce},
};

use PgType::{Date, Float8, Int4, Interval, Numeric, Text, Time, Timestamp, Timestamptz, Timetz};

const fn plain(pg_type: PgType) -> ColumnType {
    ColumnType::plain(pg_type)
}

fn moment(value: chrono::DateTime<chrono::Utc>) -> Typed {
    let value = ScalarValue::TimestampMicrosecond(Some(value.timestamp_micros()), Some("UTC".into()));
    Typed::constant(value, plain(Timestamptz))
}

fn now(binding: &Binding<'_>, _: Vec<Typed>) -> Result<Typed, SqlError> {
    Ok(moment(binding.context.transaction_started_at))
}

fn statement_now(binding: &Binding<'_>, _: Vec<Typed>) -> Result<Typed, SqlError> {
    Ok(moment(binding.context.statement_started_at))
}

/// `timeofday()`, of the statement's time: `Mon Nov 23 14:57:56.208869 2026 CET`.
fn time_of_day(binding: &Binding<'_>, _: Vec<Typed>) -> Result<Typed, SqlError> {
    let moment = binding.context.statement_started_at;
    let zone = calendar::zone_by_name(&binding.context.time_zone).unwrap_or(Tz::UTC);
    let abbreviation = calendar::abbreviation_at(zone, moment.timestamp_micros()).0;
    let local = moment.with_timezone(&zone).format("%a %b %d %H:%M:%S%.6f %Y");
    let text = ScalarValue::Utf8View(Some(format!("{local} {abbreviation}")));
    Ok(Typed::constant(text, plain(Text)))
}

/// `now()` as another type, with the precision that `current_time(2)` asks for.
fn now_as(binding: &Binding<'_>, target: PgType, arguments: &[Typed]) -> Result<Typed, SqlError> {
    let typmod = match arguments.first().and_then(Typed::value) {
        Some(ScalarValue::Int32(Some(digits))) => (*digits).clamp(0, 6),
        _ => -1,
    };
    let target = ColumnType::new(target, typmod);
    coerce(binding, moment(binding.context.transaction_started_at), target, CastContext::Explicit, None)
}

/// `extract(field, x)`: `numeric` of the field's scale.
fn extract(
    function: &'static str,
    kernel_of: Kernel,
    type_name: &str,
    arguments: Vec<Typed>,
    extra: Option<Typed>,
) -> Result<Typed, SqlError> {
    let scale = match arguments.first().and_then(Typed::value) {
        Some(ScalarValue::Utf8View(Some(name))) => match Field::by_name(name) {
            Some(Field::Epoch | Field::Julian) if type_name == "date" => 0,
            Some(field) => i32::from(field.scale()),
            None => {
                let message = format!("unit \"{}\" not recognized for type {type_name}", name.to_lowercase());
                return Err(SqlError::new(SqlErrorKind::InvalidParameterValue, message));
            }
        },
        // A field that is not constant: the one scale of the column is that of the finest.
        _ => i32::from(Field::Julian.scale()),
    };
    let arguments = arguments.into_iter().chain(extra).collect();
    apply(function, kernel_of, arguments, plain(Numeric), decimal(38, scale))
}

/// `date_part` is `extract` as `double precision`.
fn part(binding: &Binding<'_>, extracted: Typed) -> Result<Typed, SqlError> {
    coerce_to(binding, extracted, Float8)
}

/// A date's part is that of its midnight.
fn date_part_of_date(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let (field, date) = crate::operators::two(arguments)?;
    let arguments = vec![field, coerce_to(binding, date, Timestamp)?];
    let type_name = "timestamp without time zone";
    part(binding, extract("extract_timestamp", k::extract_timestamp, type_name, arguments, None)?)
}

macro_rules! field_rows {
    ($($function:literal, $type:ident, $name:literal, $kernel:path, $zone:expr;)*) => {
        &[$(
            build("extract", &[Is(Text), Is($type)], Is(Numeric), |binding, arguments| {
                let zone: fn(&Binding<'_>) -> Option<Typed> = $zone;
                extract($function, $kernel, $name, arguments, zone(binding))
            }),
            build("date_part", &[Is(Text), Is($type)], Is(Float8), |binding, arguments| {
                let zone: fn(&Binding<'_>) -> Option<Typed> = $zone;
                if PgType::$type == Date {
                    return date_part_of_date(binding, arguments);
                }
                part(binding, extract($function, $kernel, $name, arguments, zone(binding))?)
            }),
        )*]
    };
}

/// `extract` and `date_part`.
pub(super) const FIELD_ROWS: &[FunctionRow] = field_rows! {
    "extract_timestamp", Timestamp, "timestamp without time zone", k::extract_timestamp, |_| None;
    "extract_timestamptz", Timestamptz, "timestamp with time zone", k::extract_timestamptz, |binding| Some(zone(binding));
    "extract_date", Date, "date", k::extract_date, |_| None;
    "extract_time", Time, "time without time zone", k::extract_time, |_| None;
    "extract_timetz", Timetz, "time with time zone", k::extract_timetz, |_| None;
    "extract_interval", Interval, "interval", k::extract_interval, |_| None;
};

fn with_zone(
    function: &'static str,
    kernel_of: Kernel,
    result: PgType,
    binding: &Binding<'_>,
    mut arguments: Vec<Typed>,
) -> Result<Typed, SqlError> {
    arguments.push(zone(binding));
    apply(function, kernel_of, arguments, plain(result), plain(result).to_arrow())
}

/// Midnight of today in the session's zone, for `age(x)`.
fn today(binding: &Binding<'_>) -> Typed {
    let zone = calendar::zone_by_name(&binding.context.time_zone).unwrap_or(chrono_tz::Tz::UTC);
    let local = calendar::utc_to_local(zone, binding.context.transaction_started_at.timestamp_micros());
    let midnight = local - local.rem_euclid(calendar::DAY);
    Typed::constant(ScalarValue::TimestampMicrosecond(Some(midnight), None), plain(Timestamp))
}

const UNITS: &[&str] = &["years", "months", "weeks", "days", "hours", "mins", "secs"];

/// `(start, end) OVERLAPS (start, end)`
macro_rules! overlaps {
    ($type:ident, $function:literal) => {
        FunctionRow::new(
            "overlaps",
            &[Is($type), Is($type), Is($type), Is($type)],
            Is(PgType::Bool),
            Make::Kernel { name: $function, kernel: k::overlaps, strict: false },
        )
    };
}

/// The same with a length instead of an end.
macro_rules! overlaps_interval {
    ($type:ident, $a:ident, $b:ident, $c:ident, $d:ident) => {
        build("overlaps", &[Is($a), Is($b), Is($c), Is($d)], Is(PgType::Bool), |binding, arguments| {
            overlaps_with_lengths(binding, arguments)
        })
    };
}

fn overlaps_with_lengths(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let [start_one, end_one, start_two, end_two] = <[Typed; 4]>::try_from(arguments)
        .map_err(|_| SqlError::new(SqlErrorKind::Internal, "OVERLAPS has two periods"))?;
    let ends = |start: Typed, end: Typed| -> Result<[Typed; 2], SqlError> {
        if end.pg_type() != Interval {
            return Ok([start, end]);
        }
        let end = crate::resolve::operator(binding, None, "+", Some(start.clone()), end, None)?;
        Ok([start, end])
    };
    let arguments = [ends(start_one, end_one)?, ends(start_two, end_two)?].concat();
    let boolean = plain(PgType::Bool);
    crate::build::apply_on_null("overlaps_lengths", k::overlaps, arguments, boolean, DataType::Boolean)
}

/// The rows.
pub(super) const ROWS: &[FunctionRow] = &[
    build("now", &[], Is(Timestamptz), now),
    build("transaction_timestamp", &[], Is(Timestamptz), now),
    build("statement_timestamp", &[], Is(Timestamptz), statement_now),
    build("timeofday", &[], Is(Text), time_of_day),
    FunctionRow::new(
        "clock_timestamp",
        &[],
        Is(Timestamptz),
        Make::Function(|| {
            Scalar::volatile("clock_timestamp", plain(Timestamptz).to_arrow(), k::clock_timestamp)
        }),
    ),
    build("current_timestamp", &[], Is(Timestamptz), now),
    build("current_timestamp", &[Is(Int4)], Is(Timestamptz), |binding, arguments| {
        now_as(binding, Timestamptz, &arguments)
    }),
    build("current_time", &[], Is(Timetz), |binding, arguments| now_as(binding, Timetz, &arguments)),
    build("current_time", &[Is(Int4)], Is(Timetz), |binding, arguments| now_as(binding, Timetz, &arguments)),
    build("timezone", &[Is(Text), Is(Timetz)], Is(Timetz), |binding, mut arguments| {
        arguments.push(moment(binding.context.transaction_started_at));
        apply("timetz_zone", tz::at_zone, arguments, plain(Timetz), plain(Timetz).to_arrow())
    }),
    kernel("timezone", &[Is(Interval), Is(Timetz)], Is(Timetz), "timetz_izone", tz::at_interval),
    kernel(
        "timezone",
        &[Is(Interval), Is(Timestamp)],
        Is(Timestamptz),
        "timestamp_izone",
        tz::timestamp_at_interval,
    ),
    kernel(
        "timezone",
        &[Is(Interval), Is(Timestamptz)],
        Is(Timestamp),
        "timestamptz_izone",
        tz::timestamptz_at_interval,
    ),
    build("current_date", &[], Is(Date), |binding, arguments| now_as(binding, Date, &arguments)),
    build("localtimestamp", &[], Is(Timestamp), |binding, arguments| now_as(binding, Timestamp, &arguments)),
    build("localtimestamp", &[Is(Int4)], Is(Timestamp), |binding, arguments| {
        now_as(binding, Timestamp, &arguments)
    }),
    build("localtime", &[], Is(Time), |binding, arguments| now_as(binding, Time, &arguments)),
    build("localtime", &[Is(Int4)], Is(Time), |binding, arguments| now_as(binding, Time, &arguments)),
    kernel("timestamp", &[Is(Date), Is(Time)], Is(Timestamp), "datetime_pl", k::date_add_time),
    build("timestamptz", &[Is(Date), Is(Time)], Is(Timestamptz), |binding, arguments| {
        let local =
            apply("datetime_pl", k::date_add_time, arguments, plain(Timestamp), plain(Timestamp).to_arrow())?;
        coerce_to(binding, local, Timestamptz)
    }),
    kernel("timestamptz", &[Is(Date), Is(Timetz)], Is(Timestamptz), "datetimetz_pl", tz::on_date),
    kernel("date_trunc", &[Is(Text), Is(Timestamp)], Is(Timestamp), "timestamp_trunc", k::date_trunc),
    build("date_trunc", &[Is(Text), Is(Timestamptz)], Is(Timestamptz), |binding, arguments| {
        with_zone("timestamptz_trunc", k::date_trunc_in_zone, Timestamptz, binding, arguments)
    }),
    kernel(
        "date_trunc",
        &[Is(Text), Is(Timestamptz), Is(Text)],
        Is(Timestamptz),
        "timestamptz_trunc",
        k::date_trunc_in_zone,
    ),
    kernel("date_trunc", &[Is(Text), Is(Interval)], Is(Interval), "interval_trunc", k::date_trunc_interval),
    kernel(
        "date_bin",
        &[Is(Interval), Is(Timestamp), Is(Timestamp)],
        Is(Timestamp),
        "timestamp_bin",
        k::date_bin,
    ),
    kernel(
        "date_bin",
        &[Is(Interval), Is(Timestamptz), Is(Timestamptz)],
        Is(Timestamptz),
        "timestamptz_bin",
        k::date_bin,
    ),
    kernel("age", &[Is(Timestamp), Is(Timestamp)], Is(Interval), "timestamp_age", k::age),
    build("age", &[Is(Timestamptz), Is(Timestamptz)], Is(Interval), |binding, arguments| {
        with_zone("timestamptz_age", k::age_in_zone, Interval, binding, arguments)
    }),
    build("age", &[Is(Timestamp)], Is(Interval), |binding, arguments| {
        let arguments = std::iter::once(today(binding)).chain(arguments).collect();
        apply("timestamp_age", k::age, arguments, plain(Interval), plain(Interval).to_arrow())
    }),
    build("age", &[Is(Timestamptz)], Is(Interval), |binding, arguments| {
        let mut both = vec![coerce_to(binding, today(binding), Timestamptz)?];
        both.extend(arguments);
        with_zone("timestamptz_age", k::age_in_zone, Interval, binding, both)
    }),
    // No row has a transaction's number here; that it could be meant makes `age('…')` ambiguous.
    build("age", &[Is(PgType::Xid)], Is(Int4), |_, _| {
        Err(SqlError::new(SqlErrorKind::FeatureNotSupported, "the age of a transaction is not supported"))
    }),
    kernel("make_date", &[Is(Int4), Is(Int4), Is(Int4)], Is(Date), "make_date", k::make_date)
        .named(&["year", "month", "day"], 3),
    kernel("make_time", &[Is(Int4), Is(Int4), Is(Float8)], Is(Time), "make_time", k::make_time)
        .named(&["hour", "min", "sec"], 3),
    kernel(
        "make_timestamp",
        &[Is(Int4), Is(Int4), Is(Int4), Is(Int4), Is(Int4), Is(Float8)],
        Is(Timestamp),
        "make_timestamp",
        k::make_timestamp,
    )
    .named(&["year", "month", "mday", "hour", "min", "sec"], 6),
    build(
        "make_timestamptz",
        &[Is(Int4), Is(Int4), Is(Int4), Is(Int4), Is(Int4), Is(Float8)],
        Is(Timestamptz),
        |binding, arguments| {
            with_zone("make_timestamptz", k::make_timestamptz, Timestamptz, binding, arguments)
        },
    )
    .named(&["year", "month", "mday", "hour", "min", "sec"], 6),
    kernel(
        "make_timestamptz",
        &[Is(Int4), Is(Int4), Is(Int4), Is(Int4), Is(Int4), Is(Float8), Is(Text)],
        Is(Timestamptz),
        "make_timestamptz",
        k::make_timestamptz,
    )
    .named(&["year", "month", "mday", "hour", "min", "sec", "timezone"], 7),
    kernel(
        "make_interval",
        &[Is(Int4), Is(Int4), Is(Int4), Is(Int4), Is(Int4), Is(Int4), Is(Float8)],
        Is(Interval),
        "make_interval",
        k::make_interval,
    )
    .named(UNITS, 0),
    kernel("timezone", &[Is(Text), Is(Timestamp)], Is(Timestamptz), "timestamp_zone", k::timestamp_at_zone),
    kernel(
        "timezone",
        &[Is(Text), Is(Timestamptz)],
        Is(Timestamp),
        "timestamptz_zone",
        k::timestamptz_at_zone,
    ),
    kernel(
        "timezone",
        &[Is(Interval), Is(Timestamp)],
        Is(Timestamptz),
        "timestamp_izone",
        k::timestamp_at_interval,
    ),
    kernel(
        "timezone",
        &[Is(Interval), Is(Timestamptz)],
        Is(Timestamp),
        "timestamptz_izone",
        k::timestamptz_at_interval,
    ),
    overlaps!(Time, "overlaps_time"),
    overlaps!(Timestamp, "overlaps_timestamp"),
    overlaps!(Timestamptz, "overlaps_timestamptz"),
    overlaps_interval!(Time, Time, Interval, Time, Interval),
    overlaps_interval!(Time, Time, Time, Time, Interval),
    overlaps_interval!(Time, Time, Interval, Time, Time),
    overlaps_interval!(Timestamp, Timestamp, Interval, Timestamp, Interval),
    overlaps_interval!(Timestamp, Timestamp, Timestamp, Timestamp, Interval),
    overlaps_interval!(Timestamp, Timestamp, Interval, Timestamp, Timestamp),
    overlaps_interval!(Timestamptz, Timestamptz, Interval, Timestamptz, Interval),
    overlaps_interval!(Timestamptz, Timestamptz, Timestamptz, Timestamptz, Interval),
    overlaps_interval!(Timestamptz, Timestamptz, Interval, Timestamptz, Timestamptz),
    kernel("justify_hours", &[Is(Interval)], Is(Interval), "justify_hours", k::justify_hours),
    kernel("justify_days", &[Is(Interval)], Is(Interval), "justify_days", k::justify_days),
    kernel("justify_interval", &[Is(Interval)], Is(Interval), "justify_interval", k::justify_interval),
    kernel(
        "to_timestamp",
        &[Is(Float8)],
        Is(Timestamptz),
        "float8_timestamptz",
        lis_functions::casts::seconds_to_timestamptz,
    ),
    kernel("isfinite", &[Is(Date)], Is(PgType::Bool), "isfinite_date", k::is_finite_date),
    kernel("isfinite", &[Is(Timestamp)], Is(PgType::Bool), "isfinite_timestamp", k::is_finite_timestamp),
    kernel("isfinite", &[Is(Timestamptz)], Is(PgType::Bool), "isfinite_timestamp", k::is_finite_timestamp),
    build("isfinite", &[Is(Interval)], Is(PgType::Bool), finite),
];

/// There are no infinite intervals: what is not null is finite.
fn finite(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    use datafusion::logical_expr::{Expr, lit, when};
    let Some(argument) = arguments.into_iter().next() else {
        return Err(SqlError::new(SqlErrorKind::Internal, "an argument is missing"));
    };
    let expr: Expr = when(argument.expr.is_not_null(), lit(true))
        .otherwise(lit(ScalarValue::Boolean(None)))
        .map_err(|error| SqlError::new(SqlErrorKind::Internal, error.to_string()))?;
    Ok(Typed::new(expr, plain(PgType::Bool), DataType::Boolean))
}
