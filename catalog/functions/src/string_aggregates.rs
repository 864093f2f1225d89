//! `string_agg` of text and of bytes: each value after the first is preceded by the delimiter of its own row. Nulls are
//! left out; a null delimiter is empty. What is joined has the bounds of [`results`](crate::results), asked before it grows:
//! DataFusion's own accumulators join a whole batch first. With an ORDER BY, each call sorts its own rows, and so does
//! `array_agg`: of several calls in one SELECT, each may ask for another order, or for that of the rows.

use std::{collections::HashSet, mem::size_of, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, StringViewArray, UInt64Array,
        new_empty_array,
    },
    compute::{SortOptions, cast, concat, not, nullif, prep_null_mask_filter, take},
    datatypes::{DataType, Field},
    row::{RowConverter, SortField},
};
use datafusion::{
    common::{Result, ScalarValue, utils::SingleRowListArrayBuilder},
    logical_expr::{Accumulator, AggregateUDF, EmitTo, GroupsAccumulator},
};

use crate::{
    aggregate::{Aggregation, Inputs, aggregate},
    aggregates::passes,
    error::FunctionError,
    results::{check_batch, check_length, out_of_memory},
};

/// What is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Joined {
    /// `string_agg(text, text)`
    Text,
    /// `string_agg(bytea, bytea)`
    Bytes,
}

/// What rows that are sorted become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Collected {
    /// One text or one string of bytes.
    Joined(Joined),
    /// An array of the first argument's values.
    Values,
}

/// The aggregate.
pub fn string_agg(joined: Joined) -> Arc<AggregateUDF> {
    aggregate(joined)
}

/// `string_agg(value, delimiter ORDER BY …)` and `array_agg(value ORDER BY …)`. Behind the arguments stand what the rows are
/// ordered by, one for each of `options`. With `distinct`, a combination of arguments counts once.
pub fn sorted_aggregate(
    collected: Collected,
    options: Vec<SortOptions>,
    distinct: bool,
    result: DataType,
) -> Arc<AggregateUDF> {
    aggregate(Sorted { collected, options, distinct, result })
}

impl Aggregation for Joined {
    fn name(&self) -> &'static str {
        match self {
            Joined::Text => "string_agg_text",
            Joined::Bytes => "string_agg_bytea",
        }
    }

    fn result(&self) -> DataType {
        match self {
            Joined::Text => DataType::Utf8View,
            Joined::Bytes => DataType::BinaryView,
        }
    }

    fn state(&self, _inputs: &[DataType]) -> Vec<(&'static str, DataType)> {
        // What two states are joined by is the delimiter of the second one's first row.
        vec![("joined", DataType::BinaryView), ("delimiter", DataType::BinaryView)]
    }

    fn accumulator(&self, _inputs: &Inputs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Joining { joined: *self, so_far: None, first_delimiter: Vec::new() }))
    }

    fn groups(&self, _inputs: &Inputs) -> Option<Box<dyn GroupsAccumulator>> {
        Some(Box::new(JoinedGroups { joined: *self, groups: Vec::new(), bytes: 0 }))
    }
}

/// Collecting in an order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Sorted {
    collected: Collected,
    options: Vec<SortOptions>,
    distinct: bool,
    result: DataType,
}

impl Aggregation for Sorted {
    fn name(&self) -> &'static str {
        match (self.collected, self.distinct) {
            (Collected::Joined(Joined::Text), false) => "string_agg_text_sorted",
            (Collected::Joined(Joined::Text), true) => "string_agg_text_sorted_distinct",
            (Collected::Joined(Joined::Bytes), false) => "string_agg_bytea_sorted",
            (Collected::Joined(Joined::Bytes), true) => "string_agg_bytea_sorted_distinct",
            (Collected::Values, false) => "array_agg_sorted",
            (Collected::Values, true) => "array_agg_sorted_distinct",
        }
    }

    fn result(&self) -> DataType {
        self.result.clone()
    }

    fn state(&self, inputs: &[DataType]) -> Vec<(&'static str, DataType)> {
        let list =
            |data_type: &DataType| DataType::List(Arc::new(Field::new_list_field(data_type.clone(), true)));
        inputs.iter().map(|data_type| ("rows", list(data_type))).collect()
    }

    fn accumulator(&self, inputs: &Inputs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Sorting { how: self.clone(), inputs: inputs.clone(), rows: Vec::new(), bytes: 0 }))
    }
}

