//! The one shape of our aggregate functions. An aggregate says what it is called, what its state is made of and how it
//! accumulates; everything that DataFusion asks beside that is here: identity, DISTINCT, and window frames that lose rows
//! at their beginning.
//!
//! PostgreSQL's aggregates without an inverse (those over floats, `string_agg`, …) compute such a frame from its first row
//! again, so that no rounding error is carried along; so do `Restarting` ones. DISTINCT sorts its values in PostgreSQL,
//! which shows in sums of floats and in joined texts; `Distinct` does the same.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt::Debug,
    hash::Hash,
    mem::size_of_val,
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    compute::{SortOptions, concat},
    datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type},
    row::{OwnedRow, RowConverter, SortField},
};
use datafusion::{
    common::{Result, ScalarValue, utils::SingleRowListArrayBuilder},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
};

use crate::error::FunctionError;

/// What an accumulator may need to know of the call.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// The arguments' types.
    pub types: Vec<DataType>,
    /// Whether `WITHIN GROUP (ORDER BY …)` is descending.
    pub descending: bool,
}

impl Inputs {
    /// The type of an argument.
    pub fn data_type(&self, index: usize) -> Result<&DataType> {
        self.types
            .get(index)
            .ok_or_else(|| FunctionError::internal("an aggregate without an argument").into())
    }

    /// The scale of a `numeric` argument; 0 for an integer.
    pub fn scale(&self, index: usize) -> i8 {
        match self.types.get(index) {
            Some(DataType::Decimal128(_, scale)) => *scale,
            _ => 0,
        }
    }
}

/// An aggregate function of ours. Two that are equal compute the same.
pub trait Aggregation: Debug + Clone + PartialEq + Eq + Hash + Send + Sync + 'static {
    /// The name that plans show.
    fn name(&self) -> &'static str;
    /// The result's type.
    fn result(&self) -> DataType;
    /// The parts of the state, by name.
    fn state(&self, inputs: &[DataType]) -> Vec<(&'static str, DataType)>;
    /// Accumulates one group.
    fn accumulator(&self, inputs: &Inputs) -> Result<Box<dyn Accumulator>>;
    /// Accumulates many groups side by side, where that is worth its while.
    fn groups(&self, _inputs: &Inputs) -> Option<Box<dyn GroupsAccumulator>> {
        None
    }
    /// Whether duplicates change nothing.
    fn ignores_duplicates(&self) -> bool {
        false
    }
}

/// The aggregate as DataFusion runs it.
pub fn aggregate<A: Aggregation>(how: A) -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::from(Adapter { how, signature }))
}

#[derive(Debug)]
struct Adapter<A> {
    how: A,
    signature: Signature,
}

impl<A: PartialEq> PartialEq for Adapter<A> {
    fn eq(&self, other: &Self) -> bool {
        self.how == other.how
    }
}

impl<A: Eq> Eq for Adapter<A> {}

impl<A: Hash> Hash for Adapter<A> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.how.hash(state);
    }
}

fn inputs_of(arguments: &AccumulatorArgs<'_>) -> Inputs {
    Inputs {
        types: arguments.expr_fields.iter().map(|field| field.data_type().clone()).collect(),
        descending: arguments.order_bys.first().is_some_and(|sort| sort.options.descending),
    }
}

impl<A: Aggregation> AggregateUDFImpl for Adapter<A> {
    fn name(&self) -> &str {
        self.how.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.how.result())
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    fn state_fields(&self, arguments: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field = |part: &str, data_type: DataType| -> FieldRef {
            Arc::new(Field::new(format!("{}[{part}]", arguments.name), data_type, true))
        };
        let types: Vec<DataType> =
            arguments.input_fields.iter().map(|field| field.data_type().clone()).collect();
        if arguments.is_distinct && !self.how.ignores_duplicates() {
            let list = |data_type: DataType| DataType::List(Arc::new(Field::new_list_field(data_type, true)));
            return Ok(types.into_iter().map(|data_type| field("values", list(data_type))).collect());
        }
        Ok(self.how.state(&types).into_iter().map(|(part, data_type)| field(part, data_type)).collect())
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let inputs = inputs_of(&arguments);
        if arguments.is_distinct && !self.how.ignores_duplicates() {
            return Ok(Box::new(Distinct::new(self.how.clone(), inputs)?));
        }
        self.how.accumulator(&inputs)
    }

