//! From PostgreSQL's regular expressions and SIMILAR TO patterns to the syntax of the crate `regex`.
//!
//! What `regex` has no word for, look-around constraints and back references, stands in the translation as a group with
//! a name, the [`Mark`]: the tree of `patterns/lengths.rs` knows what it means. For the search the marks are replaced by
//! what matches at least as much.

use std::{fmt, ops::Range};

use crate::error::{FunctionError, FunctionErrorKind};

/// A pattern in `regex`'s syntax.
pub(super) struct Translation {
    /// What finds every place that may begin a match.
    pub(super) search: String,
    /// The whole pattern, with marks.
    pub(super) tree: String,
}

impl From<String> for Translation {
    fn from(pattern: String) -> Self {
        Self { search: pattern.clone(), tree: pattern }
    }
}

/// A look-around constraint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Around {
    pub(super) is_ahead: bool,
    pub(super) is_negated: bool,
}

/// What a named group of the translation stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Around(Around),
    Reference(usize),
}

impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Around(Around { is_ahead, is_negated }) => {
                let direction = if *is_ahead { "ahead" } else { "behind" };
                formatter.write_str(if *is_negated { "not" } else { "is" })?;
                formatter.write_str(direction)
            }
            Self::Reference(number) => write!(formatter, "again{number}"),
        }
    }
}

