//! Tables that are made from others: CREATE TABLE AS, SELECT INTO, materialized views. Their rows are what one user saw,
//! and nothing in them says who else may. So what is made from secured tables is secured in its turn, in the commit that
//! makes it:
//!
//! - made from one table that is secured by its administration column, keeping that column, and no row of which is made
//!   of several administrations' rows (`lineage.rs`): in the same way;
//! - otherwise its owner alone can read it, whatever is granted, until a security administrator releases it
//!   (`CALL lis.release_table`).
//!
//! Whoever owns such a table does not take the security off again: that is the security administrator's as well.

use crate::{
    authorise::AuthorisedQuery,
    change::{SecurityChange, SecurityChanges},
    context::StatementContext,
    error::SecurityError,
    lineage::AdministrationColumn,
    rights::Rights,
    utility::secure_table,
};
use lis_lake::{
    ids::{ColumnId, Oid},
    table::Table,
};

/// How a table that was made from secured ones is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derived {
    /// Its owner alone can read it.
    Restricted,
    /// It is secured by its administration column.
    Secured,
    /// A security administrator has released it: it is like any other.
    Released,
}

impl Derived {
    pub(crate) const fn stored(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Secured => "secured",
            Self::Released => "released",
        }
    }

    pub(crate) fn from_stored(text: &str) -> Option<Self> {
        [Self::Restricted, Self::Secured, Self::Released].into_iter().find(|state| state.stored() == text)
    }
}

impl Rights {
    /// How a table is kept that was made from secured ones; `None` for any other.
    pub fn derived(&self, relation: Oid) -> Option<Derived> {
        self.derived.get(&relation).copied()
    }

    /// Whether a table is kept from everybody but its owner.
    pub fn is_restricted(&self, relation: Oid) -> bool {
        self.derived(relation) == Some(Derived::Restricted)
    }

    /// Whether only a security administrator may change a table's row security.
    pub(crate) fn is_locked(&self, relation: Oid) -> bool {
        matches!(self.derived(relation), Some(Derived::Restricted | Derived::Secured))
    }
}

/// What secures `table`, whose rows come from a query. If it reads no secured
/// table, only that none of them has become one when this is committed: else its rows would lie open in the copy. Nothing,
/// if the table was derived before (a materialized view that is refreshed).
pub fn derivation(
    context: &StatementContext<'_>,
    table: &Table,
    query: &AuthorisedQuery,
) -> Result<SecurityChanges, SecurityError> {
    let (rights, read) = (context.rights, &query.access.relations);
    let relation = table.id.oid();
    if rights.derived(relation).is_some() {
        return Ok(SecurityChanges::default());
    }
    let is_secured =
        |oid: &&Oid| rights.policies().row_security(**oid).enabled || rights.is_restricted(**oid);
    let mut sources: Vec<Oid> = read.iter().filter(is_secured).copied().collect();
    sources.sort_unstable();
    sources.dedup();
    if sources.is_empty() {
        let mut relations = read.clone();
        relations.sort_unstable();
        relations.dedup();
        let unchanged = SecurityChange::StillOpen { relations };
        return Ok(SecurityChanges::unconditional(vec![unchanged]));
    }
    let mut changes = Vec::new();
    let state = match kept_column(context, table, &sources, query) {
        Some((column, area)) => {
            let name = table.column(column).map(|column| column.name.clone());
            let name =
                name.ok_or_else(|| SecurityError::internal("a column that the table does not have"))?;
            changes.extend(secure_table(rights, relation, (column, &name), &area)?.changes);
            Derived::Secured
        }
        None => Derived::Restricted,
    };
    changes.push(SecurityChange::SetDerived { relation, state });
    Ok(SecurityChanges::judged(rights, changes))
}

/// The new table's column that is the administration column of its only secured source, and the source's area.
fn kept_column(
    context: &StatementContext<'_>,
    table: &Table,
    sources: &[Oid],
    query: &AuthorisedQuery,
) -> Option<(ColumnId, String)> {
    let rights = context.rights;
    let [source] = sources else { return None };
    let secured = rights.all_administrations().secured(*source)?;
    // Further policies would be lost.
    if rights.is_restricted(*source) || rights.policies().on(*source).len() != 1 {
        return None;
    }
    let source_table = context.snapshot.relation_by_oid(*source)?.as_table()?;
    let name = source_table.column(secured.column)?.name.as_str();
    if !(AdministrationColumn { table: *source, name }).keeps_rows_apart(query.bound()) {
        return None;
    }
    let position = query.outputs.iter().position(|output| {
        output.origin.is_some_and(|origin| {
            origin.relation == *source && i64::from(origin.column) == secured.column.get()
        })
    })?;
    Some((table.columns.get(position)?.id, secured.area.clone()))
}
