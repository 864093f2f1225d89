//! What a statement is judged with.

use std::sync::Arc;

use lis_lake::{
    ids::Oid,
    snapshot::Snapshot,
    table::{Relation, Schema},
};
use lis_sql::{catalog::Catalog, context::BindContext};

use crate::{principal::Principal, rights::Rights};

/// Everything that a judgement may know, as of one statement.
#[derive(Debug, Clone, Copy)]
pub struct StatementContext<'a> {
    /// The statement's rights, taken anew, with the transaction's staged changes over them.
    pub rights: &'a Arc<Rights>,
    /// Who asks.
    pub principal: &'a Principal,
    /// The statement's snapshot, with the transaction's staged changes over it.
    pub snapshot: &'a Snapshot,
    /// Names to things, over the same snapshot.
    pub catalog: &'a dyn Catalog,
    /// The session's facts.
    pub bind: &'a BindContext,
}

impl<'a> StatementContext<'a> {
    /// The current role.
    pub(crate) fn role(&self) -> Oid {
        self.principal.current_oid()
    }

    /// A table or view of the lake.
    pub(crate) fn relation(&self, oid: Oid) -> Option<&'a Relation> {
        self.snapshot.relation_by_oid(oid)
    }

    /// A schema of the lake.
    pub(crate) fn schema(&self, oid: Oid) -> Option<&'a Arc<Schema>> {
        self.snapshot.schemas().find(|schema| schema.id.oid() == oid)
    }

    /// Whether the current role is a superuser.
    pub(crate) fn is_superuser(&self) -> bool {
        self.rights.is_superuser(self.role())
    }
}
