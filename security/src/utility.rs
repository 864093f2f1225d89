//! Statements that change rights: judged here, turned into [`SecurityChanges`].

use lis_lake::snapshot::Snapshot;
use lis_sql::{catalog::Catalog, context::BindContext, statement::UtilityStatement};

use crate::{change::SecurityChanges, error::SecurityError, principal::Principal, rights::Rights};

/// What a statement is judged with.
#[derive(Debug, Clone, Copy)]
pub struct UtilityContext<'a> {
    /// The rights of the statement, with the transaction's staged changes.
    pub rights: &'a Rights,
    /// Who asks.
    pub principal: &'a Principal,
    /// The snapshot, with the transaction's staged changes.
    pub snapshot: &'a Snapshot,
    /// Names to things.
    pub catalog: &'a dyn Catalog,
    /// The session's facts.
    pub bind: &'a BindContext,
}

/// Judges a statement about roles, grants, policies, row security or administrations (`CALL lis.create_administration`,
/// `lis.create_area`, `lis.secure_table`, …). `None` is a statement that is none of these.
pub fn plan_utility(
    _statement: &UtilityStatement,
    _context: UtilityContext<'_>,
) -> Result<Option<SecurityChanges>, SecurityError> {
    Ok(None)
}
