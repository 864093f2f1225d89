//! The server's own functions: those about sessions. They are made for one session's statement, which the number of the
//! session in the statement's facts names.

mod asking;
mod random;
mod stop;

use std::sync::Arc;

use datafusion::logical_expr::{ScalarUDF, ScalarUDFImpl};
use lis_lake::types::PgType;
use lis_pg_catalog::registry::{FunctionSet, ViewContext};
use lis_sql::catalog::CatalogFunction;

use self::{
    asking::{Asking, Question},
    random::{Random, Use},
    stop::Stop,
};
use crate::session::{activity::ActivityTable, cancel::CancelTable};

/// The functions about sessions.
#[derive(Debug)]
pub(crate) struct SessionFunctions {
    /// Whose session is whose.
    pub(crate) activity: Arc<ActivityTable>,
    /// How to stop them, and where they hear what a function asks.
    pub(crate) cancel: Arc<CancelTable>,
}

fn function(
    arguments: &[PgType],
    result: PgType,
    implementation: impl ScalarUDFImpl + 'static,
) -> Vec<CatalogFunction> {
    vec![CatalogFunction {
        arguments: arguments.to_vec(),
        result,
        implementation: Arc::new(ScalarUDF::new_from_impl(implementation)),
        leakproof: false,
    }]
}

impl FunctionSet for SessionFunctions {
    fn functions(&self, schema: &str, name: &str, context: &ViewContext) -> Vec<CatalogFunction> {
        if schema != "pg_catalog" {
            return Vec::new();
        }
        let asking = |question| Asking::new(self, context, question);
        match name {
            "pg_cancel_backend" => function(&[PgType::Int4], PgType::Bool, Stop::new(self, context, false)),
            "pg_terminate_backend" => function(&[PgType::Int4], PgType::Bool, Stop::new(self, context, true)),
            "pg_sleep" => function(&[PgType::Float8], PgType::Void, asking(Question::Sleep)),
            "pg_sleep_for" => function(&[PgType::Interval], PgType::Void, asking(Question::SleepFor)),
            "random" => function(&[], PgType::Float8, Random::new(self, context, Use::Draw)),
            "setseed" => function(&[PgType::Float8], PgType::Void, Random::new(self, context, Use::Seed)),
            "current_query" => function(&[], PgType::Text, asking(Question::Query)),
            "set_config" => {
                let arguments = [PgType::Text, PgType::Text, PgType::Bool];
                function(&arguments, PgType::Text, asking(Question::Configuration))
            }
            _ => Vec::new(),
        }
    }
}
