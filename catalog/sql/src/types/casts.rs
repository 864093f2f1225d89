//! Casts: which there are (`pg_cast`, and text input and output), in which context, and the expression for each.
//!
//! A cast that cannot fail is DataFusion's own `Cast`, so that its optimizer sees through it; every other one is a
//! function of ours with PostgreSQL's errors. That is a rule that [`crate::operators::is_leakproof`] relies on.

use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::{
    common::{Column, ScalarValue},
    logical_expr::{Expr, cast, lit},
};
use lis_functions::{
    arrays::shape, calendar, casts as kernels, error::FunctionErrorKind, json, scalar::Kernel,
    text_input as input,
};
use lis_lake::types::{Category, ColumnType, PgType, Shown};

use super::{
    Binding, CastContext, Typed,
    intervals::IntervalFields,
    statement_error,
    values::{decimal_value, input_styles, parse_constant, parse_text},
};
use crate::{
    build::apply,
    error::{SqlError, SqlErrorKind},
};

/// Digits after the point of a column of floats or texts that is cast to `numeric` without a modifier: 15 significant
/// digits of a float from 0.0001 on, and 20 before the point.
pub(crate) const CAST_SCALE: i32 = 18;

/// The widest context in which PostgreSQL's `pg_cast` has a cast, where it has one.
pub fn cast_context(source: PgType, target: PgType) -> Option<CastContext> {
    use CastContext::{Assignment, Explicit, Implicit};
    use PgType as T;
    let is_reg =
        |of: PgType| matches!(of, T::Regclass | T::Regtype | T::Regproc | T::Regnamespace | T::Regrole);
    Some(match (source, target) {
        (T::Int2, T::Int4 | T::Int8 | T::Float4 | T::Float8 | T::Numeric | T::Oid)
        | (T::Int4, T::Int8 | T::Float4 | T::Float8 | T::Numeric | T::Oid)
        | (T::Int8, T::Float4 | T::Float8 | T::Numeric | T::Oid)
        | (T::Numeric, T::Float4 | T::Float8)
        | (T::Float4, T::Float8)
        | (T::Date, T::Timestamp | T::Timestamptz)
        | (T::Timestamp, T::Timestamptz)
        | (T::Time, T::Timetz | T::Interval)
        | (T::Char | T::Name | T::PgNodeTree, T::Text)
        | (T::Bpchar, T::Text | T::Varchar | T::Name)
        | (T::Text, T::Bpchar | T::Varchar | T::Name | T::Regclass)
        | (T::Varchar, T::Bpchar | T::Text | T::Name | T::Regclass) => Implicit,
        (T::Int2 | T::Int4 | T::Int8 | T::Oid, reg) if is_reg(reg) => Implicit,
        (reg, T::Oid) if is_reg(reg) => Implicit,
        (reg, T::Int4 | T::Int8) if is_reg(reg) => Assignment,
        (T::Bool, T::Text | T::Varchar | T::Bpchar)
        | (T::Bpchar | T::Text | T::Varchar, T::Char)
        | (T::Char | T::Name, T::Bpchar | T::Varchar)
        | (T::Float4, T::Int2 | T::Int4 | T::Int8 | T::Numeric)
        | (T::Float8, T::Float4 | T::Int2 | T::Int4 | T::Int8 | T::Numeric)
        | (T::Numeric, T::Int2 | T::Int4 | T::Int8)
        | (T::Int8, T::Int2 | T::Int4)
        | (T::Int4, T::Int2)
        | (T::Interval, T::Time)
        | (T::Timestamp, T::Date | T::Time)
        | (T::Timestamptz, T::Date | T::Time | T::Timestamp | T::Timetz)
        | (T::Timetz, T::Time)
        | (T::Json, T::Jsonb)
        | (T::Jsonb, T::Json)
        | (T::Oid, T::Int4 | T::Int8) => Assignment,
        (T::Bool | T::Char, T::Int4)
        | (T::Int4, T::Bool | T::Char)
        | (T::Jsonb, T::Bool | T::Int2 | T::Int4 | T::Int8 | T::Float4 | T::Float8 | T::Numeric) => Explicit,
        _ => return None,
    })
}

/// Whether a value of one type may be assigned to a column of another without a cast being written.
pub fn can_assign(source: PgType, target: PgType) -> bool {
    can_coerce(source, target, CastContext::Assignment)
}

/// Whether a value of one type may stand where another is wanted, in a context (`can_coerce_type`).
pub(crate) fn can_coerce(source: PgType, target: PgType, context: CastContext) -> bool {
    if source == target || source == PgType::Unknown {
        return true;
    }
    if let Some(widest) = cast_context(source, target) {
        return context >= widest;
    }
    match (source, target) {
        (PgType::Array(source), PgType::Array(target)) => can_coerce(*source, *target, context),
        (PgType::Int2Vector, PgType::Array(PgType::Int2))
        | (PgType::OidVector, PgType::Array(PgType::Oid)) => true,
        (PgType::OidVector, PgType::Array(target)) => can_coerce(PgType::Oid, *target, context),
        (_, PgType::Record) => false,
        _ => {
            let textual = |of: PgType| of.facts().category == Category::String;
            (textual(target) && context >= CastContext::Assignment)
                || (textual(source) && context >= CastContext::Explicit)
        }
    }
}

