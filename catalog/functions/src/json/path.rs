//! `jsonpath`: PostgreSQL's SQL/JSON path language. A path is held as its canonical text, so that it is written as it
//! is; whoever evaluates it parses it first, once for a constant and once for each run of equal paths of a column.
//!
//! `lexer` → `parser` → the tree of this file → `printer` (the canonical text) or `evaluator` (items of a json
//! value); `values` is what the evaluator computes with, `datetime` the moments among it, `layout` the numbers
//! that `.keyvalue()` gives, `kernels` the functions of SQL.
//!
//! A tree's height and an evaluation's depth are bounded (54001): both are walked by recursion.

mod datetime;
mod evaluator;
pub mod kernels;
mod layout;
mod lexer;
mod parser;
mod printer;
mod values;

use crate::{error::FunctionError, patterns::LikeRegex, text_input::Decimal};

/// A path.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    /// Whether errors of structure are errors.
    strict: bool,
    root: Item,
}

impl Path {
    /// Reads a path.
    pub(crate) fn parse(text: &str) -> Result<Self, FunctionError> {
        parser::parse(text)
    }
}

/// The canonical text of a path, if it is one.
pub fn normalise(text: &str) -> Result<String, FunctionError> {
    Ok(printer::text(&Path::parse(text)?))
}

/// Where something begins, and the steps that are taken from there.
#[derive(Debug, Clone)]
struct Item {
    head: Head,
    steps: Vec<Step>,
}

