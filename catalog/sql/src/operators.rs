//! PostgreSQL's operators over our types, as a table: name, operands, result, how it is built, and whether it is
//! leakproof. The rows are `pg_operator`'s.
//!
//! Leakproof marks: the comparisons of `=`, `<>`, `<`, `<=`, `>`, `>=` and what is built of them. They become DataFusion's
//! own comparison expressions, which cannot fail and tell nothing; all that can fail is a function of ours, and those
//! are never leakproof. So [`is_leakproof`] can judge a bound expression by its shape.

mod arithmetic;
mod comparison;
mod json;

use datafusion::{
    common::ScalarValue,
    logical_expr::{Expr, Operator, expr::ScalarFunction},
};
use lis_lake::types::PgType;

pub(crate) use self::{
    arithmetic::{decimal, digits, quotient_scale, square_root_scale, styles, two, zone},
    comparison::{align, compare},
};
use crate::{
    error::SqlError,
    resolve::select::{Candidate, Formal},
    types::{Binding, Typed},
};

/// How an operator is made from its operands, which have the row's types.
pub(crate) type Build = fn(&Binding<'_>, &OperatorRow, Vec<Typed>) -> Result<Typed, SqlError>;

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OperatorRow {
    /// Its name.
    pub(crate) name: &'static str,
    /// The left operand; none for a prefix operator.
    pub(crate) left: Option<Formal>,
    /// The right operand.
    pub(crate) right: Formal,
    /// The result.
    pub(crate) result: Formal,
    /// The implementation.
    pub(crate) build: Build,
}

impl Candidate for OperatorRow {
    fn formal(&self, index: usize, count: usize) -> Formal {
        match (index, count, self.left) {
            (0, 2, Some(left)) => left,
            _ => self.right,
        }
    }
}

/// Operators that are another one under a second name.
pub(crate) fn canonical_name(name: &str) -> &str {
    match name {
        "!=" => "<>",
        other => other,
    }
}

/// DataFusion's operator for a comparison.
pub(crate) fn comparison_of(name: &str) -> Option<Operator> {
    Some(match name {
        "=" => Operator::Eq,
        "<>" => Operator::NotEq,
        "<" => Operator::Lt,
        "<=" => Operator::LtEq,
        ">" => Operator::Gt,
        ">=" => Operator::GtEq,
        _ => return None,
    })
}

/// The rows of a name with one operand (`unary`) or two.
pub(crate) fn candidates(name: &str, unary: bool) -> Vec<OperatorRow> {
    if let Some(name) = ["=", "<>", "<", "<=", ">", ">="].into_iter().find(|known| *known == name) {
        return if unary { Vec::new() } else { comparison::rows(name) };
    }
    arithmetic::ROWS
        .iter()
        .chain(comparison::TEXT_ROWS)
        .chain(json::ROWS)
        .filter(|row| row.name == name && row.left.is_none() == unary)
        .copied()
        .collect()
}

/// Whether evaluating the expression on a row that the asker may not see can tell nothing about it: every function and
/// operator in it is marked leakproof in our tables. What is not known is not leakproof.
pub fn is_leakproof(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) | Expr::Literal(..) => true,
        Expr::BinaryExpr(binary) => {
            let known = matches!(
                binary.op,
                Operator::Eq
                    | Operator::NotEq
                    | Operator::Lt
                    | Operator::LtEq
                    | Operator::Gt
                    | Operator::GtEq
                    | Operator::And
                    | Operator::Or
                    | Operator::IsDistinctFrom
                    | Operator::IsNotDistinctFrom
            );
            known && is_leakproof(&binary.left) && is_leakproof(&binary.right)
        }
        Expr::Not(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsNotUnknown(inner) => is_leakproof(inner),
        Expr::Alias(alias) => is_leakproof(&alias.expr),
        Expr::Between(between) => {
            is_leakproof(&between.expr) && is_leakproof(&between.low) && is_leakproof(&between.high)
        }
        Expr::InList(list) => is_leakproof(&list.expr) && list.list.iter().all(is_leakproof),
        // Only the widening casts that `types/casts.rs` makes, and only of a bare column: see the rule there. A cast from
        // text is a function of ours, so the targets that text could be cast to by DataFusion are not listed.
        Expr::Cast(cast) => {
            use arrow::datatypes::DataType as D;
            matches!(cast.expr.as_ref(), Expr::Column(_))
                && matches!(
                    cast.field.data_type(),
                    D::Int32 | D::Int64 | D::Float64 | D::Decimal128(..) | D::Utf8View
                )
        }
        Expr::ScalarFunction(call) => {
            const LEAKPROOF: [&str; 2] = ["strip_blanks", "interval_value"];
            LEAKPROOF.contains(&call.func.name()) && call.args.iter().all(is_leakproof)
        }
        _ => false,
    }
}