    fn create_sliding_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let inputs = inputs_of(&arguments);
        let plain = self.how.accumulator(&inputs)?;
        if plain.supports_retract_batch() && !arguments.is_distinct {
            return Ok(plain);
        }
        Ok(Box::new(Restarting { how: self.how.clone(), inputs, rows: VecDeque::new() }))
    }

    fn groups_accumulator_supported(&self, arguments: AccumulatorArgs) -> bool {
        !arguments.is_distinct && self.how.groups(&inputs_of(&arguments)).is_some()
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        self.how
            .groups(&inputs_of(&arguments))
            .ok_or_else(|| FunctionError::internal("an aggregate without an accumulator of groups").into())
    }
}

/// Keeps each combination of arguments once and hands them on in their order.
#[derive(Debug)]
struct Distinct<A> {
    how: A,
    inputs: Inputs,
    converter: RowConverter,
    seen: BTreeSet<OwnedRow>,
    bytes: usize,
}

impl<A: Aggregation> Distinct<A> {
    fn new(how: A, inputs: Inputs) -> Result<Self> {
        let options = SortOptions { descending: false, nulls_first: false };
        let fields = inputs
            .types
            .iter()
            .map(|data_type| SortField::new_with_options(data_type.clone(), options))
            .collect();
        Ok(Self { how, inputs, converter: RowConverter::new(fields)?, seen: BTreeSet::new(), bytes: 0 })
    }

    fn columns(&self) -> Result<Vec<ArrayRef>> {
        Ok(self.converter.convert_rows(self.seen.iter().map(OwnedRow::row))?)
    }
}

/// Zero has one sign and there is one NaN.
fn one_form(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Float64 => Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(
            |value| {
                if value.is_nan() { f64::NAN } else { value + 0.0 }
            },
        )),
        DataType::Float32 => Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(
            |value| {
                if value.is_nan() { f32::NAN } else { value + 0.0 }
            },
        )),
        _ => Arc::clone(values),
    }
}

impl<A: Aggregation> Accumulator for Distinct<A> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        // Behind the arguments may stand what the rows are ordered by.
        let columns: Vec<ArrayRef> = values.iter().take(self.inputs.types.len()).map(one_form).collect();
        let rows = self.converter.convert_columns(&columns)?;
        for row in rows.iter() {
            let owned = row.owned();
            let bytes = row.as_ref().len();
            if self.seen.insert(owned) {
                self.bytes += bytes + 64;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut inner = self.how.accumulator(&self.inputs)?;
        if !self.seen.is_empty() {
            inner.update_batch(&self.columns()?)?;
        }
        inner.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(self
            .columns()?
            .into_iter()
            .map(|values| {
                ScalarValue::List(Arc::new(SingleRowListArrayBuilder::new(values).build_list_array()))
            })
            .collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |state| state.len());
        for row in 0..rows {
            let lists: Vec<ArrayRef> = states
                .iter()
                .map(|state| state.as_list::<i32>())
                .filter(|lists| lists.is_valid(row))
                .map(|lists| lists.value(row))
                .collect();
            if lists.len() == states.len() {
                self.update_batch(&lists)?;
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes
    }
}

/// Keeps the rows of a frame and computes anew.
#[derive(Debug)]
struct Restarting<A> {
    how: A,
    inputs: Inputs,
    rows: VecDeque<Vec<ArrayRef>>,
}

impl<A: Aggregation> Accumulator for Restarting<A> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if values.first().is_some_and(|first| !first.is_empty()) {
            self.rows.push_back(values.to_vec());
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        // Rows leave in the order in which they came.
        let mut leaving = values.first().map_or(0, |first| first.len());
        while leaving > 0 {
            let Some(front) = self.rows.front_mut() else { break };
            let length = front.first().map_or(0, |first| first.len());
            if length <= leaving {
                leaving -= length;
                self.rows.pop_front();
            } else {
                for column in front.iter_mut() {
                    *column = column.slice(leaving, length - leaving);
                }
                leaving = 0;
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut inner = self.how.accumulator(&self.inputs)?;
        if self.rows.len() > 1 {
            let columns = (0..self.inputs.types.len())
                .map(|index| {
                    let parts: Vec<&dyn Array> =
                        self.rows.iter().filter_map(|row| row.get(index)).map(AsRef::as_ref).collect();
                    concat(&parts)
                })
                .collect::<std::result::Result<Vec<_>, _>>()?;
            self.rows = VecDeque::from([columns]);
        }
        if let Some(columns) = self.rows.front() {
            inner.update_batch(columns)?;
        }
        inner.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Err(FunctionError::internal("a window frame has no partial state").into())
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        Err(FunctionError::internal("a window frame has no partial state").into())
    }

    fn size(&self) -> usize {
        size_of_val(self)
            + self.rows.iter().flatten().map(|column| column.get_array_memory_size()).sum::<usize>()
    }
}
