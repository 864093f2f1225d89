//! `generate_series`: steps from a start to a stop. A [`Series`] is where one of them is; the engine reads it a batch at a
//! time (`lis_sql::engine`), so that it may be as long as it likes. Where it stands beside other sets it is a list.

use arrow::{array::ArrayRef, buffer::Buffer, datatypes::ArrowNativeType};
use arrow::{
    array::{Array as _, PrimitiveArray},
    datatypes::{
        ArrowPrimitiveType, DataType, Decimal128Type, Int32Type, Int64Type, TimeUnit,
        TimestampMicrosecondType,
    },
};
use chrono_tz::Tz;

use super::{Done, list, too_many};
use crate::{
    casts::zone_argument,
    dates::{add_interval, add_interval_in_zone, interval_parts, interval_value},
    error::FunctionError,
    kernels::{Int4, Int8, Interval, Numeric, ReadRow, Timestamp, scale_of},
    scalar::{Arguments, Kernel},
    text_input::Interval as Parts,
};

/// The functions of the name, by their names inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SeriesFunction {
    /// Of `integer`.
    Int4,
    /// Of `bigint`.
    Int8,
    /// Of `numeric`; all arguments have the result's scale.
    Numeric,
    /// Of `timestamp`, by an interval.
    Timestamp,
    /// Of `timestamptz`, by an interval; the fourth argument is the time zone.
    Timestamptz,
}

impl SeriesFunction {
    const ALL: [Self; 5] = [Self::Int4, Self::Int8, Self::Numeric, Self::Timestamp, Self::Timestamptz];

    /// Its name inside.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int4 => "generate_series_int4",
            Self::Int8 => "generate_series_int8",
            Self::Numeric => "generate_series_numeric",
            Self::Timestamp => "generate_series_timestamp",
            Self::Timestamptz => "generate_series_timestamptz",
        }
    }

    /// The function of a name inside.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// All values of each row as a list.
    pub fn kernel(self) -> Kernel {
        match self {
            Self::Int4 => |arguments| lists(Self::Int4, arguments),
            Self::Int8 => |arguments| lists(Self::Int8, arguments),
            Self::Numeric => |arguments| lists(Self::Numeric, arguments),
            Self::Timestamp => |arguments| lists(Self::Timestamp, arguments),
            Self::Timestamptz => |arguments| lists(Self::Timestamptz, arguments),
        }
    }
}

/// Where a series is.
#[derive(Debug)]
pub struct Series(State);

#[derive(Debug)]
enum State {
    Numbers { next: i128, stop: i128, step: i128 },
    Moments { next: i64, stop: i64, step: Parts, ascending: bool, zone: Option<Tz> },
    Over,
}

impl Series {
    /// The series of a row; one with a null argument is empty.
    pub fn of_row(
        function: SeriesFunction,
        arguments: &Arguments<'_>,
        row: usize,
    ) -> Result<Self, FunctionError> {
        if arguments.nulls().is_null(row) {
            return Ok(Self(State::Over));
        }
        let numbers = |(next, stop, step): (i128, i128, i128)| match step {
            0 => Err(zero_step()),
            _ => Ok(Self(State::Numbers { next, stop, step })),
        };
        let moments = |zone| {
            let columns = <(Timestamp, Timestamp, Interval)>::columns(arguments)?;
            let (next, stop, step) = <(Timestamp, Timestamp, Interval)>::read(&columns, row);
            let step = interval_parts(step);
            let ascending = match interval_value(step).signum() {
                0 => return Err(zero_step()),
                sign => sign > 0,
            };
            Ok(Self(State::Moments { next, stop, step, ascending, zone }))
        };
        match function {
            SeriesFunction::Int4 => {
                let columns = <(Int4, Int4, Int4)>::columns(arguments)?;
                let (start, stop, step) = <(Int4, Int4, Int4)>::read(&columns, row);
                numbers((start.into(), stop.into(), step.into()))
            }
            SeriesFunction::Int8 => {
                let columns = <(Int8, Int8, Int8)>::columns(arguments)?;
                let (start, stop, step) = <(Int8, Int8, Int8)>::read(&columns, row);
                numbers((start.into(), stop.into(), step.into()))
            }
            SeriesFunction::Numeric => {
                for index in 1..arguments.len() {
                    if scale_of(arguments, index)? != scale_of(arguments, 0)? {
                        return Err(FunctionError::internal("a series of numerics has several scales"));
                    }
                }
                let columns = <(Numeric, Numeric, Numeric)>::columns(arguments)?;
                numbers(<(Numeric, Numeric, Numeric)>::read(&columns, row))
            }
            SeriesFunction::Timestamp => moments(None),
            SeriesFunction::Timestamptz => moments(Some(zone_argument(arguments, 3)?)),
        }
    }

    /// Whether nothing comes any more.
    pub fn is_over(&self) -> bool {
        match &self.0 {
            State::Numbers { next, stop, step } => !goes_on(*step > 0, next, stop),
            State::Moments { next, stop, ascending, .. } => !goes_on(*ascending, next, stop),
            State::Over => true,
        }
    }

    /// Appends the next values, `most` of them at most.
    fn take<N: TryFrom<i128>>(&mut self, most: usize, values: &mut Vec<N>) -> Result<(), FunctionError> {
        let outside = || FunctionError::internal("a series left its type");
        for _ in 0..most {
            if self.is_over() {
                break;
            }
            match &mut self.0 {
                State::Numbers { next, step, .. } => {
                    values.push(N::try_from(*next).map_err(|_| outside())?);
                    match next.checked_add(*step) {
                        Some(following) => *next = following,
                        None => self.0 = State::Over,
                    }
                }
                State::Moments { next, step, zone, .. } => {
                    values.push(N::try_from((*next).into()).map_err(|_| outside())?);
                    *next = match zone {
                        None => add_interval(*next, *step, 1)?,
                        Some(zone) => add_interval_in_zone(*next, *step, 1, *zone)?,
                    };
                }
                State::Over => break,
            }
        }
        Ok(())
    }
}