/// Keeps the rows and sorts them at the end.
#[derive(Debug)]
struct Sorting {
    how: Sorted,
    inputs: Inputs,
    /// Columns of rows, as they came.
    rows: Vec<Vec<ArrayRef>>,
    bytes: usize,
}

impl Sorting {
    fn columns(&self) -> Result<Vec<ArrayRef>> {
        (0..self.inputs.types.len())
            .map(|index| {
                let parts: Vec<&dyn Array> =
                    self.rows.iter().filter_map(|columns| columns.get(index)).map(AsRef::as_ref).collect();
                if parts.is_empty() {
                    return Ok(new_empty_array(self.inputs.data_type(index)?));
                }
                Ok(concat(&parts)?)
            })
            .collect()
    }

    /// The numbers of the rows in their order, those that are repetitions left out.
    fn in_order(&self, columns: &[ArrayRef]) -> Result<UInt64Array> {
        let (arguments, keys) = columns.split_at(columns.len().saturating_sub(self.how.options.len()));
        let converter = |columns: &[ArrayRef], options: &[SortOptions]| {
            let fields = columns.iter().zip(options);
            let field = |(column, options): (&ArrayRef, &SortOptions)| {
                SortField::new_with_options(column.data_type().clone(), *options)
            };
            RowConverter::new(fields.map(field).collect())
        };
        let mut order: Vec<usize> = (0..columns.first().map_or(0, |column| column.len())).collect();
        if !keys.is_empty() {
            let keys = converter(keys, &self.how.options)?.convert_columns(keys)?;
            order.sort_by(|left, right| keys.row(*left).cmp(&keys.row(*right)));
        }
        if self.how.distinct {
            let options = vec![SortOptions::default(); arguments.len()];
            let values = converter(arguments, &options)?.convert_columns(arguments)?;
            let mut seen = HashSet::new();
            order.retain(|row| seen.insert(values.row(*row)));
        }
        Ok(order.into_iter().map(|row| row as u64).collect())
    }
}