impl Mark {
    /// The mark of a group's name, which begins with it and ends in a number of its own.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (mark, _) = name.split_once('_')?;
        let around = |is_negated, is_ahead| Some(Self::Around(Around { is_ahead, is_negated }));
        match mark {
            "isahead" => around(false, true),
            "notahead" => around(true, true),
            "isbehind" => around(false, false),
            "notbehind" => around(true, false),
            _ => mark.strip_prefix("again")?.parse().ok().map(Self::Reference),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parenthesis {
    Plain,
    Capturing(usize),
    /// A constraint that begins at a byte of the translation.
    Around(usize),
}

#[derive(Default)]
struct Translator {
    out: String,
    open: Vec<Parenthesis>,
    /// Whether each group so far is closed.
    groups: Vec<bool>,
    /// Where the marks are, and what stands for them in the search.
    marks: Vec<(Range<usize>, &'static str)>,
}

impl Translator {
    fn mark(&mut self, mark: Mark) {
        // Names have to be unique.
        let number = self.out.len();
        self.out.push_str(&format!("(?P<{mark}_{number}>"));
    }

    fn is_inside_constraint(&self) -> bool {
        self.open.iter().any(|open| matches!(open, Parenthesis::Around(_)))
    }

    fn open(&mut self, rest: &mut Characters<'_>) {
        if rest.next_if_eq(&'?').is_none() {
            if self.is_inside_constraint() {
                self.open.push(Parenthesis::Plain);
                self.out.push_str("(?:");
                return;
            }
            self.groups.push(false);
            self.open.push(Parenthesis::Capturing(self.groups.len()));
            self.out.push('(');
            return;
        }
        let is_ahead = rest.next_if_eq(&'<').is_none();
        let constraint = rest.next_if(|one| matches!(one, '=' | '!'));
        match constraint {
            Some(sign) => {
                self.open.push(Parenthesis::Around(self.out.len()));
                self.mark(Mark::Around(Around { is_ahead, is_negated: sign == '!' }));
            }
            // What is no group is an error that `regex` finds.
            None => {
                self.open.push(Parenthesis::Plain);
                self.out.push_str(if is_ahead { "(?" } else { "(?<" });
            }
        }
    }

    fn close(&mut self) {
        self.out.push(')');
        match self.open.pop() {
            Some(Parenthesis::Capturing(number)) => {
                if let Some(closed) = self.groups.get_mut(number - 1) {
                    *closed = true;
                }
            }
            Some(Parenthesis::Around(start)) => {
                self.marks.retain(|(range, _)| range.start < start);
                self.marks.push((start..self.out.len(), "(?:)"));
            }
            Some(Parenthesis::Plain) | None => {}
        }
    }

    fn reference(&mut self, number: usize) -> Result<(), FunctionError> {
        let is_closed = number.checked_sub(1).and_then(|index| self.groups.get(index)) == Some(&true);
        if !is_closed || self.is_inside_constraint() {
            return Err(invalid("invalid backreference number"));
        }
        let start = self.out.len();
        self.mark(Mark::Reference(number));
        self.out.push(')');
        self.marks.push((start..self.out.len(), "(?s:.*)"));
        Ok(())
    }

    fn escape(&mut self, rest: &mut Characters<'_>, bracket: bool) -> Result<(), FunctionError> {
        let Some(one) = rest.next() else { return Err(invalid("invalid escape \\ sequence")) };
        match one {
            'm' if !bracket => self.out.push_str("\\b{start}"),
            'M' if !bracket => self.out.push_str("\\b{end}"),
            'y' if !bracket => self.out.push_str("\\b"),
            'Y' if !bracket => self.out.push_str("\\B"),
            'Z' if !bracket => self.out.push_str("\\z"),
            'A' if !bracket => self.out.push_str("\\A"),
            'e' => self.out.push_str("\\x1B"),
            'B' => self.out.push_str("\\\\"),
            'b' => self.out.push_str("\\x08"),
            'c' => match rest.next() {
                Some(control) => self.code(u32::from(control) & 0x1F),
                None => return Err(invalid("invalid escape \\ sequence")),
            },
            '0' => {
                let digits = self.digits(rest, 2, 8);
                self.code(digits);
            }
            '1'..='9' if !bracket => {
                let first = one.to_digit(10).unwrap_or(0);
                // Two digits are a reference only if there are so many groups, and else a character's octal number.
                let mut ahead = rest.clone();
                let second = ahead.next().and_then(|two| two.to_digit(10));
                match second {
                    None => self.reference(first as usize)?,
                    Some(second) if (first * 10 + second) as usize <= self.groups.len() => {
                        rest.next();
                        self.reference((first * 10 + second) as usize)?;
                    }
                    Some(_) if first < 8 => {
                        let mut code = first;
                        for _ in 0..2 {
                            let Some(digit) = rest.peek().and_then(|one| one.to_digit(8)) else { break };
                            rest.next();
                            code = code * 8 + digit;
                        }
                        self.code(code);
                    }
                    Some(_) => return Err(invalid("invalid backreference number")),
                }
            }
            'x' => {
                let code = self.digits(rest, usize::MAX, 16);
                self.code(code);
            }
            'u' => {
                let code = self.digits(rest, 4, 16);
                self.code(code);
            }
            'U' => {
                let code = self.digits(rest, 8, 16);
                self.code(code);
            }
            'a' | 'd' | 'D' | 'f' | 'n' | 'r' | 's' | 'S' | 't' | 'v' | 'w' | 'W' => {
                self.out.push('\\');
                self.out.push(one);
            }
            other if other.is_ascii_alphanumeric() => return Err(invalid("invalid escape \\ sequence")),
            other => self.out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
        Ok(())
    }

    fn digits(&self, rest: &mut Characters<'_>, most: usize, base: u32) -> u32 {
        let mut value: u32 = 0;
        for _ in 0..most {
            let Some(digit) = rest.peek().and_then(|one| one.to_digit(base)) else { break };
            rest.next();
            value = value.saturating_mul(base).saturating_add(digit);
        }
        value
    }

    fn code(&mut self, code: u32) {
        self.out.push_str(&format!("\\x{{{code:X}}}"));
    }

    /// `[` inside brackets.
    fn class(&mut self, rest: &mut Characters<'_>) -> Result<(), FunctionError> {
        let Some(kind) = rest.next_if(|one| matches!(one, ':' | '.' | '=')) else {
            self.out.push_str("\\[");
            return Ok(());
        };
        let mut name = String::new();
        loop {
            match rest.next() {
                Some(one) if one == kind && rest.peek() == Some(&']') && !name.is_empty() => break,
                Some(one) => name.push(one),
                None => return Err(invalid("brackets [] not balanced")),
            }
        }
        rest.next();
        if kind == ':' {
            self.out.push_str(character_class(&name)?);
            return Ok(());
        }
        let mut characters = name.chars();
        match (characters.next(), characters.next()) {
            (Some(only), None) => self.out.push_str(&regex::escape(only.encode_utf8(&mut [0; 4]))),
            _ => return Err(invalid("invalid collating element")),
        }
        Ok(())
    }
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn invalid(reason: &str) -> FunctionError {
    FunctionError::new(
        FunctionErrorKind::InvalidRegularExpression,
        format!("invalid regular expression: {reason}"),
    )
}

/// PostgreSQL's syntax that `regex` writes otherwise. `lines`: what is excluded by brackets excludes line breaks, too.
pub(super) fn translate(pattern: &str, lines: bool) -> Result<Translation, FunctionError> {
    let mut translator = Translator { out: String::with_capacity(pattern.len()), ..Translator::default() };
    let mut rest = pattern.chars().peekable();
    let (mut bracket, mut at_start) = (false, false);
    while let Some(one) = rest.next() {
        match one {
            '\\' => translator.escape(&mut rest, bracket)?,
            '[' if !bracket => {
                let boundary = [("[:<:]]", "\\b{start}"), ("[:>:]]", "\\b{end}")];
                let ahead: String = rest.clone().take(6).collect();
                if let Some((text, written)) = boundary.into_iter().find(|(text, _)| *text == ahead) {
                    rest.nth(text.len() - 1);
                    translator.out.push_str(written);
                    continue;
                }
                bracket = true;
                translator.out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    translator.out.push_str(if lines { "^\\n" } else { "^" });
                }
                if rest.next_if_eq(&']').is_some() {
                    translator.out.push_str("\\]");
                }
                at_start = true;
                continue;
            }
            '[' => translator.class(&mut rest)?,
            ']' if bracket => {
                bracket = false;
                translator.out.push(']');
            }
            // Inside brackets these are set operators for `regex` and plain characters for PostgreSQL.
            '&' | '~' if bracket => {
                translator.out.push('\\');
                translator.out.push(one);
            }
            '-' if bracket && at_start => translator.out.push_str("\\-"),
            '(' if !bracket => {
                let mut comment = rest.clone();
                if comment.next() == Some('?') && comment.next() == Some('#') {
                    rest = comment;
                    rest.by_ref().find(|one| *one == ')');
                    continue;
                }
                translator.open(&mut rest);
            }
            ')' if !bracket => translator.close(),
            '{' if !bracket && !rest.peek().is_some_and(char::is_ascii_digit) => {
                translator.out.push_str("\\{")
            }
            other => translator.out.push(other),
        }
        at_start = false;
    }
    let Translator { out: tree, mut marks, .. } = translator;
    let mut search = tree.clone();
    marks.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, written) in marks {
        search.replace_range(range, written);
    }
    Ok(Translation { search, tree })
}

/// Writes a SIMILAR TO pattern as a regular expression. Two escaped double quotes mark the part that SUBSTRING takes.
pub(super) fn similar_to_regex(pattern: &str, escape: Option<char>, out: &mut String) {
    out.push_str("^(?:");
    let mut characters = pattern.chars();
    let (mut bracket, mut marks) = (false, 0);
    while let Some(one) = characters.next() {
        if Some(one) == escape {
            match characters.next() {
                Some('"') if !bracket => {
                    // Before the first mark as short as may be, between the marks the part that is wanted.
                    out.push_str(if marks == 0 { "){1,1}?(" } else { "){1,1}(?:" });
                    marks += 1;
                }
                // A letter's escape means what it means in a regular expression.
                Some(escaped) => {
                    out.push('\\');
                    out.push(escaped);
                }
                None => {}
            }
            continue;
        }
        match one {
            '[' => {
                bracket = true;
                out.push('[');
            }
            ']' => {
                bracket = false;
                out.push(']');
            }
            '%' if !bracket => out.push_str(".*"),
            '_' if !bracket => out.push('.'),
            '(' if !bracket => out.push_str("(?:"),
            '\\' | '.' | '^' | '$' if !bracket => {
                out.push('\\');
                out.push(one);
            }
            '\\' => out.push_str("\\\\"),
            other => out.push(other),
        }
    }
    out.push_str(")$");
}

/// A POSIX class inside brackets. `regex`'s own are ASCII; PostgreSQL's follow the locale's character types.
fn character_class(name: &str) -> Result<&'static str, FunctionError> {
    Ok(match name {
        "alpha" => "\\p{Alphabetic}",
        "alnum" => "\\p{Alphabetic}\\p{Nd}",
        "digit" => "\\p{Nd}",
        "lower" => "\\p{Lowercase}",
        "upper" => "\\p{Uppercase}",
        "space" => "\\s",
        "blank" => " \\t",
        "punct" => "\\p{P}",
        "cntrl" => "\\p{Cc}",
        "xdigit" => "0-9a-fA-F",
        "word" => "\\w",
        "graph" => "!-~",
        "print" => " -~",
        _ => {
            return Err(FunctionError::new(
                FunctionErrorKind::InvalidRegularExpression,
                "invalid regular expression: invalid character class",
            ));
        }
    })
}
