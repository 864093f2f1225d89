//! Measures our functions against DataFusion's nearest, over columns of ordinary values:
//!
//!     cargo run --release --example functions -- [NAME]
//!
//! Nanoseconds per value, the best of many short trials, and how many times as fast ours is. Both are expressions of a
//! plan, evaluated as the engine does, over the same batch of 8,192 values, of which one in sixteen is null; constants are
//! constants for both, and operators of integers are those that fail on overflow. What differs is what they compute: ours
//! check for overflow, count characters and know PostgreSQL's errors.
#![expect(clippy::print_stdout, reason = "the figures are what the program is for")]
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "made-up values within small ranges; a program of figures may stop"
)]

mod more;

use std::{sync::Arc, time::Instant};

use arrow::{
    array::{
        Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringViewArray,
        TimestampMicrosecondArray,
    },
    datatypes::{DataType, Field, FieldRef, Schema, TimeUnit},
};
use datafusion::{
    common::ScalarValue,
    error::Result,
    functions as f,
    logical_expr::{ColumnarValue, Operator, ReturnFieldArgs, ScalarUDF},
    physical_expr::{
        PhysicalExpr, ScalarFunctionExpr,
        expressions::{BinaryExpr, CastExpr, Column, Literal, NegativeExpr},
    },
};
use lis_functions::{dates, hashes, numbers, patterns, scalar::Scalar, strings};

const ROWS: usize = 8192;
/// Short trials, and many: on a busy machine some of them run undisturbed.
const ROUNDS: usize = 2;
const TRIALS: usize = 300;

/// One of PostgreSQL's functions, ours and DataFusion's, over the same arguments.
struct Case {
    name: &'static str,
    ours: Arc<ScalarUDF>,
    theirs: Theirs,
    arguments: Vec<ColumnarValue>,
}

impl Case {
    /// The same with another function of ours.
    fn with(self, ours: Arc<ScalarUDF>) -> Self {
        Self { ours, ..self }
    }
}

enum Theirs {
    /// A function.
    Function(Arc<ScalarUDF>),
    /// An operator.
    Operator(Operator),
    /// Unary minus.
    Negation,
    /// A cast.
    Cast(DataType),
}

/// An expression over a batch.
struct Measured {
    expression: Arc<dyn PhysicalExpr>,
    batch: RecordBatch,
}

impl Measured {
    fn new(
        arguments: &[ColumnarValue],
        expression: impl FnOnce(Vec<Arc<dyn PhysicalExpr>>, &[FieldRef]) -> Result<Arc<dyn PhysicalExpr>>,
    ) -> Result<Self> {
        let fields: Vec<FieldRef> =
            arguments.iter().map(|value| Arc::new(Field::new("a", value.data_type(), true))).collect();
        let columns = arguments.iter().map(|value| value.to_array(ROWS)).collect::<Result<_>>()?;
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields.clone())), columns)?;
        let leaves = arguments
            .iter()
            .enumerate()
            .map(|(index, value)| match value {
                ColumnarValue::Array(_) => Arc::new(Column::new("a", index)) as Arc<dyn PhysicalExpr>,
                ColumnarValue::Scalar(value) => Arc::new(Literal::new(value.clone())),
            })
            .collect();
        Ok(Self { expression: expression(leaves, &fields)?, batch })
    }

    fn function(function: &Arc<ScalarUDF>, arguments: &[ColumnarValue]) -> Result<Self> {
        Self::new(arguments, |leaves, fields| {
            let scalars: Vec<Option<&ScalarValue>> = arguments
                .iter()
                .map(|value| match value {
                    ColumnarValue::Scalar(value) => Some(value),
                    ColumnarValue::Array(_) => None,
                })
                .collect();
            let return_field = function
                .return_field_from_args(ReturnFieldArgs { arg_fields: fields, scalar_arguments: &scalars })?;
            let (name, function) = (function.name(), Arc::clone(function));
            Ok(Arc::new(ScalarFunctionExpr::new(name, function, leaves, return_field, Arc::default())))
        })
    }

    fn theirs(theirs: &Theirs, arguments: &[ColumnarValue]) -> Result<Self> {
        let two =
            |leaves: Vec<Arc<dyn PhysicalExpr>>| (Arc::clone(&leaves[0]), Arc::clone(leaves.last().unwrap()));
        match theirs {
            Theirs::Function(function) => {
                let arguments: Vec<_> =
                    arguments.iter().map(|value| as_they_count(value, function)).collect();
                Self::function(function, &arguments)
            }
            Theirs::Operator(operator) => Self::new(arguments, |leaves, _| {
                let (left, right) = two(leaves);
                Ok(Arc::new(BinaryExpr::new(left, *operator, right).with_fail_on_overflow(true)))
            }),
            Theirs::Negation => {
                Self::new(arguments, |leaves, _| Ok(Arc::new(NegativeExpr::new(two(leaves).0))))
            }
            Theirs::Cast(to) => {
                Self::new(arguments, |leaves, _| Ok(Arc::new(CastExpr::new(two(leaves).0, to.clone(), None))))
            }
        }
    }

    fn evaluate(&self) -> Result<ColumnarValue> {
        self.expression.evaluate(&self.batch)
    }

    /// Nanoseconds per value.
    fn time(&self) -> f64 {
        best(|| {
            std::hint::black_box(self.evaluate().unwrap());
        })
    }
}

