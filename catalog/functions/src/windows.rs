//! Window functions where DataFusion's own do not reach: offsets and numbers of buckets that differ from row to row,
//! frames that leave out rows around the current one (`EXCLUDE`), and frames whose bounds are computed for each row. All
//! of them look at a whole partition at once.

use std::{cmp::Ordering, fmt::Debug, hash::Hash, ops::Range, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, Int32Array, UInt32Array, make_comparator, new_null_array},
    compute::{SortOptions, filter, interleave, take},
    datatypes::{DataType, Field, FieldRef, Int64Type, Schema},
};
use datafusion::{
    common::{DataFusionError, Result, ScalarValue, utils::compare_rows},
    logical_expr::{
        Accumulator, AggregateUDF, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl,
        function::{AccumulatorArgs, PartitionEvaluatorArgs, WindowUDFFieldArgs},
    },
    physical_plan::PhysicalExpr,
};

use crate::error::{FunctionError, FunctionErrorKind};

/// What is computed of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Over {
    /// `lag(value, offset, default)`: the offset is a bigint; the default may be left out.
    Lag,
    /// `lead(value, offset, default)`.
    Lead,
    /// `ntile(buckets)`: the number in the partition's first row counts.
    Tiles,
    /// A value of the frame.
    Value(Place, Shape),
    /// An aggregate of the frame. The argument behind its own is the FILTER's condition if `filtered`.
    Aggregate {
        /// The aggregate.
        function: Arc<AggregateUDF>,
        /// Whether there is a FILTER.
        filtered: bool,
        /// The frame.
        shape: Shape,
    },
}

/// What the engine's frames cannot say. Offsets that are computed are the last arguments, the beginning's before the
/// end's; the engine's own frame is unbounded where one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The rows that are left out.
    pub exclusion: Exclusion,
    /// Which way the beginning's offset goes, if it is computed.
    pub start: Option<Way>,
    /// The same for the end.
    pub end: Option<Way>,
    /// What the offsets are.
    pub offsets: Offsets,
}

impl Shape {
    /// A frame as the engine has it.
    pub const PLAIN: Self =
        Self { exclusion: Exclusion::NoOthers, start: None, end: None, offsets: Offsets::Rows };
}

/// What computed offsets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Offsets {
    /// Bigints that count rows.
    Rows,
    /// Bigints that count groups of peers.
    Groups,
    /// Not offsets, but the values themselves up to which the frame goes, of the type of the one column that the window is
    /// ordered by; null where that is null, for a frame of the row's peers.
    Values(SortOptions),
}

/// From the current row to where a frame begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// PRECEDING
    Preceding,
    /// FOLLOWING
    Following,
}

/// Which row of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// `first_value`
    First,
    /// `last_value`
    Last,
    /// `nth_value`: the second argument, a bigint, says which.
    Nth,
}

/// The rows that a frame leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exclusion {
    /// None.
    NoOthers,
    /// The current row.
    CurrentRow,
    /// The current row and its peers.
    Group,
    /// The current row's peers, but not itself.
    Ties,
}

