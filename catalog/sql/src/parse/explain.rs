//! Reading EXPLAIN: its options, and what it explains.

use sqlparser::{
    keywords::Keyword,
    tokenizer::{Token, TokenWithSpan},
};

use super::{Reader, modification::begins_modification, select_into};
use crate::{
    error::{SqlError, SqlErrorKind},
    statement::{ExplainFormat, Explained, RelationKind, Statement, UtilityStatement},
    utility::parse_utility,
};

/// What the options say.
#[derive(Debug, Default)]
struct Options {
    analyze: bool,
    format: ExplainFormat,
    /// An option that is on and means something with ANALYZE only.
    analyzing: Option<&'static str>,
}

impl Reader<'_> {
    /// `EXPLAIN [ANALYZE] [VERBOSE] statement`, or `EXPLAIN (option [value], …) statement`. Options that only change how
    /// the plan is written are accepted by name.
    pub(super) fn explain(&mut self) -> Result<Statement, SqlError> {
        self.parser.next_token();
        let mut options = Options::default();
        if self.parser.peek_token_ref().token == Token::LParen && self.begins_option() {
            self.parser.next_token();
            loop {
                self.option(&mut options)?;
                let separator = self.parser.next_token();
                match separator.token {
                    Token::Comma => {}
                    Token::RParen => break,
                    _ => return Err(self.near(&separator)),
                }
            }
        } else {
            options.analyze = self.parser.parse_keyword(Keyword::ANALYZE);
            let _verbose = self.parser.parse_keyword(Keyword::VERBOSE);
        }
        if let Some(option) = options.analyzing.filter(|_| !options.analyze) {
            let message = format!("EXPLAIN option {option} requires ANALYZE");
            return Err(SqlError::new(SqlErrorKind::InvalidParameterValue, message));
        }
        let Options { analyze, format, .. } = options;
        Ok(Statement::Explain { explained: self.explained()?, analyze, format })
    }

    fn option(&mut self, options: &mut Options) -> Result<(), SqlError> {
        let option = self.parser.next_token();
        let name = match &option.token {
            Token::Word(word) => word.value.to_ascii_lowercase(),
            _ => return Err(self.near(&option)),
        };
        let value = match &self.parser.peek_token_ref().token {
            Token::Comma | Token::RParen => None,
            Token::SingleQuotedString(text) => {
                let text = text.clone();
                self.parser.next_token();
                Some(text)
            }
            _ => Some(self.parser.next_token().token.to_string().to_ascii_lowercase()),
        };
        let at = self.positions.of_span(option.span);
        let is_on = || match value.as_deref() {
            None | Some("true" | "on" | "1") => Ok(true),
            Some("false" | "off" | "0") => Ok(false),
            Some(_) => {
                let message = format!("{name} requires a Boolean value");
                Err(SqlError::new(SqlErrorKind::SyntaxError, message))
            }
        };
        match name.as_str() {
            "analyze" => options.analyze = is_on()?,
            "format" => {
                options.format = match value.as_deref() {
                    Some("text") => ExplainFormat::Text,
                    Some("json") => ExplainFormat::Json,
                    Some("yaml") => ExplainFormat::Yaml,
                    Some("xml") => return Err(self.unsupported("EXPLAIN with FORMAT XML")),
                    None => {
                        let message = "format requires a parameter";
                        return Err(SqlError::new(SqlErrorKind::SyntaxError, message));
                    }
                    Some(other) => {
                        let message =
                            format!("unrecognized value for EXPLAIN option \"format\": \"{other}\"");
                        return Err(SqlError::new(SqlErrorKind::InvalidParameterValue, message).at(at));
                    }
                };
            }
            "wal" if is_on()? => options.analyzing = Some("WAL"),
            "timing" if is_on()? => options.analyzing = Some("TIMING"),
            "verbose" | "costs" | "settings" | "buffers" | "wal" | "timing" | "summary" => {
                is_on()?;
            }
            _ => {
                let message = format!("unrecognized EXPLAIN option \"{name}\"");
                return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(at));
            }
        }
        Ok(())
    }

    fn explained(&mut self) -> Result<Explained, SqlError> {
        let next = self.parser.peek_token();
        let rest: Vec<TokenWithSpan> = self.rest().collect();
        if begins_modification(&rest) {
            return Ok(Explained::Modification(Box::new(self.modification()?)));
        }
        let keyword = match &next.token {
            Token::LParen => return Ok(Explained::Query(self.query()?)),
            Token::Word(word) => word.keyword,
            _ => return Err(self.near(&next)),
        };
        match keyword {
            Keyword::SELECT | Keyword::VALUES | Keyword::TABLE | Keyword::WITH => {
                match select_into(self.query()?, self.text)? {
                    Statement::Query(query) => Ok(Explained::Query(query)),
                    Statement::Utility(UtilityStatement::CreateTableAs { query, .. }) => {
                        Ok(Explained::Query(query))
                    }
                    _ => Err(self.near(&next)),
                }
            }
            Keyword::CREATE | Keyword::DECLARE | Keyword::EXECUTE | Keyword::REFRESH => {
                let utility = parse_utility(self.text, &rest)?;
                while self.parser.next_token().token != Token::EOF {}
                match utility {
                    Some(
                        UtilityStatement::CreateTableAs {
                            query,
                            kind: RelationKind::Table | RelationKind::MaterializedView,
                            ..
                        }
                        | UtilityStatement::Declare { query, .. },
                    ) => Ok(Explained::Query(query)),
                    Some(UtilityStatement::Execute { name, arguments }) => {
                        Ok(Explained::Execute { name, arguments })
                    }
                    Some(_) if keyword == Keyword::REFRESH => Ok(Explained::Nothing),
                    _ => Err(self.near(rest.get(1).unwrap_or(&next))),
                }
            }
            _ => Err(self.near(&next)),
        }
    }

    /// Whether the parenthesis that comes opens options, not a query.
    fn begins_option(&self) -> bool {
        match &self.parser.peek_nth_token_ref(1).token {
            Token::Word(word) => {
                !matches!(word.keyword, Keyword::SELECT | Keyword::VALUES | Keyword::TABLE | Keyword::WITH)
            }
            _ => false,
        }
    }
}
