//! Hypothetical-set aggregates: the place that a row would have among the rows of a group, `rank(5) WITHIN GROUP (ORDER BY
//! x)`. Each counts the rows that would come before it (or beside it), so they are plain counts with a condition, and
//! what is computed of these.

use arrow::datatypes::DataType;
use datafusion::{
    functions::core::expr_fn::coalesce,
    functions_aggregate::count::count_udaf,
    logical_expr::{
        Expr, cast,
        expr::{AggregateFunction, AggregateFunctionParams},
        lit, when,
    },
};
use lis_lake::{
    names::Identifier,
    types::{ColumnType, PgType},
};
use sqlparser::ast;

use super::{
    Binder,
    calls::{Calls, Marks, aggregating},
    order::sort_of,
    place::{Clause, Place},
};
use crate::{
    error::{SqlError, SqlErrorKind},
    resolve,
    types::{Typed, common_type, ordering::order_key, records::row, settle_unknown},
};

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hypothetical {
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
}

impl Hypothetical {
    /// The aggregate of this name.
    pub(crate) fn of(schema: Option<&Identifier>, name: &Identifier) -> Option<Self> {
        if schema.is_some_and(|schema| schema.as_str() != "pg_catalog") {
            return None;
        }
        Some(match name.as_str() {
            "rank" => Self::Rank,
            "dense_rank" => Self::DenseRank,
            "percent_rank" => Self::PercentRank,
            "cume_dist" => Self::CumeDist,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rank => "rank",
            Self::DenseRank => "dense_rank",
            Self::PercentRank => "percent_rank",
            Self::CumeDist => "cume_dist",
        }
    }
}

impl Binder<'_> {
    /// Binds a call: `direct` is the row, `ordered` what the rows of the group are ordered by.
    pub(crate) fn hypothetical(
        &self,
        kind: Hypothetical,
        direct: Vec<Typed>,
        ordered: Vec<Typed>,
        call: &ast::Function,
        marks: &Marks,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let first = call.name.0.first().and_then(ast::ObjectNamePart::as_ident);
        let position = first.and_then(|ident| self.position(ident.span));
        let calls = aggregating(marks, position, place)?;
        if direct.len() != ordered.len() {
            let types: Vec<String> =
                direct.iter().chain(&ordered).map(|typed| crate::types::type_name(typed.pg_type())).collect();
            let message = format!("function {}({}) does not exist", kind.name(), types.join(", "));
            let hint = format!(
                "To use the hypothetical-set aggregate {}, the number of hypothetical direct arguments (here {}) must \
                 match the number of ordering columns (here {}).",
                kind.name(),
                direct.len(),
                ordered.len()
            );
            return Err(SqlError::new(SqlErrorKind::UndefinedFunction, message).with_hint(hint).at(position));
        }
        calls.direct.borrow_mut().extend(direct.iter().map(|typed| typed.expr.clone()));
        let filter = match &call.filter {
            Some(filter) => Some(self.boolean(filter, "FILTER", place.within(Clause::Filter))?),
            None => None,
        };
        let mut before: Option<Expr> = None;
        let mut beside: Option<Expr> = None;
        let mut keys = Vec::with_capacity(ordered.len());
        for ((value, key), item) in direct.into_iter().zip(ordered).zip(&call.within_group) {
            let mut pair = vec![key, value];
            common_type(&self.binding, &mut pair, "WITHIN GROUP")?;
            let [key, value] = <[Typed; 2]>::try_from(pair)
                .map_err(|_| SqlError::new(SqlErrorKind::Internal, "two values have a common type"))?;
            let (earlier, equal) = self.compared(&key, &value, &item.options)?;
            keys.push(settle_unknown(&self.binding, key)?);
            before = Some(match (before, &beside) {
                (Some(before), Some(beside)) => before.or(beside.clone().and(earlier)),
                _ => earlier,
            });
            beside = Some(match beside {
                Some(beside) => beside.and(equal),
                None => equal,
            });
        }
        let before = before.unwrap_or_else(|| lit(false));
        let beside = beside.unwrap_or_else(|| lit(true));
        // What stands in the arguments of WITHIN GROUP need not be grouped.
        calls.references.borrow_mut().truncate(marks.references);
        if let Some(attachments) = place.attachments {
            attachments.move_to(&calls.before, marks.attachments);
        }
        let count = |of: Expr, distinct: bool, condition: Option<Expr>| {
            let filter = match (filter.clone(), condition) {
                (Some(filter), Some(condition)) => Some(filter.and(condition)),
                (filter, condition) => filter.or(condition),
            };
            let expr = Expr::AggregateFunction(AggregateFunction {
                func: count_udaf(),
                params: AggregateFunctionParams {
                    args: vec![of],
                    distinct,
                    filter: filter.map(Box::new),
                    order_by: Vec::new(),
                    null_treatment: None,
                },
            });
            Expr::Column(Calls::column_of(&calls.aggregates, expr, position, || self.fresh_column("count")))
        };
        let float = |expr: Expr| cast(expr, DataType::Float64);
        let all = lit(1_i64);
        let typed = match kind {
            Hypothetical::Rank => Typed::canonical(
                count(all, false, Some(before)) + lit(1_i64),
                ColumnType::plain(PgType::Int8),
            ),
            Hypothetical::DenseRank => {
                let key = order_key(row(&self.binding, keys)?)?;
                let earlier = count(key.expr, true, Some(before));
                Typed::canonical(earlier + lit(1_i64), ColumnType::plain(PgType::Int8))
            }
            Hypothetical::PercentRank => {
                let rows = count(all.clone(), false, None);
                let part = float(count(all, false, Some(before))) / float(rows.clone());
                let part = when(rows.eq(lit(0_i64)), lit(0.0_f64)).otherwise(part);
                Typed::canonical(part.map_err(super::plan_error)?, ColumnType::plain(PgType::Float8))
            }
            Hypothetical::CumeDist => {
                let rows = count(all.clone(), false, None);
                let until = count(all, false, Some(before.or(beside)));
                let part = float(until + lit(1_i64)) / float(rows + lit(1_i64));
                Typed::canonical(part, ColumnType::plain(PgType::Float8))
            }
        };
        Ok(typed.at(position))
    }

    /// Whether a key comes before a value in this direction, and whether it is its peer.
    fn compared(
        &self,
        key: &Typed,
        value: &Typed,
        options: &ast::OrderByOptions,
    ) -> Result<(Expr, Expr), SqlError> {
        let sort = sort_of(key.expr.clone(), options);
        let operator = |name: &str| {
            resolve::operator(&self.binding, None, name, Some(key.clone()), value.clone(), key.position)
                .map(|typed| typed.expr)
        };
        let (no_key, no_value) = (key.expr.clone().is_null(), value.expr.clone().is_null());
        let null_first = if sort.nulls_first {
            no_key.clone().and(Expr::Not(Box::new(no_value.clone())))
        } else {
            no_value.clone().and(Expr::Not(Box::new(no_key.clone())))
        };
        let before = coalesce(vec![operator(if sort.asc { "<" } else { ">" })?, null_first]);
        let beside = coalesce(vec![operator("=")?, no_key.and(no_value)]);
        Ok((before, beside))
    }
}
