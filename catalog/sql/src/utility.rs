//! Utility statements: everything that is not a query or DML, read by a recursive-descent parser of our own over
//! sqlparser's tokens, since sqlparser's own grammar lacks a good part of them (`GRANT role TO role`, MOVE, `FETCH c`).
//! A query, expression or type inside such a statement is read by sqlparser from the same tokens, so that its spans
//! stay those of the statement.

use sqlparser::tokenizer::TokenWithSpan;

use crate::{error::SqlError, statement::UtilityStatement};

/// Reads a utility statement. `tokens` are those of one statement without its semicolon (white space and comments may
/// be among them), as tokenised from `text`; positions in errors and names count characters of `text` from 1.
/// `None` is a statement that begins like a query or DML (or EXPLAIN, or nothing), which is sqlparser's to read.
pub fn parse_utility(_text: &str, _tokens: &[TokenWithSpan]) -> Result<Option<UtilityStatement>, SqlError> {
    Ok(None)
}
