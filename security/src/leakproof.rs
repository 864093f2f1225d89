//! Which predicates may be evaluated on rows that their author may not see. Judged is the engine's expression *after*
//! its logical optimiser, which rewrites what the binder made, so the judgement is by the engine's own forms: a closed
//! list of what can neither fail on a value nor tell it. What is not listed is not leakproof.

use datafusion::{
    arrow::datatypes::DataType,
    logical_expr::{Between, BinaryExpr, Cast, Expr, Operator, expr::InList},
};

/// Whether a predicate may go below a barrier.
pub(crate) fn is_leakproof(expression: &Expr) -> bool {
    match expression {
        Expr::Column(_) | Expr::Literal(..) => true,
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            is_leakproof_operator(*op) && is_leakproof(left) && is_leakproof(right)
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
        Expr::Between(Between { expr, low, high, .. }) => {
            is_leakproof(expr) && is_leakproof(low) && is_leakproof(high)
        }
        Expr::InList(InList { expr, list, .. }) => is_leakproof(expr) && list.iter().all(is_leakproof),
        Expr::Cast(Cast { expr, field, .. }) => is_representation_cast(expr, field.data_type()),
        // Functions by the binder's marks.
        Expr::ScalarFunction(function) => {
            function.args.iter().all(is_leakproof) && lis_sql::operators::is_leakproof(expression)
        }
        _ => false,
    }
}

fn is_leakproof_operator(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
            | Operator::And
            | Operator::Or
    )
}

/// Casts of a literal (which fail, if at all, whatever the rows hold), and those that change only how text is held.
fn is_representation_cast(inner: &Expr, target: &DataType) -> bool {
    let text =
        |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    match inner {
        Expr::Literal(..) => true,
        Expr::Cast(Cast { expr, field, .. }) => {
            text(field.data_type()) && text(target) && is_representation_cast(expr, field.data_type())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{cast, col, lit};

    use super::*;

    #[test]
    fn comparisons_are_leakproof_and_whatever_can_fail_is_not() {
        assert!(is_leakproof(&col("a").eq(lit(1)).and(col("b").is_null().or(col("c").lt(col("d"))))));
        assert!(is_leakproof(&col("a").in_list(vec![lit(1), lit(2)], false)));
        assert!(is_leakproof(&col("a").between(lit(1), lit(2))));
        assert!(!is_leakproof(&(lit(1) / col("a")).gt(lit(0))));
        assert!(!is_leakproof(&(col("a") + lit(1)).gt(lit(0))));
        assert!(!is_leakproof(&cast(col("a"), DataType::Int32).eq(lit(1))));
        assert!(!is_leakproof(&col("a").like(lit("x%"))));
        assert!(!is_leakproof(&col("a").eq(lit(1)).and((lit(1) / col("b")).gt(lit(0)))));
        assert!(!is_leakproof(&(-col("a")).eq(lit(1))));
    }
}
