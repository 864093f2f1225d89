//! Random queries that PostgreSQL and LIS both accept, so that answers can be compared. A [`Generator`] makes the same
//! queries for the same seed, over the tables of [`SETUP`], in which nulls, duplicates, negative and boundary values are
//! frequent and rows few.
//!
//! A query is a tree of `Piece`s. Every expression and clause that could be simpler says how, so that a failing query
//! can be made small: [`shrink`] takes the simpler form wherever the query keeps failing.
//!
//! What the generator avoids is what the two may answer differently: order of rows without a total order, division of
//! numerics (scales), operations that fail on values (which rows are evaluated is a server's own business).

mod changes;
mod compare;
mod expressions;
mod forms;
mod queries;
mod relations;
mod richer_values;
mod ways;
mod windows;

pub use compare::{Outcome, compare, compare_over};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
pub use ways::{Way, compare_by};

/// The tables. Two of them share names of columns, and so do the other two; queries name the table beside the column.
pub const SETUP: &[&str] = &[
    "create schema slump",
    "create table slump.ett (ea integer, eb integer, ec text, ed numeric(8,2), ee date, ef boolean, eg bigint)",
    "create table slump.tva (ta integer not null, tb integer, tc text, td numeric(8,2), te date, tf boolean, tg bigint)",
    "create table slump.tre (ta integer, tb smallint, tc varchar(10), td numeric(10,3), te timestamp, tf boolean, tg bigint)",
    "create table slump.tom (ea integer, ec text)",
    "create table slump.fyra (fa integer, fj jsonb, fz timestamptz, fs text collate \"sv-x-icu\", fc char(4))",
    "insert into slump.ett values (1, 1, 'a', 1.50, '2024-01-01', true, 10), (1, 2, 'b', -1.50, '2024-02-29', false, 10), \
     (2, null, 'a', 0, null, null, -5), (null, 3, null, 10.25, '1999-12-31', true, null), (3, 1, '', null, '2024-01-01', false, 0), \
     (-1, -1, 'ab', 100.00, '2024-12-31', true, 4294967296), (0, 0, 'B', 0.01, '1970-01-01', null, 1), (2, 2, 'a', 1.50, null, true, 10)",
    "insert into slump.tva values (1, 10, 'a', 2.50, '2024-01-01', true, 1), (2, null, 'b', 2.50, '2024-01-02', false, 2), \
     (2, 20, null, null, '2024-01-02', null, 3), (5, 50, 'zz', -9.99, '2023-06-15', true, null), (-1, 1, 'A', 0, null, false, -4294967296), \
     (3, 3, 'ab', 3.00, '2024-03-31', true, 10)",
    "insert into slump.tre values (1, 1, 'a', 1.500, '2024-01-01 00:00:00', true, 1), (2, 2, 'b', 2.001, '2024-01-01 12:30:00', false, 10), \
     (null, null, null, null, null, null, null), (3, -1, 'c', -0.001, '1999-12-31 23:59:59', true, 0), (1, 1, 'a', 1.500, '2024-01-01 00:00:00', true, 1)",
    "insert into slump.fyra values (1, '{\"a\": 1, \"b\": [1, 2]}', '2024-03-31 01:30:00+01', 'ö', 'ab'), (2, '[1, \"b\", null]', '2024-10-27 02:30:00+02', 'Å', 'a'), \
     (2, '\"a\"', '2024-10-27 02:30:00+01', 'z', ''), (3, 'null', '1999-12-31 23:59:59-05', 'a', 'B'), (null, null, null, null, null), \
     (-1, '{\"a\": {\"b\": true}}', '2024-01-01 00:00:00+00', 'W', 'ab'), (5, '2', '2024-03-31 01:30:00+01', 'v', null), (1, '{}', null, 'ä', 'å')",
];

/// A type of expressions, as the generator knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Integer,
    Bigint,
    Numeric,
    Text,
    Date,
    Timestamp,
    Boolean,
    Interval,
    Float,
    /// `integer[]`
    Integers,
    Jsonb,
    /// `timestamptz`
    Zoned,
    /// `text` in the order of the Swedish alphabet.
    Named,
    /// `character(4)`
    Padded,
}

impl Type {
    /// The types that columns can have. Two intervals can be equal and look different, so that one of them is not determined.
    pub(crate) const ALL: [Self; 13] = [
        Self::Integer,
        Self::Bigint,
        Self::Numeric,
        Self::Text,
        Self::Date,
        Self::Timestamp,
        Self::Boolean,
        Self::Float,
        Self::Integers,
        Self::Jsonb,
        Self::Zoned,
        Self::Named,
        Self::Padded,
    ];

    /// The type's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Bigint => "bigint",
            Self::Numeric => "numeric",
            Self::Text => "text",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
            Self::Boolean => "boolean",
            Self::Interval => "interval",
            Self::Float => "float8",
            Self::Integers => "integer[]",
            Self::Jsonb => "jsonb",
            Self::Zoned => "timestamptz",
            Self::Named => "text collate \"sv-x-icu\"",
            Self::Padded => "character(4)",
        }
    }
}

