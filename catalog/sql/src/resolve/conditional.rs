//! COALESCE, NULLIF and simple CASE, which become searched CASE, and what may be written twice in a plan. Their operands are needed twice there:
//! to be tested, and to be the result. Nested in one another they would double with every level, so where an operand is
//! large and it makes no difference, it is evaluated once by a function; and where it would, it is refused in time.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, BooleanArray, Scalar},
    compute::{cast, kernels::zip::zip},
    datatypes::DataType,
};
use datafusion::{
    common::tree_node::{TreeNode, TreeNodeRecursion},
    functions::core,
    logical_expr::{BinaryExpr, Case, Expr, Operator, expr::ScalarFunction},
};
use lis_functions::{
    error::FunctionError,
    scalar::{self, Arguments},
};

use crate::{
    error::{SqlError, SqlErrorKind},
    operators::cannot_fail,
};

/// Nodes of an operand up to which it is simply written twice.
const SMALL: usize = 24;
/// What a subquery counts as.
const SUBQUERY: usize = 50;
/// Nodes of an operand up to which it is written twice where there is no other way.
const COPIED_MAX: usize = 4_000;

/// Refuses an expression that is to be written more than once and is too large for that (54001).
pub(crate) fn check_copied(expr: &Expr) -> Result<(), SqlError> {
    if size(expr, COPIED_MAX) > COPIED_MAX {
        let message = "statement too complex: an operand that is needed more than once is too large";
        return Err(SqlError::new(SqlErrorKind::StatementTooComplex, message));
    }
    Ok(())
}

/// How many nodes an expression has once COALESCE has become CASE; not counted beyond `max`.
fn size(expr: &Expr, max: usize) -> usize {
    let mut count = match expr {
        Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) => SUBQUERY,
        _ => 1,
    };
    let twice = match expr {
        Expr::ScalarFunction(call) if is_engines_coalesce(call) => call.args.len().saturating_sub(1),
        _ => 0,
    };
    let mut index = 0;
    // The closure does not fail.
    let _visited = expr.apply_children(|child| {
        let own = size(child, max.saturating_sub(count));
        count += if index < twice { own.saturating_mul(2) } else { own };
        index += 1;
        Ok(if count > max { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    count
}

/// Whether a call is the engine's COALESCE.
pub(crate) fn is_engines_coalesce(call: &ScalarFunction) -> bool {
    call.func.as_ref() == core::coalesce().as_ref()
}

/// `COALESCE(…)` of operands of one type.
pub(crate) fn coalesce(arguments: Vec<Expr>, result: &DataType) -> Result<Expr, SqlError> {
    let mut flat = Vec::with_capacity(arguments.len());
    for argument in arguments {
        match argument {
            // The first that is not null is the first in any parentheses. A small one stays as it is: what is grouped by is
            // found by its form, and a column that FULL JOIN … USING merges has this one.
            other if size(&other, SMALL) <= SMALL => flat.push(other),
            Expr::ScalarFunction(call) if is_engines_coalesce(&call) => flat.extend(call.args),
            other => flat.push(other),
        }
    }
    let (rest, tested) = match flat.split_last() {
        Some((last, tested)) => (last, tested),
        None => return Ok(core::coalesce().call(flat)),
    };
    if tested.iter().all(|operand| size(operand, SMALL) <= SMALL && !operand.is_volatile()) {
        return Ok(core::coalesce().call(flat));
    }
    // Those behind the first may be evaluated where they are not needed only if that is not noticed.
    let unnoticed = |operand: &Expr| cannot_fail(operand) && !operand.is_volatile();
    if tested.iter().skip(1).chain([rest]).all(unnoticed) {
        return Ok(scalar::Scalar::called_on_null("coalesce", result.clone(), first_known).call(flat));
    }
    tested.iter().try_for_each(check_copied)?;
    Ok(core::coalesce().call(flat))
}

/// The first argument that is not null, row by row.
fn first_known(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    let typed = |array: &ArrayRef| -> Result<ArrayRef, FunctionError> {
        let same = array.data_type() == arguments.result;
        Ok(if same { Arc::clone(array) } else { cast(array, arguments.result)? })
    };
    let mut found = typed(&arguments.full_array(0)?)?;
    for index in 1..arguments.len() {
        let Some(nulls) = found.logical_nulls().filter(|nulls| nulls.null_count() > 0) else { break };
        let known = BooleanArray::new(nulls.inner().clone(), None);
        let next = typed(arguments.array(index)?)?;
        found = if arguments.is_constant(index) {
            zip(&known, &found, &Scalar::new(next))?
        } else {
            zip(&known, &found, &next)?
        };
    }
    Ok(found)
}

/// `NULLIF`: `value` where `equal` does not hold, which compares it.
pub(super) fn null_if(equal: Expr, null: Expr, value: Expr, result: &DataType) -> Result<Expr, SqlError> {
    // What it is compared with is needed once, but the engine takes a CASE of constants apart and copies conditions then.
    if size(&equal, SMALL) > SMALL || value.is_volatile() {
        match equal {
            // Floats are compared in another way.
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right })
                if *left == value && !result.is_floating() =>
            {
                return Ok(core::nullif().call(vec![value, *right]));
            }
            other => {
                check_copied(&value)?;
                return Ok(case_null(other, null, value));
            }
        }
    }
    Ok(case_null(equal, null, value))
}

/// `CASE x WHEN a THEN … WHEN b THEN …` with `x` evaluated once where it is large, or another value each time, of
/// conditions `x = a`, `x = b`.
pub(crate) fn simple_case(expr: Expr) -> Result<Expr, SqlError> {
    let Expr::Case(Case { expr: None, when_then_expr, else_expr }) = expr else { return Ok(expr) };
    let tested = |when: &Expr| match when {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, .. }) => Some(left.clone()),
        _ => None,
    };
    let first = when_then_expr.first().and_then(|(when, _)| tested(when));
    let costly = |operand: &Expr| size(operand, SMALL) > SMALL || operand.is_volatile();
    let operand = first.filter(|first| {
        costly(first) && when_then_expr.iter().all(|(when, _)| tested(when).as_ref() == Some(first))
    });
    let Some(operand) = operand else {
        when_then_expr.iter().try_for_each(|(when, _)| check_copied(when))?;
        return Ok(Expr::Case(Case { expr: None, when_then_expr, else_expr }));
    };
    let when_then_expr = when_then_expr
        .into_iter()
        .map(|(when, then)| match *when {
            Expr::BinaryExpr(BinaryExpr { right, .. }) => (right, then),
            other => (Box::new(other), then),
        })
        .collect();
    Ok(Expr::Case(Case { expr: Some(operand), when_then_expr, else_expr }))
}

fn case_null(equal: Expr, null: Expr, value: Expr) -> Expr {
    Expr::Case(Case {
        expr: None,
        when_then_expr: vec![(Box::new(equal), Box::new(null))],
        else_expr: Some(Box::new(value)),
    })
}
