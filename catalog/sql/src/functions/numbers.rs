//! Mathematical functions. `numeric` results have a fixed number of digits after the point: as many as the argument
//! where the result is exact, 15 or 16 where it is not.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use lis_functions::{numbers as k, scalar::Kernel};
use lis_lake::{
    names::Identifier,
    types::{Category, ColumnType, PgType, Shown},
};

use super::{FunctionRow, build, kernel, other_type};
use crate::{
    build::apply,
    error::SqlError,
    operators::{decimal, digits},
    resolve::select::Formal::{AnyCompatible, AnyCompatibleArray, Foreign, Is},
    types::{Binding, Typed},
};

use PgType::{Float4, Float8, Int2, Int4, Int8, Numeric};

const NUMERIC: ColumnType = ColumnType::plain(Numeric);
/// Digits after the point of logarithms, exponentials and powers.
const INEXACT_SCALE: i32 = 16;

const fn float(name: &'static str, function: &'static str, kernel_of: Kernel) -> FunctionRow {
    kernel(name, &[Is(Float8)], Is(Float8), function, kernel_of)
}

/// The type of `power(numeric, numeric)`: fewer digits after the point where constants say that more stand before it.
pub(crate) fn power_type(left: &Typed, right: &Typed) -> DataType {
    let number = |typed: &Typed| match typed.value() {
        Some(ScalarValue::Decimal128(Some(value), _, scale)) => {
            Some(lis_functions::casts::numeric_as_float(*value, *scale))
        }
        _ => None,
    };
    let whole = match (number(left), number(right)) {
        (Some(base), Some(exponent)) if base != 0.0 => {
            (base.abs().log10() * exponent).ceil().clamp(0.0, 60.0) + 1.0
        }
        _ => 0.0,
    };
    #[expect(clippy::cast_possible_truncation, reason = "clamped to 61 just above")]
    let room = 38 - whole as i32;
    decimal(38, INEXACT_SCALE.min(room.max(0)))
}

fn first(arguments: &[Typed]) -> (i32, i32) {
    arguments.first().map_or((38, 10), digits)
}

/// A `numeric` function whose result is whole.
macro_rules! whole {
    ($function:literal, $kernel:path) => {
        |_, arguments| {
            let (precision, scale) = first(&arguments);
            apply($function, $kernel, arguments, NUMERIC, decimal(precision - scale + 1, 0))
        }
    };
}

/// A `numeric` function whose result has so many digits after the point.
macro_rules! inexact {
    ($function:literal, $kernel:path, $scale:expr) => {
        |_, arguments| {
            let scale = $scale.max(first(&arguments).1);
            apply($function, $kernel, arguments, NUMERIC, decimal(38, scale))
        }
    };
}

fn rounded(function: &'static str, kernel_of: Kernel, mut arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let (precision, scale) = first(&arguments);
    if arguments.len() == 1 {
        arguments.push(Typed::constant(ScalarValue::Int32(Some(0)), ColumnType::plain(Int4)));
    }
    let wanted = match arguments.get(1).and_then(Typed::value) {
        Some(ScalarValue::Int32(Some(digits))) => (*digits).clamp(0, 37),
        _ => scale,
    };
    apply(function, kernel_of, arguments, NUMERIC, decimal(precision - scale + 1 + wanted, wanted))
}

