//! Comparisons that have a syntax of their own: `IS …`, IN, BETWEEN, LIKE, ANY and ALL, and comparisons of rows.

use datafusion::logical_expr::{Expr, Operator, binary_expr, lit};
use lis_lake::types::{ColumnType, PgType};
use sqlparser::ast::{self, Spanned};

use super::{
    Binder,
    expressions::{balanced, row},
    place::Place,
    unsupported,
};
use crate::{
    error::{SqlError, SqlErrorKind},
    resolve,
    types::{self, Typed},
};

/// Which values of one expression are compared with which of another: `(a, b) = (c, d)`.
pub(crate) type Pairs = Vec<(Typed, Typed)>;

/// `value IS TRUE`, `value IS FALSE`. Not the engine's own expressions of that name: they are never null to its logical
/// planner and may be to its physical one, which then refuses to group by them.
pub(super) fn is_not_distinct(value: Expr, truth: bool) -> Expr {
    binary_expr(value, Operator::IsNotDistinctFrom, lit(truth))
}

/// `value IS NOT TRUE`, `value IS NOT FALSE`.
pub(super) fn is_distinct(value: Expr, truth: bool) -> Expr {
    binary_expr(value, Operator::IsDistinctFrom, lit(truth))
}

/// The lower bound of BETWEEN SYMMETRIC without the mark that `parse.rs` puts before it.
fn without_symmetric(low: &ast::Expr) -> Option<ast::Expr> {
    match low {
        ast::Expr::UnaryOp { op: ast::UnaryOperator::AtDashAt, expr } => Some(expr.as_ref().clone()),
        ast::Expr::BinaryOp { left, op, right } => Some(ast::Expr::BinaryOp {
            left: Box::new(without_symmetric(left)?),
            op: op.clone(),
            right: right.clone(),
        }),
        _ => None,
    }
}

