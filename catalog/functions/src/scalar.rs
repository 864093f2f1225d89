//! The one shape of our scalar functions: a name, a result type that the binder knows already, and a kernel over whole
//! arrays. A kernel never sees `Utf8` or `LargeUtf8` (they are cast to `Utf8View` on the way in) and may ignore
//! constants: `Arguments` hides whether an argument is one value or a column.
//!
//! DataFusion's type coercion finds nothing to do: the signature is user-defined and takes what it is given.

use std::{
    cell::Cell,
    fmt,
    hash::{BuildHasher as _, Hash, Hasher, RandomState},
    sync::{Arc, LazyLock},
};

use arrow::{
    array::{Array, ArrayRef, AsArray, UInt32Array, new_null_array},
    buffer::NullBuffer,
    compute::take,
    datatypes::{DataType, Field, Int32Type},
};
use datafusion::{
    common::{DataFusionError, Result, ScalarValue, config::ConfigOptions},
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};

use crate::{error::FunctionError, results};

/// The longest value that becomes a constant of a plan. The planner copies, compares and writes out constants.
const CONSTANT_BYTES_MAX: usize = 64 << 10;

/// Calls inside one another up to which they are part of a name.
const DEPTH_MAX: usize = 8;

thread_local! {
    static FOLDING: Cell<bool> = const { Cell::new(false) };
}

/// Runs an optimiser. While it runs, calls whose value makes no constant of a plan fail, and so stay calls: the optimiser
/// keeps what it cannot evaluate.
pub fn with_short_constants<T>(optimise: impl FnOnce() -> T) -> T {
    /// Sets it back, after a panic too.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            FOLDING.set(self.0);
        }
    }
    let _before = Before(FOLDING.replace(true));
    optimise()
}

/// Fails while an optimiser runs: for a call whose value is too long for a constant of a plan, or of a type of which the
/// engine cannot have one (it asks of constants that they be ordered, and structs are not), or that is to hide something.
pub fn stays_a_call() -> Result<()> {
    if FOLDING.get() {
        return Err(FunctionError::internal("no constant of a plan").into());
    }
    Ok(())
}

/// What a kernel computes: one array of `arguments.rows` values of type `arguments.result`.
pub type Kernel = fn(&Arguments<'_>) -> Result<ArrayRef, FunctionError>;

/// The arguments of one call over one batch.
pub struct Arguments<'a> {
    /// The columns; a constant has one row.
    columns: Vec<ArrayRef>,
    /// Whether each is a constant.
    constant: Vec<bool>,
    /// The number of rows wanted.
    pub rows: usize,
    /// The type wanted.
    pub result: &'a DataType,
}

impl<'a> Arguments<'a> {
    /// Takes what DataFusion gives.
    pub fn new(values: Vec<ColumnarValue>, rows: usize, result: &'a DataType) -> Result<Self, FunctionError> {
        let mut columns = Vec::with_capacity(values.len());
        let mut constant = Vec::with_capacity(values.len());
        for value in values {
            let (array, is_constant) = match value {
                ColumnarValue::Array(array) => (array, false),
                ColumnarValue::Scalar(scalar) => (scalar.to_array()?, true),
            };
            columns.push(match array.data_type() {
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Dictionary(_, _) => {
                    arrow::compute::cast(&array, &DataType::Utf8View)?
                }
                DataType::Binary | DataType::LargeBinary => {
                    arrow::compute::cast(&array, &DataType::BinaryView)?
                }
                _ => array,
            });
            constant.push(is_constant);
        }
        Ok(Self { columns, constant, rows, result })
    }

    /// How many arguments there are.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The array of an argument: one row if it is a constant.
    pub fn array(&self, index: usize) -> Result<&ArrayRef, FunctionError> {
        self.columns.get(index).ok_or_else(|| FunctionError::internal(format!("argument {index} is missing")))
    }

    /// Whether an argument is a constant.
    pub fn is_constant(&self, index: usize) -> bool {
        self.constant.get(index).copied().unwrap_or(false)
    }

    /// The array of an argument with as many rows as the result. A constant is written out for each of them: 53200 if
    /// that is more than a batch may take. Texts share their bytes, arrays do not.
    pub fn full_array(&self, index: usize) -> Result<ArrayRef, FunctionError> {
        let array = self.array(index)?;
        if !self.is_constant(index) || self.rows == 1 {
            return Ok(Arc::clone(array));
        }
        if array.data_type().is_nested() {
            let bytes = array.to_data().get_slice_memory_size()?.saturating_mul(self.rows);
            results::check_batch(bytes)?;
            results::ask_if_long(bytes)?;
        }
        Ok(take(array, &UInt32Array::from(vec![0; self.rows]), None)?)
    }

