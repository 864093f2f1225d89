//! DELETE: where the rows are, and with RETURNING what was in them.

use super::{
    super::{Binder, Surroundings},
    Affected, AffectedColumns, Command, Layout,
    returning::Seen,
    update::unchanged,
};
use crate::{error::SqlError, modification::Delete};

impl Binder<'_> {
    pub(super) fn delete(
        &self,
        delete: &Delete,
        surroundings: Surroundings<'_>,
    ) -> Result<Affected, SqlError> {
        let target = self.target_table(&delete.target, "delete from")?;
        let joined = self.beside(&target, &delete.using, surroundings)?;
        let joined = self.affected_by(joined, delete.selection.as_ref(), surroundings)?;
        let returning =
            self.returning(&delete.returning, Seen::target(&target), &joined.namespace, surroundings)?;

        let mut affected = AffectedColumns::default();
        let identity = affected.push_identity(self, &target);
        let mut old = None;
        let mut others = affected.len();
        let returning = returning.map(|(returning, columns)| {
            old = Some(affected.len());
            for own in target.own() {
                affected.push(self, own.name.as_str(), unchanged(&own));
            }
            others = affected.len();
            for typed in columns {
                affected.push(self, "other", typed);
            }
            returning
        });
        Ok(Affected {
            command: Command::Delete,
            relation: target.relation.oid,
            bound: affected.over(joined.plan)?,
            layout: Layout {
                width: target.columns.len(),
                identity: Some(identity),
                old,
                others,
                ..Layout::default()
            },
            columns: Vec::new(),
            reads_target: false,
            steps: Vec::new(),
            returning,
        })
    }
}
