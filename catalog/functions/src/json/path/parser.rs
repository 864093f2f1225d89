//! From words to a path's tree. What is a value and what is a predicate is known only after it is read, since both may
//! stand in parentheses; so both are read by the same functions, and each place refuses what it cannot use, at the
//! token where PostgreSQL's grammar does.

use recursive::recursive;

use super::{
    Arithmetic, Comparison, Head, Item, Method, Path, Predicate, RegexFlags, Step,
    lexer::{Lexer, Token, TokenKind},
};
use crate::{
    error::{FunctionError, FunctionErrorKind},
    patterns::LikeRegex,
    text_input::{Decimal, parse_decimal, parse_int4},
};

/// How high a tree may be.
const HEIGHT_MAX: usize = 200;

/// What was read.
enum Parsed {
    Value(Item),
    Truth {
        predicate: Predicate,
        /// Whether it stood in parentheses: only then `is unknown` may follow.
        enclosed: bool,
    },
}

/// Reads a path.
pub(super) fn parse(text: &str) -> Result<Path, FunctionError> {
    let mut parser =
        Parser { lexer: Lexer::new(text), token: Token { kind: TokenKind::End, shown: "" }, depth: 0 };
    parser.advance()?;
    if parser.token.kind == TokenKind::End {
        return Err(FunctionError::invalid_input("jsonpath", text));
    }
    let strict = parser.token.is_word("strict");
    if strict || parser.token.is_word("lax") {
        parser.advance()?;
    }
    let root = match parser.or()?.0 {
        Parsed::Value(item) => item,
        Parsed::Truth { predicate, .. } => {
            Item { head: Head::Predicate(Box::new(predicate)), steps: Vec::new() }
        }
    };
    if parser.token.kind != TokenKind::End {
        return Err(parser.token.error());
    }
    check_item(&root, false, false)?;
    Ok(Path { strict, root })
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    token: Token<'t>,
    /// How many parentheses and brackets are open.
    depth: usize,
}

/// What was read and how high its tree is.
type Read<T> = Result<(T, usize), FunctionError>;

fn too_deep() -> FunctionError {
    FunctionError::new(FunctionErrorKind::StatementTooComplex, "stack depth limit exceeded")
        .with_detail(format!("A jsonpath can nest {HEIGHT_MAX} levels."))
}

/// The height of what stands over such.
fn above(heights: &[usize]) -> Result<usize, FunctionError> {
    let height = heights.iter().max().map_or(0, |highest| highest + 1);
    if height > HEIGHT_MAX { Err(too_deep()) } else { Ok(height) }
}

