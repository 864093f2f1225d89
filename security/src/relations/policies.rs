//! `pg_policy` and `pg_policies`: the policies of the relations that the viewer may know of.

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use datafusion::common::{Result, ScalarValue};
use lis_lake::{ids::Oid, table::Relation, types::PgType};
use lis_pg_catalog::registry::{SystemColumn, SystemRelation, ViewContext};
use lis_sql::deparse;

use super::{array, batch, boolean, column, oid, text, text_opt, viewer};
use crate::{
    grants::PUBLIC,
    policy::{Policy, PolicyCommand},
    roles::AUDITOR,
    viewer::RightsViewer,
};

fn visible<'a>(viewer: &'a RightsViewer, context: &'a ViewContext) -> impl Iterator<Item = &'a Policy> {
    let rights = viewer.rights();
    let role = viewer.principal().current_oid();
    let everything = rights.manages_security(role) || viewer.uses(AUDITOR);
    rights
        .policies()
        .iter()
        .filter(move |policy| everything || context.viewer.may_see_relation(policy.relation))
        // Without a relation in this snapshot there is nothing to name.
        .filter(|policy| context.snapshot.relation_by_oid(policy.relation).is_some())
}

/// `pg_policy`.
#[derive(Debug)]
pub(super) struct PgPolicy;

#[async_trait]
impl SystemRelation for PgPolicy {
    fn schema(&self) -> &'static str {
        "pg_catalog"
    }

    fn name(&self) -> &'static str {
        "pg_policy"
    }

    fn oid(&self) -> Oid {
        Oid::new(3256)
    }

    fn is_view(&self) -> bool {
        false
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[
            column("oid", PgType::Oid),
            column("polname", PgType::Name),
            column("polrelid", PgType::Oid),
            column("polcmd", PgType::Char),
            column("polpermissive", PgType::Bool),
            column("polroles", PgType::Array(&PgType::Oid)),
            column("polqual", PgType::PgNodeTree),
            column("polwithcheck", PgType::PgNodeTree),
        ];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let rows = visible(viewer(context)?, context)
            .map(|policy| {
                let command = match policy.command {
                    PolicyCommand::All => "*",
                    PolicyCommand::Select => "r",
                    PolicyCommand::Insert => "a",
                    PolicyCommand::Update => "w",
                    PolicyCommand::Delete => "d",
                };
                vec![
                    oid(policy.oid),
                    text(policy.name.as_str()),
                    oid(policy.relation),
                    text(command),
                    boolean(policy.permissive),
                    array(PgType::Oid, Some(policy.roles.iter().copied().map(oid).collect())),
                    text_opt(policy.using.as_deref()),
                    text_opt(policy.with_check.as_deref()),
                ]
            })
            .collect();
        batch(self.columns(), rows)
    }
}

/// `pg_policies`.
#[derive(Debug)]
pub(super) struct PgPolicies;

#[async_trait]
impl SystemRelation for PgPolicies {
    fn schema(&self) -> &'static str {
        "pg_catalog"
    }

    fn name(&self) -> &'static str {
        "pg_policies"
    }

    fn oid(&self) -> Oid {
        Oid::new(12018)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[
            column("schemaname", PgType::Name),
            column("tablename", PgType::Name),
            column("policyname", PgType::Name),
            column("permissive", PgType::Text),
            column("roles", PgType::Array(&PgType::Name)),
            column("cmd", PgType::Text),
            column("qual", PgType::Text),
            column("with_check", PgType::Text),
        ];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let viewer = viewer(context)?;
        let name_of = |role: &Oid| -> ScalarValue {
            if *role == PUBLIC {
                return text("public");
            }
            text(
                viewer
                    .rights()
                    .role(*role)
                    .map_or_else(|| role.to_string(), |role| role.name.as_str().to_owned()),
            )
        };
        let rows = visible(viewer, context)
            .filter_map(|policy| {
                let relation = context.snapshot.relation_by_oid(policy.relation)?;
                let name = context.snapshot.qualified_name(relation)?;
                let command = match policy.command {
                    PolicyCommand::All => "ALL",
                    PolicyCommand::Select => "SELECT",
                    PolicyCommand::Insert => "INSERT",
                    PolicyCommand::Update => "UPDATE",
                    PolicyCommand::Delete => "DELETE",
                };
                Some(vec![
                    text(name.schema.as_str()),
                    text(name.name.as_str()),
                    text(policy.name.as_str()),
                    text(if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" }),
                    array(PgType::Name, Some(policy.roles.iter().map(name_of).collect())),
                    text(command),
                    text_opt(shown(relation, policy.using.as_deref()).as_deref()),
                    text_opt(shown(relation, policy.with_check.as_deref()).as_deref()),
                ])
            })
            .collect();
        batch(self.columns(), rows)
    }
}

/// An expression as PostgreSQL shows it, where it can be shown so.
fn shown(relation: &Relation, expression: Option<&str>) -> Option<String> {
    let written = expression?;
    let shown = deparse::over_columns(written, relation.columns(), None, false);
    Some(shown.unwrap_or_else(|| written.to_owned()))
}
