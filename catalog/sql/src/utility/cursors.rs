//! DECLARE, FETCH, MOVE, CLOSE.

use lis_lake::names::Identifier;

use super::tokens::Tokens;
use crate::{
    error::SqlError,
    statement::{FetchDirection, UtilityStatement},
};

/// After DECLARE.
pub(super) fn declare(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let name = tokens.identifier()?;
    let (mut scroll, mut binary) = (None, false);
    // In any order, as PostgreSQL reads them. A cursor over a snapshot never sees later changes: INSENSITIVE anyway.
    loop {
        if tokens.accept(&["no", "scroll"]) {
            scroll = Some(false);
        } else {
            match tokens.accept_one_of(&["scroll", "binary", "insensitive", "asensitive"]) {
                Some("scroll") => scroll = Some(true),
                Some("binary") => binary = true,
                Some(_) => {}
                None => break,
            }
        }
    }
    tokens.expect(&["cursor"])?;
    let hold = match tokens.accept_one_of(&["with", "without"]) {
        Some(word) => {
            tokens.expect(&["hold"])?;
            word == "with"
        }
        None => false,
    };
    tokens.expect(&["for"])?;
    Ok(UtilityStatement::Declare { name, query: tokens.query()?, scroll, hold, binary })
}

/// After FETCH.
pub(super) fn fetch(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let (direction, name) = direction_and_cursor(tokens)?;
    Ok(UtilityStatement::Fetch { name, direction })
}

/// After MOVE.
pub(super) fn r#move(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let (direction, name) = direction_and_cursor(tokens)?;
    Ok(UtilityStatement::Move { name, direction })
}

/// After CLOSE.
pub(super) fn close(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let name = if tokens.accept(&["all"]) { None } else { Some(tokens.identifier()?) };
    Ok(UtilityStatement::Close(name))
}

fn direction_and_cursor(tokens: &mut Tokens<'_>) -> Result<(FetchDirection, Identifier), SqlError> {
    // Every word of direction is also a good name for a cursor when it stands alone.
    let direction = if tokens.peek_nth(1).is_some() { direction(tokens)? } else { None };
    tokens.accept_one_of(&["from", "in"]);
    Ok((direction.unwrap_or(FetchDirection::Forward(1)), tokens.identifier()?))
}

fn direction(tokens: &mut Tokens<'_>) -> Result<Option<FetchDirection>, SqlError> {
    if let Some(count) = tokens.signed_integer()? {
        return Ok(Some(relative_to_here(count)));
    }
    let words = ["next", "prior", "first", "last", "absolute", "relative", "all", "forward", "backward"];
    let Some(word) = tokens.accept_one_of(&words) else { return Ok(None) };
    Ok(Some(match word {
        "next" => FetchDirection::Forward(1),
        "prior" => FetchDirection::Backward(1),
        "first" => FetchDirection::Absolute(1),
        "last" => FetchDirection::Absolute(-1),
        "absolute" => FetchDirection::Absolute(required_count(tokens)?),
        "relative" => FetchDirection::Relative(required_count(tokens)?),
        "all" => FetchDirection::ForwardAll,
        forward_or_backward => {
            let forward = forward_or_backward == "forward";
            if tokens.accept(&["all"]) {
                if forward { FetchDirection::ForwardAll } else { FetchDirection::BackwardAll }
            } else {
                let count = tokens.signed_integer()?.unwrap_or(1);
                relative_to_here(if forward { count } else { count.saturating_neg() })
            }
        }
    }))
}

fn required_count(tokens: &mut Tokens<'_>) -> Result<i64, SqlError> {
    match tokens.signed_integer()? {
        Some(count) => Ok(i64::from(count)),
        None => Err(tokens.unexpected()),
    }
}

/// `FORWARD -n` is `BACKWARD n`. Nought in either direction is the row that the cursor is on.
fn relative_to_here(count: i32) -> FetchDirection {
    let rows = u64::from(count.unsigned_abs());
    if count < 0 { FetchDirection::Backward(rows) } else { FetchDirection::Forward(rows) }
}