/// Whether evaluating the expression fails on no value: what may be evaluated for rows that it was not written for. More
/// than leakproof (a function may be slower on one value than on another) and no promise about secrets.
pub fn cannot_fail(expr: &Expr) -> bool {
    /// Functions that give a value or null for every value.
    const TOTAL: [&str; 20] = [
        "strip_blanks",
        "interval_value",
        "nullable",
        "coalesce",
        "nullif",
        "lower",
        "upper",
        "length",
        "char_length",
        "character_length",
        "octet_length",
        "btrim",
        "ltrim",
        "rtrim",
        "starts_with",
        "strpos",
        "greatest",
        "least",
        "get_field",
        "date_trunc",
    ];
    use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
    let mut total = true;
    let visited = expr.apply(|node| {
        total &= match node {
            Expr::BinaryExpr(binary) => comparison_or_logic(binary.op),
            Expr::ScalarFunction(call) => TOTAL.contains(&call.func.name()) || is_plain_substring(call),
            // A subquery without outer references fails for all rows or none.
            Expr::Column(_)
            | Expr::Literal(..)
            | Expr::OuterReferenceColumn(..)
            | Expr::Alias(_)
            | Expr::Not(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNotFalse(_)
            | Expr::IsNotUnknown(_)
            | Expr::Between(_)
            | Expr::InList(_)
            | Expr::Like(_)
            | Expr::Case(_)
            | Expr::ScalarSubquery(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_) => true,
            Expr::Cast(_) => is_leakproof(node) || is_widening(node),
            _ => false,
        };
        Ok(if total { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    visited.is_ok() && total
}

/// `substring` from a place on, so many characters: only a negative length fails.
fn is_plain_substring(call: &ScalarFunction) -> bool {
    let number = |expr: &Expr| match expr {
        Expr::Literal(ScalarValue::Int32(Some(number)), _) => Some(i64::from(*number)),
        Expr::Literal(ScalarValue::Int64(Some(number)), _) => Some(*number),
        _ => None,
    };
    match call.args.as_slice() {
        [_, from, length] if call.func.name() == "substring" => {
            number(from).is_some() && number(length).is_some_and(|length| length >= 0)
        }
        _ => false,
    }
}

fn comparison_or_logic(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::And
            | Operator::Or
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// A cast that the optimizer made of a constant, or of how text is held.
fn is_widening(cast: &Expr) -> bool {
    use arrow::datatypes::DataType as D;
    let Expr::Cast(cast) = cast else { return false };
    match cast.expr.as_ref() {
        Expr::Literal(..) => true,
        _ => matches!(cast.field.data_type(), D::Utf8View | D::Utf8 | D::LargeUtf8),
    }
}

/// Shorthand for tables.
pub(crate) const fn is(pg_type: PgType) -> Formal {
    Formal::Is(pg_type)
}

#[cfg(test)]
mod tests {
    use datafusion::{
        logical_expr::{cast, col, lit, try_cast},
        prelude::Expr,
    };

    use super::is_leakproof;

    #[test]
    fn only_comparisons_of_columns_and_constants_are_leakproof() {
        use arrow::datatypes::DataType as D;
        let sound: [Expr; 6] = [
            col("a").eq(lit(1_i32)),
            col("a").gt(col("b")).and(col("c").is_not_null()),
            col("a").in_list(vec![lit("x"), lit("y")], false),
            !col("a").eq(lit(1_i32)),
            cast(col("a"), D::Int64).lt(lit(5_i64)),
            col("a").between(lit(1_i32), lit(2_i32)),
        ];
        for expr in sound {
            assert!(is_leakproof(&expr), "{expr}");
        }
        let doubtful: [Expr; 6] = [
            (col("a") + lit(1_i32)).eq(lit(1_i32)),
            (lit(1_i32) / col("a")).gt(lit(0_i32)),
            col("a").like(lit("x%")),
            cast(col("a"), D::Date32).eq(lit(1_i32)),
            cast(lit("x"), D::Int32).eq(lit(1_i32)),
            try_cast(col("a"), D::Int32).eq(lit(1_i32)),
        ];
        for expr in doubtful {
            assert!(!is_leakproof(&expr), "{expr}");
        }
    }
}
