//! Array functions.

use arrow::datatypes::DataType;
use lis_functions::{
    arrays::{self as k, dimensions as d, shape},
    scalar::Kernel,
};
use lis_lake::types::{ColumnType, PgType};

use super::{FunctionRow, build, kernel};
use crate::{
    build::{apply, apply_on_null},
    error::{SqlError, SqlErrorKind},
    resolve::{
        arrays::{lower_bound, same_elements},
        select::Formal::{AnyArray, AnyCompatible, AnyCompatibleArray, AnyElement, Is},
    },
    types::{Binding, Typed},
};

use PgType::{Int4, Text};

const INT4_ARRAY: PgType = PgType::Array(&PgType::Int4);

/// Adds the array's lower bound as the last argument.
fn bounded(function: &'static str, kernel_of: Kernel, mut arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let array = arguments.first().map_or(PgType::Unknown, Typed::pg_type);
    arguments.push(lower_bound(array));
    apply(function, kernel_of, arguments, ColumnType::plain(Int4), DataType::Int32)
}

/// Brings the elements of the array that is argument `array_at`, and all other arguments, to one scale, if they are
/// `numeric`.
fn one_scale(mut arguments: Vec<Typed>, array_at: usize) -> Result<Vec<Typed>, SqlError> {
    if array_at >= arguments.len() {
        return Ok(arguments);
    }
    let mut array = arguments.remove(array_at);
    for argument in &arguments {
        array = same_elements(array, argument.clone())?.0;
    }
    let mut arguments = arguments
        .into_iter()
        .map(|argument| same_elements(array.clone(), argument).map(|(_, argument)| argument))
        .collect::<Result<Vec<_>, _>>()?;
    arguments.insert(array_at, array);
    Ok(arguments)
}

/// The result is an array like argument `which`.
fn like_array(
    function: &'static str,
    kernel_of: Kernel,
    arguments: Vec<Typed>,
    which: usize,
) -> Result<Typed, SqlError> {
    let arguments = one_scale(arguments, which)?;
    let Some(array) = arguments.get(which) else {
        return Err(SqlError::new(SqlErrorKind::Internal, "an argument is missing"));
    };
    let column_type = ColumnType::plain(array.pg_type());
    let shaped = arguments.iter().find(|argument| shape::is_shaped(&argument.arrow_type));
    let arrow_type = shaped.unwrap_or(array).arrow_type.clone();
    apply_on_null(function, kernel_of, arguments, column_type, arrow_type)
}

