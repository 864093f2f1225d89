//! TABLESAMPLE: each row by chance. SYSTEM samples pages in PostgreSQL; files have none that would be comparable, so both
//! methods decide row by row. With REPEATABLE the chance of a row comes from its own values, so that the same rows are
//! chosen again wherever they lie by then, and rows that nobody shows have no part in it; rows that are equal in all
//! columns are chosen together.

use arrow::datatypes::DataType;
use datafusion::{
    common::ScalarValue,
    logical_expr::{LogicalPlan, lit},
};
use lis_lake::types::{ColumnType, PgType};
use sqlparser::ast;

use super::{
    Binder, Surroundings, filter, not_postgresql,
    order::{constant, contains_subquery, has_placeholder},
    place::{Clause, Place},
    plan_error, unsupported,
};
use crate::{
    dialect::marks::{SAMPLE, marked_arguments},
    error::{SqlError, SqlErrorKind},
    names::{Namespace, Scope},
    types::{CastContext, coerce},
};

impl Binder<'_> {
    /// A relation's rows, as many of them as the sample asks for.
    pub(crate) fn sampled(
        &self,
        plan: LogicalPlan,
        namespace: &Namespace,
        relation_has_rows: bool,
        sample: &ast::TableSampleKind,
        position: Option<usize>,
        surroundings: Surroundings<'_>,
    ) -> Result<LogicalPlan, SqlError> {
        let (ast::TableSampleKind::BeforeTableAlias(sample) | ast::TableSampleKind::AfterTableAlias(sample)) =
            sample;
        let written = sample.quantity.as_ref().and_then(|quantity| marked_arguments(&quantity.value, SAMPLE));
        let Some([method, arguments, seed @ ..]) = written.as_deref() else {
            return Err(not_postgresql("tablesample", position));
        };
        let method_position = self.start_of(method);
        let method = method_name(method);
        if !matches!(method.as_str(), "bernoulli" | "system") {
            let message = format!("tablesample method {method} does not exist");
            return Err(SqlError::new(SqlErrorKind::UndefinedObject, message).at(method_position));
        }
        if !relation_has_rows {
            let message = "TABLESAMPLE clause can only be applied to tables and materialized views";
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
        }
        let arguments = marked_arguments(arguments, SAMPLE).unwrap_or_default();
        let [percentage] = arguments.as_slice() else {
            let message = format!("tablesample method {method} requires 1 argument, not {}", arguments.len());
            return Err(SqlError::new(SqlErrorKind::InvalidTablesampleArgument, message).at(method_position));
        };
        let nothing = Namespace::default();
        let place = Place {
            scope: Scope::new(&nothing, surroundings.outer),
            ctes: surroundings.ctes,
            clause: Clause::FromFunction,
            calls: None,
            attachments: None,
        };
        let value = |written: &ast::Expr, target: PgType| {
            let at = self.start_of(written);
            let typed = self.expression(written, place)?;
            let typed = coerce(&self.binding, typed, ColumnType::plain(target), CastContext::Assignment, at)?;
            if has_placeholder(&typed.expr) {
                return Ok(Some(0.0));
            }
            if typed.expr.contains_outer() || contains_subquery(&typed.expr) {
                return Err(unsupported("a sample that is computed", at));
            }
            let value = constant(&typed).map_err(|error| error.at(at))?;
            match value.cast_to(&DataType::Float64).map_err(plan_error)? {
                ScalarValue::Float64(value) => Ok(value),
                _ => Ok(None),
            }
        };
        let percent = match value(percentage, PgType::Float4)? {
            Some(percent) if (0.0..=100.0).contains(&percent) => percent,
            None => {
                let message = "TABLESAMPLE parameter cannot be null";
                return Err(SqlError::new(SqlErrorKind::InvalidTablesampleArgument, message));
            }
            Some(_) => {
                let message = "sample percentage must be between 0 and 100";
                return Err(SqlError::new(SqlErrorKind::InvalidTablesampleArgument, message));
            }
        };
        let seed = seed.first().map(|seed| value(seed, PgType::Float8)).transpose()?;
        let chance = match seed {
            None => self.named_call("random", Vec::new(), position)?.expr,
            Some(Some(seed)) => {
                let columns = namespace.columns.iter().map(|column| column.expr.clone()).collect();
                lis_functions::hashes::chance_of(seed, columns)
            }
            Some(None) => {
                let message = "TABLESAMPLE REPEATABLE parameter cannot be null";
                return Err(SqlError::new(SqlErrorKind::InvalidTablesampleRepeat, message));
            }
        };
        filter(plan, chance.lt(lit(percent / 100.0)))
    }
}

/// A method as it is written, without the schema of the built-in ones.
fn method_name(method: &ast::Expr) -> String {
    let name = |idents: &[ast::Ident]| {
        let names: Vec<&str> = idents.iter().map(|ident| ident.value.as_str()).collect();
        names.join(".")
    };
    let name = match method {
        ast::Expr::Identifier(ident) => name(std::slice::from_ref(ident)),
        ast::Expr::CompoundIdentifier(idents) => name(idents),
        other => other.to_string(),
    };
    name.strip_prefix("pg_catalog.").map_or(name.clone(), str::to_owned)
}
