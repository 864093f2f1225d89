//! A batch, one delivery from one source, on its way: [`Batch<Staged>`] → [`Batch<Cleansed>`] → [`Batch<Validated>`] → published.
//! Each state is made only by its step and consumed by the next, so a step that is skipped does not compile.

use std::{fmt, sync::Arc};

use chrono::NaiveDate;
use lis_lake::ids::BatchId;

use crate::config::LoadSpec;

/// By what a delivery is known: it is published once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchKey {
    /// The source's name.
    pub source: String,
    /// The day that the delivery is about.
    pub business_date: NaiveDate,
    /// The number of the delivery for its day, from 1.
    pub sequence: u32,
}

impl fmt::Display for BatchKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.source, self.business_date)?;
        if self.sequence == 1 { Ok(()) } else { write!(formatter, " sequence {}", self.sequence) }
    }
}

/// A batch in some state of the pipeline.
#[derive(Debug)]
pub struct Batch<State> {
    pub(crate) header: BatchHeader,
    pub(crate) state: State,
}

/// What a batch is, in every state.
#[derive(Debug, Clone)]
pub(crate) struct BatchHeader {
    /// Its number in the ledger; `None` in a dry run.
    pub(crate) number: Option<BatchId>,
    pub(crate) key: BatchKey,
    pub(crate) spec: Arc<LoadSpec>,
}

impl<State> Batch<State> {
    /// Goes on to the next state.
    pub(crate) fn with<Next>(self, next: impl FnOnce(State) -> Next) -> Batch<Next> {
        Batch { header: self.header, state: next(self.state) }
    }
}
