//! `information_schema`'s views of roles: those that the viewer uses, and what they were granted.

use datafusion::common::Result;
use lis_lake::ids::Oid;
use lis_pg_catalog::{
    registry::ViewContext,
    rows::{Cell, Rows},
};

use super::viewer;

/// Memberships held by the roles that the viewer uses.
fn granted(context: &ViewContext, rows: &mut Rows, with_admin_only: bool) -> Result<()> {
    let viewer = viewer(context)?;
    let roles = viewer.rights().roles();
    let name = |oid: Oid| Cell::from(roles.role(oid).map_or("", |role| role.name.as_str()));
    for membership in roles.memberships() {
        if viewer.uses(membership.member) && (membership.admin || !with_admin_only) {
            rows.add([
                ("grantee", name(membership.member)),
                ("role_name", name(membership.role)),
                ("is_grantable", if membership.admin { "YES" } else { "NO" }.into()),
            ]);
        }
    }
    Ok(())
}

pub(super) fn applicable_roles(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    granted(context, rows, false)
}

pub(super) fn administrable_role_authorizations(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    granted(context, rows, true)
}

pub(super) fn enabled_roles(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    let viewer = viewer(context)?;
    for role in viewer.rights().roles().iter().filter(|role| viewer.uses(role.oid)) {
        rows.add([("role_name", (&role.name).into())]);
    }
    Ok(())
}
