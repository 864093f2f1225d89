//! The canonical text of a path, as PostgreSQL writes it: parentheses where the operators ask for them, keys and texts
//! between quotes, no blanks that say nothing.

use recursive::recursive;

use super::{Head, Item, Path, Predicate, RegexFlags, Step};
use crate::{json::write_string, text_input::Decimal, text_output::write_numeric};

/// How tightly something binds.
type Priority = u8;

const OR: Priority = 0;
const AND: Priority = 1;
const COMPARISON: Priority = 2;
const SUM: Priority = 3;
const PRODUCT: Priority = 4;
const SIGN: Priority = 5;
const PRIMARY: Priority = 6;

/// The text of a path.
pub(super) fn text(path: &Path) -> String {
    let mut out = String::new();
    if path.strict {
        out.push_str("strict ");
    }
    write_item(&path.root, true, &mut out);
    out
}

fn item_priority(item: &Item) -> Priority {
    use super::Arithmetic as A;
    match &item.head {
        Head::Arithmetic(A::Add | A::Subtract, ..) => SUM,
        Head::Arithmetic(A::Multiply | A::Divide | A::Modulo, ..) => PRODUCT,
        Head::Sign { .. } => SIGN,
        Head::Predicate(predicate) => predicate_priority(predicate),
        Head::Null
        | Head::Bool(_)
        | Head::Number(_)
        | Head::Text(_)
        | Head::Variable(_)
        | Head::Root
        | Head::Current
        | Head::Last => PRIMARY,
    }
}

fn predicate_priority(predicate: &Predicate) -> Priority {
    match predicate {
        Predicate::Or(..) => OR,
        Predicate::And(..) => AND,
        Predicate::Compare(..) | Predicate::StartsWith(..) => COMPARISON,
        Predicate::LikeRegex { .. } | Predicate::Not(_) | Predicate::IsUnknown(_) | Predicate::Exists(_) => {
            PRIMARY
        }
    }
}

/// An operand of something of a priority.
fn write_operand(item: &Item, priority: Priority, out: &mut String) {
    write_item(item, item_priority(item) <= priority, out);
}

pub(super) fn write_decimal(number: Decimal, out: &mut String) {
    let mut digits = Vec::new();
    write_numeric(number.unscaled, number.scale, &mut digits);
    out.push_str(&String::from_utf8_lossy(&digits));
}

fn in_parentheses(wanted: bool, out: &mut String, write: impl FnOnce(&mut String)) {
    if wanted {
        out.push('(');
    }
    write(out);
    if wanted {
        out.push(')');
    }
}

#[recursive]
fn write_item(item: &Item, parentheses: bool, out: &mut String) {
    match &item.head {
        Head::Null => out.push_str("null"),
        Head::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        // A point after a bare number would be its own.
        Head::Number(number) => {
            in_parentheses(!item.steps.is_empty(), out, |out| write_decimal(*number, out));
        }
        Head::Text(text) => write_string(text, out),
        Head::Variable(name) => {
            out.push('$');
            write_string(name, out);
        }
        Head::Root => out.push('$'),
        Head::Current => out.push('@'),
        Head::Last => out.push_str("last"),
        Head::Arithmetic(operator, left, right) => in_parentheses(parentheses, out, |out| {
            let priority = item_priority(item);
            write_operand(left, priority, out);
            out.push(' ');
            out.push_str(operator.symbol());
            out.push(' ');
            write_operand(right, priority, out);
        }),
        Head::Sign { negative, operand } => in_parentheses(parentheses, out, |out| {
            out.push(if *negative { '-' } else { '+' });
            write_operand(operand, SIGN, out);
        }),
        Head::Predicate(predicate) => write_predicate(predicate, parentheses, out),
    }
    item.steps.iter().for_each(|step| write_step(step, out));
}

#[recursive]
fn write_predicate(predicate: &Predicate, parentheses: bool, out: &mut String) {
    let logic = |left: &Predicate, symbol: &str, right: &Predicate, out: &mut String| {
        let priority = predicate_priority(predicate);
        in_parentheses(parentheses, out, |out| {
            write_predicate(left, predicate_priority(left) <= priority, out);
            out.push_str(symbol);
            write_predicate(right, predicate_priority(right) <= priority, out);
        });
    };
    let binary = |left: &Item, symbol: &str, right: &Item, out: &mut String| {
        in_parentheses(parentheses, out, |out| {
            write_operand(left, COMPARISON, out);
            out.push(' ');
            out.push_str(symbol);
            out.push(' ');
            write_operand(right, COMPARISON, out);
        });
    };
    match predicate {
        Predicate::And(left, right) => logic(left, " && ", right, out),
        Predicate::Or(left, right) => logic(left, " || ", right, out),
        Predicate::Not(inner) => {
            out.push_str("!(");
            write_predicate(inner, false, out);
            out.push(')');
        }
        Predicate::IsUnknown(inner) => {
            out.push('(');
            write_predicate(inner, false, out);
            out.push_str(") is unknown");
        }
        Predicate::Exists(item) => {
            out.push_str("exists (");
            write_item(item, false, out);
            out.push(')');
        }
        Predicate::Compare(comparison, left, right) => binary(left, comparison.symbol(), right, out),
        Predicate::StartsWith(left, right) => binary(left, "starts with", right, out),
        Predicate::LikeRegex { operand, pattern, flags, .. } => in_parentheses(parentheses, out, |out| {
            write_operand(operand, PRIMARY, out);
            out.push_str(" like_regex ");
            write_string(pattern, out);
            write_flags(*flags, out);
        }),
    }
}

fn write_flags(flags: RegexFlags, out: &mut String) {
    if flags == RegexFlags::default() {
        return;
    }
    out.push_str(" flag \"");
    let letters = [
        (flags.fold, 'i'),
        (flags.dot_all, 's'),
        (flags.lines, 'm'),
        (flags.expanded, 'x'),
        (flags.literal, 'q'),
    ];
    out.extend(letters.into_iter().filter(|(set, _)| *set).map(|(_, letter)| letter));
    out.push('"');
}

fn write_step(step: &Step, out: &mut String) {
    match step {
        Step::Member(name) => {
            out.push('.');
            write_string(name, out);
        }
        Step::AnyMember => out.push_str(".*"),
        Step::AnyElement => out.push_str("[*]"),
        Step::Elements(ranges) => {
            out.push('[');
            for (index, (from, to)) in ranges.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_item(from, false, out);
                if let Some(to) = to {
                    out.push_str(" to ");
                    write_item(to, false, out);
                }
            }
            out.push(']');
        }
        Step::Descend { first: Some(0), last: None } => out.push_str(".**"),
        Step::Descend { first, last } => {
            let level = |level: &Option<u32>| level.map_or("last".to_owned(), |level| level.to_string());
            out.push_str(".**{");
            out.push_str(&level(first));
            if first != last {
                out.push_str(" to ");
                out.push_str(&level(last));
            }
            out.push('}');
        }
        Step::Filter(predicate) => {
            out.push_str("?(");
            write_predicate(predicate, false, out);
            out.push(')');
        }
        Step::Method(method) => {
            out.push('.');
            out.push_str(method.name());
            out.push_str("()");
        }
        Step::Datetime(template) => {
            out.push_str(".datetime(");
            template.iter().for_each(|template| write_string(template, out));
            out.push(')');
        }
    }
}
