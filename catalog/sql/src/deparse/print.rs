//! Typed expressions as text, as PostgreSQL's `get_rule_expr` writes them.

use lis_lake::types::{ColumnType, PgType};

use recursive::recursive;

use super::{Kind, Node, type_text};
use crate::keywords::quote_identifier;

/// The spaces that a branch of CASE stands behind its CASE.
const INDENT: usize = 4;

/// What is written, so far.
pub(super) struct Printer {
    out: String,
    pretty: bool,
    level: usize,
}

impl Printer {
    pub(super) fn text(node: &Node, pretty: bool) -> String {
        Self::indented(node, pretty, 0)
    }

    /// The same in a query whose lines stand `level` spaces in.
    pub(super) fn indented(node: &Node, pretty: bool, level: usize) -> String {
        let mut printer = Self { out: String::new(), pretty, level };
        printer.node(node, false);
        printer.out
    }

    /// `get_rule_expr`: an implicit cast at the top is shown where the surroundings show it.
    #[recursive]
    fn node(&mut self, node: &Node, implicit: bool) {
        match &node.kind {
            Kind::Word(word) => self.out.push_str(word),
            Kind::Number(_) | Kind::Text(_) | Kind::Bool(_) | Kind::Null => self.constant(node, true),
            Kind::Operator { name, left, right } => self.bracketed(|printer| {
                if let Some(left) = left {
                    printer.part(left, true, node);
                    printer.out.push(' ');
                }
                printer.out.push_str(name);
                printer.out.push(' ');
                printer.part(right, true, node);
            }),
            Kind::And(parts) => self.joined(parts, " AND ", node),
            Kind::Or(parts) => self.joined(parts, " OR ", node),
            Kind::Not(inner) => self.bracketed(|printer| {
                printer.out.push_str("NOT ");
                printer.part(inner, false, node);
            }),
            Kind::Call { name, distinct, arguments, filter } => {
                self.out.push_str(name);
                self.out.push('(');
                if *distinct {
                    self.out.push_str("DISTINCT ");
                }
                self.list(arguments);
                self.out.push(')');
                if let Some(filter) = filter {
                    self.out.push_str(" FILTER (WHERE ");
                    self.node(filter, false);
                    self.out.push(')');
                }
            }
            Kind::Syntax { parts, end } => {
                for (before, part) in parts {
                    self.out.push_str(before);
                    // AT TIME ZONE stands between its operands; the others between brackets.
                    if parts.first().is_some_and(|(first, _)| first == "(") {
                        self.part(part, false, node);
                    } else {
                        self.node(part, false);
                    }
                }
                self.out.push_str(end);
            }
            Kind::Cast { inner, implicit: true, .. } if !implicit => self.part(inner, false, node),
            Kind::Cast { inner, target, .. } => self.cast(node, inner, *target),
            Kind::Array(items) => {
                self.out.push_str("ARRAY[");
                self.list(items);
                self.out.push(']');
            }
            Kind::Quantified { left, name, quantifier, array } => self.bracketed(|printer| {
                printer.part(left, true, node);
                printer.out.push_str(&format!(" {name} {quantifier} ("));
                printer.part(array, true, node);
                printer.out.push(')');
            }),
            Kind::Test { inner, words, of_null } => self.bracketed(|printer| {
                printer.part(inner, *of_null, node);
                printer.out.push_str(words);
            }),
            Kind::Distinct(left, right) => self.bracketed(|printer| {
                printer.part(left, true, node);
                printer.out.push_str(" IS DISTINCT FROM ");
                printer.part(right, true, node);
            }),
            Kind::Case { operand, branches, otherwise } => {
                self.line("CASE");
                self.level += INDENT;
                if let Some(operand) = operand {
                    self.out.push(' ');
                    self.node(operand, true);
                }
                for (condition, result) in branches {
                    self.line("WHEN ");
                    self.node(condition, false);
                    self.out.push_str(" THEN ");
                    self.node(result, true);
                }
                self.line("ELSE ");
                self.node(otherwise, true);
                self.level = self.level.saturating_sub(INDENT);
                self.line("END");
            }
        }
    }

    fn bracketed(&mut self, write: impl FnOnce(&mut Self)) {
        if !self.pretty {
            self.out.push('(');
        }
        write(self);
        if !self.pretty {
            self.out.push(')');
        }
    }

