//! `pg_policy` and `pg_policies`: the policies of the relations that the viewer may know of.

use datafusion::common::Result;
use lis_lake::{ids::Oid, table::Relation};
use lis_pg_catalog::{registry::ViewContext, rows::Rows};
use lis_sql::deparse;

use super::viewer;
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

pub(super) fn pg_policy(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    for policy in visible(viewer(context)?, context) {
        let command = match policy.command {
            PolicyCommand::All => "*",
            PolicyCommand::Select => "r",
            PolicyCommand::Insert => "a",
            PolicyCommand::Update => "w",
            PolicyCommand::Delete => "d",
        };
        let roles: Vec<i64> = policy.roles.iter().map(|role| i64::from(role.get())).collect();
        rows.add([
            ("oid", policy.oid.into()),
            ("polname", (&policy.name).into()),
            ("polrelid", policy.relation.into()),
            ("polcmd", command.into()),
            ("polpermissive", policy.permissive.into()),
            ("polroles", roles.into()),
            ("polqual", policy.using.clone().into()),
            ("polwithcheck", policy.with_check.clone().into()),
        ]);
    }
    Ok(())
}

pub(super) fn pg_policies(context: &ViewContext, rows: &mut Rows) -> Result<()> {
    let viewer = viewer(context)?;
    let name_of = |role: &Oid| {
        if *role == PUBLIC {
            return "public".to_owned();
        }
        viewer.rights().role(*role).map_or_else(|| role.to_string(), |role| role.name.as_str().to_owned())
    };
    for policy in visible(viewer, context) {
        let Some(relation) = context.snapshot.relation_by_oid(policy.relation) else { continue };
        let Some(name) = context.snapshot.qualified_name(relation) else { continue };
        let command = match policy.command {
            PolicyCommand::All => "ALL",
            PolicyCommand::Select => "SELECT",
            PolicyCommand::Insert => "INSERT",
            PolicyCommand::Update => "UPDATE",
            PolicyCommand::Delete => "DELETE",
        };
        rows.add([
            ("schemaname", (&name.schema).into()),
            ("tablename", (&name.name).into()),
            ("policyname", (&policy.name).into()),
            ("permissive", if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" }.into()),
            ("roles", policy.roles.iter().map(name_of).collect::<Vec<_>>().into()),
            ("cmd", command.into()),
            ("qual", shown(relation, policy.using.as_deref()).into()),
            ("with_check", shown(relation, policy.with_check.as_deref()).into()),
        ]);
    }
    Ok(())
}

/// An expression as PostgreSQL shows it, where it can be shown so.
fn shown(relation: &Relation, expression: Option<&str>) -> Option<String> {
    let written = expression?;
    let shown = deparse::over_columns(written, relation.columns(), None, false);
    Some(shown.unwrap_or_else(|| written.to_owned()))
}
