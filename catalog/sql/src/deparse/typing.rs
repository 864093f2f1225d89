//! The syntax tree with PostgreSQL's types and casts, by the tables of operators and functions that the binder uses.

use std::cell::Cell;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use lis_lake::types::{ColumnType, PgType};
use recursive::recursive;
use sqlparser::ast;

use super::{Columns, Kind, Node, chained, print::function_name, type_text};
use crate::{
    functions::{self, FunctionRow},
    names::identifier,
    resolve::{
        operator_row,
        select::{Candidate, Choice, choose, generic},
    },
    types::{CastContext, casts::can_coerce, type_by_name},
};

/// Types expressions.
pub(super) struct Typing<'a> {
    pub(super) columns: Columns<'a>,
    /// Whether there may be aggregates.
    pub(super) grouped: bool,
    /// How many parts may still be looked at, and how deep in one another.
    room: Cell<(usize, usize)>,
}

/// How many parts of an expression are looked at: what PostgreSQL writes twice (BETWEEN) doubles with every level.
const PARTS_MAX: usize = 20_000;
/// How deep in one another: every level takes room on the stack.
const DEPTH_MAX: usize = 100;

impl Node {
    /// As a value of another type, by an implicit cast where it is not of it. A literal becomes a constant of it.
    pub(super) fn coerced(self, target: PgType) -> Option<Self> {
        if self.pg_type == target {
            return Some(self);
        }
        if self.pg_type == PgType::Unknown {
            return match self.kind {
                Kind::Null => Some(Self::new(Kind::Null, target)),
                Kind::Text(text) => Some(Self::new(literal_of(text, target)?, target)),
                _ => None,
            };
        }
        Some(self.cast(ColumnType::plain(target), true))
    }

    fn cast(self, target: ColumnType, implicit: bool) -> Self {
        Self::new(Kind::Cast { inner: Box::new(self), target, implicit }, target.pg_type)
    }

    /// Whether it is the same for every row, as PostgreSQL asks of the items of an IN list.
    fn is_without_columns(&self) -> bool {
        self.is_constant() || matches!(&self.kind, Kind::Cast { inner, .. } if inner.is_without_columns())
    }
}

/// A quoted literal of a type, as that type's values are written; none where that is not certain.
fn literal_of(text: String, target: PgType) -> Option<Kind> {
    let canonical = |written: String| (written == text).then(|| Kind::Text(text.clone()));
    match target {
        PgType::Text | PgType::Varchar | PgType::Bpchar | PgType::Name | PgType::Json => {
            Some(Kind::Text(text))
        }
        PgType::Int4 => text.trim().parse::<i32>().ok().map(|it| Kind::Number(it.to_string())),
        PgType::Int2 => text.trim().parse::<i16>().ok().map(|it| Kind::Number(it.to_string())),
        PgType::Int8 => text.trim().parse::<i64>().ok().map(|it| Kind::Number(it.to_string())),
        PgType::Numeric => {
            let digits = text.strip_prefix('-').unwrap_or(&text);
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
            let only_digits = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
            let leads = whole.len() > 1 && whole.starts_with('0');
            (only_digits(whole) && only_digits(fraction) && !leads).then_some(Kind::Number(text))
        }
        PgType::Bool => match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "yes" | "on" | "1" => Some(Kind::Bool(true)),
            "f" | "false" | "no" | "off" | "0" => Some(Kind::Bool(false)),
            _ => None,
        },
        PgType::Date => {
            canonical(NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?.format("%Y-%m-%d").to_string())
        }
        PgType::Time => {
            canonical(NaiveTime::parse_from_str(&text, "%H:%M:%S").ok()?.format("%H:%M:%S").to_string())
        }
        PgType::Timestamp => {
            let day =
                NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().and_then(|day| day.and_hms_opt(0, 0, 0));
            let moment = day.or_else(|| NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S").ok())?;
            Some(Kind::Text(moment.format("%Y-%m-%d %H:%M:%S").to_string()))
        }
        PgType::Interval => {
            let (count, unit) = text.split_once(' ')?;
            let plural = if count == "1" { "" } else { "s" };
            let known = ["day", "year"].iter().any(|it| format!("{it}{plural}") == unit);
            (known && count.parse::<u16>().is_ok_and(|it| it.to_string() == count && it > 0))
                .then_some(Kind::Text(text))
        }
        PgType::Array(_) | PgType::Jsonb if matches!(text.as_str(), "{}") => Some(Kind::Text(text)),
        PgType::Jsonb if text == "[]" => Some(Kind::Text(text)),
        _ => None,
    }
}

