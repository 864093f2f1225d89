//! What a statement asks of its own session: to sleep, what it is itself, to change a setting. A setting changes when the
//! statement is over, since what is bound already knows the settings that it began with.

use std::{sync::Arc, time::Duration};

use arrow::{
    array::{Array, ArrayRef, AsArray, StringViewArray},
    datatypes::{DataType, Float64Type, IntervalMonthDayNanoType},
};
use datafusion::{
    common::{DataFusionError, Result},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
};
use lis_functions::interrupt::{self, Interrupt};
use lis_pg_catalog::registry::ViewContext;
use lis_sql::context::BindContext;

use super::SessionFunctions;
use crate::{
    error::{Condition, ServerError},
    query,
    session::{
        activity::ActivityTable,
        cancel::{CancelTable, SettingRequest},
        settings,
    },
};

/// The longest sleep: a year.
const SLEEP_SECONDS_MAX: f64 = 366.0 * 86_400.0;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Question {
    /// `pg_sleep(double precision)`
    Sleep,
    /// `pg_sleep_for(interval)`
    SleepFor,
    /// `current_query()`
    Query,
    /// `set_config(text, text, boolean)`
    Configuration,
}

/// A function that asks it.
#[derive(Debug)]
pub(super) struct Asking {
    question: Question,
    activity: Arc<ActivityTable>,
    cancel: Arc<CancelTable>,
    bind: Arc<BindContext>,
    signature: Signature,
}

impl PartialEq for Asking {
    fn eq(&self, other: &Self) -> bool {
        self.question == other.question && self.bind.backend_pid == other.bind.backend_pid
    }
}

impl Eq for Asking {}

impl std::hash::Hash for Asking {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.question, self.bind.backend_pid).hash(state);
    }
}

fn failed(error: ServerError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

impl Asking {
    /// The function for the session's statement.
    pub(super) fn new(sessions: &SessionFunctions, context: &ViewContext, question: Question) -> Self {
        let arguments = match question {
            Question::Sleep => vec![DataType::Float64],
            Question::SleepFor => vec![DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano)],
            Question::Query => Vec::new(),
            Question::Configuration => vec![DataType::Utf8View, DataType::Utf8View, DataType::Boolean],
        };
        let signature = match arguments.is_empty() {
            true => Signature::nullary(Volatility::Volatile),
            false => Signature::exact(arguments, Volatility::Volatile),
        };
        Self {
            question,
            activity: Arc::clone(&sessions.activity),
            cancel: Arc::clone(&sessions.cancel),
            bind: Arc::clone(&context.bind),
            signature,
        }
    }

    fn set(&self, name: Option<&str>, value: Option<&str>, local: bool) -> Result<String, ServerError> {
        let Some(name) = name else {
            return Err(ServerError::new(Condition::NullValueNotAllowed, "SET requires parameter name"));
        };
        if query::settings::is_more_than_a_value(name) {
            return Err(ServerError::not_supported(format!("set_config of \"{name}\" is not supported"))
                .with_hint("Use SET."));
        }
        let Some(value) = value else {
            return Err(
                ServerError::not_supported("set_config to null is not supported").with_hint("Use RESET.")
            );
        };
        let Some(handle) = self.cancel.handle(self.bind.backend_pid) else {
            return Err(ServerError::new(Condition::InternalError, "the session of this statement is gone"));
        };
        handle.ask(|asked| {
            let asked = asked.iter().map(|request| (request.name.as_str(), request.value.as_str()));
            let value = settings::normalised(name, value, &self.bind.settings, asked)?;
            Ok(SettingRequest { name: name.to_owned(), value, local })
        })
    }
}

/// Sleeps without keeping the other work of this thread waiting.
fn sleep(seconds: f64) -> Result<()> {
    let seconds = seconds.min(SLEEP_SECONDS_MAX);
    if let Some(interrupt) = Interrupt::current()
        && let Ok(duration) = Duration::try_from_secs_f64(seconds)
    {
        tokio::task::block_in_place(|| interrupt.sleep(duration));
    }
    interrupt::check().map_err(DataFusionError::from)
}

fn slept(seconds: impl Iterator<Item = Option<f64>>) -> Result<StringViewArray> {
    seconds.map(|seconds| seconds.map(|seconds| sleep(seconds).map(|()| "")).transpose()).collect()
}

impl ScalarUDFImpl for Asking {
    fn name(&self) -> &str {
        match self.question {
            Question::Sleep => "pg_sleep",
            Question::SleepFor => "pg_sleep_for",
            Question::Query => "current_query",
            Question::Configuration => "set_config",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let arrays = arguments
            .args
            .into_iter()
            .map(|value| value.into_array(rows))
            .collect::<Result<Vec<ArrayRef>>>()?;
        let result: StringViewArray = match (self.question, arrays.as_slice()) {
            (Question::Sleep, [seconds]) => slept(seconds.as_primitive::<Float64Type>().iter())?,
            (Question::SleepFor, [intervals]) => {
                let seconds = |one: arrow::datatypes::IntervalMonthDayNano| {
                    let days = f64::from(one.months) * 30.0 + f64::from(one.days);
                    #[expect(clippy::cast_precision_loss, reason = "nobody sleeps so exactly")]
                    let nanoseconds = one.nanoseconds as f64;
                    days * 86_400.0 + nanoseconds / 1e9
                };
                let intervals = intervals.as_primitive::<IntervalMonthDayNanoType>();
                slept(intervals.iter().map(|interval| interval.map(seconds)))?
            }
            (Question::Query, _) => {
                let query = self.activity.of(self.bind.backend_pid).map(|activity| activity.query);
                std::iter::repeat_n(query, rows).collect()
            }
            (Question::Configuration, [names, values, local]) => {
                let (names, values) = (names.as_string_view(), values.as_string_view());
                let local = local.as_boolean();
                let set = |row: usize| {
                    interrupt::check().map_err(DataFusionError::from)?;
                    let local = local.is_valid(row) && local.value(row);
                    let text =
                        |array: &StringViewArray| array.is_valid(row).then(|| array.value(row).to_owned());
                    self.set(text(names).as_deref(), text(values).as_deref(), local).map(Some).map_err(failed)
                };
                (0..rows).map(set).collect::<Result<_>>()?
            }
            _ => return Err(DataFusionError::Internal("a wrong number of arguments".to_owned())),
        };
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}