/// Where a chain of steps begins.
#[derive(Debug, Clone)]
enum Head {
    Null,
    Bool(bool),
    Number(Decimal),
    Text(String),
    /// `$name`
    Variable(String),
    /// `$`
    Root,
    /// `@`
    Current,
    /// `last`
    Last,
    Arithmetic(Arithmetic, Box<Item>, Box<Item>),
    /// `+` and `-` of one operand.
    Sign {
        negative: bool,
        operand: Box<Item>,
    },
    /// A predicate as a value: true, false or null.
    Predicate(Box<Predicate>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Arithmetic {
    const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// What is true, false or unknown.
#[derive(Debug, Clone)]
enum Predicate {
    And(Box<Predicate>, Box<Predicate>),
    Or(Box<Predicate>, Box<Predicate>),
    Not(Box<Predicate>),
    IsUnknown(Box<Predicate>),
    Exists(Item),
    Compare(Comparison, Item, Item),
    StartsWith(Item, Item),
    LikeRegex { operand: Item, pattern: String, flags: RegexFlags, regex: LikeRegex },
}

/// The flags of `like_regex`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct RegexFlags {
    /// `i`: in any case.
    fold: bool,
    /// `s`: the dot takes line breaks too.
    dot_all: bool,
    /// `m`: `^` and `$` match at line breaks.
    lines: bool,
    /// `x`: only beside `q`, where it says nothing.
    expanded: bool,
    /// `q`: the pattern is a text.
    literal: bool,
}

impl RegexFlags {
    /// The options of the regular expression.
    fn options(self) -> String {
        let mut options = String::new();
        options.push(match (self.dot_all, self.lines) {
            (true, true) => 'w',
            (true, false) => 's',
            (false, true) => 'n',
            (false, false) => 'p',
        });
        options.extend(self.fold.then_some('i'));
        options.extend(self.literal.then_some('q'));
        options
    }
}

/// One step of a chain.
#[derive(Debug, Clone)]
enum Step {
    /// `.key`
    Member(String),
    /// `.*`
    AnyMember,
    /// `[*]`
    AnyElement,
    /// `[from to to, …]`
    Elements(Vec<(Item, Option<Item>)>),
    /// `.**{first to last}`; no level is `last`, the leaves.
    Descend { first: Option<u32>, last: Option<u32> },
    /// `?(predicate)`
    Filter(Predicate),
    /// `.method()`
    Method(Method),
    /// `.datetime(template)`
    Datetime(Option<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Abs,
    Ceiling,
    Double,
    Floor,
    KeyValue,
    Size,
    Type,
}

impl Method {
    const ALL: [Self; 7] =
        [Self::Abs, Self::Ceiling, Self::Double, Self::Floor, Self::KeyValue, Self::Size, Self::Type];

    const fn name(self) -> &'static str {
        match self {
            Self::Abs => "abs",
            Self::Ceiling => "ceiling",
            Self::Double => "double",
            Self::Floor => "floor",
            Self::KeyValue => "keyvalue",
            Self::Size => "size",
            Self::Type => "type",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::normalise;
    use crate::error::FunctionErrorKind;

    /// Each expectation is PostgreSQL's output; each is its own canonical form.
    #[test]
    fn paths_have_one_form() {
        for (text, expected) in [
            (" lax $ . a [ * ]", "$.\"a\"[*]"),
            ("STRICT $[1,2, 3 to last]", "strict $[1,2,3 to last]"),
            ("$.a[$a + 1, ($b[*]) to -($[0] * 2)]", "$.\"a\"[$\"a\" + 1,$\"b\"[*] to -($[0] * 2)]"),
            (
                "$.g ? (@.a == 1 || !(@.x >= 123 || @.a == 4) && @.b == 7)",
                "$.\"g\"?(@.\"a\" == 1 || !(@.\"x\" >= 123 || @.\"a\" == 4) && @.\"b\" == 7)",
            ),
            ("(1.5e-3).type()", "(0.0015).type()"),
            ("$.a - 1 - 2 * -3", "(($.\"a\" - 1) - 2 * -3)"),
            ("(-+$.a.b).c.d", "(-(+$.\"a\".\"b\")).\"c\".\"d\""),
            ("($.a == 1) is unknown", "($.\"a\" == 1) is unknown"),
            ("$ ? (@ like_regex \"p\" flag \"mxsiq\")", "$?(@ like_regex \"p\" flag \"ismxq\")"),
            ("$.**{2 to last}.*.size()", "$.**{2 to last}.*.size()"),
            ("$.**{0 to last}", "$.**"),
            ("$ starts with $\"a b\"", "($ starts with $\"a b\")"),
            ("\"\\u00e5\\x41\\v\\\"\\ud83d\\ude00\"", "\"åA\\u000b\\\"😀\""),
            ("$.strict.to.datetime(\"HH24\")", "$.\"strict\".\"to\".datetime(\"HH24\")"),
            ("$[$[0] ? (last > 0)]", "$[$[0]?(last > 0)]"),
            ("!exists($.a ? (@ > .1))", "!(exists ($.\"a\"?(@ > 0.1)))"),
        ] {
            assert_eq!(normalise(text).as_deref(), Ok(expected));
            assert_eq!(normalise(expected).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn errors_are_where_postgresql_finds_them() {
        for (text, expected) in [
            ("$.", "syntax error at end of jsonpath input"),
            ("$.a ? (@.b)", "syntax error at or near \")\" of jsonpath input"),
            ("$.a == 1 == 2", "syntax error at or near \"==\" of jsonpath input"),
            ("$.a && 1", "syntax error at or near \"&&\" of jsonpath input"),
            ("00", "trailing junk after numeric literal at or near \"00\" of jsonpath input"),
            ("1.e", "trailing junk after numeric literal at or near \"1.e\" of jsonpath input"),
            ("\"abc", "unexpected end of quoted string at end of jsonpath input"),
            ("$ /* c", "unexpected end of comment at end of jsonpath input"),
            ("exists($.a) is unknown", "syntax error at or near \" \" of jsonpath input"),
            ("@ + 1", "@ is not allowed in root expressions"),
            ("$ ? (last > 0)", "LAST is allowed only in array subscripts"),
        ] {
            let error = normalise(text).unwrap_err();
            assert_eq!(
                (error.kind, error.message.as_str()),
                (FunctionErrorKind::SyntaxError, expected),
                "{text}"
            );
        }
        let kind = |text: &str| normalise(text).unwrap_err().kind;
        assert_eq!(kind(" "), FunctionErrorKind::InvalidTextRepresentation);
        assert_eq!(kind("$ ? (@ like_regex \"(\")"), FunctionErrorKind::InvalidRegularExpression);
        assert_eq!(kind(&"(".repeat(1000)), FunctionErrorKind::StatementTooComplex);
        assert_eq!(kind(&format!("1{}", "+1".repeat(1000))), FunctionErrorKind::StatementTooComplex);
    }
}
