//! Where an expression stands in a query: the clause, what names mean there, and where what must not stay in the
//! expression (aggregates, windows, sets, subqueries) is noted. A value of these types decides nothing by itself.

use super::{attachments::Attachments, calls::Calls, ctes::CteFrame};
use crate::names::Scope;

/// The part of a query that an expression stands in: it decides what may occur there and how PostgreSQL says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clause {
    SelectList,
    Where,
    JoinOn,
    GroupBy,
    Having,
    OrderBy,
    DistinctOn,
    Limit,
    Offset,
    Values,
    FromFunction,
    AggregateArgument,
    Filter,
    WindowDefinition,
    WindowFrame,
    Predicate,
    Check,
    CopyWhere,
    Update,
    Returning,
    MergeWhen,
}

impl Clause {
    /// As error messages name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SelectList => "SELECT",
            Self::Where => "WHERE",
            Self::JoinOn => "JOIN conditions",
            Self::GroupBy => "GROUP BY",
            Self::Having => "HAVING",
            Self::OrderBy => "ORDER BY",
            Self::DistinctOn => "DISTINCT ON",
            Self::Limit => "LIMIT",
            Self::Offset => "OFFSET",
            Self::Values => "VALUES",
            Self::FromFunction => "functions in FROM",
            Self::AggregateArgument => "aggregate function calls",
            Self::Filter => "FILTER",
            Self::WindowDefinition => "window definitions",
            Self::WindowFrame => "window frames",
            Self::Predicate => "policy expressions",
            Self::Check => "check constraints",
            Self::CopyWhere => "COPY FROM WHERE conditions",
            Self::Update => "UPDATE",
            Self::Returning => "RETURNING",
            Self::MergeWhen => "MERGE WHEN conditions",
        }
    }
}

/// The part of a query that an expression with a subquery stands in, for the aggregates in the subquery that belong there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aggregating<'s> {
    pub(crate) clause: Clause,
    pub(crate) calls: Option<&'s Calls>,
    pub(crate) attachments: Option<&'s Attachments>,
}

/// From where the value of an aggregate is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeenFrom {
    /// The query that it belongs to.
    Here,
    /// A subquery of that query.
    Subquery,
}

/// Where an expression stands: what its names mean and where its aggregates, windows, sets and subqueries go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'s> {
    pub(crate) scope: Scope<'s>,
    pub(crate) ctes: Option<&'s CteFrame<'s>>,
    pub(crate) clause: Clause,
    /// The calls of the SELECT that the expression belongs to, where aggregates, windows or sets are allowed.
    pub(crate) calls: Option<&'s Calls>,
    /// Where subqueries that must be joined to the plan are noted. `None`: only those that DataFusion plans by itself.
    pub(crate) attachments: Option<&'s Attachments>,
}

impl<'s> Place<'s> {
    /// The same place for another clause.
    pub(crate) fn within(self, clause: Clause) -> Self {
        Self { clause, ..self }
    }
}
