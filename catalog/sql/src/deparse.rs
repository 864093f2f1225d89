//! Stored expressions as PostgreSQL shows them: with every parenthesis and the casts that its typing adds, `price >= 0` of
//! a numeric column as `(price >= (0)::numeric)`. It types the syntax tree by the same tables of operators and functions
//! as the binder (`typing.rs`) and writes it as PostgreSQL's `ruleutils` does (`print.rs`), with few parentheses for people
//! (`pretty`) or all of them.
//!
//! What it does not know for certain it does not show (`None`): then what was written stays, which is as true. What it
//! shows means the same when it is read again.

mod print;
mod query;
mod typing;

use lis_lake::{
    names::Identifier,
    table::Column,
    types::{ColumnType, PgType},
};
use sqlparser::ast;

pub use self::query::{Read, query};
use self::{print::Printer, typing::Typing};
use crate::{keywords::quote_identifier, parse::parse_expression};

/// What a column is, by its table's name or alias where one is written, and its own: its text and type.
pub type Columns<'a> = &'a dyn Fn(Option<&Identifier>, &Identifier) -> Option<(String, ColumnType)>;

/// A stored expression as PostgreSQL shows it. `target` is the type of the column whose default it is.
pub fn expression(
    text: &str,
    columns: Columns<'_>,
    target: Option<ColumnType>,
    pretty: bool,
) -> Option<String> {
    let node = Typing::new(columns, false).expression(&parse_expression(text).ok()?)?;
    let node = match target {
        Some(target) => node.coerced(target.pg_type)?,
        None => node.settled()?,
    };
    Some(Printer::text(&node, pretty))
}

/// A stored expression over one relation's columns (a check, a policy, a default), as PostgreSQL shows it.
pub fn over_columns(
    text: &str,
    columns: &[Column],
    target: Option<ColumnType>,
    pretty: bool,
) -> Option<String> {
    let column = |table: Option<&Identifier>, name: &Identifier| {
        let found = columns.iter().find(|column| column.name == *name && table.is_none())?;
        Some((quote_identifier(name.as_str()), found.column_type))
    };
    expression(text, &column, target, pretty)
}

/// An expression with the types that PostgreSQL gives it.
#[derive(Debug, Clone)]
struct Node {
    kind: Kind,
    pg_type: PgType,
}

#[derive(Debug, Clone)]
enum Kind {
    /// A column, or a word that is a value (`CURRENT_DATE`).
    Word(String),
    /// A constant in digits; a minus may stand before them.
    Number(String),
    Text(String),
    Bool(bool),
    Null,
    Operator {
        name: String,
        left: Option<Box<Node>>,
        right: Box<Node>,
    },
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// `name(arguments)`; the name is quoted where it must be.
    Call {
        name: String,
        distinct: bool,
        arguments: Vec<Node>,
        filter: Option<Box<Node>>,
    },
    /// A function with words between its arguments: each argument with what stands before it, and what ends it.
    Syntax {
        parts: Vec<(String, Node)>,
        end: &'static str,
    },
    Cast {
        inner: Box<Node>,
        target: ColumnType,
        implicit: bool,
    },
    Array(Vec<Node>),
    /// `left op ANY (array)`, or ALL.
    Quantified {
        left: Box<Node>,
        name: String,
        quantifier: &'static str,
        array: Box<Node>,
    },
    /// `IS NULL` and its like; whether it is a test for null.
    Test {
        inner: Box<Node>,
        words: &'static str,
        of_null: bool,
    },
    Distinct(Box<Node>, Box<Node>),
    Case {
        operand: Option<Box<Node>>,
        branches: Vec<(Node, Node)>,
        otherwise: Box<Node>,
    },
}

impl Node {
    fn new(kind: Kind, pg_type: PgType) -> Self {
        Self { kind, pg_type }
    }

    fn boolean(kind: Kind) -> Self {
        Self::new(kind, PgType::Bool)
    }

    fn is_constant(&self) -> bool {
        matches!(self.kind, Kind::Number(_) | Kind::Text(_) | Kind::Bool(_) | Kind::Null)
    }

    /// A constant that nothing has given a type is text.
    fn settled(self) -> Option<Self> {
        if self.pg_type == PgType::Unknown { self.coerced(PgType::Text) } else { Some(self) }
    }
}

/// A type as it is written after `::`.
fn type_text(column_type: ColumnType) -> Option<String> {
    let name = crate::types::type_name(column_type.pg_type);
    Some(match column_type.pg_type {
        PgType::Bpchar | PgType::Varchar => match column_type.length() {
            Some(length) => format!("{name}({length})"),
            None if column_type.pg_type == PgType::Bpchar => "bpchar".to_owned(),
            None => name,
        },
        PgType::Array(PgType::Bpchar) => "bpchar[]".to_owned(),
        PgType::Numeric => match column_type.precision_scale() {
            Some((precision, scale)) => format!("numeric({precision},{scale})"),
            None => name,
        },
        PgType::Time | PgType::Timetz | PgType::Timestamp | PgType::Timestamptz | PgType::Interval
            if column_type.typmod >= 0 =>
        {
            return None;
        }
        _ => name,
    })
}