/// Text has one layout in a plan of ours: a function of DataFusion's that gives another needs a cast behind it. Both
/// times are shown, and the ratio is to the function alone.
fn in_our_layout(value: ColumnarValue) -> Result<ColumnarValue> {
    match value.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => value.cast_to(&DataType::Utf8View, None),
        _ => Ok(value),
    }
}

fn best(mut run: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..TRIALS {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            run();
        }
        best = best.min(start.elapsed().as_nanos() as f64 / (ROUNDS * ROWS) as f64);
    }
    best
}

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    println!("{:<28}{:>10}{:>12}{:>10}{:>14}", "function", "ours ns", "DataFusion", "ratio", "as our text");
    let mut product = 1.0_f64;
    let mut count = 0;
    for case in cases().into_iter().chain(more::cases()) {
        if !case.name.contains(&wanted) {
            continue;
        }
        let ours = Measured::function(&case.ours, &case.arguments).unwrap().time();
        let measured = Measured::theirs(&case.theirs, &case.arguments)
            .and_then(|theirs| theirs.evaluate().map(|first| (theirs, first.data_type())));
        let (theirs, result) = match measured {
            Ok(found) => found,
            Err(error) => {
                println!("{:<28}{ours:>10.2} {error}", case.name);
                continue;
            }
        };
        let is_other_text = matches!(result, DataType::Utf8 | DataType::LargeUtf8);
        let cast = is_other_text.then(|| {
            best(|| {
                std::hint::black_box(in_our_layout(theirs.evaluate().unwrap()).unwrap());
            })
        });
        let theirs = theirs.time();
        product *= theirs / ours;
        count += 1;
        let cast = cast.map_or(String::new(), |time| format!("{:>13.2}x", time / ours));
        println!("{:<28}{ours:>10.2}{theirs:>12.2}{:>9.2}x{cast}", case.name, theirs / ours);
    }
    println!("geometric mean {:.2}x of {count}", product.powf(1.0 / f64::from(count)));
}

fn column(array: impl arrow::array::Array + 'static) -> ColumnarValue {
    ColumnarValue::Array(Arc::new(array))
}

fn text(value: &str) -> ColumnarValue {
    ColumnarValue::Scalar(ScalarValue::Utf8View(Some(value.to_owned())))
}

fn integer(value: i64) -> ColumnarValue {
    ColumnarValue::Scalar(ScalarValue::Int64(Some(value)))
}

fn small(value: i32) -> ColumnarValue {
    ColumnarValue::Scalar(ScalarValue::Int32(Some(value)))
}

/// DataFusion's functions count in 64 bits; what is looked for in an array has the type of its elements.
fn as_they_count(value: &ColumnarValue, function: &ScalarUDF) -> ColumnarValue {
    let by_element = ["array_append", "array_position", "array_remove", "array_replace"];
    if by_element.iter().any(|prefix| function.name().starts_with(prefix)) {
        return value.clone();
    }
    match value {
        column @ ColumnarValue::Array(_) if function.name() == "chr" => {
            column.cast_to(&DataType::Int64, None).unwrap()
        }
        ColumnarValue::Scalar(ScalarValue::Int32(Some(value))) => integer((*value).into()),
        other => other.clone(),
    }
}

