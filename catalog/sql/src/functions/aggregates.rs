//! Aggregate functions: DataFusion's own where they give PostgreSQL's results, ours where not.

use std::sync::Arc;

use arrow::{
    array::{Array, AsArray},
    compute::SortOptions,
    datatypes::{DataType, Float64Type},
};
use datafusion::{
    common::ScalarValue,
    functions_aggregate as f,
    logical_expr::{AggregateUDF, Expr, expr::Sort, lit},
};
use lis_functions::{
    aggregates::{Outcome, numeric_aggregate},
    folds::{Fold, fold},
    moments::{Moment, moment},
    ordered_sets::{Fraction, Fractions, Pick, ordered_set},
    statistics::{Statistic, numeric_statistic_aggregate},
    string_aggregates::{self, Collected, Joined},
};
use lis_lake::types::{ColumnType, PgType, Shown, ShownRule, list};

use super::{FunctionRow, Make};
use crate::{
    error::{SqlError, SqlErrorKind},
    operators::{decimal, digits},
    resolve::{
        Finish, ResolvedAggregate,
        select::Formal::{self, Any, AnyArray, AnyElement, AnyNonArray, Is},
    },
    types::{
        Binding, Derived, Typed,
        casts::{canonical_text, integer_digits, widen},
        collation::derived,
        ordering::{has_collation_key, is_unpadded, order_key, without_blanks},
        shown,
    },
};

use PgType::{Bool, Bytea, Float4, Float8, Int2, Int4, Int8, Interval, Json, Jsonb, Numeric, Text};

const FLOATS: Formal = Is(PgType::Array(&PgType::Float8));
const INTERVALS: Formal = Is(PgType::Array(&PgType::Interval));

/// Digits after the point of a statistic over a column, at least.
const STATISTIC_SCALE: i32 = 16;

/// Digits after the point of an average, where what is averaged leaves room for them.
const AVERAGE_SCALE: i32 = 20;

