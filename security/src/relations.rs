//! Security's system relations: roles and memberships as `pg_catalog` has them, policies, administrations and areas, the
//! audit. Each takes a viewer and shows what that viewer may see: names of roles are everybody's, as in PostgreSQL;
//! policies belong to relations and are shown with them; verifiers are shown to nobody.

mod administrations;
mod audit;
mod information_schema;
mod policies;
mod roles;

use std::{path::Path, sync::Arc};

use datafusion::{common::Result, error::DataFusionError};
use lis_pg_catalog::{
    registry::{Registry, ViewContext},
    rows::Rows,
};

use self::{
    administrations::{ADMINISTRATIONS, AREAS, administrations, areas},
    audit::AuditRecords,
};
use crate::{error::SecurityError, viewer::RightsViewer};

type Fill = fn(&ViewContext, &mut Rows) -> Result<()>;

/// Registers them all.
pub(crate) fn register(registry: &mut Registry, audit: &Path) {
    let filled: [(&str, &str, Fill); 11] = [
        ("pg_catalog", "pg_authid", roles::pg_authid),
        ("pg_catalog", "pg_auth_members", roles::pg_auth_members),
        ("pg_catalog", "pg_db_role_setting", roles::pg_db_role_setting),
        ("pg_catalog", "pg_group", roles::pg_group),
        ("pg_catalog", "pg_roles", roles::pg_roles),
        ("pg_catalog", "pg_user", roles::pg_user),
        ("pg_catalog", "pg_policies", policies::pg_policies),
        ("pg_catalog", "pg_policy", policies::pg_policy),
        (
            "information_schema",
            "administrable_role_authorizations",
            information_schema::administrable_role_authorizations,
        ),
        ("information_schema", "applicable_roles", information_schema::applicable_roles),
        ("information_schema", "enabled_roles", information_schema::enabled_roles),
    ];
    for (schema, name, fill) in filled {
        registry.fill(schema, name, Box::new(fill));
    }
    registry.register_filled(&ADMINISTRATIONS, Box::new(administrations));
    registry.register_filled(&AREAS, Box::new(areas));
    registry.register(Arc::new(AuditRecords::new(audit)));
}

/// The viewer as ours: every viewer of a server is.
fn viewer(context: &ViewContext) -> Result<&RightsViewer> {
    context.viewer.as_any().downcast_ref::<RightsViewer>().ok_or_else(|| {
        DataFusionError::External(Box::new(SecurityError::internal("a viewer that is not security's")))
    })
}
