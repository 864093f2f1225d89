//! More cases: trigonometry, other widths of numbers, bits, casts, dates, bytes and arrays.

use arrow::{
    array::{
        BinaryViewArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int16Array, Int32Array,
        Int64Array, ListArray, StringViewArray, TimestampMicrosecondArray,
    },
    compute::cast,
    datatypes::{DataType, Int32Type, TimeUnit},
};
use datafusion::{
    common::ScalarValue,
    functions as f, functions_nested as nested,
    logical_expr::{ColumnarValue, Operator},
};
use lis_functions::{arrays, bytes, casts, dates, hashes, numbers, scalar::Scalar, strings};

use crate::{Case, ROWS, Theirs, column, integer, small, text};

fn valid(row: usize) -> bool {
    !row.is_multiple_of(16)
}

fn floats_of(value: impl Fn(f64) -> f64) -> ColumnarValue {
    column(Float64Array::from_iter((0..ROWS).map(|row| valid(row).then(|| value(row as f64)))))
}

pub(crate) fn cases() -> Vec<Case> {
    let ints = || column(Int32Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as i32 - 4000))));
    let positive =
        || column(Int32Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as i32 % 11 + 1))));
    let shorts =
        || column(Int16Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as i16 % 150 + 1))));
    let longs =
        || column(Int64Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as i64 * 7919 + 1))));
    let floats = || floats_of(|row| row * 0.37 + 0.5);
    let small_floats = || floats_of(|row| row * 0.01 - 9.5);
    let unit = || floats_of(|row| row / 8192.0);
    let reals = || {
        column(Float32Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as f32 * 0.25 + 1.0))))
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
    let days =
        || column(Date32Array::from_iter((0..ROWS).map(|row| valid(row).then_some(row as i32 + 10_000))));
    let texts = |value: fn(usize) -> String| {
        column(StringViewArray::from_iter((0..ROWS).map(|row| valid(row).then(|| value(row)))))
    };
    let bytes_column = || {
        column(BinaryViewArray::from_iter(
            (0..ROWS).map(|row| valid(row).then(|| format!("förskola {row}").into_bytes())),
        ))
    };
    let lists = || {
        let lists = (0..ROWS).map(|row| valid(row).then(|| (0..row % 9).map(|item| Some(item as i32))));
        column(ListArray::from_iter_primitive::<Int32Type, _, _>(lists))
    };
    let double = |value: f64| ColumnarValue::Scalar(ScalarValue::Float64(Some(value)));
    let (float8, int4, view) = (DataType::Float64, DataType::Int32, DataType::Utf8View);
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let int_list = DataType::new_list(DataType::Int32, true);
    let math = |name: &'static str, internal, kernel, theirs, argument: ColumnarValue| Case {
        name,
        ours: Scalar::strict(internal, DataType::Float64, kernel),
        theirs: Theirs::Function(theirs),
        arguments: vec![argument],
    };
    let function = |name: &'static str, internal, result: &DataType, kernel, theirs, arguments| Case {
        name,
        ours: Scalar::strict(internal, result.clone(), kernel),
        theirs: Theirs::Function(theirs),
        arguments,
    };
    let operator = |name: &'static str, internal, result: &DataType, kernel, theirs, arguments| Case {
        name,
        ours: Scalar::strict(internal, result.clone(), kernel),
        theirs,
        arguments,
    };
    vec![
        math("cos(float8)", "dcos", numbers::float8_cos, f::math::cos(), floats()),
        math("tan(float8)", "dtan", numbers::float8_tan, f::math::tan(), floats()),
        math("cot(float8)", "dcot", numbers::float8_cot, f::math::cot(), floats()),
        math("asin(float8)", "dasin", numbers::float8_asin, f::math::asin(), unit()),
        math("acos(float8)", "dacos", numbers::float8_acos, f::math::acos(), unit()),
        math("atan(float8)", "datan", numbers::float8_atan, f::math::atan(), floats()),
        math("sinh(float8)", "dsinh", numbers::float8_sinh, f::math::sinh(), small_floats()),
        math("cosh(float8)", "dcosh", numbers::float8_cosh, f::math::cosh(), small_floats()),
        math("tanh(float8)", "dtanh", numbers::float8_tanh, f::math::tanh(), small_floats()),
        math("asinh(float8)", "dasinh", numbers::float8_asinh, f::math::asinh(), small_floats()),
        math("acosh(float8)", "dacosh", numbers::float8_acosh, f::math::acosh(), floats_of(|row| row + 1.0)),
        math(
            "atanh(float8)",
            "datanh",
            numbers::float8_atanh,
            f::math::atanh(),
            floats_of(|row| row / 9000.0),
        ),
        math("log10(float8)", "dlog10", numbers::float8_log10, f::math::log10(), floats()),
        math("cbrt(float8)", "dcbrt", numbers::float8_cbrt, f::math::cbrt(), floats()),
        math("degrees(float8)", "degrees", numbers::float8_degrees, f::math::degrees(), floats()),
        math("radians(float8)", "radians", numbers::float8_radians, f::math::radians(), floats()),
        math("ceil(float8)", "dceil", numbers::float8_ceil, f::math::ceil(), floats()),
        math("round(float8)", "dround", numbers::float8_round, f::math::round(), floats()),
        math("sign(float8)", "dsign", numbers::float8_sign, f::math::signum(), small_floats()),
        math("abs(float8)", "float8abs", numbers::float8_abs, f::math::abs(), small_floats()),
        function(
            "atan2(float8, 2)",
            "datan2",
            &float8,
            numbers::float8_atan2,
            f::math::atan2(),
            vec![floats(), floats()],
        ),
        function(
            "lcm(int8, 12)",
            "int8lcm",
            &DataType::Int64,
            numbers::int8_lcm,
            f::math::lcm(),
            vec![longs(), integer(12)],
        ),
        function(
            "round(numeric, 1)",
            "numeric_round",
            &DataType::Decimal128(15, 1),
            numbers::numeric_round,
            f::math::round(),
            vec![amounts(), small(1)],
        ),
        function(
            "abs(numeric)",
            "numeric_abs",
            &DataType::Decimal128(15, 2),
            numbers::numeric_abs,
            f::math::abs(),
            vec![amounts()],
        ),
        operator(
            "float8 + float8",
            "float8pl",
            &float8,
            numbers::float8_add,
            Theirs::Operator(Operator::Plus),
            vec![floats(), floats()],
        ),
        operator(
            "float8 - 1",
            "float8mi",
            &float8,
            numbers::float8_subtract,
            Theirs::Operator(Operator::Minus),
            vec![floats(), double(1.0)],
        ),
        operator(
            "float8 * float8",
            "float8mul",
            &float8,
            numbers::float8_multiply,
            Theirs::Operator(Operator::Multiply),
            vec![floats(), floats()],
        ),
        operator(
            "float8 / 3",
            "float8div",
            &float8,
            numbers::float8_divide,
            Theirs::Operator(Operator::Divide),
            vec![floats(), double(3.0)],
        ),
        operator(
            "float4 * float4",
            "float4mul",
            &DataType::Float32,
            numbers::float4_multiply,
            Theirs::Operator(Operator::Multiply),
            vec![reals(), reals()],
        ),
        operator(
            "float4 / float4",
            "float4div",
            &DataType::Float32,
            numbers::float4_divide,
            Theirs::Operator(Operator::Divide),
            vec![reals(), reals()],
        ),
        operator(
            "int2 + int2",
            "int2pl",
            &DataType::Int16,
            numbers::int2_add,
            Theirs::Operator(Operator::Plus),
            vec![shorts(), shorts()],
        ),
        operator(
            "int2 * int2",
            "int2mul",
            &DataType::Int16,
            numbers::int2_multiply,
            Theirs::Operator(Operator::Multiply),
            vec![shorts(), shorts()],
        ),
        operator(
            "int4 - int4",
            "int4mi",
            &int4,
            numbers::int4_subtract,
            Theirs::Operator(Operator::Minus),
            vec![ints(), ints()],
        ),
        operator(
            "int4 * 3",
            "int4mul",
            &int4,
            numbers::int4_multiply,
            Theirs::Operator(Operator::Multiply),
            vec![ints(), small(3)],
        ),
        operator(
            "int4 / int4",
            "int4div",
            &int4,
            numbers::int4_divide,
            Theirs::Operator(Operator::Divide),
            vec![positive(), small(7)],
        ),
        operator(
            "int8 + int8",
            "int8pl",
            &DataType::Int64,
            numbers::int8_add,
            Theirs::Operator(Operator::Plus),
            vec![longs(), longs()],
        ),
        operator(
            "int8 % 7",
            "int8mod",
            &DataType::Int64,
            numbers::int8_modulo,
            Theirs::Operator(Operator::Modulo),
            vec![longs(), integer(7)],
        ),
        operator(
            "numeric - numeric",
            "numeric_sub",
            &DataType::Decimal128(16, 2),
            numbers::numeric_subtract,
            Theirs::Operator(Operator::Minus),
            vec![amounts(), amounts()],
        ),
        operator(
            "int4 & int4",
            "int4and",
            &int4,
            numbers::int4_and,
            Theirs::Operator(Operator::BitwiseAnd),
            vec![ints(), positive()],
        ),
        operator(
            "int4 << int4",
            "int4shl",
            &int4,
            numbers::int4_shift_left,
            Theirs::Operator(Operator::BitwiseShiftLeft),
            vec![ints(), positive()],
        ),
        function(
            "to_hex(integer)",
            "unused",
            &view,
            |_| Ok(arrow::array::new_empty_array(&DataType::Utf8View)),
            f::string::to_hex(),
            vec![ints()],
        )
        .with(strings::to_hex_int4()),
        operator(
            "int4::float8",
            "int4_float8",
            &float8,
            |arguments| Ok(cast(arguments.array(0)?, &DataType::Float64)?),
            Theirs::Cast(float8.clone()),
            vec![ints()],
        ),
        operator(
            "float8::int4",
            "float8_int4",
            &int4,
            casts::float8_to_int4,
            Theirs::Cast(int4.clone()),
            vec![small_floats()],
        ),
        operator(
            "text::numeric",
            "text_numeric",
            &DataType::Decimal128(38, 2),
            casts::text_to_numeric,
            Theirs::Cast(DataType::Decimal128(38, 2)),
            vec![texts(|row| format!("{row}.25"))],
        ),
        operator(
            "numeric::float8",
            "numeric_float8",
            &float8,
            casts::numeric_to_float8,
            Theirs::Cast(float8.clone()),
            vec![amounts()],
        ),
        operator(
            "numeric::text",
            "numeric_text",
            &view,
            casts::numeric_to_text,
            Theirs::Cast(view.clone()),
            vec![amounts()],
        ),
        operator(
            "timestamp::date",
            "timestamp_date",
            &DataType::Date32,
            casts::timestamp_to_date,
            Theirs::Cast(DataType::Date32),
            vec![moments()],
        ),
        operator(
            "date::timestamp",
            "date_timestamp",
            &timestamp,
            casts::date_to_timestamp,
            Theirs::Cast(timestamp.clone()),
            vec![days()],
        ),
        function(
            "encode(bytea, 'hex')",
            "encode",
            &view,
            bytes::encode,
            f::encoding::encode(),
            vec![bytes_column(), text("hex")],
        ),
        function(
            "decode(text, 'hex')",
            "decode",
            &DataType::BinaryView,
            bytes::decode,
            f::encoding::decode(),
            vec![texts(|row| format!("{row:08x}")), text("hex")],
        ),
        function(
            "sha256(bytea)",
            "sha256",
            &DataType::BinaryView,
            hashes::sha256,
            f::crypto::sha256(),
            vec![bytes_column()],
        ),
        function(
            "make_date(…)",
            "make_date",
            &DataType::Date32,
            dates::make_date,
            f::datetime::make_date(),
            vec![positive(), positive(), positive()],
        ),
        function(
            "array_position(int4[], 3)",
            "array_position",
            &int4,
            arrays::array_position::<false>,
            nested::position::array_position_udf(),
            vec![lists(), small(3)],
        ),
        function(
            "array_remove(int4[], 3)",
            "array_remove",
            &int_list,
            arrays::array_remove::<false>,
            nested::remove::array_remove_all_udf(),
            vec![lists(), small(3)],
        ),
        function(
            "array_replace(int4[], …)",
            "array_replace",
            &int_list,
            arrays::array_replace::<false>,
            nested::replace::array_replace_all_udf(),
            vec![lists(), small(3), small(9)],
        ),
        function(
            "array_length(int4[], 1)",
            "array_length",
            &int4,
            arrays::dimensions::array_length,
            nested::length::array_length_udf(),
            vec![lists(), small(1)],
        ),
        function(
            "cardinality(int4[])",
            "cardinality",
            &int4,
            arrays::dimensions::cardinality,
            nested::cardinality::cardinality_udf(),
            vec![lists()],
        ),
        function(
            "array_append(int4[], 3)",
            "array_append",
            &int_list,
            arrays::dimensions::array_append,
            nested::concat::array_append_udf(),
            vec![lists(), small(3)],
        ),
        function(
            "array_cat(int4[], int4[])",
            "array_cat",
            &int_list,
            arrays::dimensions::array_cat,
            nested::concat::array_concat_udf(),
            vec![lists(), lists()],
        ),
    ]
}