impl Typing<'_> {
    pub(super) fn new(columns: Columns<'_>, grouped: bool) -> Typing<'_> {
        Typing { columns, grouped, room: Cell::new((PARTS_MAX, DEPTH_MAX)) }
    }

    pub(super) fn expression(&self, expr: &ast::Expr) -> Option<Node> {
        let (parts, depth) = self.room.get();
        self.room.set((parts.checked_sub(1)?, depth.checked_sub(1)?));
        let node = self.unbounded(expr);
        self.room.set((self.room.get().0, depth));
        node
    }

    #[recursive]
    fn unbounded(&self, expr: &ast::Expr) -> Option<Node> {
        use ast::Expr as E;
        Some(match expr {
            E::Nested(inner) => self.expression(inner)?,
            E::Identifier(name) => self.column(None, name)?,
            E::CompoundIdentifier(names) => match names.as_slice() {
                [table, name] => self.column(Some(table), name)?,
                _ => return None,
            },
            E::Value(value) => constant(&value.value)?,
            E::TypedString(typed) => self.cast(constant(&typed.value.value)?, &typed.data_type)?,
            E::Cast {
                kind: ast::CastKind::Cast | ast::CastKind::DoubleColon,
                expr,
                data_type,
                format: None,
                ..
            } => self.cast(self.expression(expr)?, data_type)?,
            E::Interval(interval)
                if interval.leading_field.is_none() && interval.fractional_seconds_precision.is_none() =>
            {
                self.expression(&interval.value)?.coerced(PgType::Interval)?
            }
            E::BinaryOp { op: op @ (ast::BinaryOperator::And | ast::BinaryOperator::Or), .. } => {
                let parts = chained(expr, op)
                    .into_iter()
                    .map(|part| self.condition(part))
                    .collect::<Option<Vec<_>>>()?;
                Node::boolean(if *op == ast::BinaryOperator::And {
                    Kind::And(parts)
                } else {
                    Kind::Or(parts)
                })
            }
            E::BinaryOp { left, op, right } => {
                operator(operator_name(op)?, Some(self.expression(left)?), self.expression(right)?)?
            }
            E::UnaryOp { op: ast::UnaryOperator::Not, expr } => {
                Node::boolean(Kind::Not(Box::new(self.condition(expr)?)))
            }
            E::UnaryOp { op: ast::UnaryOperator::Minus, expr } => match self.expression(expr)? {
                // PostgreSQL's parser makes one constant of a minus and its number.
                Node { kind: Kind::Number(digits), pg_type } if matches!(&**expr, E::Value(_)) => {
                    Node::new(Kind::Number(format!("-{digits}")), pg_type)
                }
                operand => operator("-", None, operand)?,
            },
            E::IsNull(inner) => self.test(inner, " IS NULL", true)?,
            E::IsNotNull(inner) => self.test(inner, " IS NOT NULL", true)?,
            E::IsTrue(inner) => self.test(inner, " IS TRUE", false)?,
            E::IsNotTrue(inner) => self.test(inner, " IS NOT TRUE", false)?,
            E::IsFalse(inner) => self.test(inner, " IS FALSE", false)?,
            E::IsNotFalse(inner) => self.test(inner, " IS NOT FALSE", false)?,
            E::IsUnknown(inner) => self.test(inner, " IS UNKNOWN", false)?,
            E::IsNotUnknown(inner) => self.test(inner, " IS NOT UNKNOWN", false)?,
            E::IsDistinctFrom(left, right) => self.distinct(left, right)?,
            E::IsNotDistinctFrom(left, right) => {
                Node::boolean(Kind::Not(Box::new(self.distinct(left, right)?)))
            }
            E::Between { expr, negated, low, high } => {
                let (first, second) = if *negated { ("<", ">") } else { (">=", "<=") };
                let low = operator(first, Some(self.expression(expr)?), self.expression(low)?)?;
                let high = operator(second, Some(self.expression(expr)?), self.expression(high)?)?;
                Node::boolean(if *negated { Kind::Or(vec![low, high]) } else { Kind::And(vec![low, high]) })
            }
            E::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let name = if *negated { "!~~" } else { "~~" };
                operator(name, Some(self.expression(expr)?), self.expression(pattern)?)?
            }
            E::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                let name = if *negated { "!~~*" } else { "~~*" };
                operator(name, Some(self.expression(expr)?), self.expression(pattern)?)?
            }
            E::InList { expr, list, negated } => self.in_list(expr, list, *negated)?,
            E::AnyOp { left, compare_op, right, .. } => self.quantified(left, compare_op, right, "ANY")?,
            E::AllOp { left, compare_op, right } => self.quantified(left, compare_op, right, "ALL")?,
            E::Array(array) => {
                let items: Vec<Node> =
                    array.elem.iter().map(|item| self.expression(item)).collect::<Option<_>>()?;
                let (items, common) = in_common(items)?;
                Node::new(Kind::Array(items), common.array()?)
            }
            E::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref())?
            }
            E::AtTimeZone { timestamp, time_zone } => {
                let arguments = vec![self.expression(time_zone)?, self.expression(timestamp)?];
                let (arguments, result) = called("timezone", arguments, false)?;
                let [zone, moment] = <[Node; 2]>::try_from(arguments).ok()?;
                let parts = vec![("(".to_owned(), moment), (" AT TIME ZONE ".to_owned(), zone)];
                Node::new(Kind::Syntax { parts, end: ")" }, result)
            }
            E::Extract { field, expr, .. } => {
                let field = match field {
                    ast::DateTimeField::Custom(ident) => ident.value.clone(),
                    field => field.to_string(),
                };
                let name = Node::new(Kind::Text(field.to_lowercase()), PgType::Unknown);
                let (arguments, result) = called("extract", vec![name, self.expression(expr)?], false)?;
                let [_, source] = <[Node; 2]>::try_from(arguments).ok()?;
                let parts = vec![(format!("EXTRACT({} FROM ", field.to_lowercase()), source)];
                Node::new(Kind::Syntax { parts, end: ")" }, result)
            }
            E::Ceil { expr, field } if is_rounding(field) => {
                self.called("ceil", vec![self.expression(expr)?])?
            }
            E::Floor { expr, field } if is_rounding(field) => {
                self.called("floor", vec![self.expression(expr)?])?
            }
            E::Position { expr, r#in } => {
                let (arguments, result) =
                    called("position", vec![self.expression(r#in)?, self.expression(expr)?], false)?;
                let [text, sought] = <[Node; 2]>::try_from(arguments).ok()?;
                let parts = vec![("POSITION((".to_owned(), sought), (") IN (".to_owned(), text)];
                Node::new(Kind::Syntax { parts, end: "))" }, result)
            }
            E::Substring { expr, substring_from: Some(from), substring_for, special, shorthand } => {
                let mut arguments = vec![self.expression(expr)?, self.expression(from)?];
                if let Some(length) = substring_for {
                    arguments.push(self.expression(length)?);
                }
                if *special || *shorthand {
                    return self.called(if *shorthand { "substr" } else { "substring" }, arguments);
                }
                let (arguments, result) = called("substring", arguments, false)?;
                let words = ["SUBSTRING(", " FROM ", " FOR "].map(str::to_owned);
                Node::new(
                    Kind::Syntax { parts: words.into_iter().zip(arguments).collect(), end: ")" },
                    result,
                )
            }
            E::Trim { trim_where, trim_what, expr, trim_characters: None } => {
                let (name, word) = match trim_where {
                    None | Some(ast::TrimWhereField::Both) => ("btrim", "BOTH"),
                    Some(ast::TrimWhereField::Leading) => ("ltrim", "LEADING"),
                    Some(ast::TrimWhereField::Trailing) => ("rtrim", "TRAILING"),
                };
                let mut arguments = vec![self.expression(expr)?];
                if let Some(what) = trim_what {
                    arguments.push(self.expression(what)?);
                }
                let (mut arguments, result) = called(name, arguments, false)?;
                let mut parts = Vec::new();
                if arguments.len() > 1 {
                    parts.push((format!("TRIM({word} "), arguments.pop()?));
                    parts.push((" FROM ".to_owned(), arguments.pop()?));
                } else {
                    parts.push((format!("TRIM({word} FROM "), arguments.pop()?));
                }
                Node::new(Kind::Syntax { parts, end: ")" }, result)
            }
            E::Function(function) => self.function(function)?,
            _ => return None,
        })
    }

    fn column(&self, table: Option<&ast::Ident>, name: &ast::Ident) -> Option<Node> {
        let table = table.map(identifier);
        let (text, column_type) = (self.columns)(table.as_ref(), &identifier(name))?;
        Some(Node::new(Kind::Word(text), column_type.pg_type))
    }

    /// A condition: a literal is a boolean.
    pub(super) fn condition(&self, expr: &ast::Expr) -> Option<Node> {
        let node = self.expression(expr)?;
        if node.pg_type == PgType::Unknown {
            return node.coerced(PgType::Bool);
        }
        (node.pg_type == PgType::Bool).then_some(node)
    }

    fn test(&self, inner: &ast::Expr, words: &'static str, of_null: bool) -> Option<Node> {
        let inner = if of_null { self.expression(inner)?.settled()? } else { self.condition(inner)? };
        Some(Node::boolean(Kind::Test { inner: Box::new(inner), words, of_null }))
    }

    fn distinct(&self, left: &ast::Expr, right: &ast::Expr) -> Option<Node> {
        match operator("=", Some(self.expression(left)?), self.expression(right)?)?.kind {
            Kind::Operator { left: Some(left), right, .. } => {
                Some(Node::boolean(Kind::Distinct(left, right)))
            }
            _ => None,
        }
    }

    fn cast(&self, node: Node, data_type: &ast::DataType) -> Option<Node> {
        let target = type_by_name(data_type, None).ok()?;
        type_text(target)?;
        // A literal is a constant of the type; what limits its length is a cast over that.
        let node = if node.pg_type == PgType::Unknown { node.coerced(target.pg_type)? } else { node };
        if node.pg_type == target.pg_type && target.typmod < 0 {
            return Some(node);
        }
        Some(node.cast(target, false))
    }

    fn in_list(&self, value: &ast::Expr, list: &[ast::Expr], negated: bool) -> Option<Node> {
        let value = self.expression(value)?;
        let mut items: Vec<Node> = list.iter().map(|item| self.expression(item)).collect::<Option<_>>()?;
        let (name, quantifier) = if negated { ("<>", "ALL") } else { ("=", "ANY") };
        if items.len() == 1 {
            return operator(name, Some(value), items.pop()?);
        }
        if !items.iter().all(Node::is_without_columns) {
            return None;
        }
        let types: Vec<PgType> = std::iter::once(&value).chain(&items).map(|it| it.pg_type).collect();
        let common = common_type(&types)?;
        let items = items.into_iter().map(|item| item.coerced(common)).collect::<Option<Vec<_>>>()?;
        over_array(value, name, quantifier, Node::new(Kind::Array(items), common.array()?))
    }

    fn quantified(
        &self,
        left: &ast::Expr,
        op: &ast::BinaryOperator,
        right: &ast::Expr,
        quantifier: &'static str,
    ) -> Option<Node> {
        over_array(self.expression(left)?, operator_name(op)?, quantifier, self.expression(right)?)
    }

    fn case(
        &self,
        operand: Option<&ast::Expr>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&ast::Expr>,
    ) -> Option<Node> {
        let operand = match operand {
            Some(operand) => Some(self.expression(operand)?.settled()?),
            None => None,
        };
        let mut tests = Vec::new();
        let mut results = vec![match otherwise {
            Some(otherwise) => self.expression(otherwise)?,
            None => Node::new(Kind::Null, PgType::Unknown),
        }];
        for branch in conditions {
            tests.push(match &operand {
                None => self.condition(&branch.condition)?,
                Some(operand) => {
                    match operator("=", Some(operand.clone()), self.expression(&branch.condition)?)?.kind {
                        Kind::Operator { left: Some(left), right, .. } => {
                            // A cast of the operand stands in every comparison and is not shown.
                            if left.pg_type != operand.pg_type && !matches!(operand.pg_type, PgType::Varchar)
                            {
                                return None;
                            }
                            *right
                        }
                        _ => return None,
                    }
                }
            });
            results.push(self.expression(&branch.result)?);
        }
        let (results, common) = in_common(results)?;
        let mut results = results.into_iter();
        let otherwise = Box::new(results.next()?);
        let branches = tests.into_iter().zip(results).collect();
        Some(Node::new(Kind::Case { operand: operand.map(Box::new), branches, otherwise }, common))
    }

    fn function(&self, function: &ast::Function) -> Option<Node> {
        let [ast::ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else { return None };
        let name = if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
        let is_plain = function.over.is_none()
            && function.within_group.is_empty()
            && function.null_treatment.is_none()
            && matches!(function.parameters, ast::FunctionArguments::None);
        if !is_plain {
            return None;
        }
        let list = match &function.args {
            ast::FunctionArguments::None => return word(&name),
            ast::FunctionArguments::List(list) if list.clauses.is_empty() => list,
            _ => return None,
        };
        let distinct = matches!(list.duplicate_treatment, Some(ast::DuplicateTreatment::Distinct));
        let filter = match &function.filter {
            Some(filter) => Some(Box::new(self.condition(filter)?)),
            None => None,
        };
        if matches!(list.args.as_slice(), [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard)]) {
            let arguments = vec![Node::new(Kind::Word("*".to_owned()), PgType::Int8)];
            return (self.grouped && name == "count")
                .then(|| Node::new(Kind::Call { name, distinct: false, arguments, filter }, PgType::Int8));
        }
        let arguments = list
            .args
            .iter()
            .map(|argument| match argument {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => self.expression(expr),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()?;
        match name.as_str() {
            "coalesce" | "greatest" | "least" => {
                let (arguments, common) = in_common(arguments)?;
                let name = name.to_uppercase();
                return Some(Node::new(
                    Kind::Call { name, distinct: false, arguments, filter: None },
                    common,
                ));
            }
            "nullif" => {
                let [left, right] = <[Node; 2]>::try_from(arguments).ok()?;
                let pg_type = left.pg_type;
                let Kind::Operator { left: Some(left), right, .. } = operator("=", Some(left), right)?.kind
                else {
                    return None;
                };
                let arguments = vec![*left, *right];
                let name = "NULLIF".to_owned();
                return Some(Node::new(
                    Kind::Call { name, distinct: false, arguments, filter: None },
                    pg_type,
                ));
            }
            _ => {}
        }
        let (arguments, result) = called(&name, arguments, self.grouped)?;
        Some(Node::new(Kind::Call { name: function_name(&name), distinct, arguments, filter }, result))
    }

    fn called(&self, name: &str, arguments: Vec<Node>) -> Option<Node> {
        let (arguments, result) = called(name, arguments, self.grouped)?;
        Some(Node::new(
            Kind::Call { name: function_name(name), distinct: false, arguments, filter: None },
            result,
        ))
    }
}

fn is_rounding(field: &ast::CeilFloorKind) -> bool {
    matches!(field, ast::CeilFloorKind::DateTimeField(ast::DateTimeField::NoDateTime))
}

/// Words that are values.
fn word(name: &str) -> Option<Node> {
    let pg_type = match name {
        "current_date" => PgType::Date,
        "current_time" => PgType::Timetz,
        "current_timestamp" => PgType::Timestamptz,
        "localtime" => PgType::Time,
        "localtimestamp" => PgType::Timestamp,
        "current_user" | "session_user" | "current_role" | "user" | "current_catalog" => PgType::Name,
        _ => return None,
    };
    Some(Node::new(Kind::Word(name.to_uppercase()), pg_type))
}

fn constant(value: &ast::Value) -> Option<Node> {
    use ast::Value as V;
    Some(match value {
        V::Number(number, false) => {
            let text = number.to_string();
            let pg_type = if text.parse::<i32>().is_ok() {
                PgType::Int4
            } else if text.parse::<i64>().is_ok() {
                PgType::Int8
            } else {
                PgType::Numeric
            };
            let text = if text.starts_with('.') { format!("0{text}") } else { text };
            if text.ends_with('.') || text.contains(['e', 'E', 'x', 'X', '_']) {
                return None;
            }
            Node::new(Kind::Number(text), pg_type)
        }
        V::SingleQuotedString(text) | V::EscapedStringLiteral(text) | V::UnicodeStringLiteral(text) => {
            Node::new(Kind::Text(text.clone()), PgType::Unknown)
        }
        V::DollarQuotedString(text) => Node::new(Kind::Text(text.value.clone()), PgType::Unknown),
        V::Boolean(value) => Node::boolean(Kind::Bool(*value)),
        V::Null => Node::new(Kind::Null, PgType::Unknown),
        _ => return None,
    })
}

fn operator_name(op: &ast::BinaryOperator) -> Option<&'static str> {
    use ast::BinaryOperator as B;
    Some(match op {
        B::Plus => "+",
        B::Minus => "-",
        B::Multiply => "*",
        B::Divide => "/",
        B::Modulo => "%",
        B::StringConcat => "||",
        B::Gt => ">",
        B::Lt => "<",
        B::GtEq => ">=",
        B::LtEq => "<=",
        B::Eq => "=",
        B::NotEq => "<>",
        B::PGExp => "^",
        B::PGRegexMatch => "~",
        B::PGRegexIMatch => "~*",
        B::PGRegexNotMatch => "!~",
        B::PGRegexNotIMatch => "!~*",
        B::PGLikeMatch => "~~",
        B::PGILikeMatch => "~~*",
        B::PGNotLikeMatch => "!~~",
        B::PGNotILikeMatch => "!~~*",
        B::Arrow => "->",
        B::LongArrow => "->>",
        B::AtArrow => "@>",
        B::ArrowAt => "<@",
        _ => return None,
    })
}

