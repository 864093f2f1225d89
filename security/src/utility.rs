//! Statements that change rights: judged here by PostgreSQL 16's rules, turned into [`SecurityChanges`]. Judging changes
//! nothing; the changes go into the commit of the statement's transaction.
//!
//! `lis_security_admin` manages every role that is not a superuser, every grant and every policy, and reads no rows: what
//! it may do only by that role it may not do for itself (or for PUBLIC, which it is part of).

mod administrations;
mod grants;
mod policies;
mod roles;

use lis_lake::{ids::Oid, names::QualifiedName, table::Relation};
use lis_sql::statement::{ObjectName, RoleName, UtilityStatement};

pub use administrations::{NewAdministration, create_administration, create_area};
pub(crate) use policies::secure_table;

use crate::{
    change::{SecurityChange, SecurityChanges},
    context::StatementContext,
    error::{SecurityError, SecurityErrorKind},
    grants::PUBLIC,
};

/// Judges a statement about roles, grants, policies, row security or administrations (`CALL lis.create_administration`,
/// `lis.create_area`, `lis.secure_table`). `None` is a statement that is none of these.
pub fn plan_utility(
    statement: &UtilityStatement,
    context: &StatementContext<'_>,
) -> Result<Option<SecurityChanges>, SecurityError> {
    let mut plan = Plan { context: *context, changes: Vec::new(), warnings: Vec::new(), notices: Vec::new() };
    match statement {
        UtilityStatement::CreateRole { name, options } => roles::create(&mut plan, name, options)?,
        UtilityStatement::AlterRole { name, options } => roles::alter(&mut plan, name, options)?,
        UtilityStatement::AlterRoleSet { name, setting, value } => {
            roles::set(&mut plan, name, setting.as_deref(), value.as_deref())?;
        }
        UtilityStatement::DropRole { names, if_exists } => roles::drop(&mut plan, names, *if_exists)?,
        UtilityStatement::GrantRole { roles, grantees, options, grantor } => {
            roles::grant(&mut plan, roles, grantees, *options, grantor.as_ref())?;
        }
        UtilityStatement::RevokeRole { roles, grantees, option_for, grantor, cascade } => {
            roles::revoke(&mut plan, roles, grantees, *option_for, grantor.as_ref(), *cascade)?;
        }
        UtilityStatement::GrantPrivileges { privileges, target, grantees, grant_option } => {
            grants::grant(&mut plan, privileges, target, grantees, *grant_option)?;
        }
        UtilityStatement::RevokePrivileges { privileges, target, grantees, grant_option_for, cascade } => {
            grants::revoke(&mut plan, privileges, target, grantees, *grant_option_for, *cascade)?;
        }
        UtilityStatement::CreatePolicy { name, table, permissive, command, roles, using, with_check } => {
            let policy = policies::NewPolicy {
                name,
                permissive: *permissive,
                command: *command,
                roles,
                using: using.as_deref(),
                with_check: with_check.as_deref(),
            };
            policies::create(&mut plan, table, &policy)?;
        }
        UtilityStatement::DropPolicy { name, table, if_exists } => {
            policies::drop(&mut plan, name, table, *if_exists)?;
        }
        UtilityStatement::AlterRowSecurity { table, enable, force } => {
            policies::alter_row_security(&mut plan, table, *enable, *force)?;
        }
        UtilityStatement::Call { name, arguments } => {
            if !administrations::call(&mut plan, name, arguments)? {
                return Ok(None);
            }
        }
        // Not about rights. A new statement is decided about here.
        UtilityStatement::Begin { .. }
        | UtilityStatement::Commit { .. }
        | UtilityStatement::Rollback { .. }
        | UtilityStatement::Savepoint(_)
        | UtilityStatement::Release(_)
        | UtilityStatement::RollbackTo(_)
        | UtilityStatement::Set { .. }
        | UtilityStatement::SetTransaction { .. }
        | UtilityStatement::Show(_)
        | UtilityStatement::Reset(_)
        | UtilityStatement::Discard(_)
        | UtilityStatement::Prepare { .. }
        | UtilityStatement::Execute { .. }
        | UtilityStatement::Deallocate(_)
        | UtilityStatement::Declare { .. }
        | UtilityStatement::Fetch { .. }
        | UtilityStatement::Move { .. }
        | UtilityStatement::Close(_)
        | UtilityStatement::UnlistenAll
        | UtilityStatement::CopyTo { .. }
        | UtilityStatement::CopyFrom { .. }
        | UtilityStatement::CreateSchema { .. }
        | UtilityStatement::DropSchema { .. }
        | UtilityStatement::AlterSchema { .. }
        | UtilityStatement::CreateTable { .. }
        | UtilityStatement::CreateTableAs { .. }
        | UtilityStatement::RefreshMaterializedView { .. }
        | UtilityStatement::AlterRelation { .. }
        | UtilityStatement::CreateView { .. }
        | UtilityStatement::DropRelation { .. }
        | UtilityStatement::Truncate { .. }
        | UtilityStatement::Lock { .. }
        | UtilityStatement::Maintain { .. }
        | UtilityStatement::DropIndex { .. }
        | UtilityStatement::Comment { .. } => return Ok(None),
    }
    let mut changes = SecurityChanges::judged(context.rights, plan.changes);
    changes.warnings = plan.warnings;
    changes.notices = plan.notices;
    Ok(Some(changes))
}

