//! The text form of arrays: `{1,NULL,"a b"}`, `{{1,2},{3,4}}`, `[0:1]={1,2}`.

use crate::{
    arrays::shape::{DIMENSIONS_MAX, Dimension, too_many_dimensions},
    error::{FunctionError, FunctionErrorKind},
};

/// An array as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrayText {
    /// The elements in order, `None` for null.
    pub elements: Vec<Option<String>>,
    /// The dimensions; none if there is no element.
    pub dimensions: Vec<Dimension>,
}

/// Reads an array's text.
pub fn parse_array(text: &str) -> Result<ArrayText, FunctionError> {
    let malformed = |detail: &str| {
        FunctionError::new(
            FunctionErrorKind::InvalidTextRepresentation,
            format!("malformed array literal: \"{text}\""),
        )
        .with_detail(detail)
    };
    let (bounds, body) = bounds(super::trim(text), &malformed)?;
    let inner = body
        .strip_prefix('{')
        .ok_or_else(|| malformed("Array value must start with \"{\" or dimension information."))?;
    let mut reader = Reader {
        characters: inner.chars().peekable(),
        elements: Vec::new(),
        lengths: vec![None],
        open: vec![0],
        leaf: None,
        malformed: &malformed,
    };
    reader.read()?;
    let lengths: Vec<usize> = if reader.elements.is_empty() {
        Vec::new()
    } else {
        reader.lengths.iter().map(|length| length.unwrap_or(0)).collect()
    };
    let dimensions = match bounds {
        None => lengths.into_iter().map(|length| Dimension { lower: 1, length }).collect(),
        Some(bounds) => {
            if !bounds.iter().map(|dimension| dimension.length).eq(lengths) {
                return Err(malformed("Specified array dimensions do not match array contents."));
            }
            bounds
        }
    };
    Ok(ArrayText { elements: reader.elements, dimensions })
}

/// `[0:1][2]=` before an array, and what follows.
fn bounds<'t>(
    text: &'t str,
    malformed: &impl Fn(&str) -> FunctionError,
) -> Result<(Option<Vec<Dimension>>, &'t str), FunctionError> {
    let mut rest = text;
    let mut dimensions = Vec::new();
    while let Some(inside) = rest.strip_prefix('[') {
        if dimensions.len() >= DIMENSIONS_MAX {
            return Err(too_many_dimensions(DIMENSIONS_MAX + 1));
        }
        let (first, after) = integer(inside);
        let first =
            first.ok_or_else(|| malformed("\"[\" must introduce explicitly-specified array dimensions."))?;
        let (lower, upper, after) = match after.strip_prefix(':') {
            None => (1, first, after),
            Some(after) => {
                let (second, after) = integer(after);
                (first, second.ok_or_else(|| malformed("Missing array dimension value."))?, after)
            }
        };
        rest = after
            .strip_prefix(']')
            .ok_or_else(|| malformed("Missing \"]\" after array dimensions."))?
            .trim_start_matches(WHITESPACE);
        let wraps = |value: i64| i32::try_from(value).unwrap_or(if value > 0 { i32::MIN } else { i32::MAX });
        let (lower, upper) = (wraps(lower), wraps(upper));
        if upper < lower {
            return Err(FunctionError::new(
                FunctionErrorKind::ArraySubscriptError,
                "upper bound cannot be less than lower bound",
            ));
        }
        if upper == i32::MAX {
            return Err(FunctionError::new(
                FunctionErrorKind::ProgramLimitExceeded,
                format!("array lower bound is too large: {lower}"),
            ));
        }
        let length = usize::try_from(i64::from(upper) - i64::from(lower) + 1).unwrap_or(usize::MAX);
        dimensions.push(Dimension { lower, length });
    }
    if dimensions.is_empty() {
        return Ok((None, rest));
    }
    let body = rest
        .strip_prefix('=')
        .ok_or_else(|| malformed("Missing \"=\" after array dimensions."))?
        .trim_start_matches(WHITESPACE);
    if !body.starts_with('{') {
        return Err(malformed("Array contents must start with \"{\"."));
    }
    Ok((Some(dimensions), body))
}

const WHITESPACE: [char; 6] = [' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];

/// A whole number at the start of a text, and what follows.
fn integer(text: &str) -> (Option<i64>, &str) {
    let text = text.trim_start_matches(WHITESPACE);
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text.get(sign..).unwrap_or_default();
    let length = sign + digits.len() - digits.trim_start_matches(|one: char| one.is_ascii_digit()).len();
    let (number, rest) = text.split_at(length);
    (number.parse().ok(), rest)
}

struct Reader<'t, M> {
    characters: std::iter::Peekable<std::str::Chars<'t>>,
    elements: Vec<Option<String>>,
    /// The length of each level of braces, once one has been closed.
    lengths: Vec<Option<usize>>,
    /// How many members each brace that is open has so far.
    open: Vec<usize>,
    /// The level at which the elements are.
    leaf: Option<usize>,
    malformed: &'t M,
}

