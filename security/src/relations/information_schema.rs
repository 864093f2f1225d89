//! `information_schema`'s views of roles: those that the viewer uses, and what they were granted.

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::common::Result;
use lis_lake::{
    ids::Oid,
    types::{ColumnType, PgType},
};
use lis_pg_catalog::registry::{SystemColumn, SystemRelation, ViewContext};

use super::{batch, column, text, viewer};
use crate::viewer::RightsViewer;

/// `grantee`, `role_name`, `is_grantable`.
const GRANTED: &[SystemColumn] = &[
    column("grantee", PgType::Name),
    column("role_name", PgType::Name),
    SystemColumn { name: "is_grantable", column_type: ColumnType::varchar(3) },
];

/// Memberships held by the roles that the viewer uses.
fn granted(viewer: &RightsViewer, with_admin_only: bool) -> Result<RecordBatch> {
    let roles = viewer.rights().roles();
    let name =
        |oid: Oid| text(roles.role(oid).map_or_else(String::new, |role| role.name.as_str().to_owned()));
    let rows = roles
        .memberships()
        .filter(|membership| viewer.uses(membership.member) && (membership.admin || !with_admin_only))
        .map(|membership| {
            let grantable = if membership.admin { "YES" } else { "NO" };
            vec![name(membership.member), name(membership.role), text(grantable)]
        })
        .collect();
    batch(GRANTED, rows)
}

/// `information_schema.applicable_roles`.
#[derive(Debug)]
pub(super) struct ApplicableRoles;

#[async_trait]
impl SystemRelation for ApplicableRoles {
    fn schema(&self) -> &'static str {
        "information_schema"
    }

    fn name(&self) -> &'static str {
        "applicable_roles"
    }

    fn oid(&self) -> Oid {
        Oid::new(13236)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        GRANTED
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        granted(viewer(context)?, false)
    }
}

/// `information_schema.administrable_role_authorizations`.
#[derive(Debug)]
pub(super) struct AdministrableRoleAuthorizations;

#[async_trait]
impl SystemRelation for AdministrableRoleAuthorizations {
    fn schema(&self) -> &'static str {
        "information_schema"
    }

    fn name(&self) -> &'static str {
        "administrable_role_authorizations"
    }

    fn oid(&self) -> Oid {
        Oid::new(13241)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        GRANTED
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        granted(viewer(context)?, true)
    }
}

/// `information_schema.enabled_roles`.
#[derive(Debug)]
pub(super) struct EnabledRoles;

#[async_trait]
impl SystemRelation for EnabledRoles {
    fn schema(&self) -> &'static str {
        "information_schema"
    }

    fn name(&self) -> &'static str {
        "enabled_roles"
    }

    fn oid(&self) -> Oid {
        Oid::new(13325)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[column("role_name", PgType::Name)];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let viewer = viewer(context)?;
        let rows = viewer
            .rights()
            .roles()
            .iter()
            .filter(|role| viewer.uses(role.oid))
            .map(|role| vec![text(role.name.as_str())])
            .collect();
        batch(self.columns(), rows)
    }
}
