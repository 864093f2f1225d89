//! Columns of arrays that are made of runs of other arrays' elements. What each array is made of is written down first, so
//! that it is known how much memory all of them take before any is taken (53200 if it is too much for a batch); then the
//! runs are copied, at once where elements lie side by side.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, AsArray, Capacities, MutableArrayData, NullBufferBuilder, PrimitiveArray, downcast_primitive,
        make_array, new_empty_array,
    },
    buffer::{NullBuffer, ScalarBuffer},
    datatypes::{ArrowPrimitiveType, DataType},
};

use super::{
    Done,
    shape::{Dimension, assemble, element_type, is_shaped},
};
use crate::{
    error::FunctionError,
    interrupt,
    results::{ask_if_long, check_batch},
    scalar::Arguments,
};

/// Elements of a source that lie side by side, so many times.
struct Run {
    start: usize,
    end: usize,
    source: u32,
    times: u32,
}

impl Run {
    fn length(&self) -> usize {
        (self.end - self.start) * self.times as usize
    }
}

/// Collects a column of arrays: the elements of each by [`run`](Self::run), and then its [`end`](Self::end).
pub(super) struct Collector<'a> {
    sources: &'a [&'a dyn Array],
    result: &'a DataType,
    runs: Vec<Run>,
    lengths: Vec<usize>,
    /// Of each array, if the result has shapes.
    shapes: Vec<Vec<Dimension>>,
    has_shapes: bool,
    nulls: NullBufferBuilder,
    /// The elements of all arrays, and those that were there when the last one ended.
    total: usize,
    before: usize,
    /// Bytes that an element takes.
    width: usize,
}