    /// An argument as the Arrow array that it is, and how far to step in it for each row: 0 for a constant.
    pub fn typed<A: Array + 'static>(&self, index: usize) -> Result<(&A, usize), FunctionError> {
        let array = self.array(index)?;
        let typed = array.as_any().downcast_ref::<A>().ok_or_else(|| {
            FunctionError::internal(format!("argument {index} has the unexpected type {}", array.data_type()))
        })?;
        Ok((typed, usize::from(!self.is_constant(index))))
    }

    /// Whether an argument is null in all rows, so that the result of a strict function is.
    fn some_all_null(&self) -> bool {
        self.columns.iter().any(|column| column.logical_null_count() == column.len() && !column.is_empty())
    }

    /// The rows in which no argument is null; `None` if that is all rows, `Err` never for sound input.
    pub fn nulls(&self) -> Nulls {
        let mut nulls: Option<NullBuffer> = None;
        for (column, constant) in self.columns.iter().zip(&self.constant) {
            if *constant {
                if column.is_null(0) {
                    return Nulls::All;
                }
            } else {
                nulls = NullBuffer::union(nulls.as_ref(), column.logical_nulls().as_ref());
            }
        }
        match nulls {
            Some(nulls) if nulls.null_count() == self.rows => Nulls::All,
            Some(nulls) if nulls.null_count() > 0 => Nulls::Some(nulls),
            _ => Nulls::None,
        }
    }
}

/// Has DataFusion's own function do the work of a strict kernel, where the two agree. It counts in 64 bits.
pub(crate) fn by_datafusion(
    function: &ScalarUDF,
    arguments: &Arguments<'_>,
) -> Result<ArrayRef, FunctionError> {
    static OPTIONS: LazyLock<Arc<ConfigOptions>> = LazyLock::new(Arc::default);
    let mut values = Vec::with_capacity(arguments.len());
    for index in 0..arguments.len() {
        let array = arguments.array(index)?;
        let numbers = array.as_primitive_opt::<Int32Type>();
        values.push(match (numbers, arguments.is_constant(index)) {
            (Some(numbers), true) => ColumnarValue::from(ScalarValue::from(i64::from(numbers.value(0)))),
            (Some(_), false) => ColumnarValue::Array(arrow::compute::cast(array, &DataType::Int64)?),
            (None, true) => ColumnarValue::from(ScalarValue::try_from_array(array, 0)?),
            (None, false) => ColumnarValue::Array(Arc::clone(array)),
        });
    }
    let field = |data_type: DataType| Arc::new(Field::new(function.name(), data_type, true));
    let result = function.invoke_with_args(ScalarFunctionArgs {
        arg_fields: values.iter().map(|value| field(value.data_type())).collect(),
        args: values,
        number_rows: arguments.rows,
        return_field: field(arguments.result.clone()),
        config_options: Arc::clone(&OPTIONS),
    })?;
    Ok(result.into_array(arguments.rows)?)
}

/// Where a strict function's result is null.
#[derive(Debug, Clone)]
pub enum Nulls {
    /// Nowhere.
    None,
    /// Where the buffer says so.
    Some(NullBuffer),
    /// Everywhere.
    All,
}

impl Nulls {
    /// Whether the result of a row is null.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        match self {
            Nulls::None => false,
            Nulls::Some(nulls) => nulls.is_null(row),
            Nulls::All => true,
        }
    }

    /// The buffer to put in the result.
    pub fn into_buffer(self, rows: usize) -> Option<NullBuffer> {
        match self {
            Nulls::None => None,
            Nulls::Some(nulls) => Some(nulls),
            Nulls::All => Some(NullBuffer::new_null(rows)),
        }
    }
}

/// How nulls among the arguments are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnNull {
    /// Any null argument makes the result null; the kernel is not called for a constant null.
    Null,
    /// The kernel decides.
    Call,
}

/// A scalar function of ours as DataFusion runs it.
pub struct Scalar {
    name: &'static str,
    result: DataType,
    on_null: OnNull,
    signature: Signature,
    kernel: Kernel,
}

impl Scalar {
    /// A strict function whose result depends on its arguments only.
    pub fn strict(name: &'static str, result: DataType, kernel: Kernel) -> Arc<ScalarUDF> {
        Self::make(name, result, OnNull::Null, Volatility::Immutable, kernel)
    }

