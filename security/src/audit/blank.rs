//! Secrets out of statement texts, before any log, audit or system relation sees them. Works on the text's own tokens
//! and not on a parsed statement, since a text that does not parse holds its password all the same; when in doubt it
//! blanks too much.

const BLANK: &str = "'***'";

/// A statement's text with every secret in it blanked: the literal after PASSWORD, every literal after `act_as`, and
/// every SCRAM verifier.
pub fn blank_secrets(text: &str) -> String {
    let mut blanked = String::with_capacity(text.len());
    let mut rest = text;
    // What the next string literal is taken for.
    let mut secret = Secret::None;
    while let Some(letter) = rest.chars().next() {
        let (length, kind) = token(rest, letter);
        let (token, after) = rest.split_at(length);
        rest = after;
        match kind {
            Kind::Literal => {
                let hidden = secret != Secret::None || token.contains("SCRAM-SHA-256$");
                blanked.push_str(if hidden { BLANK } else { token });
                if secret == Secret::Next {
                    secret = Secret::None;
                }
                continue;
            }
            Kind::Word if token.eq_ignore_ascii_case("password") => secret = Secret::Next,
            Kind::Word if token.to_ascii_lowercase().contains("act_as") => secret = Secret::All,
            Kind::Semicolon => secret = Secret::None,
            Kind::Word | Kind::Other => {}
        }
        blanked.push_str(token);
    }
    blanked
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Secret {
    None,
    Next,
    All,
}

enum Kind {
    Literal,
    Word,
    Semicolon,
    Other,
}

/// The length of the token that `rest` begins with. What is not closed goes on to the end.
fn token(rest: &str, letter: char) -> (usize, Kind) {
    let bytes = rest.as_bytes();
    if rest.starts_with("--") {
        return (rest.find('\n').unwrap_or(rest.len()), Kind::Other);
    }
    if rest.starts_with("/*") {
        return (rest.find("*/").map_or(rest.len(), |end| end + 2), Kind::Other);
    }
    match letter {
        '\'' => (quoted(bytes, 0, b'\'', false), Kind::Literal),
        // A quoted identifier may be a word that counts ("lis"."act_as").
        '"' => (quoted(bytes, 0, b'"', false), Kind::Word),
        'e' | 'E' if bytes.get(1) == Some(&b'\'') => (quoted(bytes, 1, b'\'', true), Kind::Literal),
        'n' | 'N' | 'b' | 'B' | 'x' | 'X' if bytes.get(1) == Some(&b'\'') => {
            (quoted(bytes, 1, b'\'', false), Kind::Literal)
        }
        'u' | 'U' if rest[1..].starts_with("&'") => (quoted(bytes, 2, b'\'', false), Kind::Literal),
        '$' => match dollar_tag(rest) {
            Some(tag) => {
                let end = rest[tag.len()..].find(tag).map_or(rest.len(), |end| end + 2 * tag.len());
                (end, Kind::Literal)
            }
            None => (1, Kind::Other),
        },
        ';' => (1, Kind::Semicolon),
        letter if letter.is_alphabetic() || letter == '_' => {
            let end = rest.find(|next: char| !(next.is_alphanumeric() || next == '_' || next == '$'));
            (end.unwrap_or(rest.len()), Kind::Word)
        }
        letter => (letter.len_utf8(), Kind::Other),
    }
}

/// The end of a quoted thing whose opening quote is at `open`.
fn quoted(bytes: &[u8], open: usize, quote: u8, backslashes: bool) -> usize {
    let mut at = open + 1;
    while let Some(byte) = bytes.get(at) {
        if backslashes && *byte == b'\\' {
            at += 2;
        } else if *byte != quote {
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return at + 1;
        }
    }
    bytes.len()
}

/// `$$` or `$tag$` at the beginning.
fn dollar_tag(rest: &str) -> Option<&str> {
    let end = rest[1..].find('$')? + 2;
    let name = &rest[1..end - 1];
    let fits = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
        && !name.starts_with(|letter: char| letter.is_ascii_digit());
    fits.then(|| &rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blanked_and_the_rest_is_kept() {
        let cases = [
            (
                "create role a login password 'hem''ligt' valid until '2027-01-01'",
                "create role a login password '***' valid until '2027-01-01'",
            ),
            ("ALTER USER a ENCRYPTED PASSWORD E'x\\'y'", "ALTER USER a ENCRYPTED PASSWORD '***'"),
            ("alter role a password $x$hemligt$x$; select 'b'", "alter role a password '***'; select 'b'"),
            ("alter role a password 'unclosed", "alter role a password '***'"),
            ("alter role a password /* 'c' */ 'd'", "alter role a password /* 'c' */ '***'"),
            ("SET lis.act_as = 'anna;cookie'", "SET lis.act_as = '***'"),
            ("CALL \"lis\".\"act_as\"('anna', 'cookie')", "CALL \"lis\".\"act_as\"('***', '***')"),
            ("select 'SCRAM-SHA-256$4096:x'", "select '***'"),
            ("select password from t where å = 'b'", "select password from t where å = '***'"),
            ("select $1, 'a' -- password\n, 'b'", "select $1, 'a' -- password\n, 'b'"),
        ];
        for (text, expected) in cases {
            assert_eq!(blank_secrets(text), expected);
        }
    }
}
