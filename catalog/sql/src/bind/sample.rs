//! TABLESAMPLE: each row by chance. SYSTEM samples pages in PostgreSQL; files have none that would be comparable, so both
//! methods decide row by row.

use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    logical_expr::{LogicalPlan, lit},
};
use lis_lake::types::{ColumnType, PgType};
use sqlparser::ast;

use super::{
    Binder, Surroundings, filter, not_postgresql,
    order::constant,
    place::{Clause, Place},
    plan_error, unsupported,
};
use crate::{
    error::{SqlError, SqlErrorKind},
    names::{Namespace, Scope},
    types::{CastContext, coerce},
};

impl Binder<'_> {
    /// A relation's rows, as many of them as the sample asks for.
    pub(crate) fn sampled(
        &self,
        plan: LogicalPlan,
        sample: &ast::TableSampleKind,
        position: Option<usize>,
        surroundings: Surroundings<'_>,
    ) -> Result<LogicalPlan, SqlError> {
        let (ast::TableSampleKind::BeforeTableAlias(sample) | ast::TableSampleKind::AfterTableAlias(sample)) =
            sample;
        if !matches!(sample.name, Some(ast::TableSampleMethod::Bernoulli | ast::TableSampleMethod::System))
            || sample.bucket.is_some()
            || sample.offset.is_some()
        {
            return Err(unsupported("this form of TABLESAMPLE", position));
        }
        if sample.seed.is_some() {
            return Err(unsupported("TABLESAMPLE … REPEATABLE", position));
        }
        let Some(quantity) = &sample.quantity else { return Err(not_postgresql("tablesample", position)) };
        let nothing = Namespace::default();
        let place = Place {
            scope: Scope::new(&nothing, surroundings.outer),
            ctes: surroundings.ctes,
            clause: Clause::FromFunction,
            calls: None,
            attachments: None,
        };
        let written = self.start_of(&quantity.value);
        let typed = self.expression(&quantity.value, place)?;
        let real = ColumnType::plain(PgType::Float4);
        let typed = coerce(&self.binding, typed, real, CastContext::Assignment, written)?;
        let value = constant(&typed).map_err(|error| error.at(written))?;
        let percent = match value.cast_to(&DataType::Float64).map_err(plan_error)? {
            ScalarValue::Float64(Some(percent)) if (0.0..=100.0).contains(&percent) => percent,
            ScalarValue::Float64(None) => {
                let message = "TABLESAMPLE parameter cannot be null";
                return Err(SqlError::new(SqlErrorKind::InvalidTablesampleArgument, message).at(written));
            }
            _ => {
                let message = "sample percentage must be between 0 and 100";
                return Err(SqlError::new(SqlErrorKind::InvalidTablesampleArgument, message));
            }
        };
        let chance = self.named_call("random", Vec::new(), position)?;
        filter(plan, chance.expr.lt(lit(percent / 100.0)))
    }
}