    /// A function that sees its nulls.
    pub fn called_on_null(name: &'static str, result: DataType, kernel: Kernel) -> Arc<ScalarUDF> {
        Self::make(name, result, OnNull::Call, Volatility::Immutable, kernel)
    }

    /// A function whose result differs from call to call.
    pub fn volatile(name: &'static str, result: DataType, kernel: Kernel) -> Arc<ScalarUDF> {
        Self::make(name, result, OnNull::Call, Volatility::Volatile, kernel)
    }

    fn make(
        name: &'static str,
        result: DataType,
        on_null: OnNull,
        volatility: Volatility,
        kernel: Kernel,
    ) -> Arc<ScalarUDF> {
        let signature = Signature::user_defined(volatility);
        Arc::new(ScalarUDF::from(Self { name, result, on_null, signature, kernel }))
    }
}

/// Whether expressions have many calls inside one another.
fn is_deep(exprs: &[Expr]) -> bool {
    let mut deepest = exprs;
    for _ in 0..DEPTH_MAX {
        // The first call is enough to follow: chains of operators grow at their left.
        let calls = deepest.iter().find_map(|expr| match expr {
            Expr::ScalarFunction(call) => Some(call.args.as_slice()),
            _ => None,
        });
        match calls {
            Some(arguments) => deepest = arguments,
            None => return false,
        }
    }
    true
}

/// 128 bits of expressions.
fn fingerprint(exprs: &[Expr]) -> u128 {
    let mut hasher = Fingerprint::new();
    exprs.hash(&mut hasher);
    hasher.lanes.into_iter().fold(0, |bits, lane| bits << 64 | u128::from(lane))
}

/// Two hashes at a time, with other keys in every process: names are made of expressions very often.
struct Fingerprint {
    lanes: [u64; 2],
}

impl Fingerprint {
    fn new() -> Self {
        static KEYS: LazyLock<[u64; 2]> =
            LazyLock::new(|| [0_u8, 1].map(|salt| RandomState::new().hash_one(salt)));
        Self { lanes: *KEYS }
    }

    fn mix(&mut self, word: u64) {
        const FACTORS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f];
        for (lane, factor) in self.lanes.iter_mut().zip(FACTORS) {
            let mixed = (lane.rotate_left(23) ^ word).wrapping_mul(factor);
            *lane = mixed ^ mixed >> 29;
        }
    }
}

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
        self.write_usize(bytes.len());
    }

    fn write_u8(&mut self, value: u8) {
        self.mix(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.mix(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.mix(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.mix(u64::try_from(value).unwrap_or(u64::MAX));
    }

    fn finish(&self) -> u64 {
        self.lanes[0]
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scalar").field("name", &self.name).field("result", &self.result).finish()
    }
}

/// Two functions are one if name and result agree: a name stands for one kernel.
impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.result == other.result
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.result.hash(state);
    }
}

impl ScalarUDFImpl for Scalar {
    fn name(&self) -> &str {
        self.name
    }

    /// What tells expressions apart. The engine asks for it again and again, of every part of an expression: of a deep one
    /// it is not written out.
    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let written_out = || {
            let names: Vec<String> = arguments.iter().map(|one| one.schema_name().to_string()).collect();
            format!("{}({})", self.name, names.join(","))
        };
        Ok(if is_deep(arguments) {
            format!("{}(#{:x})", self.name, fingerprint(arguments))
        } else {
            written_out()
        })
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arguments.to_vec())
    }

    /// By it an outer join under a condition that needs the other side becomes an inner one.
    fn is_strict(&self) -> bool {
        self.on_null == OnNull::Null
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let volatile = self.signature.volatility == Volatility::Volatile;
        let all_constant =
            !volatile && args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if all_constant { 1 } else { args.number_rows };
        let arguments = Arguments::new(args.args, rows, &self.result).map_err(DataFusionError::from)?;
        let array = if self.on_null == OnNull::Null && arguments.some_all_null() {
            new_null_array(&self.result, rows)
        } else {
            (self.kernel)(&arguments).map_err(DataFusionError::from)?
        };
        if all_constant {
            if array.get_array_memory_size() > CONSTANT_BYTES_MAX
                || matches!(array.data_type(), DataType::Struct(_))
            {
                stays_a_call()?;
            }
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?));
        }
        Ok(ColumnarValue::Array(array))
    }
}
