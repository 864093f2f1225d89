//! `SEARCH … SET …` and `CYCLE … SET … USING …` behind a query of WITH RECURSIVE.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{
    Adapter,
    marks::{CYCLE, NOTHING, SEARCH_BREADTH, SEARCH_DEPTH, mark},
    space, unquoted,
};
use crate::error::{SqlError, SqlErrorKind};

impl Adapter<'_> {
    /// SEARCH and CYCLE behind a recursive WITH query: each becomes a marked query of its own.
    pub(super) fn search_or_cycle(&mut self, token: &TokenWithSpan, word: &str) -> Result<bool, SqlError> {
        let search = word == "search";
        let clause = match word {
            "search" => {
                matches!(self.word(1).as_str(), "depth" | "breadth")
                    && self.word(2) == "first"
                    && self.word(3) == "by"
            }
            _ => self.is_name(1) && (self.word(2) == "set" || self.is_sign(2, &Token::Comma)),
        };
        if search
            && self.word(1) == "first"
            && self.word(2) == "by"
            && let Some((_, next)) = self.significant(1)
        {
            return Err(self.syntax_error(next));
        }
        if !clause {
            return Ok(false);
        }
        let kind = match self.word(1).as_str() {
            _ if !search => CYCLE,
            "breadth" => SEARCH_BREADTH,
            _ => SEARCH_DEPTH,
        };
        let mut next = if search { 4 } else { 1 };
        let mut columns = Vec::new();
        loop {
            columns.push(self.name_at(next)?);
            next += 1;
            if !self.is_sign(next, &Token::Comma) {
                break;
            }
            next += 1;
        }
        self.expect_word(next, "set")?;
        let mut names = vec![self.name_at(next + 1)?];
        next += 2;
        let mut values = Vec::new();
        if !search {
            if self.word(next) == "to" {
                next += 1;
                let stays = next;
                while self.word(next) != "default" {
                    self.name_or_value_at(next)?;
                    next += 1;
                }
                let becomes = next + 1;
                next = becomes;
                while self.word(next) != "using" {
                    self.name_or_value_at(next)?;
                    next += 1;
                }
                values.extend((stays..becomes - 1).filter_map(|count| self.written(count)));
                values.push(TokenWithSpan { token: Token::Comma, span: token.span });
                values.extend((becomes..next).filter_map(|count| self.written(count)));
            } else {
                for value in [Token::make_keyword("TRUE"), Token::Comma, Token::make_keyword("FALSE")] {
                    values.push(TokenWithSpan { token: value, span: token.span });
                }
            }
            self.expect_word(next, "using")?;
            names.push(self.name_at(next + 1)?);
            next += 2;
        }
        self.skip_past(next - 1);
        self.push(token, [Token::Comma, space(), mark(kind), Token::LParen]);
        for (count, name) in names.iter().chain(&columns).enumerate() {
            if count > 0 {
                self.push(name, [Token::Comma]);
            }
            self.push(name, [name.token.clone()]);
        }
        let (behind_names, select) = (Token::make_keyword("AS"), Token::make_keyword("SELECT"));
        self.push(token, [Token::RParen, space(), behind_names, Token::LParen, select, space()]);
        if values.is_empty() {
            self.push(token, [mark(NOTHING)]);
        }
        for value in values {
            self.push(&value, [value.token.clone(), space()]);
        }
        self.push(token, [Token::RParen]);
        Ok(true)
    }

    fn written(&self, count: usize) -> Option<TokenWithSpan> {
        self.significant(count).map(|(_, token)| token.clone())
    }

    pub(super) fn is_name(&self, count: usize) -> bool {
        self.significant(count).is_some_and(|(_, token)| matches!(token.token, Token::Word(_)))
    }

    /// A name that must stand `count` tokens further on.
    fn name_at(&self, count: usize) -> Result<TokenWithSpan, SqlError> {
        match self.written(count) {
            Some(token) if matches!(token.token, Token::Word(_)) => Ok(token),
            Some(token) => Err(self.syntax_error(&token)),
            None => Err(end_of_input()),
        }
    }

    /// Anything that a constant can be written with.
    fn name_or_value_at(&self, count: usize) -> Result<(), SqlError> {
        match self.written(count) {
            Some(token) if matches!(token.token, Token::Comma | Token::RParen | Token::EOF) => {
                Err(self.syntax_error(&token))
            }
            Some(_) => Ok(()),
            None => Err(end_of_input()),
        }
    }

    fn expect_word(&self, count: usize, word: &str) -> Result<(), SqlError> {
        match self.written(count) {
            Some(token) if unquoted(&token.token) == word => Ok(()),
            Some(token) => Err(self.syntax_error(&token)),
            None => Err(end_of_input()),
        }
    }
}

/// The parser puts the place to it.
fn end_of_input() -> SqlError {
    SqlError::new(SqlErrorKind::SyntaxError, "syntax error at end of input")
}
