//! Marks: names that stand in sqlparser's syntax tree for forms that it has no node for. They are in back quotes, which
//! no text can write, so that nothing a person names is ever taken for one.

use sqlparser::{
    ast,
    tokenizer::{Token, Word},
};

/// The quote of a mark. PostgreSQL's lexer knows it as an operator's character only.
const QUOTE: char = '`';

/// A SELECT list of nothing.
pub(crate) const NOTHING: &str = "nothing";
/// `USING (…) AS x` is `USING (…, mark.x)`.
pub(crate) const USING_ALIAS: &str = "using_alias";
/// `FETCH FIRST n ROWS WITH TIES` is `LIMIT mark(n)`.
pub(crate) const TIES: &str = "ties";
/// `GROUP BY DISTINCT …` is `GROUP BY mark, …`.
pub(crate) const DISTINCT_SETS: &str = "distinct_sets";
/// `ROWS FROM (f(…), …)` is `mark(f(…), …)`.
pub(crate) const ROWS_FROM: &str = "rows_from";
/// `TABLESAMPLE method (a, …) REPEATABLE (b)` is `TABLESAMPLE SYSTEM (mark(method, mark(a, …), b))`.
pub(crate) const SAMPLE: &str = "sample";
/// `f(VARIADIC a)` is `f(mark => a)`.
pub(crate) const VARIADIC: &str = "variadic";
/// A frame that leaves out rows has one of these behind the window's ORDER BY (or PARTITION BY).
pub(crate) const EXCLUDE_CURRENT_ROW: &str = "exclude_current_row";
/// See [`EXCLUDE_CURRENT_ROW`].
pub(crate) const EXCLUDE_GROUP: &str = "exclude_group";
/// See [`EXCLUDE_CURRENT_ROW`].
pub(crate) const EXCLUDE_TIES: &str = "exclude_ties";
/// `f(…) AS (a integer)` is `f(…) AS mark (a integer)`.
pub(crate) const NO_ALIAS: &str = "no_alias";
/// `(x).*` is `(x).mark`.
pub(crate) const ALL_FIELDS: &str = "all_fields";
/// `SEARCH BREADTH FIRST BY a SET o` behind a WITH query is another one: `mark (o, a) AS (SELECT)`.
pub(crate) const SEARCH_BREADTH: &str = "search_breadth";
/// See [`SEARCH_BREADTH`].
pub(crate) const SEARCH_DEPTH: &str = "search_depth";
/// `CYCLE a SET m TO v DEFAULT d USING p` behind a WITH query is another one: `mark (m, p, a) AS (SELECT v, d)`.
pub(crate) const CYCLE: &str = "cycle";

/// The token of a mark.
pub(crate) fn mark(name: &str) -> Token {
    Token::Word(Word {
        value: name.to_owned(),
        quote_style: Some(QUOTE),
        keyword: sqlparser::keywords::Keyword::NoKeyword,
    })
}

/// Whether an identifier is this mark.
pub(crate) fn is_mark(ident: &ast::Ident, name: &str) -> bool {
    ident.quote_style == Some(QUOTE) && ident.value == name
}

/// Whether an expression is a mark standing alone.
pub(crate) fn is_mark_expression(expr: &ast::Expr, name: &str) -> bool {
    matches!(expr, ast::Expr::Identifier(ident) if is_mark(ident, name))
}

/// Whether what stands behind an expression is `.*`.
pub(crate) fn is_all_fields(access: &[ast::AccessExpr]) -> bool {
    matches!(access, [ast::AccessExpr::Dot(field)] if is_mark_expression(field, ALL_FIELDS))
}

/// What is written inside a mark that stands as a call.
pub(crate) fn marked_arguments<'e>(expr: &'e ast::Expr, name: &str) -> Option<Vec<&'e ast::Expr>> {
    let ast::Expr::Function(call) = expr else { return None };
    let ast::FunctionArguments::List(list) = &call.args else { return None };
    if !is_mark_name(&call.name, name) {
        return None;
    }
    list.args
        .iter()
        .map(|argument| match argument {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}

/// Whether a name is a mark standing alone.
pub(crate) fn is_mark_name(object: &ast::ObjectName, name: &str) -> bool {
    matches!(object.0.as_slice(), [ast::ObjectNamePart::Identifier(ident)] if is_mark(ident, name))
}
