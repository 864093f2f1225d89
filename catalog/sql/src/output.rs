//! What a bound query gives beside its plan: PostgreSQL's names, types, typmods and the origin of each column. The
//! plan's own column names are internal and unique; these are what the client sees, duplicates and all.

use datafusion::logical_expr::LogicalPlan;
use lis_lake::{
    ids::Oid,
    types::{ColumnType, PgType},
};
use sqlparser::ast;

use crate::{
    names::identifier,
    types::{Derived, type_by_name},
};

/// A query ready to be authorised.
#[derive(Debug, Clone)]
pub struct BoundQuery {
    /// DataFusion's plan. Its output columns correspond to `outputs` one by one.
    pub plan: LogicalPlan,
    /// The output columns.
    pub outputs: Vec<OutputColumn>,
    /// The types of `$1`, `$2`, …, as declared or as found.
    pub parameters: Vec<PgType>,
    /// Views that were expanded, outermost first: the asker needs SELECT on each.
    pub views: Vec<Oid>,
    /// What the query depends on.
    pub dependencies: Vec<Dependency>,
    /// Tables and views whose rows FOR UPDATE or FOR SHARE names: the asker needs UPDATE on each.
    pub locks: Vec<Oid>,
}

/// An output column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    /// The name that the client sees: `?column?` where PostgreSQL says so.
    pub name: String,
    /// Type and modifier.
    pub column_type: ColumnType,
    /// How it is ordered, if it is text: what a table made of it stores.
    pub collation: Derived,
    /// The table column that it is, where it is nothing but one.
    pub origin: Option<Origin>,
}

/// A column of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// The relation.
    pub relation: Oid,
    /// `attnum`.
    pub column: i16,
}

/// Something that must exist for the query to keep its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dependency {
    /// A table or view as a whole.
    Relation(Oid),
    /// A column.
    Column(Origin),
}

/// The schema and name of an operator, as PostgreSQL calls it.
pub(crate) fn operator_name(op: &ast::BinaryOperator) -> Option<(Option<String>, String)> {
    use ast::BinaryOperator as B;
    let name = match op {
        B::PGCustomBinaryOperator(parts) => {
            let (name, schema) = parts.split_last()?;
            let schema = schema.last().map(|schema| schema.to_ascii_lowercase());
            return Some((schema, if name == "!=" { "<>".to_owned() } else { name.clone() }));
        }
        B::And
        | B::Or
        | B::Xor
        | B::Spaceship
        | B::DuckIntegerDivide
        | B::MyIntegerDivide
        | B::Match
        | B::Regexp
        | B::Overlaps
        | B::Assignment => return None,
        B::NotEq => "<>".to_owned(),
        B::PGLikeMatch => "~~".to_owned(),
        B::PGILikeMatch => "~~*".to_owned(),
        B::PGNotLikeMatch => "!~~".to_owned(),
        B::PGNotILikeMatch => "!~~*".to_owned(),
        B::Custom(name) => name.clone(),
        other => other.to_string(),
    };
    Some((None, name))
}

/// The name of an output column without AS, by PostgreSQL's rules (`FigureColname`).
pub(crate) fn column_name(expr: &ast::Expr) -> String {
    figure(expr).map_or_else(|| "?column?".to_owned(), |(name, _)| name)
}

/// The name and whether it is a good one: a cast's type name gives way to anything better.
fn figure(expr: &ast::Expr) -> Option<(String, bool)> {
    use ast::Expr as E;
    let good = |name: &str| Some((name.to_owned(), true));
    match expr {
        E::Identifier(ident) => good(identifier(ident).as_str()),
        E::CompoundIdentifier(idents) => good(identifier(idents.last()?).as_str()),
        E::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|access| match access {
                ast::AccessExpr::Dot(E::Identifier(ident)) => Some(identifier(ident)),
                _ => None,
            });
            match field {
                Some(field) => good(field.as_str()),
                None => figure(root),
            }
        }
        E::Nested(inner) | E::Collate { expr: inner, .. } => figure(inner),
        E::Function(function) => {
            let name = identifier(function.name.0.last()?.as_ident()?);
            good(name.as_str())
        }
        E::Cast { expr: inner, data_type, .. } => match figure(inner) {
            Some((name, true)) => Some((name, true)),
            _ => Some((type_name(data_type)?, false)),
        },
        E::TypedString(typed) => Some((type_name(&typed.data_type)?, false)),
        E::Interval(_) => Some(("interval".to_owned(), false)),
        E::Case { else_result, .. } => match else_result.as_deref().and_then(figure) {
            Some((name, true)) => Some((name, true)),
            _ => Some(("case".to_owned(), false)),
        },
        E::IsNormalized { negated: false, .. } => good("is_normalized"),
        E::QualifiedWildcard(ast::ObjectName(names), _) => {
            good(identifier(names.last()?.as_ident()?).as_str())
        }
        E::Exists { negated: false, .. } => good("exists"),
        E::Subquery(query) => subquery_name(&query.body).map(|name| (name, true)),
        E::Array(_) => good("array"),
        E::Tuple(_) => good("row"),
        E::BinaryOp { op: ast::BinaryOperator::Overlaps, .. } => good("overlaps"),
        E::AtTimeZone { .. } => good("timezone"),
        E::Extract { .. } => good("extract"),
        E::Ceil { .. } => good("ceil"),
        E::Floor { .. } => good("floor"),
        E::Position { .. } => good("position"),
        E::Substring { shorthand: true, .. } => good("substr"),
        E::Substring { .. } => good("substring"),
        E::Overlay { .. } => good("overlay"),
        E::Trim { trim_where, .. } => good(match trim_where {
            None | Some(ast::TrimWhereField::Both) => "btrim",
            Some(ast::TrimWhereField::Leading) => "ltrim",
            Some(ast::TrimWhereField::Trailing) => "rtrim",
        }),
        _ => None,
    }
}

/// The name of a subquery's only column.
fn subquery_name(body: &ast::SetExpr) -> Option<String> {
    match body {
        ast::SetExpr::Select(select) => match select.projection.as_slice() {
            [ast::SelectItem::UnnamedExpr(expr)] => Some(column_name(expr)),
            [ast::SelectItem::ExprWithAlias { alias, .. }] => Some(identifier(alias).as_str().to_owned()),
            _ => None,
        },
        ast::SetExpr::Query(query) => subquery_name(&query.body),
        ast::SetExpr::SetOperation { left, .. } => subquery_name(left),
        ast::SetExpr::Values(_) => Some("column1".to_owned()),
        _ => None,
    }
}

/// `pg_type.typname` of a written type; an array's is its element's.
fn type_name(data_type: &ast::DataType) -> Option<String> {
    let pg_type = type_by_name(data_type, None).ok()?.pg_type;
    Some(match pg_type {
        PgType::Array(element) => element.name(),
        scalar => scalar.name(),
    })
}