/// See [`super::coerce`].
pub(super) fn coerce(
    binding: &Binding<'_>,
    typed: Typed,
    target: ColumnType,
    context: CastContext,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let position = typed.position.or(position);
    let mut done = if typed.is_unknown() {
        from_unknown(binding, typed, target, context, position)?
    } else {
        if !can_coerce(typed.pg_type(), target.pg_type, context) {
            return Err(cannot_coerce(typed.pg_type(), target.pg_type, context).at(position));
        }
        let is_explicit = context == CastContext::Explicit;
        let converted = convert(binding, typed, target, position)?;
        apply_typmod(converted, target, is_explicit)?
    };
    // What is assigned is stored.
    if context == CastContext::Assignment && shape::is_shaped(&done.arrow_type) {
        done = crate::resolve::arrays::to_plain(done)?;
    }
    done.position = position;
    Ok(done)
}

fn cannot_coerce(source: PgType, target: PgType, context: CastContext) -> SqlError {
    let (source, target) = (type_name(source), type_name(target));
    if context == CastContext::Assignment {
        return SqlError::new(
            SqlErrorKind::DatatypeMismatch,
            format!("column is of type {target} but expression is of type {source}"),
        )
        .with_hint("You will need to rewrite or cast the expression.");
    }
    SqlError::new(SqlErrorKind::CannotCoerce, format!("cannot cast type {source} to {target}"))
}

/// A type's name as messages show it.
pub fn type_name(pg_type: PgType) -> String {
    match pg_type {
        PgType::Array(element) => format!("{}[]", element.facts().sql_name),
        _ => pg_type.facts().sql_name.to_owned(),
    }
}

fn from_unknown(
    binding: &Binding<'_>,
    typed: Typed,
    target: ColumnType,
    context: CastContext,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    match &typed.expr {
        Expr::Literal(value, _) => {
            let text = match value {
                ScalarValue::Utf8View(Some(text)) | ScalarValue::Utf8(Some(text)) => text.as_str(),
                _ => return Ok(Typed::null(target)),
            };
            if let Some(function) = reg_function(target.pg_type, "in") {
                let untyped = Typed::constant(
                    ScalarValue::Utf8View(Some(text.to_owned())),
                    ColumnType::plain(PgType::Text),
                );
                let call = catalog_call(binding, &function, untyped, target.pg_type, position)?;
                // As any literal, one of a name is read where it stands.
                crate::bind::constant_value(&call.expr).map_err(|error| error.at(position))?;
                return Ok(call);
            }
            let is_explicit = context == CastContext::Explicit;
            let with_units = (target.pg_type == PgType::Interval && target.typmod >= 0)
                .then(|| IntervalFields::of_modifier(target.typmod).with_units(text));
            let written = text;
            let text = with_units.as_deref().unwrap_or(text);
            // An explicit cast cuts elements, and any cast fields and digits, which reading does not.
            let cuts = with_units.is_some()
                || is_explicit && matches!(target.pg_type, PgType::Array(PgType::Varchar | PgType::Bpchar));
            let read = if cuts { ColumnType::plain(target.pg_type) } else { target };
            let value = parse_constant(binding, text, read, is_explicit).map_err(|mut error| {
                if with_units.is_some() {
                    error.message = error.message.replace(text, written);
                }
                // What is too long for the modifier is found when the value is made to fit, which has no place.
                let placed = error.kind != FunctionErrorKind::StringDataRightTruncation;
                statement_error(error, position.filter(|_| placed))
            })?;
            apply_typmod(Typed::constant(value, read), target, is_explicit)
        }
        Expr::Placeholder(placeholder) => {
            let number = placeholder.id.trim_start_matches('$').parse::<usize>().unwrap_or(0);
            binding.parameters.set(number, target.pg_type).map_err(|known| {
                SqlError::new(
                    SqlErrorKind::AmbiguousParameter,
                    format!("inconsistent types deduced for parameter ${number}"),
                )
                .with_detail(format!("{} versus {}", type_name(known), type_name(target.pg_type)))
                .at(position)
            })?;
            let plain = super::placeholder(number, target.pg_type);
            apply_typmod(plain, target, context == CastContext::Explicit)
        }
        _ => {
            let text = Typed { column_type: ColumnType::plain(PgType::Text), ..typed };
            coerce(binding, text, target, CastContext::Explicit, position)
        }
    }
}