/// The parts of a chain of `AND` or `OR` as PostgreSQL's parser puts them side by side: those to the left.
fn chained<'e>(mut expr: &'e ast::Expr, op: &ast::BinaryOperator) -> Vec<&'e ast::Expr> {
    let is_same = |it: &ast::Expr| matches!(it, ast::Expr::BinaryOp { op: own, .. } if own == op);
    let mut parts = Vec::new();
    loop {
        match expr {
            ast::Expr::BinaryOp { left, op: own, right } if own == op => {
                parts.push(right.as_ref());
                expr = left;
            }
            ast::Expr::Nested(inner) if is_same(inner) => expr = inner,
            other => {
                parts.push(other);
                parts.reverse();
                return parts;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(_: Option<&Identifier>, name: &Identifier) -> Option<(String, ColumnType)> {
        let column_type = match name.as_str() {
            "a" => ColumnType::plain(PgType::Int4),
            "b" => ColumnType::plain(PgType::Int8),
            "n" => ColumnType::plain(PgType::Numeric),
            "v" => ColumnType::varchar(10),
            "c" => ColumnType::plain(PgType::Bpchar),
            "t" => ColumnType::plain(PgType::Text),
            "d" => ColumnType::plain(PgType::Date),
            "f" => ColumnType::plain(PgType::Bool),
            _ => return None,
        };
        Some((name.as_str().to_owned(), column_type))
    }

    #[test]
    fn expressions_are_written_as_postgresql_writes_them() {
        for (written, full, pretty) in [
            ("n >= 0", "(n >= (0)::numeric)", "n >= 0::numeric"),
            ("a>0 and b<5 or not f", "(((a > 0) AND (b < 5)) OR (NOT f))", "a > 0 AND b < 5 OR NOT f"),
            ("v = 'x'", "((v)::text = 'x'::text)", "v::text = 'x'::text"),
            (
                "v in ('x', 'y')",
                "((v)::text = ANY ((ARRAY['x'::character varying, 'y'::character varying])::text[]))",
                "v::text = ANY (ARRAY['x'::character varying, 'y'::character varying]::text[])",
            ),
            (
                "c not in ('x', 'y')",
                "(c <> ALL (ARRAY['x'::bpchar, 'y'::bpchar]))",
                "c <> ALL (ARRAY['x'::bpchar, 'y'::bpchar])",
            ),
            ("a in (1)", "(a = 1)", "a = 1"),
            ("a between 1 and -1", "((a >= 1) AND (a <= '-1'::integer))", "a >= 1 AND a <= '-1'::integer"),
            ("length(v) > 2", "(length((v)::text) > 2)", "length(v::text) > 2"),
            (
                "t like 'å%' and t is not null",
                "((t ~~ 'å%'::text) AND (t IS NOT NULL))",
                "t ~~ 'å%'::text AND t IS NOT NULL",
            ),
            ("d > '2024-01-01'", "(d > '2024-01-01'::date)", "d > '2024-01-01'::date"),
            ("(a + 1) * 2 - a", "(((a + 1) * 2) - a)", "(a + 1) * 2 - a"),
            (
                "coalesce(v, 'x') || a",
                "((COALESCE(v, 'x'::character varying))::text || a)",
                "COALESCE(v, 'x'::character varying)::text || a",
            ),
            ("current_date", "CURRENT_DATE", "CURRENT_DATE"),
            (
                "case when f then 1 end",
                "\nCASE\n    WHEN f THEN 1\n    ELSE NULL::integer\nEND",
                "\nCASE\n    WHEN f THEN 1\n    ELSE NULL::integer\nEND",
            ),
            ("cast(a as numeric(10,2))", "(a)::numeric(10,2)", "a::numeric(10,2)"),
            ("'x'::varchar(3)", "'x'::character varying(3)", "'x'::character varying(3)"),
            ("t <> E'a\\\\b'", "(t <> E'a\\\\b'::text)", "t <> E'a\\\\b'::text"),
            (
                "extract(year from d) > 2000",
                "(EXTRACT(year FROM d) > (2000)::numeric)",
                "EXTRACT(year FROM d) > 2000::numeric",
            ),
            (
                "substring(t, 1, 2) = 'x'",
                "(\"substring\"(t, 1, 2) = 'x'::text)",
                "\"substring\"(t, 1, 2) = 'x'::text",
            ),
            ("f is true", "(f IS TRUE)", "f IS TRUE"),
        ] {
            assert_eq!(expression(written, &column, None, false).as_deref(), Some(full), "{written}");
            assert_eq!(expression(written, &column, None, true).as_deref(), Some(pretty), "{written}");
            let again = expression(full, &column, None, true);
            assert_eq!(again.as_deref(), Some(pretty), "{full}");
        }
    }

    #[test]
    fn what_is_too_deep_or_too_much_is_not_shown() {
        let sum = format!("a{} > 0", " + 1".repeat(300));
        assert_eq!(expression(&sum, &column, None, false), None);
        let mut nested = "a".to_owned();
        for _ in 0..24 {
            nested = format!("case when {nested} between 1 and 2 then 1 else 2 end");
        }
        assert_eq!(expression(&nested, &column, None, false), None);
        let chain = format!("f{}", " and f".repeat(1000));
        assert!(expression(&chain, &column, None, true).is_some_and(|shown| shown.len() > 5000));
    }

    #[test]
    fn what_is_not_known_is_not_shown() {
        for written in
            ["nosuch > 1", "no_such_function(a)", "d > 'yesterday'", "a in (b, 1)", "(select 1) > a"]
        {
            assert_eq!(expression(written, &column, None, false), None, "{written}");
        }
    }
}
