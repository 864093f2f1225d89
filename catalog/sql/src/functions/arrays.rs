//! Array functions.

use arrow::datatypes::DataType;
use lis_functions::{arrays as k, scalar::Kernel};
use lis_lake::types::{ColumnType, PgType};

use super::{FunctionRow, build, kernel};
use crate::{
    build::{apply, apply_on_null},
    error::{SqlError, SqlErrorKind},
    resolve::{
        arrays::{lower_bound, same_elements},
        select::Formal::{AnyArray, AnyCompatible, AnyCompatibleArray, Is},
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

/// The result is an array like argument `which`.
fn like_array(
    function: &'static str,
    kernel_of: Kernel,
    arguments: Vec<Typed>,
    which: usize,
) -> Result<Typed, SqlError> {
    let arguments = match <[Typed; 2]>::try_from(arguments) {
        Ok([left, right]) => {
            let (left, right) = same_elements(left, right)?;
            vec![left, right]
        }
        Err(others) => others,
    };
    let Some(array) = arguments.get(which) else {
        return Err(SqlError::new(SqlErrorKind::Internal, "an argument is missing"));
    };
    let (column_type, arrow_type) = (ColumnType::plain(array.pg_type()), array.arrow_type.clone());
    apply_on_null(function, kernel_of, arguments, column_type, arrow_type)
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
    kernel("array_length", &[AnyArray, Is(Int4)], Is(Int4), "array_length", k::array_length),
    build("array_lower", &[AnyArray, Is(Int4)], Is(Int4), |_, arguments| {
        bounded("array_lower", k::array_lower, arguments)
    }),
    build("array_upper", &[AnyArray, Is(Int4)], Is(Int4), |_, arguments| {
        bounded("array_upper", k::array_upper, arguments)
    }),
    kernel("cardinality", &[AnyArray], Is(Int4), "cardinality", k::cardinality),
    kernel("array_ndims", &[AnyArray], Is(Int4), "array_ndims", k::array_ndims),
    build("array_cat", &[AnyCompatibleArray, AnyCompatibleArray], AnyCompatibleArray, |_, arguments| {
        like_array("array_cat", k::array_cat, arguments, 0)
    }),
    build("array_append", &[AnyCompatibleArray, AnyCompatible], AnyCompatibleArray, |_, arguments| {
        like_array("array_append", k::array_append, arguments, 0)
    }),
    build("array_prepend", &[AnyCompatible, AnyCompatibleArray], AnyCompatibleArray, |_, arguments| {
        like_array("array_prepend", k::array_prepend, arguments, 1)
    }),
    build("array_remove", &[AnyCompatibleArray, AnyCompatible], AnyCompatibleArray, |_, arguments| {
        like_array("array_remove", k::array_remove, arguments, 0)
    }),
    build("array_position", &[AnyCompatibleArray, AnyCompatible], Is(Int4), |_, arguments| {
        apply_on_null(
            "array_position",
            k::array_position,
            arguments,
            ColumnType::plain(Int4),
            DataType::Int32,
        )
    }),
    build("array_positions", &[AnyCompatibleArray, AnyCompatible], Is(INT4_ARRAY), |_, arguments| {
        let column_type = ColumnType::plain(INT4_ARRAY);
        let arrow_type = column_type.to_arrow();
        apply_on_null("array_positions", k::array_positions, arguments, column_type, arrow_type)
    }),
    build(
        "array_replace",
        &[AnyCompatibleArray, AnyCompatible, AnyCompatible],
        AnyCompatibleArray,
        |_, arguments| like_array("array_replace", k::array_replace, arguments, 0),
    ),
    build("trim_array", &[AnyArray, Is(Int4)], AnyArray, |_, arguments| {
        like_array("trim_array", k::trim_array, arguments, 0)
    }),
    build("array_to_string", &[AnyArray, Is(Text)], Is(Text), to_string),
    build("array_to_string", &[AnyArray, Is(Text), Is(Text)], Is(Text), to_string),
];