fn goes_on<T: PartialOrd>(ascending: bool, next: &T, stop: &T) -> bool {
    if ascending { next <= stop } else { next >= stop }
}

fn zero_step() -> FunctionError {
    FunctionError::invalid_parameter("step size cannot equal zero")
}

/// Values of series, one behind the other.
#[derive(Debug)]
pub struct SeriesValues {
    data_type: DataType,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Int4(Vec<i32>),
    Int8(Vec<i64>),
    Numeric(Vec<i128>),
}

impl SeriesValues {
    /// None yet, of this type.
    pub fn new(data_type: &DataType) -> Result<Self, FunctionError> {
        let values = match data_type {
            DataType::Int32 => Values::Int4(Vec::new()),
            DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, _) => Values::Int8(Vec::new()),
            DataType::Decimal128(..) => Values::Numeric(Vec::new()),
            other => return Err(FunctionError::internal(format!("a series of {other}"))),
        };
        Ok(Self { data_type: data_type.clone(), values })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Int4(values) => values.len(),
            Values::Int8(values) => values.len(),
            Values::Numeric(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the next values of a series, `most` of them at most.
    pub fn take(&mut self, series: &mut Series, most: usize) -> Result<(), FunctionError> {
        match &mut self.values {
            Values::Int4(values) => series.take(most, values),
            Values::Int8(values) => series.take(most, values),
            Values::Numeric(values) => series.take(most, values),
        }
    }

    /// The values.
    pub fn finish(self) -> Result<ArrayRef, FunctionError> {
        fn array<T: ArrowPrimitiveType>(values: Vec<T::Native>, data_type: DataType) -> ArrayRef
        where
            T::Native: ArrowNativeType,
        {
            let values = PrimitiveArray::<T>::new(Buffer::from_vec(values).into(), None);
            std::sync::Arc::new(values.with_data_type(data_type))
        }
        Ok(match (self.values, self.data_type) {
            (Values::Int4(values), data_type) => array::<Int32Type>(values, data_type),
            (Values::Int8(values), data_type @ DataType::Timestamp(..)) => {
                array::<TimestampMicrosecondType>(values, data_type)
            }
            (Values::Int8(values), data_type) => array::<Int64Type>(values, data_type),
            (Values::Numeric(values), data_type) => array::<Decimal128Type>(values, data_type),
        })
    }
}

/// A list per row. All of a call are held in memory, so they are limited together.
fn lists(function: SeriesFunction, arguments: &Arguments<'_>) -> Done {
    let DataType::List(field) = arguments.result else {
        return Err(FunctionError::internal("a set must be a list"));
    };
    let mut values = SeriesValues::new(field.data_type())?;
    let mut lengths = Vec::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        let before = values.len();
        let mut series = Series::of_row(function, arguments, row)?;
        values.take(&mut series, super::SERIES_MAX - before)?;
        if !series.is_over() {
            return Err(too_many());
        }
        lengths.push(values.len() - before);
    }
    let values = values.finish()?;
    debug_assert_eq!(values.data_type(), field.data_type());
    list(std::sync::Arc::clone(field), values, lengths)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{array::AsArray as _, datatypes::Field};
    use datafusion::{common::ScalarValue, logical_expr::ColumnarValue};

    use super::*;

    fn collect(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FunctionError> {
        let constant = |value| ColumnarValue::Scalar(ScalarValue::Int64(Some(value)));
        let arguments =
            Arguments::new(vec![constant(start), constant(stop), constant(step)], 1, &DataType::Null)?;
        let mut series = Series::of_row(SeriesFunction::Int8, &arguments, 0)?;
        let mut values = SeriesValues::new(&DataType::Int64)?;
        // In any pieces.
        while !series.is_over() {
            values.take(&mut series, 2)?;
        }
        Ok(values.finish()?.as_primitive::<Int64Type>().values().to_vec())
    }

    #[test]
    fn series_stop_where_they_should() {
        assert_eq!(collect(1, 3, 1).unwrap(), [1, 2, 3]);
        assert_eq!(collect(3, 1, -2).unwrap(), [3, 1]);
        assert!(collect(3, 1, 1).unwrap().is_empty());
        assert_eq!(collect(i64::MAX - 1, i64::MAX, 1).unwrap(), [i64::MAX - 1, i64::MAX]);
        assert!(collect(1, 2, 0).is_err());
    }

    #[test]
    fn a_null_gives_an_empty_set() {
        let result = DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)));
        let integer = |value: Option<i32>| ColumnarValue::Scalar(ScalarValue::Int32(value));
        let call = |stop: Option<i32>| {
            let values = vec![integer(Some(1)), integer(stop), integer(Some(1))];
            let arguments = Arguments::new(values, 1, &result).unwrap();
            SeriesFunction::Int4.kernel()(&arguments).unwrap()
        };
        assert_eq!(call(Some(4)).as_list::<i32>().value(0).len(), 4);
        assert_eq!(call(None).as_list::<i32>().value(0).len(), 0);
    }

    #[test]
    fn lists_are_limited_together() {
        let result = DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)));
        let one = ColumnarValue::Scalar(ScalarValue::Int32(Some(1)));
        let stops = arrow::array::Int32Array::from(vec![15_000_000, 15_000_000]);
        let values = vec![one.clone(), ColumnarValue::Array(Arc::new(stops)), one];
        let arguments = Arguments::new(values, 2, &result).unwrap();
        assert!(SeriesFunction::Int4.kernel()(&arguments).is_err());
    }
}
