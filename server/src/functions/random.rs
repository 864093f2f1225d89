//! `random` and `setseed`: a session has a generator of its own, which its statements draw from one after the other.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Float64Array, StringViewArray},
    datatypes::{DataType, Float64Type},
};
use datafusion::{
    common::Result,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
};
use lis_functions::random::Generator;
use lis_pg_catalog::registry::ViewContext;

use super::SessionFunctions;

/// What is done with the session's generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Use {
    /// `random()`
    Draw,
    /// `setseed(double precision)`
    Seed,
}

/// A function over it.
#[derive(Debug)]
pub(super) struct Random {
    how: Use,
    session: i32,
    generator: Arc<Generator>,
    signature: Signature,
}

impl PartialEq for Random {
    fn eq(&self, other: &Self) -> bool {
        self.how == other.how && self.session == other.session
    }
}

impl Eq for Random {}

impl std::hash::Hash for Random {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.how, self.session).hash(state);
    }
}

impl Random {
    /// The function for the session's statement. What no session asks draws from a generator of its own.
    pub(super) fn new(sessions: &SessionFunctions, context: &ViewContext, how: Use) -> Self {
        let session = context.bind.backend_pid;
        let handle = sessions.cancel.handle(session);
        let signature = match how {
            Use::Draw => Signature::nullary(Volatility::Volatile),
            Use::Seed => Signature::exact(vec![DataType::Float64], Volatility::Volatile),
        };
        Self {
            how,
            session,
            generator: handle.map(|handle| handle.generator()).unwrap_or_default(),
            signature,
        }
    }
}

impl ScalarUDFImpl for Random {
    fn name(&self) -> &str {
        match self.how {
            Use::Draw => "random",
            Use::Seed => "setseed",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(match self.how {
            Use::Draw => DataType::Float64,
            Use::Seed => DataType::Utf8View,
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let result: ArrayRef = match (self.how, arguments.args.into_iter().next()) {
            (Use::Seed, Some(seeds)) => {
                let seeds = seeds.into_array(rows)?;
                let seeded = seeds.as_primitive::<Float64Type>().iter().map(|seed| match seed {
                    Some(seed) => self.generator.seed(seed).map(|()| Some("")),
                    None => Ok(None),
                });
                Arc::new(seeded.collect::<std::result::Result<StringViewArray, _>>()?)
            }
            _ => Arc::new(Float64Array::from(self.generator.draw(rows))),
        };
        Ok(ColumnarValue::Array(result))
    }
}
