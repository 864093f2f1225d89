//! Where in a statement's text something stands. sqlparser counts lines and columns; PostgreSQL's clients count
//! characters from 1, and that is what every [`SqlError`](crate::error::SqlError) carries.

use sqlparser::tokenizer::{Location, Span};

/// Turns sqlparser's lines and columns into characters from 1. Made once per text; a look-up is one index.
#[derive(Debug, Clone)]
pub struct TextPositions {
    /// For each line, how many characters come before it.
    line_starts: Vec<usize>,
    characters: usize,
}

impl TextPositions {
    /// Reads the line ends of a text.
    pub fn new(text: &str) -> Self {
        let mut line_starts = vec![0];
        let mut characters = 0;
        for character in text.chars() {
            characters += 1;
            if character == '\n' {
                line_starts.push(characters);
            }
        }
        Self { line_starts, characters }
    }

    /// The position of a location, or `None` for the empty location of something that was not written.
    pub fn of(&self, location: Location) -> Option<usize> {
        let line = usize::try_from(location.line).ok()?.checked_sub(1)?;
        let column = usize::try_from(location.column).ok().filter(|column| *column > 0)?;
        Some(self.line_starts.get(line)? + column)
    }

    /// The position where a span begins.
    pub fn of_span(&self, span: Span) -> Option<usize> {
        self.of(span.start)
    }

    /// One past the last character: where "syntax error at end of input" is.
    pub fn end(&self) -> usize {
        self.characters + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_characters_over_lines() {
        let positions = TextPositions::new("sélect\n  å");
        assert_eq!(positions.of(Location { line: 1, column: 3 }), Some(3));
        assert_eq!(positions.of(Location { line: 2, column: 3 }), Some(10));
        assert_eq!(positions.of(Location { line: 0, column: 0 }), None);
        assert_eq!(positions.end(), 11);
    }
}