/// The catalogue's input or output function of a `reg…` type.
fn reg_function(pg_type: PgType, direction: &str) -> Option<String> {
    use PgType as T;
    matches!(pg_type, T::Regclass | T::Regtype | T::Regproc | T::Regnamespace | T::Regrole)
        .then(|| format!("{}{direction}", pg_type.facts().name))
}

fn catalog_call(
    binding: &Binding<'_>,
    name: &str,
    argument: Typed,
    result: PgType,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    use lis_lake::names::Identifier;
    let schema = Identifier::exact("pg_catalog");
    let found = binding.catalog.functions(Some(&schema), &Identifier::exact(name));
    let Some(function) = found.into_iter().next() else {
        return Err(SqlError::new(
            SqlErrorKind::FeatureNotSupported,
            format!("casts with {name} are not supported"),
        )
        .at(position));
    };
    crate::build::call(&function.implementation, vec![argument], ColumnType::plain(result))
        .map_err(|error| error.at(position))
}

fn zone(binding: &Binding<'_>) -> Typed {
    Typed::constant(
        ScalarValue::Utf8View(Some(binding.context.time_zone.clone())),
        ColumnType::plain(PgType::Text),
    )
}

/// The session zone's offset now, in seconds: what a time without a zone has.
pub(crate) fn session_offset(binding: &Binding<'_>) -> Typed {
    let zone = calendar::zone_by_name(&binding.context.time_zone).unwrap_or(Tz::UTC);
    let now = binding.context.transaction_started_at.timestamp_micros();
    let offset = i32::try_from(calendar::offset_at(zone, now)).unwrap_or(0);
    Typed::constant(ScalarValue::Int32(Some(offset)), ColumnType::plain(PgType::Int4))
}

/// A cast that cannot fail.
pub(crate) fn widen(typed: Typed, column_type: ColumnType, arrow_type: DataType) -> Typed {
    if typed.arrow_type == arrow_type {
        return Typed { column_type, origin: None, ..typed };
    }
    if let Some(Ok(value)) = typed.value().map(|value| value.cast_to(&arrow_type)) {
        return Typed { expr: lit(value), column_type, arrow_type, origin: None, ..typed };
    }
    Typed {
        expr: cast(typed.expr, arrow_type.clone()),
        column_type,
        arrow_type,
        collation: typed.collation,
        origin: None,
        position: typed.position,
    }
}

/// A text-like expression in the canonical Arrow type.
pub(crate) fn canonical_text(typed: Typed) -> Typed {
    if matches!(typed.arrow_type, DataType::Utf8 | DataType::LargeUtf8) {
        let (column_type, origin) = (typed.column_type, typed.origin);
        return Typed { origin, ..widen(typed, column_type, DataType::Utf8View) };
    }
    typed
}

/// A `numeric` at another precision and scale.
pub(crate) fn rescale(typed: Typed, precision: u8, scale: i8) -> Result<Typed, SqlError> {
    let wanted = DataType::Decimal128(precision, scale);
    let column_type = typed.column_type;
    match typed.arrow_type {
        DataType::Decimal128(own, own_scale)
            if scale >= own_scale
                && i32::from(precision) - i32::from(scale) >= i32::from(own) - i32::from(own_scale) =>
        {
            Ok(widen(typed, column_type, wanted))
        }
        _ => apply("numeric", kernels::numeric_to_numeric, vec![typed], column_type, wanted),
    }
}

/// The digits after the point of a constant `numeric`.
pub(crate) fn scale_of_constant(typed: &Typed) -> Option<i8> {
    match typed.value() {
        Some(ScalarValue::Decimal128(Some(_), _, scale)) => Some(*scale),
        _ => None,
    }
}

/// The number of digits before and after the point that an integer type needs as `numeric`.
pub(crate) fn integer_digits(pg_type: PgType) -> Option<u8> {
    match pg_type {
        PgType::Int2 => Some(5),
        PgType::Int4 => Some(10),
        PgType::Int8 => Some(19),
        _ => None,
    }
}

