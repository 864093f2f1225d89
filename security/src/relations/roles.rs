//! `pg_authid`, `pg_auth_members`, `pg_db_role_setting`, `pg_roles`, `pg_user` and `pg_group`.

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::{
    common::{Result, ScalarValue},
    error::DataFusionError,
};
use lis_lake::{ids::Oid, types::PgType};
use lis_pg_catalog::registry::{SystemColumn, SystemRelation, ViewContext};

use super::{array, batch, boolean, column, moment, oid, text, text_opt, viewer};
use crate::{error::SecurityError, rights::Rights, roles::Role};

/// What stands in the place of every verifier.
const BLANKED: &str = "********";

/// `name=value` of each setting, as `rolconfig` has them.
fn settings(rights: &Rights, role: Oid) -> Option<Vec<ScalarValue>> {
    let settings = rights.settings_of(role);
    (!settings.is_empty())
        .then(|| settings.iter().map(|(name, value)| text(format!("{name}={value}"))).collect())
}

/// `pg_authid`: superusers only, and no verifier even for them.
#[derive(Debug)]
pub(super) struct PgAuthid;

#[async_trait]
impl SystemRelation for PgAuthid {
    fn schema(&self) -> &'static str {
        "pg_catalog"
    }

    fn name(&self) -> &'static str {
        "pg_authid"
    }

    fn oid(&self) -> Oid {
        Oid::new(1260)
    }

    fn is_view(&self) -> bool {
        false
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[
            column("oid", PgType::Oid),
            column("rolname", PgType::Name),
            column("rolsuper", PgType::Bool),
            column("rolinherit", PgType::Bool),
            column("rolcreaterole", PgType::Bool),
            column("rolcreatedb", PgType::Bool),
            column("rolcanlogin", PgType::Bool),
            column("rolreplication", PgType::Bool),
            column("rolbypassrls", PgType::Bool),
            column("rolconnlimit", PgType::Int4),
            column("rolpassword", PgType::Text),
            column("rolvaliduntil", PgType::Timestamptz),
        ];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        if !context.viewer.is_superuser() {
            return Err(DataFusionError::External(Box::new(SecurityError::denied(
                "permission denied for table pg_authid",
            ))));
        }
        let row = |role: &Role| {
            vec![
                oid(role.oid),
                text(role.name.as_str()),
                boolean(role.superuser),
                boolean(role.inherit),
                boolean(role.create_role),
                boolean(role.create_db),
                boolean(role.login),
                boolean(role.replication),
                boolean(role.bypass_rls),
                ScalarValue::Int32(Some(role.connection_limit)),
                text_opt(role.verifier.as_ref().map(|_| BLANKED)),
                moment(role.valid_until_us),
            ]
        };
        batch(self.columns(), viewer(context)?.rights().roles().iter().map(row).collect())
    }
}

/// `pg_auth_members`.
#[derive(Debug)]
pub(super) struct PgAuthMembers;

#[async_trait]
impl SystemRelation for PgAuthMembers {
    fn schema(&self) -> &'static str {
        "pg_catalog"
    }

    fn name(&self) -> &'static str {
        "pg_auth_members"
    }

    fn oid(&self) -> Oid {
        Oid::new(1261)
    }

    fn is_view(&self) -> bool {
        false
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[
            column("oid", PgType::Oid),
            column("roleid", PgType::Oid),
            column("member", PgType::Oid),
            column("grantor", PgType::Oid),
            column("admin_option", PgType::Bool),
            column("inherit_option", PgType::Bool),
            column("set_option", PgType::Bool),
        ];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let rows = viewer(context)?
            .rights()
            .roles()
            .memberships()
            .map(|membership| {
                vec![
                    oid(membership.oid),
                    oid(membership.role),
                    oid(membership.member),
                    oid(membership.grantor),
                    boolean(membership.admin),
                    boolean(membership.inherit),
                    boolean(membership.set),
                ]
            })
            .collect();
        batch(self.columns(), rows)
    }
}

/// `pg_db_role_setting`: one's own, and every role's for who manages security.
#[derive(Debug)]
pub(super) struct PgDbRoleSetting;

#[async_trait]
impl SystemRelation for PgDbRoleSetting {
    fn schema(&self) -> &'static str {
        "pg_catalog"
    }

    fn name(&self) -> &'static str {
        "pg_db_role_setting"
    }

    fn oid(&self) -> Oid {
        Oid::new(2964)
    }

    fn is_view(&self) -> bool {
        false
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[
            column("setdatabase", PgType::Oid),
            column("setrole", PgType::Oid),
            column("setconfig", PgType::Array(&PgType::Text)),
        ];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let viewer = viewer(context)?;
        let rights = viewer.rights();
        let everybody = rights.manages_security(viewer.principal().current_oid());
        let rows = rights
            .roles()
            .iter()
            .filter(|role| everybody || viewer.uses(role.oid))
            .filter_map(|role| {
                let settings = settings(rights, role.oid)?;
                Some(vec![oid(Oid::INVALID), oid(role.oid), array(PgType::Text, Some(settings))])
            })
            .collect();
        batch(self.columns(), rows)
    }
}