impl<'t> Parser<'t> {
    fn advance(&mut self) -> Result<Token<'t>, FunctionError> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn expect(&mut self, symbol: &str) -> Result<(), FunctionError> {
        if !self.token.is(symbol) {
            return Err(self.token.error());
        }
        self.advance().map(drop)
    }

    fn expect_word(&mut self, keyword: &str) -> Result<(), FunctionError> {
        if !self.token.is_word(keyword) {
            return Err(self.token.error());
        }
        self.advance().map(drop)
    }

    /// The predicate, where one is wanted; otherwise the error is at the token that follows.
    fn truth(&self, parsed: Parsed) -> Result<Predicate, FunctionError> {
        match parsed {
            Parsed::Truth { predicate, .. } => Ok(predicate),
            Parsed::Value(_) => Err(self.token.error()),
        }
    }

    fn value(&self, parsed: Parsed) -> Result<Item, FunctionError> {
        match parsed {
            Parsed::Value(item) => Ok(item),
            Parsed::Truth { .. } => Err(self.token.error()),
        }
    }

    #[recursive]
    fn or(&mut self) -> Read<Parsed> {
        self.logic("||", Self::and, Predicate::Or)
    }

    fn and(&mut self) -> Read<Parsed> {
        self.logic("&&", Self::comparison, Predicate::And)
    }

    fn logic(
        &mut self,
        symbol: &str,
        operand: fn(&mut Self) -> Read<Parsed>,
        make: fn(Box<Predicate>, Box<Predicate>) -> Predicate,
    ) -> Read<Parsed> {
        let (mut left, mut height) = operand(self)?;
        while self.token.is(symbol) {
            let first = self.truth(left)?;
            self.advance()?;
            let (right, right_height) = operand(self)?;
            let predicate = make(Box::new(first), Box::new(self.truth(right)?));
            left = Parsed::Truth { predicate, enclosed: false };
            height = above(&[height, right_height])?;
        }
        Ok((left, height))
    }

    fn comparison(&mut self) -> Read<Parsed> {
        if self.token.is("!") {
            self.advance()?;
            let (predicate, height) =
                if self.token.is_word("exists") { self.exists()? } else { self.predicate_in_parentheses()? };
            let predicate = Predicate::Not(Box::new(predicate));
            return Ok((Parsed::Truth { predicate, enclosed: false }, above(&[height])?));
        }
        let (parsed, height) = self.sum()?;
        let left = match parsed {
            Parsed::Truth { predicate, enclosed: true } if self.token.is_word("is") => {
                self.advance()?;
                self.expect_word("unknown")?;
                let predicate = Predicate::IsUnknown(Box::new(predicate));
                return Ok((Parsed::Truth { predicate, enclosed: false }, above(&[height])?));
            }
            Parsed::Truth { .. } => return Ok((parsed, height)),
            Parsed::Value(item) => item,
        };
        let comparison = match self.token.kind {
            TokenKind::Symbol("==") => Some(Comparison::Equal),
            TokenKind::Symbol("!=" | "<>") => Some(Comparison::NotEqual),
            TokenKind::Symbol("<") => Some(Comparison::Less),
            TokenKind::Symbol("<=") => Some(Comparison::LessOrEqual),
            TokenKind::Symbol(">") => Some(Comparison::Greater),
            TokenKind::Symbol(">=") => Some(Comparison::GreaterOrEqual),
            _ => None,
        };
        let (predicate, height) = if let Some(comparison) = comparison {
            self.advance()?;
            let (right, right_height) = self.sum()?;
            let right = self.value(right)?;
            (Predicate::Compare(comparison, left, right), above(&[height, right_height])?)
        } else if self.token.is_word("starts") {
            self.advance()?;
            self.expect_word("with")?;
            let head = match self.token.kind.clone() {
                TokenKind::Text(text) => Head::Text(text),
                TokenKind::Variable(name) => Head::Variable(name),
                _ => return Err(self.token.error()),
            };
            self.advance()?;
            (Predicate::StartsWith(left, Item { head, steps: Vec::new() }), above(&[height])?)
        } else if self.token.is_word("like_regex") {
            self.advance()?;
            let pattern = self.text()?;
            let flags = if self.token.is_word("flag") {
                self.advance()?;
                regex_flags(&self.text()?)?
            } else {
                RegexFlags::default()
            };
            if flags.expanded && !flags.literal {
                return Err(FunctionError::not_supported(
                    "XQuery \"x\" flag (expanded regular expressions) is not implemented",
                ));
            }
            let regex = LikeRegex::compile(&pattern, &flags.options())?;
            (Predicate::LikeRegex { operand: left, pattern, flags, regex }, above(&[height])?)
        } else {
            return Ok((Parsed::Value(left), height));
        };
        Ok((Parsed::Truth { predicate, enclosed: false }, height))
    }

    fn text(&mut self) -> Result<String, FunctionError> {
        match self.token.kind.clone() {
            TokenKind::Text(text) => {
                self.advance()?;
                Ok(text)
            }
            _ => Err(self.token.error()),
        }
    }

    fn sum(&mut self) -> Read<Parsed> {
        self.arithmetic(Self::product, |token| match token.kind {
            TokenKind::Symbol("+") => Some(Arithmetic::Add),
            TokenKind::Symbol("-") => Some(Arithmetic::Subtract),
            _ => None,
        })
    }

    fn product(&mut self) -> Read<Parsed> {
        self.arithmetic(Self::signed, |token| match token.kind {
            TokenKind::Symbol("*") => Some(Arithmetic::Multiply),
            TokenKind::Symbol("/") => Some(Arithmetic::Divide),
            TokenKind::Symbol("%") => Some(Arithmetic::Modulo),
            _ => None,
        })
    }

    fn arithmetic(
        &mut self,
        operand: fn(&mut Self) -> Read<Parsed>,
        operator: fn(&Token<'_>) -> Option<Arithmetic>,
    ) -> Read<Parsed> {
        let (mut left, mut height) = operand(self)?;
        while let Some(arithmetic) = operator(&self.token) {
            let first = self.value(left)?;
            self.advance()?;
            let (right, right_height) = operand(self)?;
            let second = self.value(right)?;
            let head = Head::Arithmetic(arithmetic, Box::new(first), Box::new(second));
            left = Parsed::Value(Item { head, steps: Vec::new() });
            height = above(&[height, right_height])?;
        }
        Ok((left, height))
    }

    #[recursive]
    fn signed(&mut self) -> Read<Parsed> {
        let negative = self.token.is("-");
        if !negative && !self.token.is("+") {
            return self.primary();
        }
        self.advance()?;
        self.enter()?;
        let (operand, height) = self.signed()?;
        self.depth -= 1;
        let operand = self.value(operand)?;
        let head = match operand {
            // The sign of a number is its own.
            Item { head: Head::Number(number), steps } if steps.is_empty() => {
                let unscaled = if negative { -number.unscaled } else { number.unscaled };
                Head::Number(Decimal { unscaled, ..number })
            }
            operand => Head::Sign { negative, operand: Box::new(operand) },
        };
        Ok((Parsed::Value(Item { head, steps: Vec::new() }), above(&[height])?))
    }

    fn enter(&mut self) -> Result<(), FunctionError> {
        self.depth += 1;
        if self.depth > HEIGHT_MAX { Err(too_deep()) } else { Ok(()) }
    }

    fn primary(&mut self) -> Read<Parsed> {
        let head = match self.token.kind.clone() {
            TokenKind::Text(text) => Head::Text(text),
            TokenKind::Variable(name) => Head::Variable(name),
            TokenKind::Number { .. } => Head::Number(parse_decimal(self.token.shown)?),
            TokenKind::Symbol("$") => Head::Root,
            TokenKind::Symbol("@") => Head::Current,
            TokenKind::Symbol("(") => return self.parenthesised(),
            TokenKind::Word(_) if self.token.is_word("exists") => {
                let (predicate, height) = self.exists()?;
                return Ok((Parsed::Truth { predicate, enclosed: false }, height));
            }
            TokenKind::Word(_) if self.token.is_word("null") => Head::Null,
            TokenKind::Word(_) if self.token.is_word("true") => Head::Bool(true),
            TokenKind::Word(_) if self.token.is_word("false") => Head::Bool(false),
            TokenKind::Word(_) if self.token.is_word("last") => Head::Last,
            _ => return Err(self.token.error()),
        };
        self.advance()?;
        let mut item = Item { head, steps: Vec::new() };
        let height = self.steps(&mut item, 0)?;
        Ok((Parsed::Value(item), height))
    }

    fn parenthesised(&mut self) -> Read<Parsed> {
        self.advance()?;
        self.enter()?;
        let (parsed, height) = self.or()?;
        self.expect(")")?;
        self.depth -= 1;
        let begins_step = [".", "[", "?"].iter().any(|symbol| self.token.is(symbol));
        let mut item = match parsed {
            Parsed::Truth { predicate, .. } if !begins_step => {
                return Ok((Parsed::Truth { predicate, enclosed: true }, height));
            }
            Parsed::Truth { predicate, .. } => {
                Item { head: Head::Predicate(Box::new(predicate)), steps: Vec::new() }
            }
            Parsed::Value(item) => item,
        };
        let height = self.steps(&mut item, height)?;
        Ok((Parsed::Value(item), height))
    }

    fn exists(&mut self) -> Read<Predicate> {
        self.advance()?;
        self.expect("(")?;
        self.enter()?;
        let (operand, height) = self.sum()?;
        if !self.token.is(")") {
            return Err(self.token.error());
        }
        let operand = self.value(operand)?;
        self.advance()?;
        self.depth -= 1;
        Ok((Predicate::Exists(operand), above(&[height])?))
    }

    fn predicate_in_parentheses(&mut self) -> Read<Predicate> {
        self.expect("(")?;
        self.enter()?;
        let (parsed, height) = self.or()?;
        if !self.token.is(")") {
            return Err(self.token.error());
        }
        let predicate = self.truth(parsed)?;
        self.advance()?;
        self.depth -= 1;
        Ok((predicate, height))
    }

    fn steps(&mut self, item: &mut Item, mut height: usize) -> Result<usize, FunctionError> {
        loop {
            if self.token.is(".") {
                self.advance()?;
                let step = self.member_step()?;
                item.steps.push(step);
            } else if self.token.is("[") {
                self.advance()?;
                self.enter()?;
                let (step, inner) = self.element_step()?;
                self.depth -= 1;
                item.steps.push(step);
                height = height.max(above(&[inner])?);
            } else if self.token.is("?") {
                self.advance()?;
                let (predicate, inner) = self.predicate_in_parentheses()?;
                item.steps.push(Step::Filter(predicate));
                height = height.max(above(&[inner])?);
            } else {
                return Ok(height);
            }
        }
    }

    fn member_step(&mut self) -> Result<Step, FunctionError> {
        if self.token.is("*") {
            self.advance()?;
            return Ok(Step::AnyMember);
        }
        if self.token.is("**") {
            self.advance()?;
            return self.descent();
        }
        let written = self.advance_name()?;
        let TokenKind::Word(name) = written else {
            return match written {
                TokenKind::Text(name) => Ok(Step::Member(name)),
                _ => Err(FunctionError::internal("a member has no name")),
            };
        };
        if !self.token.is("(") {
            return Ok(Step::Member(name));
        }
        if name.eq_ignore_ascii_case("datetime") {
            self.advance()?;
            let template = match self.token.kind {
                TokenKind::Text(_) => Some(self.text()?),
                _ => None,
            };
            self.expect(")")?;
            return Ok(Step::Datetime(template));
        }
        let method = Method::ALL.into_iter().find(|method| name.eq_ignore_ascii_case(method.name()));
        let Some(method) = method else { return Err(self.token.error()) };
        self.advance()?;
        self.expect(")")?;
        Ok(Step::Method(method))
    }

    /// A word or a text between quotes.
    fn advance_name(&mut self) -> Result<TokenKind, FunctionError> {
        match self.token.kind {
            TokenKind::Word(_) | TokenKind::Text(_) => Ok(self.advance()?.kind),
            _ => Err(self.token.error()),
        }
    }

    /// What follows `.**`.
    fn descent(&mut self) -> Result<Step, FunctionError> {
        if !self.token.is("{") {
            return Ok(Step::Descend { first: Some(0), last: None });
        }
        self.advance()?;
        let first = self.level()?;
        let last = if self.token.is_word("to") {
            self.advance()?;
            self.level()?
        } else {
            first
        };
        self.expect("}")?;
        Ok(Step::Descend { first, last })
    }

    fn level(&mut self) -> Result<Option<u32>, FunctionError> {
        let level = match self.token.kind {
            TokenKind::Number { whole: true } => Some(parse_int4(self.token.shown)?.unsigned_abs()),
            TokenKind::Word(_) if self.token.is_word("last") => None,
            _ => return Err(self.token.error()),
        };
        self.advance()?;
        Ok(level)
    }

    fn element_step(&mut self) -> Read<Step> {
        if self.token.is("*") {
            self.advance()?;
            self.expect("]")?;
            return Ok((Step::AnyElement, 0));
        }
        let (mut ranges, mut height) = (Vec::new(), 0);
        loop {
            let (from, from_height) = self.sum()?;
            let from = self.value(from)?;
            height = height.max(from_height);
            let to = if self.token.is_word("to") {
                self.advance()?;
                let (to, to_height) = self.sum()?;
                height = height.max(to_height);
                Some(self.value(to)?)
            } else {
                None
            };
            ranges.push((from, to));
            if self.token.is("]") {
                self.advance()?;
                return Ok((Step::Elements(ranges), height));
            }
            self.expect(",")?;
        }
    }
}

