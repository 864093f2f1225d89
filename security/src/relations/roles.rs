//! `pg_authid`, `pg_auth_members`, `pg_db_role_setting`, `pg_roles`, `pg_user` and `pg_group`.

use datafusion::{common::Result, error::DataFusionError};
use lis_lake::ids::Oid;
use lis_pg_catalog::{registry::ViewContext, rows::Rows};

use super::viewer;
use crate::{error::SecurityError, rights::Rights, roles::Role, viewer::RightsViewer};

/// What stands in the place of every verifier.
const BLANKED: &str = "********";

/// `name=value` of each setting, as `rolconfig` has them.
fn settings(rights: &Rights, role: Oid) -> Option<Vec<String>> {
    let settings = rights.settings_of(role);
    (!settings.is_empty()).then(|| settings.iter().map(|(name, value)| format!("{name}={value}")).collect())
}

/// A role's settings for those who may know them: who uses the role, and who manages security.
fn shown_settings(viewer: &RightsViewer, role: &Role) -> Option<Vec<String>> {
    let rights = viewer.rights();
    let known = viewer.uses(role.oid) || rights.manages_security(viewer.principal().current_oid());
    known.then(|| settings(rights, role.oid)).flatten()
}

/// Superusers only, and no verifier even for them.
pub(super) fn pg_authid(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    if !context.viewer.is_superuser() {
        return Err(DataFusionError::External(Box::new(SecurityError::denied(
            "permission denied for table pg_authid",
        ))));
    }
    for role in viewer(context)?.rights().roles().iter() {
        rows.add([
            ("oid", role.oid.into()),
            ("rolname", (&role.name).into()),
            ("rolsuper", role.superuser.into()),
            ("rolinherit", role.inherit.into()),
            ("rolcreaterole", role.create_role.into()),
            ("rolcreatedb", role.create_db.into()),
            ("rolcanlogin", role.login.into()),
            ("rolreplication", role.replication.into()),
            ("rolbypassrls", role.bypass_rls.into()),
            ("rolconnlimit", role.connection_limit.into()),
            ("rolpassword", role.verifier.as_ref().map(|_| BLANKED).into()),
            ("rolvaliduntil", role.valid_until_us.into()),
        ]);
    }
    Ok(())
}

pub(super) fn pg_auth_members(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    for membership in viewer(context)?.rights().roles().memberships() {
        rows.add([
            ("roleid", membership.role.into()),
            ("member", membership.member.into()),
            ("grantor", membership.grantor.into()),
            ("admin_option", membership.admin.into()),
        ]);
    }
    Ok(())
}

/// One's own, and every role's for who manages security.
pub(super) fn pg_db_role_setting(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    let viewer = viewer(context)?;
    for role in viewer.rights().roles().iter() {
        if let Some(settings) = shown_settings(viewer, role) {
            rows.add([("setrole", role.oid.into()), ("setconfig", settings.into())]);
        }
    }
    Ok(())
}

pub(super) fn pg_roles(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    let viewer = viewer(context)?;
    for role in viewer.rights().roles().iter() {
        rows.add([
            ("rolname", (&role.name).into()),
            ("rolsuper", role.superuser.into()),
            ("rolinherit", role.inherit.into()),
            ("rolcreaterole", role.create_role.into()),
            ("rolcreatedb", role.create_db.into()),
            ("rolcanlogin", role.login.into()),
            ("rolreplication", role.replication.into()),
            ("rolconnlimit", role.connection_limit.into()),
            ("rolpassword", BLANKED.into()),
            ("rolvaliduntil", role.valid_until_us.into()),
            ("rolbypassrls", role.bypass_rls.into()),
            ("rolconfig", shown_settings(viewer, role).into()),
            ("oid", role.oid.into()),
        ]);
    }
    Ok(())
}

/// Roles that can log in.
pub(super) fn pg_user(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    let viewer = viewer(context)?;
    for role in viewer.rights().roles().iter().filter(|role| role.login) {
        rows.add([
            ("usename", (&role.name).into()),
            ("usesysid", role.oid.into()),
            ("usecreatedb", role.create_db.into()),
            ("usesuper", role.superuser.into()),
            ("userepl", role.replication.into()),
            ("usebypassrls", role.bypass_rls.into()),
            ("passwd", BLANKED.into()),
            ("valuntil", role.valid_until_us.into()),
            ("useconfig", shown_settings(viewer, role).into()),
        ]);
    }
    Ok(())
}

/// Roles that cannot log in, with their members.
pub(super) fn pg_group(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    let roles = viewer(context)?.rights().roles();
    for role in roles.iter().filter(|role| !role.login) {
        let mut members: Vec<i64> = roles
            .memberships()
            .filter(|membership| membership.role == role.oid)
            .map(|membership| i64::from(membership.member.get()))
            .collect();
        members.dedup();
        rows.add([
            ("groname", (&role.name).into()),
            ("grosysid", role.oid.into()),
            ("grolist", members.into()),
        ]);
    }
    Ok(())
}