/// `pg_roles`.
#[derive(Debug)]
pub(super) struct PgRoles;

#[async_trait]
impl SystemRelation for PgRoles {
    fn schema(&self) -> &'static str {
        "pg_catalog"
    }

    fn name(&self) -> &'static str {
        "pg_roles"
    }

    fn oid(&self) -> Oid {
        Oid::new(12000)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[
            column("rolname", PgType::Name),
            column("rolsuper", PgType::Bool),
            column("rolinherit", PgType::Bool),
            column("rolcreaterole", PgType::Bool),
            column("rolcreatedb", PgType::Bool),
            column("rolcanlogin", PgType::Bool),
            column("rolreplication", PgType::Bool),
            column("rolconnlimit", PgType::Int4),
            column("rolpassword", PgType::Text),
            column("rolvaliduntil", PgType::Timestamptz),
            column("rolbypassrls", PgType::Bool),
            column("rolconfig", PgType::Array(&PgType::Text)),
            column("oid", PgType::Oid),
        ];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let viewer = viewer(context)?;
        let rights = viewer.rights();
        let everybody = rights.manages_security(viewer.principal().current_oid());
        let row = |role: &Role| {
            let config = if everybody || viewer.uses(role.oid) { settings(rights, role.oid) } else { None };
            vec![
                text(role.name.as_str()),
                boolean(role.superuser),
                boolean(role.inherit),
                boolean(role.create_role),
                boolean(role.create_db),
                boolean(role.login),
                boolean(role.replication),
                ScalarValue::Int32(Some(role.connection_limit)),
                text(BLANKED),
                moment(role.valid_until_us),
                boolean(role.bypass_rls),
                array(PgType::Text, config),
                oid(role.oid),
            ]
        };
        batch(self.columns(), rights.roles().iter().map(row).collect())
    }
}

/// `pg_user`: roles that can log in.
#[derive(Debug)]
pub(super) struct PgUser;

#[async_trait]
impl SystemRelation for PgUser {
    fn schema(&self) -> &'static str {
        "pg_catalog"
    }

    fn name(&self) -> &'static str {
        "pg_user"
    }

    fn oid(&self) -> Oid {
        Oid::new(12014)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[
            column("usename", PgType::Name),
            column("usesysid", PgType::Oid),
            column("usecreatedb", PgType::Bool),
            column("usesuper", PgType::Bool),
            column("userepl", PgType::Bool),
            column("usebypassrls", PgType::Bool),
            column("passwd", PgType::Text),
            column("valuntil", PgType::Timestamptz),
            column("useconfig", PgType::Array(&PgType::Text)),
        ];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let viewer = viewer(context)?;
        let rights = viewer.rights();
        let everybody = rights.manages_security(viewer.principal().current_oid());
        let row = |role: &Role| {
            let config = if everybody || viewer.uses(role.oid) { settings(rights, role.oid) } else { None };
            vec![
                text(role.name.as_str()),
                oid(role.oid),
                boolean(role.create_db),
                boolean(role.superuser),
                boolean(role.replication),
                boolean(role.bypass_rls),
                text(BLANKED),
                moment(role.valid_until_us),
                array(PgType::Text, config),
            ]
        };
        batch(self.columns(), rights.roles().iter().filter(|role| role.login).map(row).collect())
    }
}

/// `pg_group`: roles that cannot log in, with their members.
#[derive(Debug)]
pub(super) struct PgGroup;

#[async_trait]
impl SystemRelation for PgGroup {
    fn schema(&self) -> &'static str {
        "pg_catalog"
    }

    fn name(&self) -> &'static str {
        "pg_group"
    }

    fn oid(&self) -> Oid {
        Oid::new(12010)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[
            column("groname", PgType::Name),
            column("grosysid", PgType::Oid),
            column("grolist", PgType::Array(&PgType::Oid)),
        ];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let rights = viewer(context)?.rights();
        let row = |role: &Role| {
            let mut members: Vec<Oid> = rights
                .roles()
                .memberships()
                .filter(|membership| membership.role == role.oid)
                .map(|membership| membership.member)
                .collect();
            members.dedup();
            let members = members.into_iter().map(oid).collect();
            vec![text(role.name.as_str()), oid(role.oid), array(PgType::Oid, Some(members))]
        };
        batch(self.columns(), rights.roles().iter().filter(|role| !role.login).map(row).collect())
    }
}
