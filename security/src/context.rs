//! What a statement is judged with.

use std::sync::Arc;

use lis_lake::{
    ids::Oid,
    snapshot::Snapshot,
    table::{Relation, Schema},
};
use lis_sql::{catalog::Catalog, context::BindContext};

use lis_pg_catalog::SessionCatalog;

use crate::{error::SecurityError, principal::Principal, rights::Rights};

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
    /// Judges something in the rights of an owner: its privileges, policies and administrations in the place of the
    /// asker's. Who has authenticated stays known.
    pub(crate) fn in_rights_of<T>(
        &self,
        owner: Oid,
        judge: impl FnOnce(&StatementContext<'_>) -> Result<T, SecurityError>,
    ) -> Result<T, SecurityError> {
        let catalog = self.catalog.as_any().and_then(|any| any.downcast_ref::<SessionCatalog>());
        let catalog = catalog.ok_or_else(|| SecurityError::internal("a catalogue of nobody's"))?;
        let principal = self.principal.as_owner(self.rights, owner)?;
        let bind = Arc::new(BindContext {
            current_user: principal.current_user().clone(),
            current_user_oid: owner,
            administrations: self.rights.administrations(&principal),
            ..self.bind.clone()
        });
        let viewer = self.rights.viewer(&principal, Arc::clone(&catalog.context().snapshot));
        let catalog = catalog.for_viewer(viewer, Arc::clone(&bind));
        judge(&StatementContext { principal: &principal, catalog: &catalog, bind: &bind, ..*self })
    }

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