impl Accumulator for Sorting {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if values.first().is_some_and(|first| !first.is_empty()) {
            // Columns of one batch are shared by all groups: what counts is each group's own part.
            let part = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or_default();
            self.bytes += values.iter().map(part).sum::<usize>();
            self.rows.push(values.to_vec());
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let columns = self.columns()?;
        let joined = match self.how.collected {
            Collected::Joined(joined) => joined,
            Collected::Values => {
                let Some(values) = columns.first().filter(|_| !self.rows.is_empty()) else {
                    return ScalarValue::try_from(&self.how.result);
                };
                let sorted = take(values, &self.in_order(&columns)?, None)?;
                let list = SingleRowListArrayBuilder::new(sorted).build_list_array();
                return Ok(ScalarValue::List(Arc::new(list)));
            }
        };
        let mut joining = joined.accumulator(&self.inputs)?;
        if !self.rows.is_empty() {
            let order = self.in_order(&columns)?;
            let sorted = columns.iter().take(2).map(|column| take(column, &order, None));
            joining.update_batch(&sorted.collect::<std::result::Result<Vec<_>, _>>()?)?;
        }
        joining.evaluate()?.cast_to(&self.how.result)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let lists = self.columns()?.into_iter().map(|column| {
            ScalarValue::List(Arc::new(SingleRowListArrayBuilder::new(column).build_list_array()))
        });
        Ok(lists.collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for row in 0..states.first().map_or(0, |state| state.len()) {
            let columns: Vec<ArrayRef> = states
                .iter()
                .map(|state| state.as_list::<i32>())
                .filter(|lists| lists.is_valid(row))
                .map(|lists| lists.value(row))
                .collect();
            if columns.len() == states.len() {
                self.update_batch(&columns)?;
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.bytes
    }
}

#[derive(Debug)]
struct Joining {
    joined: Joined,
    so_far: Option<Vec<u8>>,
    first_delimiter: Vec<u8>,
}

impl Joining {
    /// What it holds.
    fn bytes(&self) -> usize {
        self.so_far.as_ref().map_or(0, Vec::len) + self.first_delimiter.len()
    }

    fn add(&mut self, value: &[u8], delimiter: &[u8]) -> Result<()> {
        let Some(so_far) = &mut self.so_far else {
            self.so_far = Some(value.to_vec());
            self.first_delimiter = delimiter.to_vec();
            return Ok(());
        };
        let more = delimiter.len() + value.len();
        check_length(so_far.len() + more)?;
        so_far.try_reserve(more).map_err(|_| out_of_memory(so_far.len() + more))?;
        so_far.extend_from_slice(delimiter);
        so_far.extend_from_slice(value);
        Ok(())
    }
}

/// [`Joining`] of many groups side by side.
#[derive(Debug)]
struct JoinedGroups {
    joined: Joined,
    groups: Vec<Joining>,
    /// What the groups hold, without the space of their places.
    bytes: usize,
}

impl JoinedGroups {
    fn add(
        &mut self,
        columns: &[ArrayRef],
        groups: &[usize],
        taken: impl Fn(usize) -> bool,
        total: usize,
    ) -> Result<()> {
        let [values, delimiters, ..] = columns else {
            return Err(FunctionError::internal("string_agg has two arguments").into());
        };
        let joined = self.joined;
        self.groups.resize_with(total, || Joining { joined, so_far: None, first_delimiter: Vec::new() });
        let before = self.bytes;
        for (row, group) in groups.iter().enumerate() {
            let Some(value) = bytes_at(values, row).filter(|_| taken(row)) else { continue };
            let delimiter = bytes_at(delimiters, row).unwrap_or_default();
            self.bytes += value.len() + delimiter.len();
            check_batch(self.bytes - before)?;
            self.groups[*group].add(value, delimiter)?;
        }
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<Joining> {
        let taken = emit_to.take_needed(&mut self.groups);
        self.bytes = self.bytes.saturating_sub(taken.iter().map(Joining::bytes).sum());
        taken
    }
}

impl GroupsAccumulator for JoinedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.add(values, group_indices, |row| passes(filter, row), total)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let [values, delimiters, ..] = values else {
            return Err(FunctionError::internal("string_agg has two arguments").into());
        };
        let mut state = Vec::with_capacity(2);
        let values = cast(values, &DataType::BinaryView)?;
        state.push(match filter {
            Some(filter) => nullif(&values, &not(&prep_null_mask_filter(filter))?)?,
            None => values,
        });
        state.push(cast(delimiters, &DataType::BinaryView)?);
        Ok(state)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total: usize) -> Result<()> {
        self.add(values, group_indices, |_| true, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let joined = self.joined;
        let groups = self.take(emit_to).into_iter().map(|group| group.so_far);
        Ok(match joined {
            Joined::Bytes => Arc::new(BinaryViewArray::from_iter(groups)),
            Joined::Text => {
                let texts = groups.map(|bytes| bytes.map(String::from_utf8).transpose());
                let texts = texts.collect::<Result<Vec<_>, _>>();
                let texts = texts.map_err(|error| FunctionError::internal(error.to_string()))?;
                Arc::new(StringViewArray::from_iter(texts))
            }
        })
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (joined, delimiters): (Vec<_>, Vec<_>) =
            self.take(emit_to).into_iter().map(|group| (group.so_far, group.first_delimiter)).unzip();
        Ok(vec![
            Arc::new(BinaryViewArray::from_iter(joined)),
            Arc::new(BinaryViewArray::from_iter_values(delimiters)),
        ])
    }

    fn size(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<Joining>()
    }
}

fn bytes_at(array: &ArrayRef, row: usize) -> Option<&[u8]> {
    if array.is_null(row) {
        return None;
    }
    match array.data_type() {
        DataType::Utf8View => Some(array.as_string_view().value(row).as_bytes()),
        DataType::BinaryView => Some(array.as_binary_view().value(row)),
        _ => None,
    }
}

impl Accumulator for Joining {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        // Behind the arguments may stand what the rows are ordered by.
        let [values, delimiters, ..] = values else {
            return Err(FunctionError::internal("string_agg has two arguments").into());
        };
        let before = self.bytes();
        for row in 0..values.len() {
            if let Some(value) = bytes_at(values, row) {
                self.add(value, bytes_at(delimiters, row).unwrap_or_default())?;
                check_batch(self.bytes() - before)?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(match self.joined {
            Joined::Bytes => ScalarValue::BinaryView(self.so_far.clone()),
            Joined::Text => {
                let text = self.so_far.clone().map(String::from_utf8).transpose();
                ScalarValue::Utf8View(text.map_err(|error| FunctionError::internal(error.to_string()))?)
            }
        })
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::BinaryView(self.so_far.clone()),
            ScalarValue::BinaryView(Some(self.first_delimiter.clone())),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.so_far.as_ref().map_or(0, Vec::capacity) + self.first_delimiter.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_its_delimiter() {
        let mut joining = Joining { joined: Joined::Text, so_far: None, first_delimiter: Vec::new() };
        let values: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a"), None, Some("b"), Some("c")]));
        let delimiters: ArrayRef =
            Arc::new(StringViewArray::from(vec![Some("1"), Some("2"), Some("3"), None]));
        joining.update_batch(&[values, delimiters]).unwrap();
        assert_eq!(joining.evaluate().unwrap(), ScalarValue::Utf8View(Some("a3bc".into())));
    }

    #[test]
    fn groups_that_are_gone_weigh_nothing() {
        let mut groups = JoinedGroups { joined: Joined::Text, groups: Vec::new(), bytes: 0 };
        let values: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "bc", "d"]));
        let delimiters: ArrayRef = Arc::new(StringViewArray::from(vec![", "; 3]));
        groups.update_batch(&[values, delimiters], &[0, 1, 0], None, 2).unwrap();
        let joined = groups.evaluate(EmitTo::All).unwrap();
        assert_eq!(joined.as_string_view().iter().flatten().collect::<Vec<_>>(), ["a, d", "bc"]);
        assert_eq!(groups.bytes, 0);
    }

    #[test]
    fn each_call_sorts_for_itself() {
        let joined = |descending: bool, distinct: bool| {
            let options = vec![SortOptions { descending, nulls_first: descending }];
            let collected = Collected::Joined(Joined::Text);
            let sorted = Sorted { collected, options, distinct, result: DataType::Utf8View };
            let texts = |texts: &[&str]| -> ArrayRef { Arc::new(StringViewArray::from(texts.to_vec())) };
            let inputs = Inputs { types: vec![DataType::Utf8View; 3], descending: false };
            let mut first = sorted.accumulator(&inputs).unwrap();
            first.update_batch(&[texts(&["b", "a"]), texts(&[",", ","]), texts(&["b", "a"])]).unwrap();
            let state = first.state().unwrap();
            let mut both = sorted.accumulator(&inputs).unwrap();
            let state: Vec<ArrayRef> = state.iter().map(|part| part.to_array().unwrap()).collect();
            both.merge_batch(&state).unwrap();
            both.update_batch(&[texts(&["c", "a"]), texts(&[",", ","]), texts(&["c", "a"])]).unwrap();
            both.evaluate().unwrap()
        };
        let text = |text: &str| ScalarValue::Utf8View(Some(text.into()));
        assert_eq!(joined(false, false), text("a,a,b,c"));
        assert_eq!(joined(true, true), text("c,b,a"));
    }
}
