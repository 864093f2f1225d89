//! UPDATE: where the rows are, what they become, and what RETURNING needs beside.

use super::{
    super::{Binder, Surroundings, attachments::Attachments, place::Clause},
    Affected, AffectedColumns, Command, Layout, place,
    returning::Seen,
};
use crate::{error::SqlError, modification::Update, names::ScopeColumn, types::Typed};

impl Binder<'_> {
    pub(super) fn update(
        &self,
        update: &Update,
        surroundings: Surroundings<'_>,
    ) -> Result<Affected, SqlError> {
        let target = self.target_table(&update.target, "update")?;
        let joined = self.beside(&target, &update.from, surroundings)?;
        let joined = self.affected_by(joined, update.selection.as_ref(), surroundings)?;
        let attachments = Attachments::default();
        let place = place(&joined.namespace, surroundings, Clause::Update, Some(&attachments));
        let assigned = self.assignments(&update.assignments, &target.relation, place)?;
        let plan = self.attached(joined.plan, &attachments)?;

        let mut affected = AffectedColumns::default();
        let identity = affected.push_identity(self, &target);
        let new = affected.len();
        for (column, own) in target.columns.iter().zip(target.own()) {
            let value = assigned.iter().find(|assigned| assigned.number == column.number);
            let typed = match value {
                Some(assigned) => assigned.value.clone(),
                None => unchanged(&own),
            };
            affected.push(self, column.name.as_str(), typed);
        }
        let row = Seen::target(&target);
        let returning = self.returning(&update.returning, row, &joined.namespace, surroundings)?;
        let others = affected.len();
        let returning = returning.map(|(returning, columns)| {
            for typed in columns {
                affected.push(self, "other", typed);
            }
            returning
        });
        Ok(Affected {
            command: Command::Update,
            relation: target.relation.oid,
            bound: affected.over(plan)?,
            layout: Layout {
                width: target.columns.len(),
                identity: Some(identity),
                new: Some(new),
                others,
                ..Layout::default()
            },
            columns: assigned.iter().map(|assigned| assigned.number).collect(),
            reads_target: false,
            steps: Vec::new(),
            returning,
        })
    }
}

/// A column's value as the row has it.
pub(super) fn unchanged(own: &ScopeColumn) -> Typed {
    Typed::new(own.expr.clone(), own.column_type, own.arrow_type.clone())
}