/// The function for arrays, or that for arrays of `jsonb`, which are found by what they mean.
fn by_elements(
    arguments: &[Typed],
    plain: (&'static str, Kernel),
    jsonb: (&'static str, Kernel),
) -> (&'static str, Kernel) {
    match arguments.first().map(Typed::pg_type) {
        Some(PgType::Array(PgType::Jsonb)) => jsonb,
        _ => plain,
    }
}

/// `array_fill(value, lengths)`, `array_fill(value, lengths, lower bounds)`. A null literal is text.
fn filled(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let position = arguments.first().and_then(|value| value.position);
    let arguments: Vec<Typed> = arguments.into_iter().map(crate::types::casts::canonical_text).collect();
    let value = arguments.first().map(|value| (value.pg_type(), value.arrow_type.clone()));
    let Some((Some(array), element)) = value.map(|(pg_type, element)| (pg_type.array(), element)) else {
        let message = "array_fill of this type is not supported";
        return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
    };
    let column_type = ColumnType::plain(array);
    apply_on_null("array_fill", d::array_fill, arguments, column_type, shape::shaped_type(element))
}

fn to_string(binding: &Binding<'_>, mut arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    if arguments.len() == 2 {
        arguments.push(Typed::null(ColumnType::plain(Text)));
    }
    arguments.push(crate::operators::zone(binding));
    apply_on_null(
        "array_to_string",
        k::array_to_string,
        arguments,
        ColumnType::plain(Text),
        DataType::Utf8View,
    )
}

/// The rows.
pub(super) const ROWS: &[FunctionRow] = &[
    kernel("array_length", &[AnyArray, Is(Int4)], Is(Int4), "array_length", d::array_length),
    build("array_lower", &[AnyArray, Is(Int4)], Is(Int4), |_, arguments| {
        bounded("array_lower", d::array_lower, arguments)
    }),
    build("array_upper", &[AnyArray, Is(Int4)], Is(Int4), |_, arguments| {
        bounded("array_upper", d::array_upper, arguments)
    }),
    kernel("cardinality", &[AnyArray], Is(Int4), "cardinality", d::cardinality),
    kernel("array_ndims", &[AnyArray], Is(Int4), "array_ndims", d::array_ndims),
    build("array_dims", &[AnyArray], Is(Text), |_, mut arguments| {
        let array = arguments.first().map_or(PgType::Unknown, Typed::pg_type);
        arguments.push(lower_bound(array));
        apply("array_dims", d::array_dims, arguments, ColumnType::plain(Text), DataType::Utf8View)
    }),
    build("array_fill", &[AnyElement, Is(INT4_ARRAY)], AnyArray, filled).shapes(),
    build("array_fill", &[AnyElement, Is(INT4_ARRAY), Is(INT4_ARRAY)], AnyArray, filled).shapes(),
    build("array_cat", &[AnyCompatibleArray, AnyCompatibleArray], AnyCompatibleArray, |_, arguments| {
        like_array("array_cat", d::array_cat, arguments, 0)
    }),
    build("array_append", &[AnyCompatibleArray, AnyCompatible], AnyCompatibleArray, |_, arguments| {
        like_array("array_append", d::array_append, arguments, 0)
    }),
    build("array_prepend", &[AnyCompatible, AnyCompatibleArray], AnyCompatibleArray, |_, arguments| {
        like_array("array_prepend", d::array_prepend, arguments, 1)
    }),
    build("array_remove", &[AnyCompatibleArray, AnyCompatible], AnyCompatibleArray, |_, arguments| {
        let (name, kernel) = by_elements(
            &arguments,
            ("array_remove", k::array_remove::<false>),
            ("jsonb_array_remove", k::array_remove::<true>),
        );
        like_array(name, kernel, arguments, 0)
    }),
    build("array_position", &[AnyCompatibleArray, AnyCompatible], Is(Int4), |_, arguments| {
        let arguments = one_scale(arguments, 0)?;
        let column_type = ColumnType::plain(Int4);
        let (name, kernel) = by_elements(
            &arguments,
            ("array_position", k::array_position::<false>),
            ("jsonb_array_position", k::array_position::<true>),
        );
        apply_on_null(name, kernel, arguments, column_type, DataType::Int32)
    }),
    build("array_position", &[AnyCompatibleArray, AnyCompatible, Is(Int4)], Is(Int4), |_, arguments| {
        let arguments = one_scale(arguments, 0)?;
        let column_type = ColumnType::plain(Int4);
        let (name, kernel) = by_elements(
            &arguments,
            ("array_position_from", k::array_position::<false>),
            ("jsonb_array_position_from", k::array_position::<true>),
        );
        apply_on_null(name, kernel, arguments, column_type, DataType::Int32)
    }),
    build("array_positions", &[AnyCompatibleArray, AnyCompatible], Is(INT4_ARRAY), |_, arguments| {
        let arguments = one_scale(arguments, 0)?;
        let column_type = ColumnType::plain(INT4_ARRAY);
        let arrow_type = column_type.to_arrow();
        let (name, kernel) = by_elements(
            &arguments,
            ("array_positions", k::array_positions::<false>),
            ("jsonb_array_positions", k::array_positions::<true>),
        );
        apply_on_null(name, kernel, arguments, column_type, arrow_type)
    }),
    build(
        "array_replace",
        &[AnyCompatibleArray, AnyCompatible, AnyCompatible],
        AnyCompatibleArray,
        |_, arguments| {
            let (name, kernel) = by_elements(
                &arguments,
                ("array_replace", k::array_replace::<false>),
                ("jsonb_array_replace", k::array_replace::<true>),
            );
            like_array(name, kernel, arguments, 0)
        },
    ),
    build("trim_array", &[AnyArray, Is(Int4)], AnyArray, |_, arguments| {
        like_array("trim_array", d::trim_array, arguments, 0)
    }),
    build("array_to_string", &[AnyArray, Is(Text)], Is(Text), to_string),
    build("array_to_string", &[AnyArray, Is(Text), Is(Text)], Is(Text), to_string),
];