/// The rows.
pub(super) const ROWS: &[FunctionRow] = &[
    kernel("abs", &[Is(Int2)], Is(Int2), "int2abs", k::int2_abs),
    kernel("abs", &[Is(Int4)], Is(Int4), "int4abs", k::int4_abs),
    kernel("abs", &[Is(Int8)], Is(Int8), "int8abs", k::int8_abs),
    kernel("abs", &[Is(Float4)], Is(Float4), "float4abs", k::float4_abs),
    kernel("abs", &[Is(Float8)], Is(Float8), "float8abs", k::float8_abs),
    build("abs", &[Is(Numeric)], Is(Numeric), |_, arguments| {
        let (precision, scale) = first(&arguments);
        apply("numeric_abs", k::numeric_abs, arguments, NUMERIC, decimal(precision, scale))
    }),
    float("ceil", "dceil", k::float8_ceil),
    float("ceiling", "dceil", k::float8_ceil),
    float("floor", "dfloor", k::float8_floor),
    float("round", "dround", k::float8_round),
    float("trunc", "dtrunc", k::float8_trunc),
    float("sign", "dsign", k::float8_sign),
    float("sqrt", "dsqrt", k::float8_sqrt),
    float("cbrt", "dcbrt", k::float8_cbrt),
    float("exp", "dexp", k::float8_exp),
    float("ln", "dlog1", k::float8_ln),
    float("log", "dlog10", k::float8_log10),
    float("log10", "dlog10", k::float8_log10),
    float("sin", "dsin", k::float8_sin),
    float("cos", "dcos", k::float8_cos),
    float("tan", "dtan", k::float8_tan),
    float("cot", "dcot", k::float8_cot),
    float("asin", "dasin", k::float8_asin),
    float("acos", "dacos", k::float8_acos),
    float("atan", "datan", k::float8_atan),
    float("sinh", "dsinh", k::float8_sinh),
    float("cosh", "dcosh", k::float8_cosh),
    float("tanh", "dtanh", k::float8_tanh),
    float("asinh", "dasinh", k::float8_asinh),
    float("acosh", "dacosh", k::float8_acosh),
    float("atanh", "datanh", k::float8_atanh),
    float("sind", "dsind", k::float8_sind),
    float("cosd", "dcosd", k::float8_cosd),
    float("tand", "dtand", k::float8_tand),
    float("cotd", "dcotd", k::float8_cotd),
    float("asind", "dasind", k::float8_asind),
    float("acosd", "dacosd", k::float8_acosd),
    float("atand", "datand", k::float8_atand),
    kernel("atan2d", &[Is(Float8), Is(Float8)], Is(Float8), "datan2d", k::float8_atan2d),
    float("degrees", "degrees", k::float8_degrees),
    float("radians", "radians", k::float8_radians),
    kernel("atan2", &[Is(Float8), Is(Float8)], Is(Float8), "datan2", k::float8_atan2),
    kernel("power", &[Is(Float8), Is(Float8)], Is(Float8), "dpow", k::float8_power),
    kernel("pow", &[Is(Float8), Is(Float8)], Is(Float8), "dpow", k::float8_power),
    build("ceil", &[Is(Numeric)], Is(Numeric), whole!("numeric_ceil", k::numeric_ceil)),
    build("ceiling", &[Is(Numeric)], Is(Numeric), whole!("numeric_ceil", k::numeric_ceil)),
    build("floor", &[Is(Numeric)], Is(Numeric), whole!("numeric_floor", k::numeric_floor)),
    build("sign", &[Is(Numeric)], Is(Numeric), |_, arguments| {
        apply("numeric_sign", k::numeric_sign, arguments, NUMERIC, decimal(1, 0))
    }),
    build("round", &[Is(Numeric)], Is(Numeric), |_, arguments| {
        rounded("numeric_round", k::numeric_round, arguments)
    }),
    build("round", &[Is(Numeric), Is(Int4)], Is(Numeric), |_, arguments| {
        rounded("numeric_round", k::numeric_round, arguments)
    }),
    other_type("trunc", &[Foreign(Category::User)]),
    build("trunc", &[Is(Numeric)], Is(Numeric), |_, arguments| {
        rounded("numeric_trunc", k::numeric_trunc, arguments)
    }),
    build("trunc", &[Is(Numeric), Is(Int4)], Is(Numeric), |_, arguments| {
        rounded("numeric_trunc", k::numeric_trunc, arguments)
    }),
    build("sqrt", &[Is(Numeric)], Is(Numeric), square_root),
    build("ln", &[Is(Numeric)], Is(Numeric), inexact!("numeric_ln", k::numeric_ln, INEXACT_SCALE)),
    build("log", &[Is(Numeric)], Is(Numeric), inexact!("numeric_log10", k::numeric_log10, INEXACT_SCALE)),
    build("log10", &[Is(Numeric)], Is(Numeric), inexact!("numeric_log10", k::numeric_log10, INEXACT_SCALE)),
    build("exp", &[Is(Numeric)], Is(Numeric), inexact!("numeric_exp", k::numeric_exp, INEXACT_SCALE)),
    build(
        "log",
        &[Is(Numeric), Is(Numeric)],
        Is(Numeric),
        inexact!("numeric_log", k::numeric_log, INEXACT_SCALE),
    ),
    build("power", &[Is(Numeric), Is(Numeric)], Is(Numeric), numeric_power),
    build("pow", &[Is(Numeric), Is(Numeric)], Is(Numeric), numeric_power),
    kernel("mod", &[Is(Int2), Is(Int2)], Is(Int2), "int2mod", k::int2_modulo),
    kernel("mod", &[Is(Int4), Is(Int4)], Is(Int4), "int4mod", k::int4_modulo),
    kernel("mod", &[Is(Int8), Is(Int8)], Is(Int8), "int8mod", k::int8_modulo),
    build("mod", &[Is(Numeric), Is(Numeric)], Is(Numeric), |_, arguments| {
        let scale = arguments.iter().map(|one| digits(one).1).max().unwrap_or(0);
        apply("numeric_mod", k::numeric_modulo, arguments, NUMERIC, decimal(38, scale))
    }),
    build("div", &[Is(Numeric), Is(Numeric)], Is(Numeric), |_, arguments| {
        apply("numeric_div_trunc", k::numeric_div, arguments, NUMERIC, decimal(38, 0))
    }),
    kernel("gcd", &[Is(Int4), Is(Int4)], Is(Int4), "int4gcd", k::int4_gcd),
    kernel("gcd", &[Is(Int8), Is(Int8)], Is(Int8), "int8gcd", k::int8_gcd),
    kernel("lcm", &[Is(Int4), Is(Int4)], Is(Int4), "int4lcm", k::int4_lcm),
    kernel("lcm", &[Is(Int8), Is(Int8)], Is(Int8), "int8lcm", k::int8_lcm),
    build("gcd", &[Is(Numeric), Is(Numeric)], Is(Numeric), |_, arguments| {
        common_divisor("numeric_gcd", k::numeric_gcd, arguments)
    }),
    build("lcm", &[Is(Numeric), Is(Numeric)], Is(Numeric), |_, arguments| {
        common_divisor("numeric_lcm", k::numeric_lcm, arguments)
    }),
    kernel(
        "width_bucket",
        &[Is(Numeric), Is(Numeric), Is(Numeric), Is(Int4)],
        Is(Int4),
        "width_bucket_numeric",
        k::numeric_width_bucket,
    ),
    build("width_bucket", &[AnyCompatible, AnyCompatibleArray], Is(Int4), |_, arguments| {
        let (value, thresholds) = crate::operators::two(arguments)?;
        let (value, thresholds) = crate::resolve::arrays::same_elements(value, thresholds)?;
        let kernel_of = lis_functions::buckets::width_bucket;
        let int4 = ColumnType::plain(Int4);
        apply("width_bucket_array", kernel_of, vec![value, thresholds], int4, DataType::Int32)
    }),
    build("factorial", &[Is(Int8)], Is(Numeric), |_, arguments| {
        apply("numeric_fac", k::factorial, arguments, NUMERIC, decimal(38, 0))
    }),
    kernel(
        "width_bucket",
        &[Is(Float8), Is(Float8), Is(Float8), Is(Int4)],
        Is(Int4),
        "width_bucket_float8",
        k::float8_width_bucket,
    ),
    build("trim_scale", &[Is(Numeric)], Is(Numeric), trim_scale),
    kernel("scale", &[Is(Numeric)], Is(Int4), "numeric_scale", k::numeric_scale),
    kernel("min_scale", &[Is(Numeric)], Is(Int4), "numeric_min_scale", k::numeric_min_scale),
    build("pi", &[], Is(Float8), |_, _| {
        Ok(Typed::constant(ScalarValue::Float64(Some(std::f64::consts::PI)), ColumnType::plain(Float8)))
    }),
    build("random", &[], Is(Float8), random),
];