impl<'a> Collector<'a> {
    /// Of the elements of these sources, for a call's rows and result.
    pub(super) fn new(arguments: &'a Arguments<'_>, sources: &'a [&'a dyn Array]) -> Self {
        Self {
            sources,
            result: arguments.result,
            runs: Vec::with_capacity(arguments.rows),
            lengths: Vec::with_capacity(arguments.rows),
            shapes: Vec::new(),
            has_shapes: is_shaped(arguments.result),
            nulls: NullBufferBuilder::new(arguments.rows),
            total: 0,
            before: 0,
            width: sources.iter().map(|source| width(*source)).max().unwrap_or(0),
        }
    }

    /// A null.
    pub(super) fn null(&mut self) {
        self.lengths.push(0);
        if self.has_shapes {
            self.shapes.push(Vec::new());
        }
        self.nulls.append_null();
    }

    /// Some elements of a source more.
    #[inline]
    pub(super) fn run(&mut self, source: u32, elements: Range<usize>) {
        self.repeat(source, elements, 1);
    }

    /// One element of a source more, mostly the one after the last.
    pub(super) fn element(&mut self, source: u32, at: usize) {
        match self.runs.last_mut() {
            Some(last)
                if last.source == source && last.end == at && self.total > self.before && last.times == 1 =>
            {
                last.end += 1;
                self.total += 1;
            }
            _ => self.run(source, at..at + 1),
        }
    }

    /// Some elements of a source so many times.
    #[inline]
    pub(super) fn repeat(&mut self, source: u32, elements: Range<usize>, times: u32) {
        let run = Run { start: elements.start, end: elements.end, source, times };
        if run.length() > 0 {
            self.total += run.length();
            self.runs.push(run);
        }
    }

    /// The array is complete. The shape matters only if the result has shapes.
    #[inline]
    pub(super) fn end(&mut self, shape: Vec<Dimension>) -> Result<(), FunctionError> {
        self.lengths.push(self.total - self.before);
        self.before = self.total;
        if self.has_shapes {
            self.shapes.push(shape);
        }
        self.nulls.append_non_null();
        check_batch(self.total.saturating_mul(self.width))
    }

    /// The column.
    pub(super) fn finish(mut self) -> Done {
        ask_if_long(self.total.saturating_mul(self.width))?;
        let values = match self.sources.first() {
            Some(first) if self.total > 0 => {
                let expected = first.data_type();
                if self.sources.iter().any(|source| source.data_type() != expected) {
                    return Err(FunctionError::internal("the elements of an array are of several types"));
                }
                macro_rules! primitive {
                    ($type:ty) => {
                        self.copied::<$type>(expected)?
                    };
                }
                downcast_primitive! {
                    expected => (primitive),
                    _ => self.extended()?,
                }
            }
            _ => new_empty_array(element_type(self.result).unwrap_or(&DataType::Null)),
        };
        assemble(values, self.lengths, &self.shapes, self.nulls.finish(), self.result)
    }

    /// The elements, where they are numbers side by side.
    fn copied<T: ArrowPrimitiveType>(&self, data_type: &DataType) -> Done {
        let columns: Vec<&PrimitiveArray<T>> =
            self.sources.iter().filter_map(|source| source.as_primitive_opt()).collect();
        let mut values = Vec::with_capacity(self.total);
        self.each_run(|run| {
            let elements =
                columns.get(run.source as usize).and_then(|column| column.values().get(run.start..run.end));
            match elements.unwrap_or_default() {
                [one] if run.times == 1 => values.push(*one),
                [one] => values.extend(std::iter::repeat_n(*one, run.times as usize)),
                elements => (0..run.times).for_each(|_| values.extend_from_slice(elements)),
            }
            Ok(())
        })?;
        let has_nulls = columns.iter().any(|column| column.null_count() > 0);
        let nulls = if has_nulls {
            self.copied_nulls(&columns.iter().map(|column| column.nulls()).collect::<Vec<_>>())?
        } else {
            None
        };
        Ok(Arc::new(
            PrimitiveArray::<T>::try_new(ScalarBuffer::from(values), nulls)?
                .with_data_type(data_type.clone()),
        ))
    }

    fn copied_nulls(&self, columns: &[Option<&NullBuffer>]) -> Result<Option<NullBuffer>, FunctionError> {
        let mut nulls = NullBufferBuilder::new(self.total);
        self.each_run(|run| {
            let length = run.end - run.start;
            match columns.get(run.source as usize).copied().flatten() {
                None => nulls.append_n_non_nulls(run.length()),
                Some(own) if length == 1 && own.is_null(run.start) => nulls.append_n_nulls(run.length()),
                Some(_) if length == 1 => nulls.append_n_non_nulls(run.length()),
                Some(own) => {
                    let own = own.slice(run.start, length);
                    (0..run.times).for_each(|_| nulls.append_buffer(&own));
                }
            }
            Ok(())
        })?;
        Ok(nulls.finish())
    }

    /// The elements of any type.
    fn extended(&self) -> Done {
        let sources: Vec<_> = self.sources.iter().map(|source| source.to_data()).collect();
        let mut values =
            MutableArrayData::with_capacities(sources.iter().collect(), false, Capacities::Array(self.total));
        self.each_run(|run| {
            (0..run.times).try_for_each(|_| values.try_extend(run.source as usize, run.start, run.end))?;
            Ok(())
        })?;
        Ok(make_array(values.freeze()))
    }

    /// Calls back for each run, long ones in pieces, between which it is heard that nobody waits.
    fn each_run(&self, mut each: impl FnMut(&Run) -> Result<(), FunctionError>) -> Result<(), FunctionError> {
        /// Elements between two checks, and runs.
        const PIECE: u32 = 1 << 16;
        const RUNS: usize = 1 << 10;
        for runs in self.runs.chunks(RUNS) {
            interrupt::check()?;
            for run in runs {
                if run.times <= PIECE {
                    each(run)?;
                    continue;
                }
                let mut left = run.times;
                while left > 0 {
                    interrupt::check()?;
                    each(&Run { times: left.min(PIECE), ..*run })?;
                    left = left.saturating_sub(PIECE);
                }
            }
        }
        Ok(())
    }
}

/// Bytes that an element of an array takes.
fn width(array: &dyn Array) -> usize {
    match array.data_type() {
        DataType::Utf8View | DataType::BinaryView => size_of::<u128>(),
        DataType::FixedSizeBinary(width) => usize::try_from(*width).unwrap_or(0),
        DataType::Boolean | DataType::Null => 1,
        other => {
            other.primitive_width().unwrap_or_else(|| array.get_array_memory_size() / array.len().max(1) + 1)
        }
    }
}
