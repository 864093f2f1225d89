//! CREATE and DROP POLICY, ROW LEVEL SECURITY, and the policy of an administration column. A policy's expressions are
//! bound here, so that what cannot be bound, or does not give a boolean, is refused when it is written.

use lis_lake::{
    ids::{ColumnId, Oid},
    names::Identifier,
    table::{Relation, Table},
};
use lis_sql::{
    error::{SqlError, SqlErrorKind},
    statement::{ObjectName, RoleName},
};

use super::{Plan, next_oid};
use crate::{
    administrations::{ORDINARY, SecuredBy, policy_expression},
    change::{SecurityChange, SecurityChanges},
    derivation::Derived,
    error::{SecurityError, SecurityErrorKind},
    grants::PUBLIC,
    policy::{self, Policy, PolicyCommand, RowSecurity},
    rights::Rights,
};

/// The name of the policy that `lis.secure_table` writes.
pub(crate) const ADMINISTRATION_POLICY: &str = "lis_administration";

/// CREATE POLICY.
pub(super) struct NewPolicy<'a> {
    pub(super) name: &'a Identifier,
    pub(super) permissive: bool,
    pub(super) command: PolicyCommand,
    pub(super) roles: &'a [RoleName],
    pub(super) using: Option<&'a str>,
    pub(super) with_check: Option<&'a str>,
}

pub(super) fn create(
    plan: &mut Plan<'_>,
    table: &ObjectName,
    new: &NewPolicy<'_>,
) -> Result<(), SecurityError> {
    let context = plan.context;
    let table = owned_table(plan, table)?;
    let oid = table.id.oid();
    match new.command {
        PolicyCommand::Insert if new.using.is_some() => {
            return Err(syntax("only WITH CHECK expression allowed for INSERT"));
        }
        PolicyCommand::Select | PolicyCommand::Delete if new.with_check.is_some() => {
            return Err(syntax("WITH CHECK cannot be applied to SELECT or DELETE"));
        }
        PolicyCommand::All
        | PolicyCommand::Select
        | PolicyCommand::Insert
        | PolicyCommand::Update
        | PolicyCommand::Delete => {}
    }
    if context.rights.policies().on(oid).iter().any(|policy| policy.name == *new.name) {
        return Err(SecurityError::new(
            SecurityErrorKind::DuplicateObject,
            format!("policy \"{}\" for table \"{}\" already exists", new.name.as_str(), table.name.as_str()),
        ));
    }
    let Some(relation) = context.catalog.relation_by_oid(oid) else {
        return Err(SecurityError::internal("a table that the catalogue does not have"));
    };
    for text in [new.using, new.with_check].into_iter().flatten() {
        policy::bind_expression(text, &relation, context.catalog, context.bind)?;
    }
    let mut roles = new.roles.iter().map(|role| plan.grantee(role)).collect::<Result<Vec<_>, _>>()?;
    if roles.is_empty() || roles.contains(&PUBLIC) {
        roles = vec![PUBLIC];
    }
    let policy = Policy {
        oid: plan.next_oid(),
        relation: oid,
        name: new.name.clone(),
        permissive: new.permissive,
        command: new.command,
        roles,
        using: new.using.map(str::to_owned),
        with_check: new.with_check.map(str::to_owned),
    };
    plan.changes.push(SecurityChange::PutPolicy(policy));
    Ok(())
}

pub(super) fn drop(
    plan: &mut Plan<'_>,
    name: &Identifier,
    table: &ObjectName,
    if_exists: bool,
) -> Result<(), SecurityError> {
    let written = table.schema.as_ref().map(|schema| format!("{}.", schema.as_str())).unwrap_or_default();
    let table = owned_table(plan, table)?;
    let (relation, table_name) = (table.id.oid(), table.name.as_str().to_owned());
    let policies = plan.context.rights.policies();
    match policies.on(relation).iter().find(|policy| policy.name == *name) {
        Some(policy) => plan.changes.push(SecurityChange::RemovePolicy { relation, policy: policy.oid }),
        None => {
            let name = name.as_str();
            if !if_exists {
                let message = format!("policy \"{name}\" for table \"{table_name}\" does not exist");
                return Err(SecurityError::new(SecurityErrorKind::UndefinedObject, message));
            }
            plan.notices.push(format!(
                "policy \"{name}\" for relation \"{written}{table_name}\" does not exist, skipping"
            ));
        }
    }
    Ok(())
}

pub(super) fn alter_row_security(
    plan: &mut Plan<'_>,
    table: &ObjectName,
    enable: Option<bool>,
    force: Option<bool>,
) -> Result<(), SecurityError> {
    let relation = owned_table(plan, table)?.id.oid();
    let now = plan.context.rights.policies().row_security(relation);
    plan.changes.push(SecurityChange::SetRowSecurity {
        relation,
        row_security: RowSecurity {
            enabled: enable.unwrap_or(now.enabled),
            forced: force.unwrap_or(now.forced),
        },
    });
    Ok(())
}

