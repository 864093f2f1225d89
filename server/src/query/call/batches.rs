//! `lis.undo_batch`: for operators, superusers, and who loads the source. They see numbers of rows and no rows.

use lis_lake::ids::BatchId;
use lis_loaders::undo::{self, Undone};

use super::{Call, Notices};
use crate::{
    error::{Condition, Result, ServerError},
    wire::error::Report,
};

impl Call<'_> {
    /// `lis.undo_batch(number)`
    pub(super) async fn undo_batch(&mut self) -> Result<Notices> {
        self.arguments(1, 1)?;
        let batch = self.number(0, "batch")?;
        let server = std::sync::Arc::clone(&self.session.server);
        // Whoever may not know of a batch does not learn whether there is one.
        let found = undo::find_batch(&**server.lake.metadata(), BatchId::new(batch)).await;
        let is_own =
            found.as_ref().is_ok_and(|found| found.role.as_ref().is_some_and(|role| self.uses_role(role)));
        if !is_own {
            self.require_operator()?;
        }
        found?;
        let author = self.author();
        let (lake, state) = (std::sync::Arc::clone(&server.lake), server.state.clone());
        // In a task of its own: giving up waiting does not stop it half-way.
        let undone = server
            .tasks
            .spawn("undo", async move { undo::undo_batch(&lake, &state, BatchId::new(batch), &author).await })
            .await
            .map_err(|error| ServerError::Panicked(error.to_string()))??;
        Ok(match undone {
            Undone::Already => vec![Report::notice(format!("batch {batch} was undone before, skipping"))],
            Undone::Now { tables } => tables
                .into_iter()
                .map(|(table, removed, restored)| {
                    Report::notice(format!("{table}: {removed} rows removed, {restored} restored"))
                })
                .collect(),
        })
    }

    /// An argument that is a whole number.
    pub(super) fn number(&self, position: usize, what: &str) -> Result<i64> {
        let text = self.text(position, what)?;
        text.trim().parse().map_err(|_| {
            ServerError::new(
                Condition::InvalidTextRepresentation,
                format!("invalid input syntax for type bigint: \"{text}\""),
            )
        })
    }
}