fn operator(name: &str, left: Option<Node>, right: Node) -> Option<Node> {
    let operands: Vec<Node> = left.into_iter().chain([right]).collect();
    let actual: Vec<PgType> = operands.iter().map(|it| it.pg_type).collect();
    let row = operator_row(None, name, &actual, None).ok()?;
    let (mut operands, result) = as_formal(&row, row.result, operands)?;
    let right = Box::new(operands.pop()?);
    let left = operands.pop().map(Box::new);
    Some(Node::new(Kind::Operator { name: name.to_owned(), left, right }, result))
}

/// `left op ANY (array)`
fn over_array(left: Node, name: &str, quantifier: &'static str, array: Node) -> Option<Node> {
    let element = array.pg_type.element()?;
    let row = operator_row(None, name, &[left.pg_type, element], None).ok()?;
    let generic = generic(&row, &[left.pg_type, element])?;
    let left = left.coerced(generic.resolve(row.left?)?)?;
    let array = array.coerced(generic.resolve(row.right)?.array()?)?;
    let (left, array) = (Box::new(left), Box::new(array));
    Some(Node::boolean(Kind::Quantified { left, name: name.to_owned(), quantifier, array }))
}

/// A function's arguments with their casts, and its result.
fn called(name: &str, arguments: Vec<Node>, grouped: bool) -> Option<(Vec<Node>, PgType)> {
    let actual: Vec<PgType> = arguments.iter().map(|it| it.pg_type).collect();
    let names = vec![None; actual.len()];
    let rows: Vec<FunctionRow> = functions::candidates(name)
        .into_iter()
        .filter(|row| !row.is_window() && !row.is_ordered_set() && (grouped || !row.is_aggregate()))
        .filter_map(|row| row.for_call(&names, actual.len()))
        .collect();
    let Choice::One(row) = choose(&rows, &actual) else { return None };
    // The table leaves the result of the extremes to what they are given.
    let result = if matches!(name, "min" | "max") { row.formal(0, 1) } else { row.result };
    as_formal(&row, result, arguments)
}