const fn aggregate(
    name: &'static str,
    arguments: &'static [Formal],
    result: Formal,
    make: fn(&Binding<'_>, Vec<Typed>) -> Result<ResolvedAggregate, SqlError>,
) -> FunctionRow {
    FunctionRow::new(name, arguments, result, Make::Aggregate(make))
}

fn resolved(
    function: Arc<AggregateUDF>,
    arguments: Vec<Typed>,
    result: ColumnType,
    arrow_type: DataType,
) -> Result<ResolvedAggregate, SqlError> {
    let collation = derived(&arguments)?.of_type(result.pg_type);
    Ok(ResolvedAggregate {
        function,
        arguments: arguments.into_iter().map(|argument| argument.expr).collect(),
        within_group: Vec::new(),
        result,
        arrow_type,
        finish: None,
        collation,
    })
}

/// `count(*)`
pub(crate) fn count_rows() -> ResolvedAggregate {
    ResolvedAggregate {
        function: f::count::count_udaf(),
        arguments: vec![lit(1_i64)],
        within_group: Vec::new(),
        result: ColumnType::plain(Int8),
        arrow_type: DataType::Int64,
        finish: None,
        collation: Derived::default(),
    }
}

fn first(arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    arguments
        .into_iter()
        .next()
        .ok_or_else(|| SqlError::new(SqlErrorKind::Internal, "an argument is missing"))
}

fn canonical(
    function: Arc<AggregateUDF>,
    arguments: Vec<Typed>,
    result: PgType,
) -> Result<ResolvedAggregate, SqlError> {
    let result = ColumnType::plain(result);
    let arrow_type = result.to_arrow();
    resolved(function, arguments, result, arrow_type)
}

/// One of the argument's values.
fn same(function: Arc<AggregateUDF>, arguments: Vec<Typed>) -> Result<ResolvedAggregate, SqlError> {
    let argument = canonical_text(first(arguments)?);
    let pg_type = match argument.pg_type() {
        PgType::Varchar => Text,
        other => other,
    };
    let result = ColumnType::plain(pg_type).shown(argument.column_type.shown);
    if is_unpadded(&argument) && !has_collation_key(&argument) {
        let largest = function == f::min_max::max_udaf();
        let key = without_blanks(argument.clone())?;
        let key = widen(key, ColumnType::plain(PgType::Bytea), DataType::BinaryView);
        let how = lis_functions::extremes::Extreme { largest, value: argument.arrow_type.clone() };
        let arrow_type = argument.arrow_type.clone();
        return resolved(lis_functions::extremes::extreme(how), vec![argument, key], result, arrow_type);
    }
    if has_collation_key(&argument) {
        // The text of the largest key.
        let collation = argument.collation;
        let key = order_key(argument)?;
        let arrow_type = key.arrow_type.clone();
        let keys = resolved(function, vec![key], result, arrow_type)?;
        return Ok(ResolvedAggregate { finish: Some(Finish::TextOfKey), collation, ..keys });
    }
    let arrow_type = argument.arrow_type.clone();
    resolved(function, vec![argument], result, arrow_type)
}

const fn extreme(
    name: &'static str,
    arguments: &'static [Formal],
    make: fn(&Binding<'_>, Vec<Typed>) -> Result<ResolvedAggregate, SqlError>,
) -> FunctionRow {
    aggregate(name, arguments, AnyElement, make)
}

/// One of the arrays, by their keys.
fn extreme_array(largest: bool, arguments: Vec<Typed>) -> Result<ResolvedAggregate, SqlError> {
    let array = first(arguments)?;
    let (column_type, arrow_type) = (ColumnType::plain(array.pg_type()), array.arrow_type.clone());
    let key = order_key(array.clone())?;
    let how = lis_functions::extremes::Extreme { largest, value: arrow_type.clone() };
    resolved(lis_functions::extremes::extreme(how), vec![array, key], column_type, arrow_type)
}

fn floats(arguments: &[Typed]) -> bool {
    arguments.first().is_some_and(|argument| argument.arrow_type.is_floating())
}

fn smallest(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedAggregate, SqlError> {
    let function = if floats(&arguments) {
        lis_functions::extremes::float_extreme(false)
    } else {
        f::min_max::min_udaf()
    };
    same(function, arguments)
}

fn largest(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedAggregate, SqlError> {
    let function = if floats(&arguments) {
        lis_functions::extremes::float_extreme(true)
    } else {
        f::min_max::max_udaf()
    };
    same(function, arguments)
}

fn small_sum(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedAggregate, SqlError> {
    let wide = widen(first(arguments)?, ColumnType::plain(Int8), DataType::Int64);
    canonical(f::sum::sum_udaf(), vec![wide], Int8)
}

fn numeric_sum(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedAggregate, SqlError> {
    let argument = first(arguments)?;
    let scale = if argument.pg_type() == Numeric { digits(&argument).1 } else { 0 };
    let arrow_type = decimal(38, scale);
    let function = numeric_aggregate(Outcome::Sum, arrow_type.clone());
    // Of addends that show different numbers of digits the sum shows the largest; no addends but zeros show theirs.
    let shown = match argument.column_type.shown {
        Shown { rule: ShownRule::Needed { .. }, .. } if !shown::is_open(&argument) => Shown::default(),
        other => other,
    };
    resolved(function, vec![argument], ColumnType::plain(Numeric).shown(shown), arrow_type)
}

fn numeric_average(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedAggregate, SqlError> {
    let argument = first(arguments)?;
    let (precision, scale) = match integer_digits(argument.pg_type()) {
        Some(precision) => (i32::from(precision), 0),
        None => digits(&argument),
    };
    let room = 38 - (precision - scale);
    let arrow_type = decimal(38, room.clamp(STATISTIC_SCALE, AVERAGE_SCALE).max(scale));
    let function = numeric_aggregate(Outcome::Average, arrow_type.clone());
    let least = match () {
        () if shown::is_quotient(&argument) => STATISTIC_SCALE,
        () if shown::is_open(&argument) => 0,
        () => scale,
    };
    resolved(function, vec![argument], ColumnType::plain(Numeric).shown(Shown::quotient(least)), arrow_type)
}

fn float_average(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedAggregate, SqlError> {
    let wide = widen(first(arguments)?, ColumnType::plain(Float8), DataType::Float64);
    canonical(moment(Moment::Average), vec![wide], Float8)
}

/// A statistic of floats.
macro_rules! statistic {
    ($name:literal, $moment:ident) => {
        aggregate($name, &[Is(Float8)], Is(Float8), |_, arguments| {
            canonical(moment(Moment::$moment), arguments, Float8)
        })
    };
}

/// A statistic of `real`, in double precision.
macro_rules! statistic_of_reals {
    ($name:literal, $moment:ident) => {
        aggregate($name, &[Is(Float4)], Is(Float8), |_, arguments| {
            let wide = widen(first(arguments)?, ColumnType::plain(Float8), DataType::Float64);
            canonical(moment(Moment::$moment), vec![wide], Float8)
        })
    };
}

/// A statistic of pairs: y, x.
macro_rules! statistic2 {
    ($name:literal, $moment:ident) => {
        aggregate($name, &[Is(Float8), Is(Float8)], Is(Float8), |_, arguments| {
            canonical(moment(Moment::$moment), arguments, Float8)
        })
    };
}

/// `stddev` and `variance` of integers and `numeric` are `numeric`.
macro_rules! numeric_statistic {
    ($name:literal, $type:ident, $statistic:ident) => {
        aggregate($name, &[Is($type)], Is(Numeric), |_, arguments| {
            statistic_of(Statistic::$statistic, arguments)
        })
    };
}

macro_rules! bits {
    ($name:literal, $type:ident, $function:path) => {
        aggregate($name, &[Is($type)], Is($type), |_, arguments| canonical($function(), arguments, $type))
    };
}

fn array_agg(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedAggregate, SqlError> {
    let argument = canonical_text(first(arguments)?);
    let Some(array) = argument.pg_type().array() else {
        return Err(SqlError::new(
            SqlErrorKind::FeatureNotSupported,
            format!("array_agg of {} is not supported", crate::types::type_name(argument.pg_type())),
        ));
    };
    let arrow_type = list(argument.arrow_type.clone());
    let result = ColumnType::plain(array).shown(argument.column_type.shown);
    resolved(f::array_agg::array_agg_udaf(), vec![argument], result, arrow_type)
}

/// Arrays together are an array of one dimension more.
fn array_agg_of_arrays(_: &Binding<'_>, arguments: Vec<Typed>) -> Result<ResolvedAggregate, SqlError> {
    let array = crate::resolve::arrays::to_shaped(first(arguments)?)?;
    let (column_type, arrow_type) = (ColumnType::plain(array.pg_type()), list(array.arrow_type.clone()));
    let collected = resolved(f::array_agg::array_agg_udaf(), vec![array], column_type, arrow_type)?;
    Ok(ResolvedAggregate { finish: Some(Finish::StackedArrays), ..collected })
}

/// The fractions of a percentile, which become a part of the function where they are constant, and the value.
fn fractions(arguments: Vec<Typed>) -> Result<(Fractions, Vec<Typed>), SqlError> {
    let [fraction, value] = <[Typed; 2]>::try_from(arguments)
        .map_err(|_| SqlError::new(SqlErrorKind::Internal, "a percentile has two arguments"))?;
    let many = matches!(fraction.pg_type(), PgType::Array(_));
    let constant = match fraction.value() {
        Some(ScalarValue::Float64(value)) => Fractions::One(Fraction::new(*value)),
        Some(ScalarValue::List(list)) if list.is_valid(0) => {
            let values = list.value(0);
            let values = values.as_primitive_opt::<Float64Type>().ok_or_else(|| {
                SqlError::new(SqlErrorKind::Internal, "percentiles have an array of double precision")
            })?;
            Fractions::Many(values.iter().map(Fraction::new).collect())
        }
        Some(_) if many => Fractions::NullArray,
        _ if many => {
            let message = "percentiles that are not constant are not supported";
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(fraction.position));
        }
        _ => return Ok((Fractions::Argument, vec![fraction, value])),
    };
    Ok((constant, vec![value]))
}

fn percentile(arguments: Vec<Typed>, pick: fn(Fractions) -> Pick) -> Result<ResolvedAggregate, SqlError> {
    let (fractions, arguments) = fractions(arguments)?;
    let many = matches!(fractions, Fractions::Many(_) | Fractions::NullArray);
    ordered(pick(fractions), arguments, many)
}

/// One or some of the ordered values.
fn ordered(pick: Pick, arguments: Vec<Typed>, many: bool) -> Result<ResolvedAggregate, SqlError> {
    let arguments: Vec<Typed> = arguments.into_iter().map(canonical_text).collect();
    let Some(value) = arguments.last() else {
        return Err(SqlError::new(SqlErrorKind::Internal, "an argument is missing"));
    };
    let (pg_type, shown) = (value.pg_type(), value.column_type.shown);
    let collation = value.collation;
    let keyed = has_collation_key(value);
    if keyed && many {
        let message = "percentiles of text with a collation are not supported as an array";
        return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message));
    }
    let mut arguments = arguments;
    if keyed && let Some(value) = arguments.pop() {
        arguments.push(order_key(value)?);
    }
    let element = arguments.last().map_or(DataType::Null, |value| value.arrow_type.clone());
    let (pg_type, arrow_type) = match pg_type.array() {
        Some(array) if many => (array, list(element.clone())),
        _ => (pg_type, element.clone()),
    };
    let column_type = ColumnType::plain(pg_type).shown(shown);
    let picked = resolved(ordered_set(pick, element), arguments, column_type, arrow_type)?;
    Ok(ResolvedAggregate { finish: keyed.then_some(Finish::TextOfKey), collation, ..picked })
}

fn interval(how: Fold, arguments: Vec<Typed>) -> Result<ResolvedAggregate, SqlError> {
    canonical(fold(how), arguments, Interval)
}

fn statistic_of(which: Statistic, arguments: Vec<Typed>) -> Result<ResolvedAggregate, SqlError> {
    let argument = first(arguments)?;
    let scale = if argument.pg_type() == Numeric { digits(&argument).1 } else { 0 };
    let root = matches!(which, Statistic::SampleDeviation | Statistic::PopulationDeviation);
    // A deviation may be √2 times as large as any value, a variance the square of that.
    let room = 38
        - match (argument.pg_type(), root) {
            (Int2, true) => 5,
            (Int4, true) | (Int2, false) => 10,
            (Int4, false) => 19,
            (Int8, true) => 20,
            (Int8, false) => 39,
            (_, true) => digits(&argument).0 - scale + 1,
            (_, false) => 2 * (digits(&argument).0 - scale) + 1,
        };
    let arrow_type = decimal(38, room.clamp(STATISTIC_SCALE, AVERAGE_SCALE).max(scale));
    let function = numeric_statistic_aggregate(which, arrow_type.clone());
    let own = if shown::is_open(&argument) { 0 } else { scale };
    let result = ColumnType::plain(Numeric).shown(Shown::variance(own, root));
    resolved(function, vec![argument], result, arrow_type)
}

/// `json_agg`: the values as json, collected as text and joined.
fn json_agg(
    binding: &Binding<'_>,
    arguments: Vec<Typed>,
    result: PgType,
) -> Result<ResolvedAggregate, SqlError> {
    let value = first(arguments)?;
    let lines = matches!(value.pg_type(), PgType::Array(_) | PgType::Record);
    let value = canonical_text(super::strings::as_json(binding, value)?);
    collected(value, Finish::JsonArray { lines }, result)
}

/// The texts of json parts, collected in order and then joined: like every ordered aggregate, each by its own order.
fn collected(part: Typed, finish: Finish, result: PgType) -> Result<ResolvedAggregate, SqlError> {
    let texts = list(DataType::Utf8View);
    let collected = resolved(f::array_agg::array_agg_udaf(), vec![part], ColumnType::plain(result), texts)?;
    Ok(ResolvedAggregate { finish: Some(finish), ..collected })
}

fn json_object_agg(
    binding: &Binding<'_>,
    arguments: Vec<Typed>,
    result: PgType,
) -> Result<ResolvedAggregate, SqlError> {
    let mut arguments = arguments.into_iter();
    let (Some(key), Some(value)) = (arguments.next(), arguments.next()) else {
        return Err(SqlError::new(SqlErrorKind::Internal, "an argument is missing"));
    };
    let key = super::strings::key_text(binding, key)?;
    let value = canonical_text(super::strings::as_json(binding, value)?);
    let member = crate::build::apply_on_null(
        "json_member",
        lis_functions::json::member_text,
        vec![key, value],
        ColumnType::plain(Text),
        DataType::Utf8View,
    )?;
    collected(member, Finish::JsonObject, result)
}

/// DISTINCT with ORDER BY over text that is ordered by keys: the keys themselves are collected, and their texts taken
/// from them at the end. `None` if the aggregate has no such form.
pub(crate) fn distinct_by_key(aggregate: &ResolvedAggregate, key: &Typed) -> Option<ResolvedAggregate> {
    let finish = match (aggregate.function.name(), aggregate.arguments.get(1)) {
        ("array_agg", None) => Finish::TextsOfKeys,
        ("string_agg_text", Some(Expr::Literal(ScalarValue::Utf8View(Some(delimiter)), _))) => {
            Finish::JoinedTextsOfKeys { delimiter: delimiter.clone() }
        }
        _ => return None,
    };
    Some(ResolvedAggregate {
        function: f::array_agg::array_agg_udaf(),
        arguments: vec![key.expr.clone()],
        arrow_type: list(DataType::BinaryView),
        finish: Some(finish),
        ..aggregate.clone()
    })
}

/// `bit_xor(DISTINCT …)`: the values are collected, and combined at the end.
pub(crate) fn exclusive_or_of_distinct(aggregate: ResolvedAggregate) -> ResolvedAggregate {
    ResolvedAggregate {
        function: f::array_agg::array_agg_udaf(),
        arrow_type: list(aggregate.arrow_type.clone()),
        finish: Some(Finish::ExclusiveOr),
        ..aggregate
    }
}

/// `string_agg` and `array_agg` with ORDER BY, which sort for themselves. `None` for any other aggregate.
pub(crate) fn sorted_aggregate(
    aggregate: &ResolvedAggregate,
    order_by: &[Sort],
    distinct: bool,
) -> Option<ResolvedAggregate> {
    let array = Some(aggregate.arrow_type.clone());
    let (function, keys) = sorting(aggregate.function.name(), array, order_by, distinct)?;
    let mut arguments = aggregate.arguments.clone();
    arguments.extend(keys);
    Some(ResolvedAggregate { function, arguments, ..aggregate.clone() })
}

/// The aggregate that sorts for itself in place of the one of this name, and the arguments that it has more. That of
/// `array_agg` wants to be told the array's type.
pub(crate) fn sorting(
    name: &str,
    array: Option<DataType>,
    order_by: &[Sort],
    distinct: bool,
) -> Option<(Arc<AggregateUDF>, Vec<Expr>)> {
    let (collected, result) = match name {
        "string_agg_text" => (Collected::Joined(Joined::Text), DataType::Utf8View),
        "string_agg_bytea" => (Collected::Joined(Joined::Bytes), DataType::BinaryView),
        "array_agg" => (Collected::Values, array?),
        _ => return None,
    };
    let options = order_by
        .iter()
        .map(|sort| SortOptions { descending: !sort.asc, nulls_first: sort.nulls_first })
        .collect();
    let keys = order_by.iter().map(|sort| sort.expr.clone()).collect();
    Some((string_aggregates::sorted_aggregate(collected, options, distinct, result), keys))
}

/// The rows.
pub(super) const ROWS: &[FunctionRow] = &[
    aggregate("count", &[Any], Is(Int8), |_, arguments| canonical(f::count::count_udaf(), arguments, Int8)),
    aggregate("sum", &[Is(Int2)], Is(Int8), small_sum),
    aggregate("sum", &[Is(Int4)], Is(Int8), small_sum),
    aggregate("sum", &[Is(Int8)], Is(Numeric), numeric_sum),
    aggregate("sum", &[Is(Numeric)], Is(Numeric), numeric_sum),
    aggregate("sum", &[Is(Float8)], Is(Float8), |_, arguments| {
        canonical(fold(Fold::Float8Sum), arguments, Float8)
    }),
    aggregate("avg", &[Is(Int2)], Is(Numeric), numeric_average),
    aggregate("avg", &[Is(Int4)], Is(Numeric), numeric_average),
    aggregate("avg", &[Is(Int8)], Is(Numeric), numeric_average),
    aggregate("avg", &[Is(Numeric)], Is(Numeric), numeric_average),
    aggregate("avg", &[Is(Float4)], Is(Float8), float_average),
    aggregate("avg", &[Is(Float8)], Is(Float8), float_average),
    extreme("min", &[Is(Int2)], smallest),
    extreme("max", &[Is(Int2)], largest),
    extreme("min", &[Is(Int4)], smallest),
    extreme("max", &[Is(Int4)], largest),
    extreme("min", &[Is(Int8)], smallest),
    extreme("max", &[Is(Int8)], largest),
    extreme("min", &[Is(PgType::Oid)], smallest),
    extreme("max", &[Is(PgType::Oid)], largest),
    extreme("min", &[Is(Float4)], smallest),
    extreme("max", &[Is(Float4)], largest),
    extreme("min", &[Is(Float8)], smallest),
    extreme("max", &[Is(Float8)], largest),
    extreme("min", &[Is(PgType::Date)], smallest),
    extreme("max", &[Is(PgType::Date)], largest),
    extreme("min", &[Is(PgType::Time)], smallest),
    extreme("max", &[Is(PgType::Time)], largest),
    extreme("min", &[Is(PgType::Timetz)], smallest),
    extreme("max", &[Is(PgType::Timetz)], largest),
    extreme("min", &[Is(PgType::Timestamp)], smallest),
    extreme("max", &[Is(PgType::Timestamp)], largest),
    extreme("min", &[Is(PgType::Timestamptz)], smallest),
    extreme("max", &[Is(PgType::Timestamptz)], largest),
    extreme("min", &[Is(Text)], smallest),
    extreme("max", &[Is(Text)], largest),
    extreme("min", &[Is(Numeric)], smallest),
    extreme("max", &[Is(Numeric)], largest),
    extreme("min", &[Is(PgType::Bpchar)], smallest),
    extreme("max", &[Is(PgType::Bpchar)], largest),
    aggregate("bool_and", &[Is(Bool)], Is(Bool), |_, arguments| {
        canonical(lis_functions::truth::truth(true), arguments, Bool)
    }),
    aggregate("every", &[Is(Bool)], Is(Bool), |_, arguments| {
        canonical(lis_functions::truth::truth(true), arguments, Bool)
    }),
    aggregate("bool_or", &[Is(Bool)], Is(Bool), |_, arguments| {
        canonical(lis_functions::truth::truth(false), arguments, Bool)
    }),
    aggregate("string_agg", &[Is(Text), Is(Text)], Is(Text), |_, arguments| {
        let arguments = arguments.into_iter().map(canonical_text).collect();
        canonical(string_aggregates::string_agg(Joined::Text), arguments, Text)
    }),
    aggregate("string_agg", &[Is(Bytea), Is(Bytea)], Is(Bytea), |_, arguments| {
        canonical(string_aggregates::string_agg(Joined::Bytes), arguments, Bytea)
    }),
    aggregate("array_agg", &[AnyNonArray], AnyElement, array_agg),
    aggregate("array_agg", &[AnyArray], AnyArray, array_agg_of_arrays),
    aggregate("min", &[AnyArray], AnyArray, |_, arguments| extreme_array(false, arguments)),
    aggregate("max", &[AnyArray], AnyArray, |_, arguments| extreme_array(true, arguments)),
    statistic!("stddev", SampleDeviation),
    statistic_of_reals!("stddev", SampleDeviation),
    statistic!("stddev_samp", SampleDeviation),
    statistic_of_reals!("stddev_samp", SampleDeviation),
    statistic!("stddev_pop", PopulationDeviation),
    statistic_of_reals!("stddev_pop", PopulationDeviation),
    statistic!("variance", SampleVariance),
    statistic_of_reals!("variance", SampleVariance),
    statistic!("var_samp", SampleVariance),
    statistic_of_reals!("var_samp", SampleVariance),
    statistic!("var_pop", PopulationVariance),
    statistic_of_reals!("var_pop", PopulationVariance),
    numeric_statistic!("stddev", Int2, SampleDeviation),
    numeric_statistic!("stddev", Int4, SampleDeviation),
    numeric_statistic!("stddev", Int8, SampleDeviation),
    numeric_statistic!("stddev", Numeric, SampleDeviation),
    numeric_statistic!("stddev_samp", Int2, SampleDeviation),
    numeric_statistic!("stddev_samp", Int4, SampleDeviation),
    numeric_statistic!("stddev_samp", Int8, SampleDeviation),
    numeric_statistic!("stddev_samp", Numeric, SampleDeviation),
    numeric_statistic!("stddev_pop", Int2, PopulationDeviation),
    numeric_statistic!("stddev_pop", Int4, PopulationDeviation),
    numeric_statistic!("stddev_pop", Int8, PopulationDeviation),
    numeric_statistic!("stddev_pop", Numeric, PopulationDeviation),
    numeric_statistic!("variance", Int2, SampleVariance),
    numeric_statistic!("variance", Int4, SampleVariance),
    numeric_statistic!("variance", Int8, SampleVariance),
    numeric_statistic!("variance", Numeric, SampleVariance),
    numeric_statistic!("var_samp", Int2, SampleVariance),
    numeric_statistic!("var_samp", Int4, SampleVariance),
    numeric_statistic!("var_samp", Int8, SampleVariance),
    numeric_statistic!("var_samp", Numeric, SampleVariance),
    numeric_statistic!("var_pop", Int2, PopulationVariance),
    numeric_statistic!("var_pop", Int4, PopulationVariance),
    numeric_statistic!("var_pop", Int8, PopulationVariance),
    numeric_statistic!("var_pop", Numeric, PopulationVariance),
    statistic2!("corr", Correlation),
    statistic2!("covar_pop", PopulationCovariance),
    statistic2!("covar_samp", SampleCovariance),
    statistic2!("regr_slope", Slope),
    statistic2!("regr_intercept", Intercept),
    statistic2!("regr_r2", Determination),
    statistic2!("regr_avgx", AverageX),
    statistic2!("regr_avgy", AverageY),
    statistic2!("regr_sxx", SquaresX),
    statistic2!("regr_syy", SquaresY),
    statistic2!("regr_sxy", Products),
    aggregate("regr_count", &[Is(Float8), Is(Float8)], Is(Int8), |_, arguments| {
        let both = arguments
            .iter()
            .map(|argument| argument.expr.clone().is_not_null())
            .reduce(Expr::and)
            .unwrap_or_else(|| lit(true));
        let counted = datafusion::logical_expr::when(both, lit(1_i64))
            .otherwise(lit(ScalarValue::Int64(None)))
            .map_err(|error| SqlError::new(SqlErrorKind::Internal, error.to_string()))?;
        canonical(f::count::count_udaf(), vec![Typed::canonical(counted, ColumnType::plain(Int8))], Int8)
    }),
    bits!("bit_and", Int2, f::bit_and_or_xor::bit_and_udaf),
    bits!("bit_and", Int4, f::bit_and_or_xor::bit_and_udaf),
    bits!("bit_and", Int8, f::bit_and_or_xor::bit_and_udaf),
    bits!("bit_or", Int2, f::bit_and_or_xor::bit_or_udaf),
    bits!("bit_or", Int4, f::bit_and_or_xor::bit_or_udaf),
    bits!("bit_or", Int8, f::bit_and_or_xor::bit_or_udaf),
    bits!("bit_xor", Int2, f::bit_and_or_xor::bit_xor_udaf),
    bits!("bit_xor", Int4, f::bit_and_or_xor::bit_xor_udaf),
    bits!("bit_xor", Int8, f::bit_and_or_xor::bit_xor_udaf),
    aggregate("percentile_cont", &[Is(Float8), Is(Float8)], Is(Float8), |_, arguments| {
        percentile(arguments, Pick::Continuous)
    })
    .ordered_set(),
    aggregate("percentile_cont", &[FLOATS, Is(Float8)], FLOATS, |_, arguments| {
        percentile(arguments, Pick::Continuous)
    })
    .ordered_set(),
    aggregate("percentile_cont", &[Is(Float8), Is(Interval)], Is(Interval), |_, arguments| {
        percentile(arguments, Pick::Continuous)
    })
    .ordered_set(),
    aggregate("percentile_cont", &[FLOATS, Is(Interval)], INTERVALS, |_, arguments| {
        percentile(arguments, Pick::Continuous)
    })
    .ordered_set(),
    aggregate("percentile_disc", &[Is(Float8), AnyElement], AnyElement, |_, arguments| {
        percentile(arguments, Pick::Discrete)
    })
    .ordered_set(),
    aggregate("percentile_disc", &[FLOATS, AnyElement], AnyArray, |_, arguments| {
        percentile(arguments, Pick::Discrete)
    })
    .ordered_set(),
    aggregate("mode", &[AnyElement], AnyElement, |_, arguments| {
        ordered(Pick::MostFrequent, arguments, false)
    })
    .ordered_set(),
    aggregate("sum", &[Is(Interval)], Is(Interval), |_, arguments| interval(Fold::IntervalSum, arguments)),
    aggregate("avg", &[Is(Interval)], Is(Interval), |_, arguments| {
        interval(Fold::IntervalAverage, arguments)
    }),
    aggregate("min", &[Is(Interval)], Is(Interval), |_, arguments| {
        interval(Fold::IntervalMinimum, arguments)
    }),
    aggregate("max", &[Is(Interval)], Is(Interval), |_, arguments| {
        interval(Fold::IntervalMaximum, arguments)
    }),
    aggregate("sum", &[Is(Float4)], Is(Float4), |_, arguments| {
        canonical(fold(Fold::Float4Sum), arguments, Float4)
    }),
    aggregate("json_agg", &[AnyElement], Is(Json), |binding, arguments| json_agg(binding, arguments, Json)),
    aggregate("jsonb_agg", &[AnyElement], Is(Jsonb), |binding, arguments| {
        json_agg(binding, arguments, Jsonb)
    }),
    aggregate("json_object_agg", &[Any, Any], Is(Json), |binding, arguments| {
        json_object_agg(binding, arguments, Json)
    }),
    aggregate("jsonb_object_agg", &[Any, Any], Is(Jsonb), |binding, arguments| {
        json_object_agg(binding, arguments, Jsonb)
    }),
];
