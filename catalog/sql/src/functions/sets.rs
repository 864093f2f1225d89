//! Functions that return sets.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, BooleanArray, ListArray, StringViewArray, StructArray, new_empty_array},
    buffer::OffsetBuffer,
    datatypes::{DataType, Field, Fields},
};
use datafusion::{common::ScalarValue, logical_expr::lit};
use lis_functions::{
    scalar::{Kernel, Scalar},
    sets::{self as k, series::SeriesFunction},
    strings as text,
};
use lis_lake::types::{Category, ColumnType, PgType, list, record_field};

use super::{FunctionRow, Make, other_type};
use crate::{
    build::{apply_on_null, call_as},
    error::{SqlError, SqlErrorKind},
    keywords::{KEYWORDS, KeywordClass},
    operators::zone,
    resolve::{
        ResolvedSet, SetColumn,
        arrays::{items, lower_bound, to_plain},
        select::Formal::{self, AnyArray, Foreign, Is},
    },
    types::{Binding, Derived, Typed, common_type},
};

use PgType::{Int4, Int8, Interval, Numeric, Text, Timestamp, Timestamptz};

const fn set(
    name: &'static str,
    arguments: &'static [Formal],
    result: PgType,
    make: fn(&Binding<'_>, Vec<Typed>) -> Result<ResolvedSet, SqlError>,
) -> FunctionRow {
    FunctionRow::new(name, arguments, Is(result), Make::Set(make))
}

pub(super) fn one_column(name: &str, list: Typed, column_type: ColumnType) -> Result<ResolvedSet, SqlError> {
    let arrow_type = match &list.arrow_type {
        DataType::List(field) => field.data_type().clone(),
        other => other.clone(),
    };
    Ok(ResolvedSet {
        list: list.expr,
        columns: vec![SetColumn {
            name: name.to_owned(),
            column_type,
            arrow_type,
            collation: list.collation,
        }],
        record: false,
    })
}

/// A set whose elements have their type's canonical Arrow type.
fn canonical(
    name: &str,
    function: &'static str,
    kernel: Kernel,
    arguments: Vec<Typed>,
    element: PgType,
) -> Result<ResolvedSet, SqlError> {
    let column_type = ColumnType::plain(element);
    let made = apply_on_null(function, kernel, arguments, column_type, list(column_type.to_arrow()))?;
    one_column(name, made, column_type)
}

fn with_step(mut arguments: Vec<Typed>, step: ScalarValue, pg_type: PgType) -> Vec<Typed> {
    if arguments.len() == 2 {
        arguments.push(Typed::constant(step, ColumnType::plain(pg_type)));
    }
    arguments
}

/// A series: as volatile as the engine knows, so that nobody computes it before it is read, when it need not be a list.
fn series(
    function: SeriesFunction,
    arguments: Vec<Typed>,
    element: DataType,
    pg_type: PgType,
) -> Result<ResolvedSet, SqlError> {
    let (column_type, result) = (ColumnType::plain(pg_type), list(element));
    let udf = Scalar::volatile(function.name(), result.clone(), function.kernel());
    one_column("generate_series", call_as(&udf, arguments, column_type, result)?, column_type)
}

fn int4_series(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedSet, SqlError> {
    let arguments = with_step(arguments, ScalarValue::Int32(Some(1)), Int4);
    series(SeriesFunction::Int4, arguments, ColumnType::plain(Int4).to_arrow(), Int4)
}

fn int8_series(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedSet, SqlError> {
    let arguments = with_step(arguments, ScalarValue::Int64(Some(1)), Int8);
    series(SeriesFunction::Int8, arguments, ColumnType::plain(Int8).to_arrow(), Int8)
}

fn numeric_series(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedSet, SqlError> {
    let mut arguments = with_step(arguments, ScalarValue::Decimal128(Some(1), 1, 0), Numeric);
    let common = common_type(binding, &mut arguments, "generate_series")?;
    series(SeriesFunction::Numeric, arguments, common.arrow_type, Numeric)
}

fn timestamp_series(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedSet, SqlError> {
    series(SeriesFunction::Timestamp, arguments, ColumnType::plain(Timestamp).to_arrow(), Timestamp)
}

fn timestamptz_series(binding: &Binding<'_>, mut arguments: Vec<Typed>) -> Result<ResolvedSet, SqlError> {
    arguments.push(zone(binding));
    series(SeriesFunction::Timestamptz, arguments, ColumnType::plain(Timestamptz).to_arrow(), Timestamptz)
}

fn only(mut arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    arguments.pop().ok_or_else(|| SqlError::new(SqlErrorKind::Internal, "an argument is missing"))
}

fn unnest(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedSet, SqlError> {
    let array = items(only(arguments)?)?;
    let element = array.pg_type().element().unwrap_or(Text);
    // The elements have no modifier.
    let column_type = ColumnType::plain(element).shown(array.column_type.shown);
    one_column("unnest", array, column_type)
}

fn subscripts(_: &Binding<'_>, mut arguments: Vec<Typed>) -> Result<ResolvedSet, SqlError> {
    let array = arguments.first().map_or(PgType::Unknown, Typed::pg_type);
    if arguments.len() == 2 {
        arguments.push(Typed::constant(ScalarValue::Boolean(Some(false)), ColumnType::plain(PgType::Bool)));
    }
    arguments.push(lower_bound(array));
    canonical(
        "generate_subscripts",
        "generate_subscripts",
        lis_functions::arrays::dimensions::generate_subscripts,
        arguments,
        Int4,
    )
}

fn text_array(
    name: &'static str,
    function: &Arc<datafusion::logical_expr::ScalarUDF>,
    arguments: Vec<Typed>,
) -> Result<ResolvedSet, SqlError> {
    let arguments = arguments.into_iter().map(crate::types::casts::canonical_text).collect();
    let column_type = ColumnType::plain(Text);
    let made = call_as(function, arguments, column_type, list(DataType::Utf8View))?;
    one_column(name, made, column_type)
}

fn matches(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedSet, SqlError> {
    let arguments = arguments.into_iter().map(crate::types::casts::canonical_text).collect();
    let column_type = ColumnType::plain(PgType::Array(&PgType::Text));
    let function = lis_functions::patterns::regexp_matches();
    let made = call_as(&function, arguments, column_type, list(column_type.to_arrow()))?;
    one_column("regexp_matches", made, column_type)
}

fn expand_array(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedSet, SqlError> {
    let array = to_plain(only(arguments)?)?;
    let element = array.pg_type().element().unwrap_or(Text);
    let DataType::List(field) = &array.arrow_type else {
        return Err(SqlError::new(SqlErrorKind::Internal, "an array is no list"));
    };
    let element_arrow = field.data_type().clone();
    let fields = Fields::from(vec![
        record_field("x", ColumnType::plain(element), element_arrow.clone()),
        record_field("n", ColumnType::plain(Int4), DataType::Int32),
    ]);
    let arrow_type = DataType::List(Arc::new(Field::new_list_field(DataType::Struct(fields), true)));
    let made = apply_on_null(
        "_pg_expandarray",
        k::expand_array,
        vec![array],
        ColumnType::plain(PgType::Record),
        arrow_type,
    )?;
    Ok(ResolvedSet {
        list: made.expr,
        columns: vec![
            SetColumn {
                name: "x".to_owned(),
                column_type: ColumnType::plain(element),
                arrow_type: element_arrow,
                collation: made.collation,
            },
            SetColumn {
                name: "n".to_owned(),
                column_type: ColumnType::plain(Int4),
                arrow_type: DataType::Int32,
                collation: Derived::default(),
            },
        ],
        record: true,
    })
}

/// `pg_get_keywords()`: a constant.
fn keywords(_: &Binding<'_>, _: Vec<Typed>) -> Result<ResolvedSet, SqlError> {
    let names = ["word", "catcode", "barelabel", "catdesc", "baredesc"];
    let types = [Text, PgType::Char, PgType::Bool, Text, Text].map(ColumnType::plain);
    let text_of = |text: fn(&(&'static str, KeywordClass, bool)) -> &'static str| {
        Arc::new(StringViewArray::from_iter_values(KEYWORDS.iter().map(text))) as ArrayRef
    };
    let arrays = vec![
        text_of(|(word, ..)| word),
        text_of(|(_, class, _)| class.letter()),
        Arc::new(BooleanArray::from_iter(KEYWORDS.iter().map(|(.., bare)| Some(*bare)))) as ArrayRef,
        text_of(|(_, class, _)| class.description()),
        text_of(|(.., bare)| if *bare { "can be bare label" } else { "requires AS" }),
    ];
    let columns: Vec<SetColumn> = names
        .iter()
        .zip(types)
        .map(|(name, column_type)| SetColumn {
            name: (*name).to_owned(),
            column_type,
            arrow_type: column_type.to_arrow(),
            collation: Derived::default(),
        })
        .collect();
    let fields: Fields = columns
        .iter()
        .map(|column| record_field(&column.name, column.column_type, column.arrow_type.clone()))
        .collect();
    let rows = StructArray::try_new(fields, arrays, None).map_err(|error| {
        SqlError::new(SqlErrorKind::Internal, format!("the keywords are no table: {error}"))
    })?;
    Ok(ResolvedSet { list: lit(one_list(Arc::new(rows))), columns, record: true })
}

/// One list of all these values.
fn one_list(values: ArrayRef) -> ScalarValue {
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths([values.len()]);
    ScalarValue::List(Arc::new(ListArray::new(field, offsets, values, None)))
}

/// `pg_partition_ancestors`: no table is a partition, and of such PostgreSQL gives no rows.
fn no_ancestors(_: &Binding<'_>, _: Vec<Typed>) -> Result<ResolvedSet, SqlError> {
    let none = Typed::new(
        lit(one_list(new_empty_array(&DataType::UInt32))),
        ColumnType::plain(PgType::Array(&PgType::Regclass)),
        list(DataType::UInt32),
    );
    one_column("relid", none, ColumnType::plain(PgType::Regclass))
}

/// The rows.
pub(super) const ROWS: &[FunctionRow] = &[
    set("generate_series", &[Is(Int4), Is(Int4)], Int4, int4_series),
    set("generate_series", &[Is(Int4), Is(Int4), Is(Int4)], Int4, int4_series),
    set("generate_series", &[Is(Int8), Is(Int8)], Int8, int8_series),
    set("generate_series", &[Is(Int8), Is(Int8), Is(Int8)], Int8, int8_series),
    set("generate_series", &[Is(Numeric), Is(Numeric)], Numeric, numeric_series),
    set("generate_series", &[Is(Numeric), Is(Numeric), Is(Numeric)], Numeric, numeric_series),
    set("generate_series", &[Is(Timestamp), Is(Timestamp), Is(Interval)], Timestamp, timestamp_series),
    set(
        "generate_series",
        &[Is(Timestamptz), Is(Timestamptz), Is(Interval)],
        Timestamptz,
        timestamptz_series,
    ),
    set("unnest", &[AnyArray], Text, unnest),
    other_type("unnest", &[Foreign(Category::Pseudo)]),
    set("generate_subscripts", &[AnyArray, Is(Int4)], Int4, subscripts),
    set("generate_subscripts", &[AnyArray, Is(Int4), Is(PgType::Bool)], Int4, subscripts),
    set("pg_get_keywords", &[], PgType::Record, keywords),
    set("pg_partition_ancestors", &[Is(PgType::Regclass)], PgType::Regclass, no_ancestors),
    set("_pg_expandarray", &[AnyArray], PgType::Record, expand_array),
    set("string_to_table", &[Is(Text), Is(Text)], Text, |_, arguments| {
        text_array("string_to_table", &text::string_to_array(), arguments)
    }),
    set("string_to_table", &[Is(Text), Is(Text), Is(Text)], Text, |_, arguments| {
        text_array("string_to_table", &text::string_to_array(), arguments)
    }),
    set("regexp_split_to_table", &[Is(Text), Is(Text)], Text, |_, arguments| {
        text_array("regexp_split_to_table", &lis_functions::patterns::regexp_split_to_table(), arguments)
    }),
    set("regexp_split_to_table", &[Is(Text), Is(Text), Is(Text)], Text, |_, arguments| {
        text_array("regexp_split_to_table", &lis_functions::patterns::regexp_split_to_table(), arguments)
    }),
    set("regexp_matches", &[Is(Text), Is(Text)], Text, matches),
    set("regexp_matches", &[Is(Text), Is(Text), Is(Text)], Text, matches),
];