impl Binder<'_> {
    pub(super) fn distinct_from(
        &self,
        left: &ast::Expr,
        right: &ast::Expr,
        negated: bool,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let position = self.position_after(left.span(), "is");
        if let (Some(lefts), Some(rights)) = (row(left), row(right)) {
            let mut tests = Vec::with_capacity(lefts.len());
            for (left, right) in self.row_pairs(lefts, rights, position, place)? {
                tests.push(resolve::distinct_from(&self.binding, left, right, negated, position)?.expr);
            }
            let test = balanced(tests, if negated { Operator::And } else { Operator::Or });
            return Ok(Typed::canonical(test, ColumnType::plain(PgType::Bool)).at(position));
        }
        let left = self.expression(left, place)?;
        let right = self.expression(right, place)?;
        resolve::distinct_from(&self.binding, left, right, negated, position)
    }

    pub(super) fn in_list(
        &self,
        value: &ast::Expr,
        list: &[ast::Expr],
        negated: bool,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let position = self.position_after(value.span(), "in");
        if let Some(fields) = row(value) {
            let mut tests = Vec::new();
            for one in list {
                let Some(others) = row(one) else {
                    return Err(unsupported("comparing a row with a value", self.start_of(one)));
                };
                tests.push(self.row_comparison("=", fields, others, position, place)?.expr);
            }
            let any = balanced(tests, Operator::Or);
            let expr = if negated { Expr::Not(Box::new(any)) } else { any };
            return Ok(Typed::canonical(expr, ColumnType::plain(PgType::Bool)));
        }
        let value = self.expression(value, place)?;
        let list = list.iter().map(|one| self.expression(one, place)).collect::<Result<_, _>>()?;
        resolve::in_list(&self.binding, value, list, negated, position)
    }

    pub(super) fn between(
        &self,
        whole: &ast::Expr,
        value: &ast::Expr,
        low: &ast::Expr,
        high: &ast::Expr,
        negated: bool,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let bound = self.expression(value, place)?;
        resolve::conditional::check_copied(&bound.expr).map_err(|error| error.at(bound.position))?;
        let symmetric = without_symmetric(low);
        let low = self.expression(symmetric.as_ref().unwrap_or(low), place)?;
        let high = self.expression(high, place)?;
        if symmetric.is_some() {
            return self.between_symmetric(bound, low, high, negated);
        }
        let compare = |name: &str, other: Typed| {
            resolve::operator(&self.binding, None, name, Some(bound.clone()), other, None).map_err(
                |mut error| {
                    error.position = error.position.or_else(|| self.position_after(value.span(), "between"));
                    error
                },
            )
        };
        let (first, second, operator) = if negated {
            (compare("<", low)?, compare(">", high)?, Operator::Or)
        } else {
            (compare(">=", low)?, compare("<=", high)?, Operator::And)
        };
        let expr = balanced(vec![first.expr, second.expr], operator);
        Ok(Typed::canonical(expr, ColumnType::plain(PgType::Bool)).at(self.start_of(whole)))
    }

    /// `x BETWEEN SYMMETRIC a AND b`: between them, whichever is smaller.
    fn between_symmetric(
        &self,
        value: Typed,
        low: Typed,
        high: Typed,
        negated: bool,
    ) -> Result<Typed, SqlError> {
        let compare = |name: &str, other: &Typed| {
            resolve::operator(&self.binding, None, name, Some(value.clone()), other.clone(), None)
                .map(|typed| typed.expr)
        };
        let upward = compare(">=", &low)?.and(compare("<=", &high)?);
        let downward = compare(">=", &high)?.and(compare("<=", &low)?);
        let either = upward.or(downward);
        let expr = if negated { Expr::Not(Box::new(either)) } else { either };
        Ok(Typed::canonical(expr, ColumnType::plain(PgType::Bool)).at(value.position))
    }

    pub(super) fn like(
        &self,
        value: &ast::Expr,
        name: &str,
        pattern: &ast::Expr,
        escape: Option<&ast::ValueWithSpan>,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let bound = self.expression(value, place)?;
        let mut bound_pattern = self.expression(pattern, place)?;
        if let Some(escape) = escape {
            let escape = self.literal(escape, place)?;
            bound_pattern = self.named_call("like_escape", vec![bound_pattern, escape], None)?;
        }
        resolve::operator(&self.binding, None, name, Some(bound), bound_pattern, None).map_err(|mut error| {
            let word = if name.ends_with('*') { "ilike" } else { "like" };
            error.position = error.position.or_else(|| self.position_after(value.span(), word));
            error
        })
    }

    pub(super) fn quantified(
        &self,
        left: &ast::Expr,
        name: &str,
        right: &ast::Expr,
        all: bool,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let mut inner = right;
        while let ast::Expr::Nested(nested) = inner {
            inner = nested;
        }
        if let ast::Expr::Subquery(query) = inner {
            return self.quantified_subquery(left, name, query, all, place);
        }
        let left_bound = self.expression(left, place)?;
        let array = self.expression(right, place)?;
        resolve::operator_over_array(&self.binding, name, left_bound, array, all, None)
            .map_err(|error| self.operator_error(error, left, name))
    }

    /// Comparisons of rows, field by field.
    pub(super) fn row_comparison(
        &self,
        name: &str,
        lefts: &[ast::Expr],
        rights: &[ast::Expr],
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let pairs = self.row_pairs(lefts, rights, position, place)?;
        self.compare_pairs(name, pairs, position)
    }

    fn row_pairs(
        &self,
        lefts: &[ast::Expr],
        rights: &[ast::Expr],
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<Pairs, SqlError> {
        if lefts.len() != rights.len() {
            let message = "unequal number of entries in row expressions";
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position));
        }
        let pair = |(left, right)| Ok((self.expression(left, place)?, self.expression(right, place)?));
        lefts.iter().zip(rights).map(pair).collect()
    }

    /// `(a, b) op (c, d)`: `=` and `<>` test each pair, the others compare from left to right.
    pub(crate) fn compare_pairs(
        &self,
        name: &str,
        pairs: Pairs,
        position: Option<usize>,
    ) -> Result<Typed, SqlError> {
        let compare = |name: &str, left: &Typed, right: &Typed| {
            resolve::operator(&self.binding, None, name, Some(left.clone()), right.clone(), position)
                .map(|typed| typed.expr)
        };
        if let [(left, right)] = pairs.as_slice() {
            let expr = compare(name, left, right)?;
            return Ok(Typed::canonical(expr, ColumnType::plain(PgType::Bool)).at(position));
        }
        let expr = match name {
            "=" | "<>" | "!=" => {
                let tests = pairs
                    .iter()
                    .map(|(left, right)| compare(name, left, right))
                    .collect::<Result<Vec<_>, _>>()?;
                balanced(tests, if name == "=" { Operator::And } else { Operator::Or })
            }
            "<" | "<=" | ">" | ">=" => {
                let strict = &name[..1];
                let mut result: Option<Expr> = None;
                for (left, right) in pairs.iter().rev() {
                    result = Some(match result {
                        None => compare(name, left, right)?,
                        Some(rest) => {
                            for typed in [left, right] {
                                resolve::conditional::check_copied(&typed.expr)
                                    .map_err(|error| error.at(typed.position.or(position)))?;
                            }
                            let decided = compare(strict, left, right)?;
                            let equal = compare("=", left, right)?;
                            decided.or(equal.and(rest))
                        }
                    });
                }
                result.unwrap_or_else(|| lit(true))
            }
            _ => return Err(unsupported(&format!("the operator {name} on rows"), position)),
        };
        Ok(Typed::canonical(expr, ColumnType::plain(PgType::Bool)).at(position))
    }

    pub(super) fn truth(
        &self,
        operand: &ast::Expr,
        what: &str,
        test: fn(Expr) -> Expr,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let operand = self.boolean(operand, what, place)?;
        Ok(Typed::canonical(test(operand), ColumnType::plain(PgType::Bool)))
    }

    pub(super) fn is_null(
        &self,
        operand: &ast::Expr,
        negated: bool,
        place: Place<'_>,
    ) -> Result<Typed, SqlError> {
        let wrap = |expr: Expr| {
            if negated { Expr::IsNotNull(Box::new(expr)) } else { Expr::IsNull(Box::new(expr)) }
        };
        let boolean = ColumnType::plain(PgType::Bool);
        if let Some(fields) = row(operand) {
            let mut tests = Vec::new();
            for field in fields {
                let field = types::settle_unknown(&self.binding, self.expression(field, place)?)?;
                tests.push(wrap(field.expr));
            }
            return Ok(Typed::canonical(balanced(tests, Operator::And), boolean));
        }
        let operand = types::settle_unknown(&self.binding, self.expression(operand, place)?)?;
        if let Some(tests) = types::records::null_tests(&operand, negated)? {
            return Ok(Typed::canonical(balanced(tests, Operator::And), boolean).at(operand.position));
        }
        Ok(Typed::canonical(wrap(operand.expr), boolean).at(operand.position))
    }
}