/// A part of a query's text.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    /// As it is.
    Text(String),
    /// A part that a simpler text can replace.
    Part {
        /// The part.
        full: Vec<Piece>,
        /// What can stand in its place.
        simple: String,
        /// Whether it does.
        simplified: bool,
    },
}

impl Piece {
    pub(crate) fn part(full: Vec<Piece>, simple: impl Into<String>) -> Self {
        Self::Part { full, simple: simple.into(), simplified: false }
    }
}

impl From<&str> for Piece {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Piece {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A column in sight.
#[derive(Debug, Clone)]
pub(crate) struct Visible {
    pub(crate) name: String,
    pub(crate) kind: Type,
}

/// Makes queries.
#[derive(Debug)]
pub struct Generator {
    random: StdRng,
    next_name: usize,
    /// How many more tables a query may read: what keeps products small.
    tables_left: usize,
    /// Whether a window of the query may cut between rows that tie.
    cut: bool,
    /// The WITH queries in sight and their columns.
    ctes: Vec<(String, Vec<Visible>)>,
}

/// A query that was made.
#[derive(Debug, Clone)]
pub struct Query {
    pieces: Vec<Piece>,
    /// Whether its rows come in an order that it fixes.
    pub ordered: bool,
}

impl Generator {
    /// A generator for a seed.
    pub fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            next_name: 0,
            tables_left: 0,
            cut: false,
            ctes: Vec::new(),
        }
    }

    /// The next query.
    pub fn query(&mut self) -> Query {
        self.next_name = 0;
        self.tables_left = 6;
        self.cut = false;
        let ordered = self.chance(40);
        let (pieces, _) = self.whole_query(&[], 3, None, ordered);
        Query { pieces, ordered }
    }

    /// A predicate over the columns of `slump.ett`, for tests that compare queries of one server with each other.
    pub fn predicate(&mut self) -> Query {
        self.next_name = 0;
        self.tables_left = 3;
        // With the table's name: a subquery may read the table again, under another.
        let mut columns = queries::table_columns(0);
        for column in &mut columns {
            column.name.insert_str(0, "ett.");
        }
        Query { pieces: vec![self.expression(Type::Boolean, &columns, 3)], ordered: false }
    }

    /// A value over the columns of `slump.ett`, and its type's name.
    pub fn value(&mut self) -> (Query, &'static str) {
        let kind = *self.pick(&Type::ALL);
        self.next_name = 0;
        self.tables_left = 3;
        let mut columns = queries::table_columns(0);
        for column in &mut columns {
            column.name.insert_str(0, "ett.");
        }
        (Query { pieces: vec![self.expression(kind, &columns, 2)], ordered: false }, kind.name())
    }

    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.random.random_range(0..100) < percent
    }

    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.random.random_range(0..count.max(1))
    }

    pub(crate) fn pick<'t, T>(&mut self, choices: &'t [T]) -> &'t T {
        &choices[self.below(choices.len())]
    }

    pub(crate) fn name(&mut self, prefix: &str) -> String {
        self.next_name += 1;
        format!("{prefix}{}", self.next_name)
    }
}

impl Query {
    /// A query as it is written.
    pub fn written(sql: String) -> Self {
        Self { pieces: vec![Piece::Text(sql)], ordered: false }
    }

    /// Its text.
    pub fn sql(&self) -> String {
        let mut text = String::new();
        write(&self.pieces, &mut text);
        text
    }
}

fn write(pieces: &[Piece], text: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Text(own) => text.push_str(own),
            Piece::Part { simple, simplified: true, .. } => text.push_str(simple),
            Piece::Part { full, .. } => write(full, text),
        }
    }
}

/// Makes a query that fails smaller: every part in turn is replaced by its simple form if the query still fails.
pub fn shrink(query: &Query, mut fails: impl FnMut(&Query) -> bool) -> Query {
    let mut best = query.clone();
    let mut index = 0;
    loop {
        let mut candidate = best.clone();
        let mut left = index;
        if !simplify(&mut candidate.pieces, &mut left) {
            return best;
        }
        if fails(&candidate) {
            // Its parts are gone, so the next part has this number now.
            best = candidate;
        } else {
            index += 1;
        }
    }
}

/// Simplifies the part of a number, counted among those that are not simplified yet; false if there are fewer.
fn simplify(pieces: &mut [Piece], left: &mut usize) -> bool {
    for piece in pieces {
        if let Piece::Part { full, simplified, .. } = piece
            && !*simplified
        {
            if *left == 0 {
                *simplified = true;
                return true;
            }
            *left -= 1;
            if simplify(full, left) {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{Generator, shrink};

    #[test]
    fn a_seed_gives_the_same_queries() {
        let make = || {
            let mut generator = Generator::new(7);
            (0..20).map(|_| generator.query().sql()).collect::<Vec<_>>()
        };
        assert_eq!(make(), make());
    }

    #[test]
    fn shrinking_keeps_what_fails() {
        let mut generator = Generator::new(1);
        let query = std::iter::from_fn(|| Some(generator.query()))
            .find(|query| query.sql().contains("slump.tva") && query.sql().len() > 400)
            .unwrap();
        let small = shrink(&query, |query| query.sql().contains("slump.tva"));
        assert!(small.sql().contains("slump.tva"));
        assert!(small.sql().len() < query.sql().len());
    }
}
