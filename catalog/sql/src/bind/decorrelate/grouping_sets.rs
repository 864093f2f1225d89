//! Grouping sets for all combinations of a domain at once: the domain's columns are part of every set. The empty set has
//! a row even where nothing is aggregated, which grouping by the domain's columns would not give; it is computed like an
//! aggregation without GROUP BY and put beside the other sets.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::{
    common::{Column, ScalarValue},
    logical_expr::{Aggregate, Expr, GroupingSet, LogicalPlan, Union, cast, lit},
};

use super::{Dependent, Domain, replace_all};
use crate::{
    bind::{Binder, plan_error, project, unsupported},
    error::SqlError,
};

impl Binder<'_> {
    /// `below` is the aggregation's input, computed for the domain.
    pub(super) fn dependent_grouping_sets(
        &self,
        aggregate: &Aggregate,
        set: &GroupingSet,
        below: Dependent,
        domain: &Domain,
    ) -> Result<Dependent, SqlError> {
        let GroupingSet::GroupingSets(sets) = set else {
            // The binder writes them out.
            return Err(unsupported("a correlated subquery with ROLLUP or CUBE", None));
        };
        let (empty, sets): (Vec<_>, Vec<_>) = sets.iter().partition(|set| set.is_empty());
        let Dependent { plan, keys } = below;
        let calls = replace_all(&aggregate.aggr_expr, domain, &keys)?;
        let with_keys = |exprs: &[Expr]| {
            // First, so that the bits of GROUPING stay where they are.
            let mut all: Vec<Expr> = keys.iter().cloned().map(Expr::Column).collect();
            all.extend(replace_all(exprs, domain, &keys)?);
            Ok(all)
        };
        let sets = sets.into_iter().map(|set| with_keys(set)).collect::<Result<Vec<_>, SqlError>>()?;
        let plan = if empty.is_empty() { plan } else { self.shared_plan(plan, false) };
        let grouped = |sets: Vec<Vec<Expr>>| {
            let group = vec![Expr::GroupingSet(GroupingSet::GroupingSets(sets))];
            Aggregate::try_new(Arc::new(plan.clone()), group, calls.clone())
                .map(LogicalPlan::Aggregate)
                .map_err(plan_error)
        };
        if empty.is_empty() {
            return Ok(Dependent { plan: grouped(sets)?, keys });
        }
        let columns = aggregate.schema.columns();
        let names: Vec<Column> = columns.iter().map(|column| self.fresh_column(&column.name)).collect();
        let union_keys: Vec<Column> = keys.iter().map(|key| self.fresh_column(&key.name)).collect();
        // The sets' bits may be more than one byte with the domain's columns.
        let id_name = Aggregate::INTERNAL_GROUPING_ID;
        let mut inputs = Vec::with_capacity(1 + empty.len());
        if !sets.is_empty() {
            let own = columns.iter().zip(&names).map(|(column, name)| {
                let value = Expr::Column(column.clone());
                let value = if column.name == id_name { cast(value, DataType::UInt64) } else { value };
                value.alias(&name.name)
            });
            let own_keys =
                keys.iter().zip(&union_keys).map(|(key, name)| Expr::Column(key.clone()).alias(&name.name));
            inputs.push(Arc::new(project(grouped(sets)?, own.chain(own_keys).collect())?));
        }
        for _ in empty {
            let row = self.dependent_row(aggregate, plan.clone(), &keys, calls.clone(), domain)?;
            let groups = columns.len().saturating_sub(aggregate.aggr_expr.len());
            let mut exprs = Vec::with_capacity(columns.len());
            for ((column, name), field) in columns.iter().zip(&names).zip(aggregate.schema.fields()) {
                let value = if column.name == id_name {
                    // All bits: by none of the columns.
                    let bits = u32::try_from(groups.saturating_sub(1)).unwrap_or(u32::MAX);
                    lit(1_u64.checked_shl(bits).map_or(u64::MAX, |bit| bit - 1))
                } else if exprs.len() < groups {
                    lit(ScalarValue::try_from(field.data_type()).map_err(plan_error)?)
                } else {
                    Expr::Column(column.clone())
                };
                exprs.push(value.alias(&name.name));
            }
            let own_keys = row.keys.iter().zip(&union_keys);
            exprs.extend(own_keys.map(|(key, name)| Expr::Column(key.clone()).alias(&name.name)));
            inputs.push(Arc::new(project(row.plan, exprs)?));
        }
        let plan = match <[Arc<LogicalPlan>; 1]>::try_from(inputs) {
            Ok([only]) => only.as_ref().clone(),
            Err(inputs) => Union::try_new(inputs).map(LogicalPlan::Union).map_err(plan_error)?,
        };
        let mut exprs: Vec<Expr> = columns
            .into_iter()
            .zip(names)
            .map(|(column, name)| Expr::Column(name).alias_qualified(column.relation, column.name))
            .collect();
        exprs.extend(union_keys.iter().cloned().map(Expr::Column));
        Ok(Dependent { plan: project(plan, exprs)?, keys: union_keys })
    }
}
