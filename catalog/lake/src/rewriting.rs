//! Who is about to rewrite which table, so that compaction keeps out of the way: it moves files that a statement has
//! read and would replace, and then the statement could not be committed. Compaction can always be done again, a
//! person's statement cannot.
//!
//! A writer takes an intent before it takes its snapshot. Compaction commits only when nobody has one for its table, and
//! whoever takes one while it commits waits for that moment. Between processes there are no intents; there the loser of
//! a race tries again.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

use tokio::sync::{Mutex, MutexGuard};

use crate::ids::RelationId;

/// The tables that are about to be rewritten.
#[derive(Debug, Default)]
pub(crate) struct Rewriting {
    /// Held while compaction commits.
    gate: Mutex<()>,
    tables: std::sync::Mutex<BTreeMap<RelationId, usize>>,
}

/// As long as it lives, compaction does not commit a change of the table.
#[derive(Debug)]
pub struct RewriteIntent {
    rewriting: Arc<Rewriting>,
    table: RelationId,
}

impl Drop for RewriteIntent {
    fn drop(&mut self) {
        let mut tables = self.rewriting.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = tables.get_mut(&self.table) {
            *count -= 1;
            if *count == 0 {
                tables.remove(&self.table);
            }
        }
    }
}

impl Rewriting {
    pub(crate) async fn intend(self: &Arc<Self>, table: RelationId) -> RewriteIntent {
        let _gate = self.gate.lock().await;
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        *tables.entry(table).or_default() += 1;
        RewriteIntent { rewriting: Arc::clone(self), table }
    }

    /// Keeps new intents waiting while the result is held; `None` if there is one for the table already.
    pub(crate) async fn shut_out(&self, table: RelationId) -> Option<MutexGuard<'_, ()>> {
        let gate = self.gate.lock().await;
        let taken = self.tables.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&table);
        (!taken).then_some(gate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn compaction_waits_for_nobody_and_nobody_for_long() {
        let rewriting = Arc::new(Rewriting::default());
        let (one, other) = (RelationId::new(1), RelationId::new(2));
        let intent = rewriting.intend(one).await;
        let again = rewriting.intend(one).await;
        assert!(rewriting.shut_out(one).await.is_none());
        drop(intent);
        assert!(rewriting.shut_out(one).await.is_none());
        assert!(rewriting.shut_out(other).await.is_some());
        drop(again);
        let gate = rewriting.shut_out(one).await.unwrap();
        let waiting = tokio::spawn({
            let rewriting = Arc::clone(&rewriting);
            async move { rewriting.intend(one).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(gate);
        let intent = waiting.await.unwrap();
        assert!(rewriting.shut_out(one).await.is_none());
        drop(intent);
    }
}