fn cases() -> Vec<Case> {
    let words =
        ["Exempelstad", "Östermalm", "kommunstyrelsen", "förskola", "4711 Lön", "  blank  ", "a,b,c", "x"];
    let valid = |row: usize| !row.is_multiple_of(16);
    let texts = || {
        column(StringViewArray::from_iter(
            (0..ROWS).map(|row| valid(row).then(|| format!("{} {row}", words[row % words.len()]))),
        ))
    };
    let ints = || column(Int32Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as i32 - 4000))));
    let codes =
        || column(Int32Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as i32 % 500 + 40))));
    let longs =
        || column(Int64Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as i64 * 7919 + 1))));
    let floats = || {
        column(Float64Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as f64 * 0.37 + 0.5))))
    };
    let small_floats = || {
        column(Float64Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as f64 * 0.01 - 9.5))))
    };
    let amounts = || {
        let values = (0..ROWS).map(|row| valid(row).then_some(row as i128 * 7919 - 30_000_000));
        column(Decimal128Array::from_iter(values).with_precision_and_scale(15, 2).unwrap())
    };
    let moments = || {
        column(TimestampMicrosecondArray::from_iter(
            (0..ROWS).map(|row| valid(row).then_some(1_700_000_000_000_000 + row as i64 * 3_600_000_000)),
        ))
    };
    let dates_column =
        || column(Date32Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as i32 + 10_000))));
    let strict = Scalar::strict;
    let view = DataType::Utf8View;
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let function = Theirs::Function;
    let case = |name, ours, theirs, arguments| Case { name, ours, theirs, arguments };
    vec![
        case("length(text)", strings::length(), function(f::unicode::character_length()), vec![texts()]),
        case(
            "octet_length(text)",
            strings::octet_length(),
            function(f::string::octet_length()),
            vec![texts()],
        ),
        case("upper(text)", strings::upper(), function(f::string::upper()), vec![texts()]),
        case("lower(text)", strings::lower(), function(f::string::lower()), vec![texts()]),
        case("initcap(text)", strings::initcap(), function(f::unicode::initcap()), vec![texts()]),
        case("reverse(text)", strings::reverse(), function(f::unicode::reverse()), vec![texts()]),
        case("ltrim(text)", strings::ltrim(), function(f::string::ltrim()), vec![texts()]),
        case("btrim(text, 'x ')", strings::btrim(), function(f::string::btrim()), vec![texts(), text("x ")]),
        case("rtrim(text)", strings::rtrim(), function(f::string::rtrim()), vec![texts()]),
        case(
            "substring(text, 2, 4)",
            strings::substring(),
            function(f::unicode::substr()),
            vec![texts(), small(2), small(4)],
        ),
        case("bit_length(text)", strings::bit_length(), function(f::string::bit_length()), vec![texts()]),
        case("chr(int4)", strings::chr(), function(f::string::chr()), vec![codes()]),
        case("concat(text, text)", strings::concat(), function(f::string::concat()), vec![texts(), texts()]),
        case(
            "concat_ws(',', text, text)",
            strings::concat_ws(),
            function(f::string::concat_ws()),
            vec![text(","), texts(), texts()],
        ),
        case("left(text, 5)", strings::left(), function(f::unicode::left()), vec![texts(), small(5)]),
        case("right(text, 5)", strings::right(), function(f::unicode::right()), vec![texts(), small(5)]),
        case("lpad(text, 20)", strings::lpad(), function(f::unicode::lpad()), vec![texts(), small(20)]),
        case("rpad(text, 20)", strings::rpad(), function(f::unicode::rpad()), vec![texts(), small(20)]),
        case(
            "strpos(text, 's')",
            strings::strpos(),
            function(f::unicode::strpos()),
            vec![texts(), text("s")],
        ),
        case(
            "replace(text, 's', 'ss')",
            strings::replace(),
            function(f::string::replace()),
            vec![texts(), text("s"), text("ss")],
        ),
        case(
            "translate(text, …)",
            strings::translate(),
            function(f::unicode::translate()),
            vec![texts(), text("aeö"), text("AE")],
        ),
        case(
            "split_part(text, ' ', 2)",
            strings::split_part(),
            function(f::string::split_part()),
            vec![texts(), text(" "), small(2)],
        ),
        case("repeat(text, 3)", strings::repeat(), function(f::string::repeat()), vec![texts(), small(3)]),
        case(
            "starts_with(text, 'E')",
            strings::starts_with(),
            function(f::string::starts_with()),
            vec![texts(), text("E")],
        ),
        case("ascii(text)", strings::ascii(), function(f::string::ascii()), vec![texts()]),
        case("to_hex(bigint)", strings::to_hex_int8(), function(f::string::to_hex()), vec![longs()]),
        case(
            "regexp_like(text, …)",
            patterns::regexp_like(),
            function(f::regex::regexp_like()),
            vec![texts(), text("st[ay]")],
        ),
        case(
            "regexp_replace(text, …)",
            patterns::regexp_replace(),
            function(f::regex::regexp_replace()),
            vec![texts(), text("[0-9]+"), text("#")],
        ),
        case(
            "regexp_count(text, …)",
            patterns::regexp_count(),
            function(f::regex::regexp_count()),
            vec![texts(), text("[aeo]")],
        ),
        case("md5(text)", strict("md5", view, hashes::md5_text), function(f::crypto::md5()), vec![texts()]),
        case(
            "int4 + 1",
            strict("int4pl", DataType::Int32, numbers::int4_add),
            Theirs::Operator(Operator::Plus),
            vec![ints(), small(1)],
        ),
        case(
            "int8 * int8",
            strict("int8mul", DataType::Int64, numbers::int8_multiply),
            Theirs::Operator(Operator::Multiply),
            vec![longs(), longs()],
        ),
        case(
            "float8 / float8",
            strict("float8div", DataType::Float64, numbers::float8_divide),
            Theirs::Operator(Operator::Divide),
            vec![floats(), floats()],
        ),
        case(
            "abs(int4)",
            strict("int4abs", DataType::Int32, numbers::int4_abs),
            function(f::math::abs()),
            vec![ints()],
        ),
        case(
            "sqrt(float8)",
            strict("dsqrt", DataType::Float64, numbers::float8_sqrt),
            function(f::math::sqrt()),
            vec![floats()],
        ),
        case(
            "ln(float8)",
            strict("dlog1", DataType::Float64, numbers::float8_ln),
            function(f::math::ln()),
            vec![floats()],
        ),
        case(
            "floor(float8)",
            strict("dfloor", DataType::Float64, numbers::float8_floor),
            function(f::math::floor()),
            vec![floats()],
        ),
        case(
            "gcd(int8, 12)",
            strict("int8gcd", DataType::Int64, numbers::int8_gcd),
            function(f::math::gcd()),
            vec![longs(), integer(12)],
        ),
        case(
            "exp(float8)",
            strict("dexp", DataType::Float64, numbers::float8_exp),
            function(f::math::exp()),
            vec![small_floats()],
        ),
        case(
            "sin(float8)",
            strict("dsin", DataType::Float64, numbers::float8_sin),
            function(f::math::sin()),
            vec![floats()],
        ),
        case(
            "power(float8, 3)",
            strict("dpow", DataType::Float64, numbers::float8_power),
            function(f::math::power()),
            vec![small_floats(), ColumnarValue::Scalar(ScalarValue::Float64(Some(3.0)))],
        ),
        case(
            "trunc(float8)",
            strict("dtrunc", DataType::Float64, numbers::float8_trunc),
            function(f::math::trunc()),
            vec![floats()],
        ),
        case(
            "int8 / int8",
            strict("int8div", DataType::Int64, numbers::int8_divide),
            Theirs::Operator(Operator::Divide),
            vec![longs(), integer(7)],
        ),
        case(
            "int4 % 7",
            strict("int4mod", DataType::Int32, numbers::int4_modulo),
            Theirs::Operator(Operator::Modulo),
            vec![ints(), small(7)],
        ),
        case(
            "-int4",
            strict("int4um", DataType::Int32, numbers::int4_negate),
            Theirs::Negation,
            vec![ints()],
        ),
        case(
            "numeric + numeric",
            strict("numeric_add", DataType::Decimal128(16, 2), numbers::numeric_add),
            Theirs::Operator(Operator::Plus),
            vec![amounts(), amounts()],
        ),
        case(
            "numeric * numeric",
            strict("numeric_mul", DataType::Decimal128(31, 4), numbers::numeric_multiply),
            Theirs::Operator(Operator::Multiply),
            vec![amounts(), amounts()],
        ),
        case(
            "date_trunc('day', ts)",
            strict("timestamp_trunc", timestamp.clone(), dates::date_trunc),
            function(f::datetime::date_trunc()),
            vec![text("day"), moments()],
        ),
        case(
            "extract(hour from ts)",
            strict("extract", DataType::Decimal128(38, 0), dates::extract_timestamp),
            function(f::datetime::date_part()),
            vec![text("hour"), moments()],
        ),
        case(
            "extract(dow from date)",
            strict("extract", DataType::Decimal128(38, 0), dates::extract_date),
            function(f::datetime::date_part()),
            vec![text("dow"), dates_column()],
        ),
        case(
            "date_trunc('month', ts)",
            strict("timestamp_trunc", timestamp, dates::date_trunc),
            function(f::datetime::date_trunc()),
            vec![text("month"), moments()],
        ),
        case(
            "extract(year from ts)",
            strict("extract", DataType::Decimal128(38, 0), dates::extract_timestamp),
            function(f::datetime::date_part()),
            vec![text("year"), moments()],
        ),
        case(
            "extract(month from date)",
            strict("extract", DataType::Decimal128(38, 0), dates::extract_date),
            function(f::datetime::date_part()),
            vec![text("month"), dates_column()],
        ),
    ]
}