/// `CALL lis.secure_table(table, column, area)`.
pub(super) fn secure(
    plan: &mut Plan<'_>,
    table: &ObjectName,
    column: &Identifier,
    area: &str,
) -> Result<(), SecurityError> {
    let table = owned_table(plan, table)?;
    let found = table.columns.iter().find(|other| other.name == *column).ok_or_else(|| {
        SecurityError::new(
            SecurityErrorKind::UndefinedColumn,
            format!("column \"{}\" of relation \"{}\" does not exist", column.as_str(), table.name.as_str()),
        )
    })?;
    let changes = secure_table(plan.context.rights, table.id.oid(), (found.id, &found.name), area)?;
    if let (Some(relation), Some(SecurityChange::PutPolicy(policy))) = (
        plan.context.catalog.relation_by_oid(table.id.oid()),
        changes.changes.iter().find(|change| matches!(change, SecurityChange::PutPolicy(_))),
    ) {
        let text = policy.using.as_deref().unwrap_or_default();
        policy::bind_expression(text, &relation, plan.context.catalog, plan.context.bind)?;
    }
    plan.changes.extend(changes.changes);
    Ok(())
}

/// `CALL lis.release_table(table)`: a table that was made from secured ones is like any other from now on.
pub(super) fn release(plan: &mut Plan<'_>, table: &ObjectName) -> Result<(), SecurityError> {
    let relation = plan.relation(table)?;
    let (oid, owner) = (relation.id().oid(), relation.owner());
    let context = &plan.context;
    if !context.rights.manages_security(context.role()) {
        return Err(SecurityError::denied("permission denied to release tables")
            .with_hint("A security administrator can do it."));
    }
    if context.rights.owns(context.principal, owner) && !context.is_superuser() {
        return Err(SecurityError::denied("a security administrator cannot release its own table"));
    }
    if context.rights.is_locked(oid) {
        plan.changes.push(SecurityChange::SetDerived { relation: oid, state: Derived::Released });
    } else {
        plan.warnings.push(format!("table \"{}\" is not restricted", table.name.as_str()));
    }
    Ok(())
}

/// What securing a table by its administration column changes: nothing if it is secured so already.
pub(crate) fn secure_table(
    rights: &Rights,
    table: Oid,
    (column, column_name): (ColumnId, &Identifier),
    area: &str,
) -> Result<SecurityChanges, SecurityError> {
    if area != ORDINARY && rights.all_administrations().area(area).is_none() {
        return Err(SecurityError::new(
            SecurityErrorKind::UndefinedObject,
            format!("area \"{area}\" does not exist"),
        )
        .with_hint("Make it with CALL lis.create_area, or name one of lis.areas."));
    }
    let secured = SecuredBy { column, area: area.to_owned() };
    let expression = policy_expression(column_name, area);
    let name = Identifier::exact(ADMINISTRATION_POLICY);
    let held = rights.policies().on(table).iter().find(|policy| policy.name == name);
    let on = RowSecurity { enabled: true, forced: true };
    let unchanged = rights.all_administrations().secured(table) == Some(&secured)
        && rights.policies().row_security(table) == on
        && held.is_some_and(|policy| policy.using.as_deref() == Some(&expression));
    if unchanged {
        return Ok(SecurityChanges::default());
    }
    let policy = Policy {
        oid: held.map_or_else(|| next_oid(rights.next_oid, &[]), |policy| policy.oid),
        relation: table,
        name,
        permissive: true,
        command: PolicyCommand::All,
        roles: vec![PUBLIC],
        using: Some(expression),
        with_check: None,
    };
    Ok(SecurityChanges::judged(
        rights,
        vec![
            SecurityChange::SetRowSecurity { relation: table, row_security: on },
            SecurityChange::PutPolicy(policy),
            SecurityChange::SecureTable { relation: table, secured },
        ],
    ))
}

/// A table that the current role may put policies on: its own, or any for who manages security.
fn owned_table<'a>(plan: &Plan<'a>, name: &ObjectName) -> Result<&'a Table, SecurityError> {
    let relation = plan.relation(name)?.id();
    let found = plan.context.snapshot.relation(relation);
    let Some(Relation::Table(table)) = found else {
        return Err(SecurityError::new(
            SecurityErrorKind::WrongObjectType,
            format!("\"{}\" is not a table", name.name.as_str()),
        ));
    };
    let context = &plan.context;
    if !context.rights.owns(context.principal, table.owner)
        && !context.rights.manages_security(context.role())
    {
        return Err(SecurityError::denied(format!("must be owner of table {}", table.name.as_str())));
    }
    let relation = table.id.oid();
    if context.snapshot.schema(table.schema_id).is_some_and(|schema| schema.temporary) {
        return Err(SecurityError::new(
            SecurityErrorKind::FeatureNotSupported,
            "temporary tables have no row security: only their session sees them",
        ));
    }
    if context.rights.is_locked(relation) && !context.rights.manages_security(context.role()) {
        return Err(SecurityError::denied(format!(
            "table \"{}\" was made from secured tables",
            table.name.as_str()
        ))
        .with_hint("A security administrator can change its row security, or release it."));
    }
    Ok(table)
}

fn syntax(message: &str) -> SecurityError {
    SqlError::new(SqlErrorKind::SyntaxError, message).into()
}