/// The conversion proper, without the modifier (but `numeric` is made at the modifier's scale at once).
fn convert(
    binding: &Binding<'_>,
    typed: Typed,
    target: ColumnType,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    use PgType as T;
    let (source, wanted) = (typed.pg_type(), target.pg_type);
    let plain = ColumnType::plain(wanted);
    let canonical = target.to_arrow();
    if source == wanted {
        return Ok(typed);
    }
    let with = |name: &'static str, kernel: Kernel, typed: Typed| {
        apply(name, kernel, vec![typed], plain, plain.to_arrow())
    };
    let with_zone = |name: &'static str, kernel: Kernel, typed: Typed| {
        apply(name, kernel, vec![typed, zone(binding)], plain, plain.to_arrow())
    };
    let relabel = |typed: Typed| Ok(Typed { column_type: plain, origin: None, ..typed });
    match (source, wanted) {
        // Numbers.
        (T::Int2 | T::Int4 | T::Int8, T::Numeric) => match target.precision_scale() {
            Some(_) => {
                let wide = widen(typed, ColumnType::plain(T::Int8), DataType::Int64);
                apply("numeric", kernels::int8_to_numeric, vec![wide], plain, canonical)
            }
            None => {
                if let Some(value) = typed.value().filter(|value| !value.is_null()) {
                    // A constant takes no more digits than it has.
                    let text = value.to_string();
                    let decimal =
                        input::parse_decimal(&text).map_err(|error| statement_error(error, position))?;
                    return Ok(Typed::constant(decimal_value(decimal), plain).at(position));
                }
                let digits = integer_digits(source).unwrap_or(19);
                Ok(widen(typed, plain, DataType::Decimal128(digits, 0)))
            }
        },
        (T::Int2, T::Int4 | T::Int8 | T::Float4 | T::Float8)
        | (T::Int4, T::Int8 | T::Float4 | T::Float8)
        | (T::Int8, T::Float4 | T::Float8)
        | (T::Float4, T::Float8) => Ok(widen(typed, plain, canonical)),
        (T::Int4, T::Int2) => with("int2", kernels::int4_to_int2, typed),
        (T::Int8, T::Int2) => with("int2", kernels::int8_to_int2, typed),
        (T::Int8, T::Int4) => with("int4", kernels::int8_to_int4, typed),
        (T::Numeric, T::Int2) => with("int2", kernels::numeric_to_int2, typed),
        (T::Numeric, T::Int4) => with("int4", kernels::numeric_to_int4, typed),
        (T::Numeric, T::Int8) => with("int8", kernels::numeric_to_int8, typed),
        (T::Numeric, T::Float4) => with("float4", kernels::numeric_to_float4, typed),
        (T::Numeric, T::Float8) => with("float8", kernels::numeric_to_float8, typed),
        (T::Float8, T::Float4) => with("float4", kernels::float8_to_float4, typed),
        (T::Float4 | T::Float8, T::Int2) => with("int2", kernels::float8_to_int2, as_float8(typed)),
        (T::Float4 | T::Float8, T::Int4) => with("int4", kernels::float8_to_int4, as_float8(typed)),
        (T::Float4 | T::Float8, T::Int8) => with("int8", kernels::float8_to_int8, as_float8(typed)),
        (T::Float4 | T::Float8, T::Numeric) => {
            let (kernel, digits): (Kernel, usize) = match source {
                T::Float4 => (kernels::float4_to_numeric, 6),
                _ => (kernels::float8_to_numeric, 15),
            };
            if target.typmod >= 0 {
                return apply("numeric", kernel, vec![typed], plain, canonical);
            }
            // A constant takes no more digits than it has.
            let constant = match typed.value() {
                Some(ScalarValue::Float32(Some(value))) => {
                    kernels::float_as_decimal((*value).into(), digits).ok()
                }
                Some(ScalarValue::Float64(Some(value))) => kernels::float_as_decimal(*value, digits).ok(),
                _ => None,
            };
            match constant {
                Some(decimal) => Ok(Typed::constant(decimal_value(decimal), plain).at(position)),
                None => {
                    let open = plain.shown(Shown::needed(0));
                    apply("numeric", kernel, vec![typed], open, crate::operators::decimal(38, CAST_SCALE))
                }
            }
        }
        (T::Bool, T::Int4) => with("int4", kernels::bool_to_int4, typed),
        (T::Int4, T::Bool) => with("bool", kernels::int4_to_bool, typed),
        (T::Char, T::Int4) => with("int4", kernels::char_to_int4, typed),
        (T::Int4, T::Char) => with("char", kernels::int4_to_char, typed),
        // Numbers of objects.
        (T::Int2 | T::Int4, _) if is_oid_like(wanted) => {
            let int4 = widen(typed, ColumnType::plain(T::Int4), DataType::Int32);
            with("oid", kernels::int4_to_oid, int4)
        }
        (T::Int8, _) if is_oid_like(wanted) => with("oid", kernels::int8_to_oid, typed),
        (_, T::Int4) if is_oid_like(source) => with("int4", kernels::oid_to_int4, typed),
        (_, T::Int8) if is_oid_like(source) => Ok(widen(typed, plain, DataType::Int64)),
        (_, _) if is_oid_like(source) && is_oid_like(wanted) => relabel(typed),
        // Dates and times.
        (T::Date, T::Timestamp) => with("timestamp", kernels::date_to_timestamp, typed),
        (T::Date, T::Timestamptz) => with_zone("timestamptz", kernels::date_to_timestamptz, typed),
        (T::Timestamp, T::Timestamptz) => with_zone("timestamptz", kernels::timestamp_to_timestamptz, typed),
        (T::Timestamp, T::Date) => with("date", kernels::timestamp_to_date, typed),
        (T::Timestamp, T::Time) => with("time", kernels::timestamp_to_time, typed),
        (T::Timestamptz, T::Timestamp) => with_zone("timestamp", kernels::timestamptz_to_timestamp, typed),
        (T::Timestamptz, T::Date) => with_zone("date", kernels::timestamptz_to_date, typed),
        (T::Timestamptz, T::Time) => with_zone("time", kernels::timestamptz_to_time, typed),
        (T::Interval, T::Time) => with("time", kernels::interval_to_time, typed),
        (T::Timetz, T::Time) => with("time", lis_functions::timetz::to_time, typed),
        (T::Time, T::Timetz) => {
            let arguments = vec![typed, session_offset(binding)];
            apply("timetz", lis_functions::timetz::from_time, arguments, plain, canonical)
        }
        (T::Timestamptz, T::Timetz) => with_zone("timetz", lis_functions::timetz::from_timestamptz, typed),
        (T::Time, T::Interval) => with("interval", kernels::time_to_interval, typed),
        // Text among itself.
        (T::Bpchar, T::Text | T::Varchar) => with("text", kernels::strip_blanks, typed),
        (T::Bpchar, T::Name) => {
            let text = apply(
                "text",
                kernels::strip_blanks,
                vec![typed],
                ColumnType::plain(T::Text),
                DataType::Utf8View,
            )?;
            with("name", kernels::text_to_name, text)
        }
        (T::Text | T::Varchar, T::Name) => with("name", kernels::text_to_name, typed),
        (T::Text | T::Varchar | T::Bpchar | T::Name, T::Char) => with("char", kernels::text_to_char, typed),
        (T::Json, T::Jsonb) => with("jsonb", json::json_to_jsonb, typed),
        (T::Jsonb, T::Json) => relabel(typed),
        (T::Array(from), T::Array(to)) => convert_array(binding, typed, *from, *to, position),
        (T::Int2Vector, T::Array(_)) | (T::OidVector, T::Array(T::Oid)) => relabel(typed),
        (T::OidVector, T::Array(to)) => convert_array(binding, typed, T::Oid, *to, position),
        _ if wanted.facts().category == Category::String || matches!(wanted, T::Unknown) => {
            let text = to_text(binding, typed, position)?;
            match wanted {
                T::Name => with("name", kernels::text_to_name, text),
                T::Char => with("char", kernels::text_to_char, text),
                _ => relabel(text),
            }
        }
        _ if source.facts().category == Category::String || source == T::PgNodeTree => {
            let text = if source == T::Bpchar {
                apply(
                    "text",
                    kernels::strip_blanks,
                    vec![typed],
                    ColumnType::plain(T::Text),
                    DataType::Utf8View,
                )?
            } else {
                typed
            };
            from_text(binding, text, target, position)
        }
        (T::Jsonb, T::Bool) => with("jsonb_bool", json::to_bool, typed),
        (T::Jsonb, _) => {
            let name = ScalarValue::Utf8View(Some(type_name(wanted)));
            let name = Typed::constant(name, ColumnType::plain(T::Text));
            let text = apply(
                "jsonb_number",
                json::number_text,
                vec![typed, name],
                ColumnType::plain(T::Text),
                DataType::Utf8View,
            )?;
            if matches!(wanted, T::Float4 | T::Float8) {
                return from_text(binding, text, target, position);
            }
            let numeric = from_text(binding, text, ColumnType::plain(T::Numeric), position)?;
            convert(binding, numeric, target, position)
        }
        _ => Err(not_supported(source, wanted).at(position)),
    }
}