/// The function; `result` is its type.
pub fn over_partition(over: Over, result: DataType) -> Arc<WindowUDF> {
    Arc::new(WindowUDF::from(PartitionFunction {
        over,
        result,
        signature: Signature::user_defined(Volatility::Immutable),
    }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PartitionFunction {
    over: Over,
    result: DataType,
    signature: Signature,
}

impl WindowUDFImpl for PartitionFunction {
    fn name(&self) -> &str {
        match &self.over {
            Over::Lag => "lag_by",
            Over::Lead => "lead_by",
            Over::Tiles => "ntile_by",
            Over::Value(Place::First, _) => "first_value_of",
            Over::Value(Place::Last, _) => "last_value_of",
            Over::Value(Place::Nth, _) => "nth_value_of",
            Over::Aggregate { function, .. } => function.name(),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(arguments.name(), self.result.clone(), true)))
    }

    fn partition_evaluator(&self, arguments: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(match &self.over {
            Over::Lag => Box::new(Shifted { forward: false }),
            Over::Lead => Box::new(Shifted { forward: true }),
            Over::Tiles => Box::new(Tiles),
            Over::Value(place, shape) => {
                let frame = Frame::new(*shape, arguments.input_exprs().len());
                Box::new(FrameValue { place: *place, frame, result: self.result.clone() })
            }
            Over::Aggregate { function, filtered, shape } => {
                let frame = Frame::new(*shape, arguments.input_exprs().len());
                let beside = usize::from(*filtered) + frame.offsets();
                let aggregated = arguments.input_exprs().len().saturating_sub(beside);
                Box::new(FrameAggregate {
                    function: Arc::clone(function),
                    filtered: *filtered,
                    frame,
                    exprs: arguments.input_exprs().iter().take(aggregated).cloned().collect(),
                    fields: arguments.input_fields().iter().take(aggregated).cloned().collect(),
                    running: None,
                })
            }
        })
    }
}

/// `lag` and `lead`.
#[derive(Debug)]
struct Shifted {
    forward: bool,
}

impl PartitionEvaluator for Shifted {
    fn evaluate_all(&mut self, arguments: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let [values, offsets, ..] = arguments else {
            return Err(FunctionError::internal("lag and lead have an offset").into());
        };
        let nulls = new_null_array(values.data_type(), 1);
        let defaults = arguments.get(2);
        let offsets = offsets.as_primitive::<Int64Type>();
        let mut sources: Vec<&dyn Array> = vec![values.as_ref(), nulls.as_ref()];
        sources.extend(defaults.map(AsRef::as_ref));
        let places: Vec<(usize, usize)> = (0..rows)
            .map(|row| {
                if offsets.is_null(row) {
                    return (1, 0);
                }
                let offset = i128::from(offsets.value(row));
                let here = i128::try_from(row).unwrap_or_default();
                let there = if self.forward { here + offset } else { here - offset };
                match usize::try_from(there) {
                    Ok(there) if there < rows => (0, there),
                    _ if defaults.is_some() => (2, row),
                    _ => (1, 0),
                }
            })
            .collect();
        Ok(interleave(&sources, &places)?)
    }
}

/// `ntile`.
#[derive(Debug)]
struct Tiles;

impl PartitionEvaluator for Tiles {
    fn evaluate_all(&mut self, arguments: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let Some(buckets) = arguments.first().map(|buckets| buckets.as_primitive::<Int64Type>()) else {
            return Err(FunctionError::internal("ntile has an argument").into());
        };
        if rows == 0 || buckets.is_null(0) {
            return Ok(new_null_array(&DataType::Int32, rows));
        }
        let buckets =
            usize::try_from(buckets.value(0)).ok().filter(|buckets| *buckets > 0).ok_or_else(|| {
                FunctionError::new(
                    FunctionErrorKind::InvalidArgumentForNtile,
                    "argument of ntile must be greater than zero",
                )
            })?;
        // The first buckets have a row more where the rows do not come out even.
        let (each, larger) = (rows / buckets, rows % buckets);
        let in_larger = larger * (each + 1);
        let numbers: Int32Array = (0..rows)
            .map(|row| {
                let bucket = if row < in_larger || each == 0 {
                    row / (each + 1)
                } else {
                    larger + (row - in_larger) / each
                };
                i32::try_from(bucket + 1).ok()
            })
            .collect();
        Ok(Arc::new(numbers))
    }
}

/// The rows of a frame. The engine asks for each row of the partition in turn, and gives the columns that the window is
/// ordered by behind the arguments.
#[derive(Debug)]
struct Frame {
    shape: Shape,
    arguments: usize,
    current: usize,
    /// The current row and its peers, as far as they are known.
    peers: Range<usize>,
    /// Where each group of peers ends, and how many of them end before the current row; for offsets that count them.
    ends: Vec<usize>,
    passed: usize,
}

impl Frame {
    fn new(shape: Shape, arguments: usize) -> Self {
        Self { shape, arguments, current: 0, peers: 0..0, ends: Vec::new(), passed: 0 }
    }

    /// How many offsets are computed.
    fn offsets(&self) -> usize {
        usize::from(self.shape.start.is_some()) + usize::from(self.shape.end.is_some())
    }

    /// The engine's range with the computed bounds applied.
    fn bounded(&mut self, columns: &[ArrayRef], range: &Range<usize>, row: usize) -> Result<Range<usize>> {
        let at = self.arguments.saturating_sub(self.offsets());
        let bounds = columns.get(at..self.arguments).unwrap_or_default();
        let mut bounds = bounds.iter();
        let start = self.shape.start.and_then(|way| Some((way, bounds.next()?)));
        let end = self.shape.end.and_then(|way| Some((way, bounds.next()?)));
        let (first, behind) = match self.shape.offsets {
            Offsets::Rows | Offsets::Groups => self.counted(columns, range, row, start, end)?,
            Offsets::Values(options) => {
                let order = columns.get(self.arguments..).unwrap_or_default();
                let start = start.map(|(_, bound)| self.first_of(order, bound, row, options)).transpose()?;
                let end = end.map(|(_, bound)| self.behind(order, bound, row, options)).transpose()?;
                (start.unwrap_or(0), end.unwrap_or(usize::MAX))
            }
        };
        let begin = range.start.max(first);
        Ok(begin..range.end.min(behind).max(begin))
    }

    /// From which row and to before which a frame goes by offsets that count.
    fn counted(
        &mut self,
        columns: &[ArrayRef],
        range: &Range<usize>,
        row: usize,
        start: Option<(Way, &ArrayRef)>,
        end: Option<(Way, &ArrayRef)>,
    ) -> Result<(usize, usize)> {
        let by_groups = self.shape.offsets == Offsets::Groups;
        let offset = |of: Option<(Way, &ArrayRef)>, which: &str| {
            of.map(|(way, column)| Ok::<_, FunctionError>((way, offset_of(column, row, which)?))).transpose()
        };
        let (start, end) = (offset(start, "starting")?, offset(end, "ending")?);
        if by_groups && self.ends.is_empty() {
            self.find_ends(columns, range.end.max(row + 1))?;
        }
        while self.ends.get(self.passed).is_some_and(|end| *end <= row) {
            self.passed += 1;
        }
        let here = if by_groups { self.passed } else { row };
        // The rows or groups from which and to before which the frame goes.
        let first = match start {
            Some((Way::Preceding, offset)) => here.saturating_sub(offset),
            Some((Way::Following, offset)) => here.saturating_add(offset),
            None => 0,
        };
        let behind = match end {
            Some((Way::Preceding, offset)) => (here + 1).saturating_sub(offset),
            Some((Way::Following, offset)) => (here + 1).saturating_add(offset),
            None => usize::MAX,
        };
        let place = |count: usize| match count.checked_sub(1) {
            _ if !by_groups => count,
            None => 0,
            Some(group) => self.ends.get(group).or(self.ends.last()).copied().unwrap_or_default(),
        };
        Ok((place(first), place(behind)))
    }

    /// The first row that is not before a bound.
    fn first_of(
        &mut self,
        order: &[ArrayRef],
        bound: &ArrayRef,
        row: usize,
        options: SortOptions,
    ) -> Result<usize> {
        if bound.is_null(row) {
            self.find_peers(order, row)?;
            return Ok(self.peers.start);
        }
        rows_until(order, bound, row, options, Ordering::is_lt)
    }

    /// The first row that is behind a bound.
    fn behind(
        &mut self,
        order: &[ArrayRef],
        bound: &ArrayRef,
        row: usize,
        options: SortOptions,
    ) -> Result<usize> {
        if bound.is_null(row) {
            self.find_peers(order, row)?;
            return Ok(self.peers.end);
        }
        rows_until(order, bound, row, options, Ordering::is_le)
    }

    /// Where the groups of peers end.
    fn find_ends(&mut self, columns: &[ArrayRef], rows: usize) -> Result<()> {
        let rows = columns.first().map_or(rows, |column| column.len());
        let mut row = 0;
        while row < rows {
            self.find_peers(columns.get(self.arguments..).unwrap_or_default(), row)?;
            row = self.peers.end.min(rows);
            self.ends.push(row);
        }
        self.peers = 0..0;
        Ok(())
    }

    /// The rows of the next row's frame, in two parts, and that row itself.
    fn next(&mut self, columns: &[ArrayRef], range: &Range<usize>) -> Result<([Range<usize>; 3], usize)> {
        let row = self.current;
        self.current += 1;
        let range = &if self.offsets() == 0 { range.clone() } else { self.bounded(columns, range, row)? };
        let left_out = match self.shape.exclusion {
            Exclusion::NoOthers => return Ok(([range.clone(), 0..0, 0..0], row)),
            Exclusion::CurrentRow => row..row + 1,
            Exclusion::Group | Exclusion::Ties => {
                self.find_peers(columns.get(self.arguments..).unwrap_or_default(), row)?;
                self.peers.clone()
            }
        };
        let within = |start: usize, end: usize| {
            let (start, end) = (start.max(range.start), end.min(range.end));
            start..end.max(start)
        };
        let itself = if self.shape.exclusion == Exclusion::Ties { within(row, row + 1) } else { 0..0 };
        let before = within(0, left_out.start);
        let after = within(left_out.end, usize::MAX);
        Ok(([before, itself, after], row))
    }

    fn find_peers(&mut self, order: &[ArrayRef], row: usize) -> Result<()> {
        if self.peers.contains(&row) {
            return Ok(());
        }
        let rows = order.first().map_or(usize::MAX, |column| column.len());
        if order.is_empty() {
            // Without an order all rows are peers.
            self.peers = 0..usize::MAX;
            return Ok(());
        }
        let options = vec![Default::default(); order.len()];
        let values = |row: usize| {
            order.iter().map(|column| ScalarValue::try_from_array(column, row)).collect::<Result<Vec<_>>>()
        };
        let own = values(row)?;
        let mut end = row + 1;
        while end < rows && compare_rows(&own, &values(end)?, &options)?.is_eq() {
            end += 1;
        }
        self.peers = row..end;
        Ok(())
    }
}

/// How many rows, from the first on, stand to a row's bound as is asked. Rows are sorted by the order's one column.
fn rows_until(
    order: &[ArrayRef],
    bound: &ArrayRef,
    row: usize,
    options: SortOptions,
    stands: fn(Ordering) -> bool,
) -> Result<usize> {
    let [key] = order else {
        return Err(FunctionError::internal("a range is ordered by one column").into());
    };
    let compare = make_comparator(key, bound, options)?;
    let (mut low, mut high) = (0, key.len());
    while low < high {
        let middle = low.midpoint(high);
        if stands(compare(middle, row)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// An offset that was computed.
fn offset_of(column: &ArrayRef, row: usize, which: &str) -> std::result::Result<usize, FunctionError> {
    let offsets = column.as_primitive::<Int64Type>();
    if offsets.is_null(row) {
        let message = format!("frame {which} offset must not be null");
        return Err(FunctionError::new(FunctionErrorKind::NullValueNotAllowed, message));
    }
    let offset = offsets.value(row);
    if offset < 0 {
        let message = format!("frame {which} offset must not be negative");
        return Err(FunctionError::new(FunctionErrorKind::InvalidPrecedingOrFollowingSize, message));
    }
    Ok(usize::try_from(offset).unwrap_or(usize::MAX))
}

/// The rows of some ranges.
fn rows_of(ranges: &[Range<usize>]) -> Result<UInt32Array> {
    ranges
        .iter()
        .flat_map(Clone::clone)
        .map(|row| {
            u32::try_from(row)
                .map(Some)
                .map_err(|_| FunctionError::internal("a partition of more than 2^32 rows").into())
        })
        .collect()
}

#[derive(Debug)]
struct FrameValue {
    place: Place,
    frame: Frame,
    result: DataType,
}

impl PartitionEvaluator for FrameValue {
    fn uses_window_frame(&self) -> bool {
        true
    }

    fn evaluate(&mut self, columns: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let (parts, row) = self.frame.next(columns, range)?;
        let Some(values) = columns.first() else {
            return Err(FunctionError::internal("a value function without an argument").into());
        };
        let mut rows = parts.iter().flat_map(Clone::clone);
        let found = match self.place {
            Place::First => rows.next(),
            Place::Last => parts.iter().rev().find_map(|part| part.clone().next_back()),
            Place::Nth => {
                let Some(numbers) = columns.get(1).map(|numbers| numbers.as_primitive::<Int64Type>()) else {
                    return Err(FunctionError::internal("nth_value has two arguments").into());
                };
                if numbers.is_null(row) {
                    return ScalarValue::try_from(&self.result);
                }
                let number =
                    usize::try_from(numbers.value(row)).ok().and_then(|number| number.checked_sub(1));
                let number = number.ok_or_else(|| {
                    FunctionError::new(
                        FunctionErrorKind::InvalidArgumentForNthValue,
                        "argument of nth_value must be greater than zero",
                    )
                })?;
                rows.nth(number)
            }
        };
        match found {
            Some(row) => ScalarValue::try_from_array(values, row),
            None => ScalarValue::try_from(&self.result),
        }
    }
}

#[derive(Debug)]
struct FrameAggregate {
    function: Arc<AggregateUDF>,
    filtered: bool,
    frame: Frame,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    fields: Vec<FieldRef>,
    /// The aggregate of the last frame, if that was rows side by side.
    running: Option<(Box<dyn Accumulator>, Range<usize>)>,
}

impl FrameAggregate {
    /// The aggregate of nothing; one that rows can be taken out of again, if there is one.
    fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        let schema = Schema::empty();
        let arguments = || {
            Ok::<_, DataFusionError>(AccumulatorArgs {
                return_field: self.function.return_field(&self.fields)?,
                schema: &schema,
                ignore_nulls: false,
                order_bys: &[],
                is_reversed: false,
                name: self.function.name(),
                is_distinct: false,
                exprs: &self.exprs,
                expr_fields: &self.fields,
            })
        };
        let sliding = self.function.create_sliding_accumulator(arguments()?)?;
        if sliding.supports_retract_batch() { Ok(sliding) } else { self.function.accumulator(arguments()?) }
    }

    /// The arguments in some rows, without those that the FILTER leaves out.
    fn arguments(
        &self,
        columns: &[ArrayRef],
        of: impl Fn(&ArrayRef) -> Result<ArrayRef>,
    ) -> Result<Vec<ArrayRef>> {
        let arguments = columns.iter().take(self.exprs.len()).map(&of);
        let Some(condition) = columns.get(self.exprs.len()).filter(|_| self.filtered) else {
            return arguments.collect();
        };
        let condition = of(condition)?;
        arguments.map(|argument| Ok(filter(&argument?, condition.as_boolean())?)).collect()
    }

    /// Moves the aggregate of the last frame on to another.
    fn moved(&mut self, columns: &[ArrayRef], to: &Range<usize>) -> Result<ScalarValue> {
        let follows = |(accumulator, from): &(Box<dyn Accumulator>, Range<usize>)| {
            from.end <= to.end
                && (from.start == to.start
                    || from.start < to.start && to.start < from.end && accumulator.supports_retract_batch())
        };
        let (mut accumulator, from) = match self.running.take().filter(follows) {
            Some(running) => running,
            None => (self.accumulator()?, to.start..to.start),
        };
        let slice =
            |rows: Range<usize>| self.arguments(columns, |column| Ok(column.slice(rows.start, rows.len())));
        if from.end < to.end {
            accumulator.update_batch(&slice(from.end..to.end)?)?;
        }
        if from.start < to.start {
            accumulator.retract_batch(&slice(from.start..to.start)?)?;
        }
        let value = accumulator.evaluate()?;
        self.running = Some((accumulator, to.clone()));
        Ok(value)
    }
}

impl PartitionEvaluator for FrameAggregate {
    fn uses_window_frame(&self) -> bool {
        true
    }

    fn evaluate(&mut self, columns: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let (parts, _) = self.frame.next(columns, range)?;
        if let [rows, Range { start: 0, end: 0 }, Range { start: 0, end: 0 }] = &parts {
            return self.moved(columns, rows);
        }
        let rows = rows_of(&parts)?;
        let arguments = self.arguments(columns, |column| Ok(take(column, &rows, None)?))?;
        let mut accumulator = self.accumulator()?;
        if !rows.is_empty() {
            accumulator.update_batch(&arguments)?;
        }
        accumulator.evaluate()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    fn bigints(values: &[Option<i64>]) -> ArrayRef {
        Arc::new(Int64Array::from(values.to_vec()))
    }

    #[test]
    fn offsets_of_each_row() {
        let values = bigints(&[Some(10), Some(20), Some(30), Some(40)]);
        let offsets = bigints(&[Some(0), Some(1), None, Some(9)]);
        let defaults = bigints(&[Some(-1), Some(-2), Some(-3), Some(-4)]);
        let lagged =
            Shifted { forward: false }.evaluate_all(&[values.clone(), offsets.clone(), defaults], 4).unwrap();
        assert_eq!(&lagged, &bigints(&[Some(10), Some(10), None, Some(-4)]));
        let led = Shifted { forward: true }.evaluate_all(&[values, offsets], 4).unwrap();
        assert_eq!(&led, &bigints(&[Some(10), Some(30), None, None]));
    }

    #[test]
    fn buckets_of_a_partition() {
        let tiles = |buckets: Option<i64>, rows: usize| {
            Tiles.evaluate_all(&[bigints(&vec![buckets; rows])], rows).map(|numbers| {
                numbers.as_primitive::<arrow::datatypes::Int32Type>().iter().collect::<Vec<_>>()
            })
        };
        assert_eq!(tiles(Some(3), 5).unwrap(), [Some(1), Some(1), Some(2), Some(2), Some(3)]);
        assert_eq!(tiles(Some(9), 2).unwrap(), [Some(1), Some(2)]);
        assert_eq!(tiles(None, 1).unwrap(), [None]);
        assert!(tiles(Some(0), 1).is_err());
    }

    #[test]
    fn rows_left_out() {
        let order = bigints(&[Some(1), Some(1), Some(2)]);
        let frames = |exclusion: Exclusion| {
            let mut frame = Frame::new(Shape { exclusion, ..Shape::PLAIN }, 0);
            (0..3)
                .map(|_| {
                    let (parts, _) = frame.next(std::slice::from_ref(&order), &(0..3)).unwrap();
                    rows_of(&parts).unwrap().values().to_vec()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(frames(Exclusion::CurrentRow), [vec![1, 2], vec![0, 2], vec![0, 1]]);
        assert_eq!(frames(Exclusion::Group), [vec![2], vec![2], vec![0, 1]]);
        assert_eq!(frames(Exclusion::Ties), [vec![0, 2], vec![1, 2], vec![0, 1, 2]]);
    }

    #[test]
    fn offsets_that_are_computed() {
        let offsets = |start: Option<i64>, end: i64| [bigints(&[start; 4]), bigints(&[Some(end); 4])];
        let order = bigints(&[Some(1), Some(1), Some(2), Some(3)]);
        let frames = |by_groups: bool, end: Way, offsets: [ArrayRef; 2]| {
            let offsets_are = if by_groups { Offsets::Groups } else { Offsets::Rows };
            let shape =
                Shape { start: Some(Way::Preceding), end: Some(end), offsets: offsets_are, ..Shape::PLAIN };
            let mut frame = Frame::new(shape, 2);
            let columns = [offsets[0].clone(), offsets[1].clone(), order.clone()];
            (0..4).map(|_| Ok(frame.next(&columns, &(0..4))?.0[0].clone())).collect::<Result<Vec<_>>>()
        };
        assert_eq!(frames(false, Way::Following, offsets(Some(1), 1)).unwrap(), [0..2, 0..3, 1..4, 2..4]);
        assert_eq!(frames(true, Way::Following, offsets(Some(1), 0)).unwrap(), [0..2, 0..2, 0..3, 2..4]);
        assert_eq!(frames(true, Way::Preceding, offsets(Some(9), 1)).unwrap(), [0..0, 0..0, 0..2, 0..3]);
        assert_eq!(frames(false, Way::Following, offsets(Some(i64::MAX), i64::MAX)).unwrap(), vec![0..4; 4]);
        assert!(frames(false, Way::Following, offsets(None, 1)).is_err());
        assert!(frames(false, Way::Following, offsets(Some(1), -1)).is_err());
    }
}