/// Arguments with the types that a row wants, and the type that it then gives.
fn as_formal<C: Candidate>(
    row: &C,
    result: crate::resolve::select::Formal,
    arguments: Vec<Node>,
) -> Option<(Vec<Node>, PgType)> {
    let actual: Vec<PgType> = arguments.iter().map(|it| it.pg_type).collect();
    let count = actual.len();
    let generic = generic(row, &actual)?;
    let arguments = arguments
        .into_iter()
        .enumerate()
        .map(|(index, argument)| match generic.resolve(row.formal(index, count)) {
            Some(wanted) => argument.coerced(wanted),
            None => argument.settled(),
        })
        .collect::<Option<Vec<_>>>()?;
    Some((arguments, generic.resolve(result)?))
}

/// Several expressions as their common type, and that.
fn in_common(several: Vec<Node>) -> Option<(Vec<Node>, PgType)> {
    let types: Vec<PgType> = several.iter().map(|it| it.pg_type).collect();
    let common = common_type(&types)?;
    Some((several.into_iter().map(|one| one.coerced(common)).collect::<Option<_>>()?, common))
}

/// PostgreSQL's `select_common_type`.
fn common_type(types: &[PgType]) -> Option<PgType> {
    let mut chosen = PgType::Unknown;
    for next in types.iter().copied().filter(|next| *next != PgType::Unknown) {
        if chosen == PgType::Unknown {
            chosen = next;
        } else if chosen != next {
            if chosen.facts().category != next.facts().category {
                return None;
            }
            let wider = can_coerce(chosen, next, CastContext::Implicit)
                && !can_coerce(next, chosen, CastContext::Implicit);
            if !chosen.facts().preferred && wider {
                chosen = next;
            }
        }
    }
    Some(if chosen == PgType::Unknown { PgType::Text } else { chosen })
}