fn not_supported(source: PgType, target: PgType) -> SqlError {
    SqlError::new(
        SqlErrorKind::FeatureNotSupported,
        format!("casts from {} to {} are not supported", type_name(source), type_name(target)),
    )
}

fn as_float8(typed: Typed) -> Typed {
    widen(typed, ColumnType::plain(PgType::Float8), DataType::Float64)
}

fn is_oid_like(pg_type: PgType) -> bool {
    pg_type.to_arrow_oid()
}

/// Whether a type is held as the number of an object.
trait HeldAsOid {
    fn to_arrow_oid(self) -> bool;
}

impl HeldAsOid for PgType {
    fn to_arrow_oid(self) -> bool {
        ColumnType::plain(self).to_arrow() == DataType::UInt32
    }
}

/// Any type's text, as its output function writes it.
pub(crate) fn to_text(
    binding: &Binding<'_>,
    typed: Typed,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    use PgType as T;
    let text = ColumnType::plain(T::Text);
    let styles = crate::operators::styles(binding);
    if matches!(typed.pg_type(), T::Date | T::Timestamp | T::Timestamptz | T::Interval)
        && styles.value() != zone(binding).value()
    {
        let kernel = lis_functions::arrays::value_to_text;
        return apply("value_out", kernel, vec![typed, styles], text, DataType::Utf8View);
    }
    iso_text(binding, typed, position)
}