/// `random()` draws from what the session keeps, so that `setseed` tells what comes.
fn random(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let catalog = Identifier::exact("pg_catalog");
    let kept = binding.catalog.functions(Some(&catalog), &Identifier::exact("random")).into_iter().next();
    let function = kept.map_or_else(
        || {
            lis_functions::scalar::Scalar::volatile(
                "random",
                DataType::Float64,
                lis_functions::random::random,
            )
        },
        |function| function.implementation,
    );
    crate::build::call(&function, arguments, ColumnType::plain(Float8))
}

/// `gcd` and `lcm` have the larger scale.
fn common_divisor(
    function: &'static str,
    kernel_of: Kernel,
    arguments: Vec<Typed>,
) -> Result<Typed, SqlError> {
    let scale = arguments.iter().map(|one| digits(one).1).max().unwrap_or(0);
    apply(function, kernel_of, arguments, NUMERIC, decimal(38, scale))
}

/// The digits after the point of a square root: as many as PostgreSQL gives of a constant, 20 of a column.
fn square_root(_: &crate::types::Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let (scale, shown) = match arguments.first().and_then(Typed::value) {
        Some(ScalarValue::Decimal128(Some(value), _, scale)) => {
            (crate::operators::square_root_scale(*value, *scale), Shown::default())
        }
        _ => {
            let own = first(&arguments).1;
            (own.max(20), Shown::square_root(own))
        }
    };
    apply("numeric_sqrt", k::numeric_sqrt, arguments, NUMERIC.shown(shown), decimal(38, scale))
}

/// A constant loses its trailing zeros; a column keeps its one scale.
fn trim_scale(_: &crate::types::Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let Some(argument) = arguments.into_iter().next() else {
        return Err(SqlError::new(crate::error::SqlErrorKind::Internal, "an argument is missing"));
    };
    if let Some(ScalarValue::Decimal128(Some(value), _, scale)) = argument.value() {
        let (mut unscaled, mut scale) = (*value, *scale);
        while scale > 0 && unscaled % 10 == 0 {
            unscaled /= 10;
            scale -= 1;
        }
        let decimal = lis_functions::text_input::Decimal { unscaled, scale };
        return Ok(Typed::constant(crate::types::values::decimal_value(decimal), NUMERIC));
    }
    Ok(Typed { column_type: NUMERIC, origin: None, ..argument })
}

fn numeric_power(_: &crate::types::Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let (left, right) = crate::operators::two(arguments)?;
    let arrow_type = power_type(&left, &right);
    apply("numeric_power", k::numeric_power, vec![left, right], NUMERIC, arrow_type)
}
