//! Rows of raw text: what a format makes of a block of a file. One allocation for the text and one for all places in it,
//! so that a million cells cost no million allocations.

use std::ops::Range;

use crate::rules::Broken;

/// A place in [`RawRows::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Where a row came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowPlace {
    /// Lines from the block's first to the row's first.
    pub(crate) line: u32,
    /// Its raw text, without the line end.
    pub(crate) raw: Span,
}

/// A row that is no row of this file: counted, rejected, and not among the others.
#[derive(Debug, Clone)]
pub(crate) struct BadRow {
    pub(crate) place: RowPlace,
    pub(crate) broken: Broken,
}

/// Rows of raw text with the same number of fields each.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawRows {
    /// The block's text; behind it, the fields that had to be unquoted.
    pub(crate) text: String,
    /// The line of the file that the block begins on, from 1.
    pub(crate) first_line: u64,
    /// Fields per row.
    pub(crate) width: usize,
    /// Every field of every row: row by row, `width` each.
    pub(crate) fields: Vec<Span>,
    /// Every row.
    pub(crate) rows: Vec<RowPlace>,
    /// What was not a row.
    pub(crate) bad: Vec<BadRow>,
}

impl RawRows {
    /// The raw text of a place; empty rather than a panic for a place that is not in the text.
    pub(crate) fn get(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// The line of the file that a row begins on, from 1.
    pub(crate) fn line(&self, place: RowPlace) -> u64 {
        self.first_line + u64::from(place.line)
    }

    /// Rows of both kinds.
    pub(crate) fn count(&self) -> usize {
        self.rows.len() + self.bad.len()
    }
}