/// Any type's text, with dates in ISO form whatever `DateStyle` says.
pub(crate) fn iso_text(
    binding: &Binding<'_>,
    typed: Typed,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    use PgType as T;
    let text = ColumnType::plain(T::Text);
    let styles = crate::operators::styles(binding);
    let kernel: Kernel = match typed.pg_type() {
        T::Bool => kernels::bool_to_text,
        T::Int2 => kernels::int2_to_text,
        T::Int4 => kernels::int4_to_text,
        T::Int8 => kernels::int8_to_text,
        T::Oid | T::Xid => kernels::oid_to_text,
        T::Float4 => kernels::float4_to_text,
        T::Float8 => kernels::float8_to_text,
        T::Numeric if !typed.column_type.shown.is_column() => return super::shown::to_text(typed),
        T::Numeric => kernels::numeric_to_text,
        T::Date => kernels::date_to_text,
        T::Time => kernels::time_to_text,
        T::Timetz => lis_functions::timetz::to_text,
        T::Timestamp => kernels::timestamp_to_text,
        T::Interval => kernels::interval_to_text,
        T::Uuid => kernels::uuid_to_text,
        T::Bytea => {
            if binding.context.settings.get("bytea_output").is_some_and(|style| style == "escape") {
                let form = Typed::constant(ScalarValue::Utf8View(Some("escape".to_owned())), text);
                let kernel = lis_functions::bytes::encode;
                return apply("encode", kernel, vec![typed, form], text, DataType::Utf8View);
            }
            kernels::bytea_to_text
        }
        T::Timestamptz => {
            let kernel = kernels::timestamptz_to_text;
            return apply("text", kernel, vec![typed, zone(binding)], text, DataType::Utf8View);
        }
        T::Bpchar => kernels::strip_blanks,
        T::Text
        | T::Varchar
        | T::Name
        | T::Char
        | T::Unknown
        | T::Json
        | T::Jsonb
        | T::Jsonpath
        | T::PgNodeTree
        | T::Aclitem => {
            return Ok(Typed { column_type: text, origin: None, ..typed });
        }
        T::Regclass | T::Regtype | T::Regproc | T::Regnamespace | T::Regrole => {
            let name = reg_function(typed.pg_type(), "out").unwrap_or_default();
            return catalog_call(binding, &name, typed, T::Text, position);
        }
        T::Array(_) | T::Int2Vector | T::OidVector => {
            let source = typed.pg_type();
            let is_vector = !matches!(source, T::Array(_));
            let kernel: Kernel = if is_vector {
                lis_functions::arrays::vector_to_text
            } else {
                lis_functions::arrays::array_to_text
            };
            return apply("text", kernel, vec![typed, styles], text, DataType::Utf8View);
        }
        T::Record => return super::records::to_text(binding, typed, position),
        T::Void => return Err(not_supported(typed.pg_type(), T::Text).at(position)),
    };
    apply("text", kernel, vec![typed], text, DataType::Utf8View)
}

/// A value's text as its output function writes it, where that differs from the cast: `t` of a boolean.
pub(crate) fn output_text(
    binding: &Binding<'_>,
    typed: Typed,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    if typed.pg_type() == PgType::Bpchar {
        return Ok(Typed { column_type: ColumnType::plain(PgType::Text), origin: None, ..typed });
    }
    if typed.pg_type() != PgType::Bool {
        return to_text(binding, typed, position);
    }
    let text = ColumnType::plain(PgType::Text);
    let kernel = lis_functions::arrays::value_to_text;
    apply("bool_out", kernel, vec![typed, zone(binding)], text, DataType::Utf8View)
}