    fn joined(&mut self, parts: &[Node], between: &str, node: &Node) {
        self.bracketed(|printer| {
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    printer.out.push_str(between);
                }
                printer.part(part, false, node);
            }
        });
    }

    fn list(&mut self, items: &[Node]) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            self.node(item, true);
        }
    }

    /// A word on a line of its own.
    fn line(&mut self, word: &str) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', self.level));
        self.out.push_str(word);
    }

    /// `get_rule_expr_paren`
    fn part(&mut self, node: &Node, implicit: bool, parent: &Node) {
        let needs = self.pretty && !is_simple(node, parent);
        if needs {
            self.out.push('(');
        }
        self.node(node, implicit);
        if needs {
            self.out.push(')');
        }
    }

    /// `get_coercion_expr`
    fn cast(&mut self, node: &Node, inner: &Node, target: ColumnType) {
        if inner.is_constant() && inner.pg_type == target.pg_type {
            self.constant(inner, false);
        } else {
            self.bracketed(|printer| printer.part(inner, false, node));
        }
        self.out.push_str("::");
        // A type that cannot be written was refused when the cast was typed.
        self.out.push_str(&type_text(target).unwrap_or_default());
    }

    /// `get_const_expr`
    fn constant(&mut self, node: &Node, labelled: bool) {
        let mut says_type = true;
        match &node.kind {
            Kind::Number(digits) => {
                let plain =
                    matches!(node.pg_type, PgType::Int4 | PgType::Numeric) && !digits.starts_with('-');
                if plain {
                    says_type = false;
                    self.out.push_str(digits);
                } else {
                    self.out.push_str(&format!("'{digits}'"));
                }
            }
            Kind::Bool(value) => {
                says_type = false;
                self.out.push_str(if *value { "true" } else { "false" });
            }
            Kind::Text(text) => self.out.push_str(&quoted(text)),
            _ => self.out.push_str("NULL"),
        }
        if labelled && says_type {
            let name = type_text(ColumnType::plain(node.pg_type)).unwrap_or_default();
            self.out.push_str(&format!("::{name}"));
        }
    }
}

fn quoted(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// The name of a function as it is called.
pub(super) fn function_name(name: &str) -> String {
    quote_identifier(name)
}

/// `isSimpleNode`: whether a part needs no parentheses in the whole that it stands in.
fn is_simple(node: &Node, parent: &Node) -> bool {
    let by_parent = || {
        matches!(
            &parent.kind,
            Kind::And(_)
                | Kind::Or(_)
                | Kind::Not(_)
                | Kind::Array(_)
                | Kind::Case { .. }
                | Kind::Call { .. }
        )
    };
    match &node.kind {
        Kind::Cast { inner, target, .. } => match relabels(inner.pg_type, target.pg_type) {
            true => is_simple(inner, node),
            false => true,
        },
        Kind::Operator { name, left: Some(_), .. } => match &parent.kind {
            Kind::Operator { name: outer, left: Some(first), .. } => {
                let (Some(own), Some(outer)) = (precedence(name), precedence(outer)) else { return false };
                own > outer || (own == outer && std::ptr::eq(&raw const **first, node))
            }
            _ => by_parent(),
        },
        Kind::Operator { .. } | Kind::Test { .. } | Kind::Distinct(..) => by_parent(),
        Kind::Not(_) | Kind::And(_) => match &parent.kind {
            Kind::Not(_) => false,
            _ => by_parent(),
        },
        Kind::Or(_) => match &parent.kind {
            Kind::And(_) | Kind::Not(_) => false,
            _ => by_parent(),
        },
        Kind::Quantified { .. } => false,
        _ => true,
    }
}

fn precedence(name: &str) -> Option<u8> {
    match name {
        "+" | "-" => Some(1),
        "*" | "/" | "%" => Some(2),
        _ => None,
    }
}

/// Whether a cast changes nothing but the type's name, or goes through text: not a function's call to PostgreSQL.
fn relabels(from: PgType, to: PgType) -> bool {
    let strings = |it: PgType| matches!(it.element().unwrap_or(it), PgType::Text | PgType::Varchar);
    (strings(from) && strings(to)) || (strings(to) && from != PgType::Bpchar) || strings(from)
}