fn regex_flags(text: &str) -> Result<RegexFlags, FunctionError> {
    let mut flags = RegexFlags::default();
    for one in text.chars() {
        match one {
            'i' => flags.fold = true,
            's' => flags.dot_all = true,
            'm' => flags.lines = true,
            'x' => flags.expanded = true,
            'q' => flags.literal = true,
            other => {
                return Err(FunctionError::new(
                    FunctionErrorKind::SyntaxError,
                    "invalid input syntax for type jsonpath",
                )
                .with_detail(format!("Unrecognized flag character \"{other}\" in LIKE_REGEX predicate.")));
            }
        }
    }
    Ok(flags)
}

/// Refuses `@` outside of filters and `last` outside of subscripts.
#[recursive]
fn check_item(item: &Item, in_filter: bool, in_subscript: bool) -> Result<(), FunctionError> {
    let refused = |message: &str| FunctionError::new(FunctionErrorKind::SyntaxError, message);
    match &item.head {
        Head::Current if !in_filter => return Err(refused("@ is not allowed in root expressions")),
        Head::Last if !in_subscript => {
            return Err(refused("LAST is allowed only in array subscripts"));
        }
        Head::Arithmetic(_, left, right) => {
            check_item(left, in_filter, in_subscript)?;
            check_item(right, in_filter, in_subscript)?;
        }
        Head::Sign { operand, .. } => check_item(operand, in_filter, in_subscript)?,
        Head::Predicate(predicate) => check_predicate(predicate, in_filter, in_subscript)?,
        Head::Null
        | Head::Bool(_)
        | Head::Number(_)
        | Head::Text(_)
        | Head::Variable(_)
        | Head::Root
        | Head::Current
        | Head::Last => {}
    }
    for step in &item.steps {
        match step {
            Step::Filter(predicate) => check_predicate(predicate, true, in_subscript)?,
            Step::Elements(ranges) => {
                for (from, to) in ranges {
                    check_item(from, in_filter, true)?;
                    to.iter().try_for_each(|to| check_item(to, in_filter, true))?;
                }
            }
            Step::Member(_)
            | Step::AnyMember
            | Step::AnyElement
            | Step::Descend { .. }
            | Step::Method(_)
            | Step::Datetime(_) => {}
        }
    }
    Ok(())
}

fn check_predicate(predicate: &Predicate, in_filter: bool, in_subscript: bool) -> Result<(), FunctionError> {
    match predicate {
        Predicate::And(left, right) | Predicate::Or(left, right) => {
            check_predicate(left, in_filter, in_subscript)?;
            check_predicate(right, in_filter, in_subscript)
        }
        Predicate::Not(inner) | Predicate::IsUnknown(inner) => {
            check_predicate(inner, in_filter, in_subscript)
        }
        Predicate::Exists(item) => check_item(item, in_filter, in_subscript),
        Predicate::LikeRegex { operand, .. } => check_item(operand, in_filter, in_subscript),
        Predicate::Compare(_, left, right) | Predicate::StartsWith(left, right) => {
            check_item(left, in_filter, in_subscript)?;
            check_item(right, in_filter, in_subscript)
        }
    }
}