fn from_text(
    binding: &Binding<'_>,
    typed: Typed,
    target: ColumnType,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    use PgType as T;
    let plain = ColumnType::plain(target.pg_type);
    let styles = crate::operators::styles(binding);
    if styles.value() != zone(binding).value() {
        let styled: Option<(&'static str, Kernel)> = match target.pg_type {
            T::Date => Some(("date_in", kernels::text_to_date_in)),
            T::Timestamp => Some(("timestamp_in", kernels::text_to_timestamp_in)),
            T::Interval => Some(("interval_in", kernels::text_to_interval_in)),
            _ => None,
        };
        if let Some((name, kernel)) = styled {
            return apply(name, kernel, vec![typed, styles], plain, target.to_arrow());
        }
    }
    let (name, kernel): (&'static str, Kernel) = match target.pg_type {
        T::Bool => ("bool", kernels::text_to_bool),
        T::Int2 => ("int2", kernels::text_to_int2),
        T::Int4 => ("int4", kernels::text_to_int4),
        T::Int8 => ("int8", kernels::text_to_int8),
        T::Oid | T::Xid => ("oid", kernels::text_to_oid),
        T::Float4 => ("float4", kernels::text_to_float4),
        T::Float8 => ("float8", kernels::text_to_float8),
        T::Numeric => {
            // A constant takes no more digits than it has.
            if target.typmod < 0
                && let Some(ScalarValue::Utf8View(Some(text))) = typed.value()
                && let Ok(decimal) = input::parse_decimal(text)
            {
                return Ok(Typed::constant(decimal_value(decimal), plain).at(position));
            }
            let (column_type, arrow_type) = if target.typmod < 0 {
                (plain.shown(Shown::needed(0)), crate::operators::decimal(38, CAST_SCALE))
            } else {
                (plain, target.to_arrow())
            };
            return apply("numeric", kernels::text_to_numeric, vec![typed], column_type, arrow_type);
        }
        T::Date => ("date", kernels::text_to_date),
        T::Time => ("time", kernels::text_to_time),
        T::Timestamp => ("timestamp", kernels::text_to_timestamp),
        T::Interval => ("interval", kernels::text_to_interval),
        T::Uuid => ("uuid", kernels::text_to_uuid),
        T::Bytea => ("bytea", kernels::text_to_bytea),
        T::Json => ("json", json::text_to_json),
        T::Jsonb => ("jsonb", json::json_to_jsonb),
        T::Jsonpath => ("jsonpath", json::path::kernels::text_to_path),
        T::Timetz => {
            let arguments = vec![typed, session_offset(binding)];
            return apply("timetz", lis_functions::timetz::from_text, arguments, plain, plain.to_arrow());
        }
        T::Timestamptz => {
            let arguments = vec![typed, crate::operators::styles(binding)];
            return apply("timestamptz", kernels::text_to_timestamptz, arguments, plain, plain.to_arrow());
        }
        T::Regclass | T::Regtype | T::Regproc | T::Regnamespace | T::Regrole => {
            let function = reg_function(target.pg_type, "in").unwrap_or_default();
            return catalog_call(binding, &function, typed, target.pg_type, position);
        }
        T::Array(_) => {
            if let Some(ScalarValue::Utf8View(Some(text))) = typed.value() {
                let value = parse_text(text, target, &input_styles(binding))
                    .map_err(|error| statement_error(error, position))?;
                return Ok(Typed::constant(value, plain));
            }
            // The elements as text, and each of them cast.
            let texts = ColumnType::plain(T::Array(&T::Text));
            let shaped = shape::shaped_type(DataType::Utf8View);
            let typed = canonical_text(typed);
            let texts = apply("array_in", lis_functions::arrays::array_of_text, vec![typed], texts, shaped)?;
            let element = target.pg_type.element().unwrap_or(T::Text);
            let array = convert_array(binding, texts, T::Text, element, position)?;
            return Ok(Typed { column_type: plain, ..array });
        }
        _ => return Err(not_supported(typed.pg_type(), target.pg_type).at(position)),
    };
    apply(name, kernel, vec![typed], plain, target.to_arrow())
}

fn convert_array(
    binding: &Binding<'_>,
    typed: Typed,
    from: PgType,
    to: PgType,
    position: Option<usize>,
) -> Result<Typed, SqlError> {
    let Some(array) = to.array() else {
        return Err(not_supported(typed.pg_type(), to).at(position));
    };
    let column_type = ColumnType::plain(array);
    // Whole numbers show no digits after the point.
    let element = match integer_digits(from).filter(|_| to == PgType::Numeric) {
        Some(digits) => DataType::Decimal128(digits, 0),
        None => ColumnType::plain(to).to_arrow(),
    };
    let wanted = shape::with_element(&typed.arrow_type, element);
    let lossless = can_coerce(from, to, CastContext::Implicit)
        && !matches!(
            from,
            PgType::Date | PgType::Timestamp | PgType::Text | PgType::Varchar | PgType::Bpchar
        );
    let same = typed.arrow_type == wanted;
    let both_text = from.facts().category == Category::String && to.facts().category == Category::String;
    if same && (both_text || is_oid_like(from)) {
        return Ok(Typed { column_type, origin: None, ..typed });
    }
    if lossless && !is_oid_like(from) && !is_oid_like(to) {
        return Ok(widen(typed, column_type, wanted));
    }
    let is_reg = is_oid_like(from) && !matches!(from, PgType::Oid | PgType::Xid);
    if to.facts().category == Category::String && !is_reg {
        return apply(
            "array_out",
            lis_functions::arrays::elements_to_text,
            vec![typed, crate::operators::styles(binding)],
            column_type,
            wanted,
        );
    }
    // Whatever casts one element.
    each_element(typed, column_type, |element| convert(binding, element, ColumnType::plain(to), position))
        .map_err(|error| error.at(position))
}