/// A judgement in progress.
struct Plan<'a> {
    context: StatementContext<'a>,
    changes: Vec<SecurityChange>,
    warnings: Vec<String>,
    notices: Vec<String>,
}

impl Plan<'_> {
    /// The number for a new role, membership or policy.
    fn next_oid(&self) -> Oid {
        next_oid(self.context.rights.next_oid, &self.changes)
    }

    /// A role by a name in a statement that must be one role.
    fn role(&self, name: &RoleName) -> Result<Oid, SecurityError> {
        match name {
            RoleName::Named(name) => self
                .context
                .rights
                .role_named(name)
                .map(|role| role.oid)
                .ok_or_else(|| SecurityError::no_role(name)),
            RoleName::CurrentUser => Ok(self.context.principal.current_oid()),
            RoleName::SessionUser => Ok(self.context.principal.session_oid()),
            RoleName::Public => {
                Err(SecurityError::new(SecurityErrorKind::UndefinedObject, "role \"public\" does not exist"))
            }
        }
    }

    /// A grantee, which may be PUBLIC.
    fn grantee(&self, name: &RoleName) -> Result<Oid, SecurityError> {
        match name {
            RoleName::Public => Ok(PUBLIC),
            other => self.role(other),
        }
    }

    /// A role's name for a message.
    fn name_of(&self, role: Oid) -> String {
        match self.context.rights.role(role) {
            Some(role) => role.name.as_str().to_owned(),
            None => role.to_string(),
        }
    }

    /// Whether the current role may do this only as a security administrator, and if so that it is not for itself.
    fn as_security_admin(&self, grantee: Oid) -> Result<bool, SecurityError> {
        let (rights, role) = (self.context.rights, self.context.role());
        if !rights.manages_security(role) {
            return Ok(false);
        }
        if !rights.is_superuser(role) && (grantee == PUBLIC || rights.roles().is_member(role, grantee)) {
            return Err(SecurityError::denied("a security administrator cannot grant to itself")
                .with_detail("The grantee is the current role, a role that it is a member of, or PUBLIC."));
        }
        Ok(true)
    }

    /// A table or view of the lake by a name in a statement.
    fn relation(&self, name: &ObjectName) -> Result<&Relation, SecurityError> {
        let found = match &name.schema {
            Some(schema) => {
                if self.context.snapshot.schema_named(schema).is_none()
                    && !self.context.catalog.has_schema(schema)
                {
                    return Err(SecurityError::new(
                        SecurityErrorKind::InvalidSchemaName,
                        format!("schema \"{}\" does not exist", schema.as_str()),
                    ));
                }
                // Whoever manages security does so for what it need not read.
                let manages = self.context.rights.manages_security(self.context.role());
                if !manages && !self.context.catalog.may_use_schema(schema) {
                    return Err(SecurityError::denied(format!(
                        "permission denied for schema {}",
                        schema.as_str()
                    )));
                }
                let name = QualifiedName { schema: schema.clone(), name: name.name.clone() };
                self.context.snapshot.relation_named(&name)
            }
            None => self.context.snapshot.relation_on_path(&self.context.bind.search_path, &name.name),
        };
        found.ok_or_else(|| {
            SecurityError::new(
                SecurityErrorKind::UndefinedTable,
                format!("relation \"{}\" does not exist", name.written()),
            )
        })
    }
}

/// The next number, past those that changes already take.
fn next_oid(counter: u32, changes: &[SecurityChange]) -> Oid {
    let taken = changes.iter().filter_map(|change| match change {
        SecurityChange::CreateRole(role) => Some(role.oid),
        SecurityChange::PutMembership(membership) => Some(membership.oid),
        SecurityChange::PutPolicy(policy) => Some(policy.oid),
        _ => None,
    });
    let past = taken.map(|oid| oid.get().saturating_add(1)).max().unwrap_or_default();
    Oid::new(counter.max(past).max(Oid::FIRST_NORMAL))
}