impl<M: Fn(&str) -> FunctionError> Reader<'_, M> {
    fn unexpected(&self, character: char) -> FunctionError {
        (self.malformed)(&format!("Unexpected \"{character}\" character."))
    }

    /// Reads members and closing braces, after the first opening one.
    fn read(&mut self) -> Result<(), FunctionError> {
        loop {
            // A member, or the end of an empty array.
            self.skip();
            match self.characters.peek().copied() {
                None => return Err((self.malformed)("Unexpected end of input.")),
                Some('{') => {
                    if self.leaf.is_some_and(|leaf| self.open.len() >= leaf) {
                        return Err(self.unexpected('{'));
                    }
                    self.characters.next();
                    self.open.push(0);
                    if self.open.len() > DIMENSIONS_MAX {
                        return Err(too_many_dimensions(self.open.len()));
                    }
                    if self.lengths.len() < self.open.len() {
                        self.lengths.push(None);
                    }
                    continue;
                }
                Some('}') if self.open == [0] => {}
                Some(mark @ ('}' | ',')) => return Err(self.unexpected(mark)),
                Some(first) => {
                    let level = self.open.len();
                    if *self.leaf.get_or_insert(level) != level {
                        let escape = first == '\\';
                        return Err(if escape {
                            self.unexpected(first)
                        } else {
                            (self.malformed)("Unexpected array element.")
                        });
                    }
                    let element = self.element()?;
                    self.elements.push(element);
                    self.count();
                }
            }
            // What stands behind a member.
            loop {
                self.skip();
                match self.characters.next() {
                    None => return Err((self.malformed)("Unexpected end of input.")),
                    Some(',') => break,
                    Some('}') => {
                        self.close()?;
                        if self.open.is_empty() {
                            self.skip();
                            return match self.characters.next() {
                                None => Ok(()),
                                Some(_) => Err((self.malformed)("Junk after closing right brace.")),
                            };
                        }
                        self.count();
                    }
                    Some('{') => return Err(self.unexpected('{')),
                    Some('\\') => return Err(self.unexpected('\\')),
                    Some(_) => return Err((self.malformed)("Unexpected array element.")),
                }
            }
        }
    }

    fn skip(&mut self) {
        while self.characters.next_if(|character| WHITESPACE.contains(character)).is_some() {}
    }

    fn count(&mut self) {
        if let Some(members) = self.open.last_mut() {
            *members += 1;
        }
    }

    fn close(&mut self) -> Result<(), FunctionError> {
        let members = self.open.pop().unwrap_or(0);
        match self.lengths.get_mut(self.open.len()) {
            Some(Some(known)) if *known != members => Err((self.malformed)(
                "Multidimensional arrays must have sub-arrays with matching dimensions.",
            )),
            Some(length) => {
                *length = Some(members);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// One element; its delimiter is left.
    fn element(&mut self) -> Result<Option<String>, FunctionError> {
        let ended = || (self.malformed)("Unexpected end of input.");
        let mut element = String::new();
        if self.characters.next_if_eq(&'"').is_some() {
            loop {
                match self.characters.next() {
                    None => return Err(ended()),
                    Some('"') => return Ok(Some(element)),
                    Some('\\') => element.push(self.characters.next().ok_or_else(ended)?),
                    Some(character) => element.push(character),
                }
            }
        }
        // The length up to which trailing blanks were escaped and stay.
        let mut keep = 0;
        while let Some(character) = self.characters.next_if(|one| !matches!(one, ',' | '}' | '{' | '"')) {
            if character == '\\' {
                element.push(self.characters.next().ok_or_else(ended)?);
                keep = element.len();
            } else {
                element.push(character);
            }
        }
        let trimmed = element.trim_end_matches(WHITESPACE).len();
        element.truncate(trimmed.max(keep));
        let is_null = keep == 0 && element.eq_ignore_ascii_case("null");
        Ok((!is_null).then_some(element))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Vec<Option<String>> {
        parse_array(text).unwrap().elements
    }

    fn bounds_of(text: &str) -> Vec<(i32, usize)> {
        parse_array(text).unwrap().dimensions.iter().map(|one| (one.lower, one.length)).collect()
    }

    fn detail(text: &str) -> String {
        parse_array(text).unwrap_err().detail.unwrap_or_default()
    }

    #[test]
    fn elements_in_one_dimension() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(elements("{}"), vec![]);
        assert_eq!(elements(" { 1 , NULL,\"null\" } "), vec![some("1"), None, some("null")]);
        assert_eq!(elements(r#"{"a b","q\"\\",""}"#), vec![some("a b"), some("q\"\\"), some("")]);
        assert_eq!(elements(r"{a\b,1 2 ,\ }"), vec![some("ab"), some("1 2"), some(" ")]);
        for text in ["", "1", "{1", "{1}x", "{,}", "{1,}", "{\"a\"b}", "{a\"b\"}"] {
            assert!(parse_array(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dimensions() {
        assert_eq!(bounds_of("{}"), []);
        assert_eq!(bounds_of("{1,2}"), [(1, 2)]);
        assert_eq!(bounds_of("{ { 1 , 2 }, {3,4},{5,6}}"), [(1, 3), (1, 2)]);
        assert_eq!(bounds_of("[0:1][5:5]={{1},{2}}"), [(0, 2), (5, 1)]);
        assert_eq!(bounds_of("[2] = {1,2}"), [(1, 2)]);
        assert_eq!(detail("{{},{}}"), "Unexpected \"}\" character.");
        assert_eq!(detail("{{1,{2}},{2,3}}"), "Unexpected \"{\" character.");
        assert_eq!(detail("{{1,2},3}"), "Unexpected array element.");
        assert_eq!(
            detail("{{1,2},{3}}"),
            "Multidimensional arrays must have sub-arrays with matching dimensions."
        );
        assert_eq!(detail("[0:1]={1,2,3}"), "Specified array dimensions do not match array contents.");
        assert_eq!(detail("[1:2{1}"), "Missing \"]\" after array dimensions.");
    }
}