/// An array of what a chain of calls makes of each element: the same dimensions, another type.
pub(crate) fn each_element(
    array: Typed,
    result: ColumnType,
    make: impl FnOnce(Typed) -> Result<Typed, SqlError>,
) -> Result<Typed, SqlError> {
    let source = array.pg_type();
    let (Some(pg_type), Some(arrow_type)) = (source.element(), shape::element_type(&array.arrow_type)) else {
        return Err(not_supported(source, result.pg_type));
    };
    let column_type = array.column_type.with_type(pg_type);
    let column = Expr::Column(Column::new_unqualified(super::elementwise::ELEMENT));
    let made = make(Typed::new(column, column_type, arrow_type.clone()))?;
    let function = super::elementwise::elementwise(&made.expr, &array.arrow_type, &made.arrow_type)
        .ok_or_else(|| not_supported(source, result.pg_type))?;
    let arrow_type = shape::with_element(&array.arrow_type, made.arrow_type);
    crate::build::call_as(&function, vec![array], result, arrow_type)
}

/// Lengths, precisions and scales.
fn apply_typmod(typed: Typed, target: ColumnType, is_explicit: bool) -> Result<Typed, SqlError> {
    use PgType as T;
    if target.typmod < 0 {
        // The value keeps whatever modifier it has only if nothing was done to it.
        return Ok(Typed {
            column_type: ColumnType::plain(target.pg_type).shown(typed.column_type.shown),
            origin: if typed.column_type.typmod < 0 { typed.origin } else { None },
            ..typed
        });
    }
    if typed.column_type == target {
        return Ok(typed);
    }
    let arrow_type = target.to_arrow();
    let integer = |value: i32| Typed::constant(ScalarValue::Int32(Some(value)), ColumnType::plain(T::Int4));
    match target.pg_type {
        T::Numeric => {
            // A function where the digits that values show may change: `digits.rs` takes a cast for one that nobody asked for.
            let same_scale = matches!((&typed.arrow_type, &arrow_type),
                (DataType::Decimal128(_, own), DataType::Decimal128(_, scale)) if own == scale);
            let shows_scale = same_scale && typed.column_type.typmod >= 0;
            if is_explicit && !shows_scale && typed.value().is_none() {
                return apply("numeric", kernels::numeric_to_numeric, vec![typed], target, arrow_type);
            }
            if typed.arrow_type == arrow_type {
                return Ok(Typed { column_type: target, origin: None, ..typed });
            }
            let (precision, scale) = target.precision_scale().unwrap_or((38, 10));
            Ok(Typed { column_type: target, ..rescale(typed, precision, scale)? })
        }
        T::Varchar | T::Bpchar => {
            let Some(length) = target.length().and_then(|length| i32::try_from(length).ok()) else {
                return Ok(Typed { column_type: target, ..typed });
            };
            // A varchar that is no longer already needs nothing.
            let own = typed.column_type;
            if target.pg_type == T::Varchar
                && own.pg_type == T::Varchar
                && own.length().is_some_and(|own| Some(own) <= target.length())
            {
                return Ok(Typed { column_type: target, origin: None, ..typed });
            }
            let (name, kernel): (&'static str, Kernel) = match (target.pg_type, is_explicit) {
                (T::Varchar, true) => ("varchar", kernels::truncate_text),
                (T::Varchar, false) => ("varchar_assign", kernels::fit_varchar),
                (_, true) => ("bpchar", kernels::pad_bpchar),
                (_, false) => ("bpchar_assign", kernels::fit_bpchar),
            };
            apply(name, kernel, vec![typed, integer(length)], target, arrow_type)
        }
        T::Timestamp | T::Timestamptz if target.typmod < 6 => apply(
            "timestamp_round",
            kernels::round_timestamp,
            vec![typed, integer(target.typmod)],
            target,
            arrow_type,
        ),
        T::Timetz if target.typmod < 6 => {
            let arguments = vec![typed, integer(target.typmod)];
            apply("timetz_round", lis_functions::timetz::round, arguments, target, arrow_type)
        }
        T::Array(element) => {
            let wanted = target.with_type(*element);
            each_element(typed, target, |element| apply_typmod(element, wanted, is_explicit))
        }
        T::Interval => {
            let (field, digits) = IntervalFields::of_modifier(target.typmod).kept();
            let field =
                Typed::constant(ScalarValue::Utf8View(Some(field.to_owned())), ColumnType::plain(T::Text));
            let arguments = vec![typed, field, integer(digits)];
            apply("interval_scale", lis_functions::dates::interval_scale, arguments, target, arrow_type)
        }
        T::Time if target.typmod < 6 => {
            apply("time_round", kernels::round_time, vec![typed, integer(target.typmod)], target, arrow_type)
        }
        _ => Ok(Typed { column_type: target, origin: None, ..typed }),
    }
}

/// Casts what can be cast implicitly; for tables whose rows say so.
pub(crate) fn coerce_to(binding: &Binding<'_>, typed: Typed, target: PgType) -> Result<Typed, SqlError> {
    let position = typed.position;
    if typed.pg_type() == target {
        return Ok(typed);
    }
    coerce(binding, typed, ColumnType::plain(target), CastContext::Implicit, position)
}
