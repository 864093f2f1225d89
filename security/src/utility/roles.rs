//! CREATE, ALTER and DROP ROLE, GRANT and REVOKE of roles: PostgreSQL 16's rules. CREATEROLE alone lets one make roles
//! and gives ADMIN on each of them; everything else about a role needs ADMIN on it, and nobody gives an attribute that
//! the giver does not have.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use lis_lake::{ids::Oid, names::Identifier};
use lis_sql::statement::{MembershipOptions, RoleName, RoleOptions};
use secrecy::SecretString;

use super::Plan;
use crate::{
    authenticate::scram::scram_verifier,
    change::SecurityChange,
    error::{SecurityError, SecurityErrorKind},
    roles::{Membership, PREDEFINED, Role},
};

/// Names that only the server gives: PostgreSQL's, ours, and those of administrations, whose names are looked up to
/// decide who sees a sensitive area.
const RESERVED_PREFIXES: [&str; 3] = ["pg_", "lis_", "adm_"];

pub(super) fn create(
    plan: &mut Plan<'_>,
    name: &Identifier,
    options: &RoleOptions,
) -> Result<(), SecurityError> {
    let rights = plan.context.rights;
    let creator = plan.context.role();
    if let Some(prefix) = RESERVED_PREFIXES.iter().find(|prefix| name.as_str().starts_with(**prefix)) {
        return Err(SecurityError::new(
            SecurityErrorKind::ReservedName,
            format!("role name \"{}\" is reserved", name.as_str()),
        )
        .with_detail(format!("Role names starting with \"{prefix}\" are reserved.")));
    }
    if ["public", "none"].contains(&name.as_str()) {
        return Err(SecurityError::new(
            SecurityErrorKind::ReservedName,
            format!("role name \"{}\" is reserved", name.as_str()),
        ));
    }
    let may_create =
        rights.manages_security(creator) || rights.role(creator).is_some_and(|role| role.create_role);
    if !may_create {
        return Err(SecurityError::denied("permission denied to create role")
            .with_detail("Only roles with the CREATEROLE attribute may create roles."));
    }
    if rights.role_named(name).is_some() {
        return Err(SecurityError::new(
            SecurityErrorKind::DuplicateObject,
            format!("role \"{}\" already exists", name.as_str()),
        ));
    }
    require_own_attributes(plan, options, "create role")?;
    let mut role = Role::new(plan.next_oid(), name.clone());
    apply(&mut role, options)?;
    let new = role.oid;
    plan.changes.push(SecurityChange::CreateRole(role));

    // Who makes a role administers it, without using its rights until granting them to oneself. Who manages all security
    // needs no membership for that, and gets none, since it could then make itself a member of what it has made.
    if !rights.manages_security(creator) {
        plan.changes.push(SecurityChange::PutMembership(Membership {
            oid: plan.next_oid(),
            role: new,
            member: creator,
            grantor: Oid::ADMINISTRATOR,
            admin: true,
            inherit: false,
            set: false,
        }));
    }
    for in_role in &options.in_roles {
        let role = plan.role(&RoleName::Named(in_role.clone()))?;
        let grantor = grantor_of(plan, role, new, None)?;
        let inherit = options.inherit.unwrap_or(true);
        push_membership(plan, role, new, grantor, (false, inherit, true));
    }
    let grantor = if rights.manages_security(creator) { Oid::ADMINISTRATOR } else { creator };
    for (members, admin) in [(&options.members, false), (&options.admins, true)] {
        for member in members {
            let member = plan.role(&RoleName::Named(member.clone()))?;
            // With IN ROLE beside it, a new role would be a way round the rule about oneself.
            plan.as_security_admin(member)?;
            let inherit = rights.role(member).is_some_and(|role| role.inherit);
            push_membership(plan, new, member, grantor, (admin, inherit, true));
        }
    }
    Ok(())
}

pub(super) fn alter(
    plan: &mut Plan<'_>,
    name: &RoleName,
    options: &RoleOptions,
) -> Result<(), SecurityError> {
    let target = plan.role(name)?;
    let rights = plan.context.rights;
    let Some(mut role) = rights.role(target).cloned() else {
        return Err(SecurityError::internal("a role without a row"));
    };
    require_not_superuser(plan, &role, "alter")?;
    let only_password = RoleOptions { password: None, ..options.clone() } == RoleOptions::default();
    let own_password = only_password && target == plan.context.role();
    if !own_password {
        require_admin(plan, &role, "alter role")?;
        require_own_attributes(plan, options, "alter role")?;
    }
    if role.oid == Oid::ADMINISTRATOR && options.superuser == Some(false) {
        return Err(SecurityError::denied("permission denied to alter role")
            .with_detail("The bootstrap superuser must have the SUPERUSER attribute."));
    }
    apply(&mut role, options)?;
    plan.changes.push(SecurityChange::AlterRole(role));
    Ok(())
}

pub(super) fn set(
    plan: &mut Plan<'_>,
    name: &RoleName,
    setting: Option<&str>,
    value: Option<&str>,
) -> Result<(), SecurityError> {
    let target = plan.role(name)?;
    let Some(role) = plan.context.rights.role(target).cloned() else {
        return Err(SecurityError::internal("a role without a row"));
    };
    require_not_superuser(plan, &role, "alter")?;
    if target != plan.context.role() {
        require_admin(plan, &role, "alter role")?;
    }
    plan.changes.push(SecurityChange::SetRoleSetting {
        role: target,
        name: setting.map(str::to_lowercase),
        value: value.map(str::to_owned),
    });
    Ok(())
}

pub(super) fn drop(plan: &mut Plan<'_>, names: &[Identifier], if_exists: bool) -> Result<(), SecurityError> {
    for name in names {
        let rights = plan.context.rights;
        let Some(role) = rights.role_named(name).cloned() else {
            if if_exists {
                plan.notices.push(format!("role \"{}\" does not exist, skipping", name.as_str()));
                continue;
            }
            return Err(SecurityError::no_role(name));
        };
        if role.oid == plan.context.principal.current_oid() {
            return Err(in_use("current user cannot be dropped"));
        }
        if role.oid == plan.context.principal.session_oid() {
            return Err(in_use("session user cannot be dropped"));
        }
        require_not_superuser(plan, &role, "drop")?;
        let predefined = role.oid == Oid::ADMINISTRATOR || PREDEFINED.iter().any(|(oid, _)| *oid == role.oid);
        if predefined {
            return Err(SecurityError::new(
                SecurityErrorKind::DependentObjectsStillExist,
                format!("cannot drop role {name} because it is required by the database system"),
            ));
        }
        require_admin(plan, &role, "drop role")?;
        if let Some(dependent) = dependent_of(plan, role.oid) {
            return Err(SecurityError::new(
                SecurityErrorKind::DependentObjectsStillExist,
                format!("role \"{}\" cannot be dropped because some objects depend on it", name.as_str()),
            )
            .with_detail(dependent));
        }
        plan.changes.push(SecurityChange::DropRole(role.oid));
    }
    Ok(())
}

pub(super) fn grant(
    plan: &mut Plan<'_>,
    granted: &[Identifier],
    grantees: &[RoleName],
    options: MembershipOptions,
    granted_by: Option<&RoleName>,
) -> Result<(), SecurityError> {
    for role in granted {
        let role = plan.role(&RoleName::Named(role.clone()))?;
        for grantee in grantees {
            let member = plan.role(grantee)?;
            let grantor = grantor_of(plan, role, member, granted_by)?;
            let roles = plan.context.rights.roles();
            // A cycle: the role granted would be a member of itself.
            if role == member || roles.member_of(role).contains(&member) {
                return Err(SecurityError::new(
                    SecurityErrorKind::InvalidGrantOperation,
                    format!(
                        "role \"{}\" is a member of role \"{}\"",
                        plan.name_of(member),
                        plan.name_of(role)
                    ),
                ));
            }
            if options.admin == Some(true) && gave_admin(plan, role, grantor).contains(&member) {
                return Err(SecurityError::new(
                    SecurityErrorKind::InvalidGrantOperation,
                    "ADMIN option cannot be granted back to your own grantor",
                ));
            }
            let held = roles
                .memberships_of(member)
                .iter()
                .find(|membership| membership.role == role && membership.grantor == grantor);
            let (admin, inherit, set) = match held {
                Some(held) => (held.admin, held.inherit, held.set),
                None => (false, roles.role(member).is_some_and(|role| role.inherit), true),
            };
            if held.is_some() && options == MembershipOptions::default() {
                plan.notices.push(format!(
                    "role \"{}\" has already been granted membership in role \"{}\" by role \"{}\"",
                    plan.name_of(member),
                    plan.name_of(role),
                    plan.name_of(grantor)
                ));
                continue;
            }
            let options = (
                options.admin.unwrap_or(admin),
                options.inherit.unwrap_or(inherit),
                options.set.unwrap_or(set),
            );
            push_membership(plan, role, member, grantor, options);
        }
    }
    Ok(())
}

pub(super) fn revoke(
    plan: &mut Plan<'_>,
    revoked: &[Identifier],
    grantees: &[RoleName],
    option_for: MembershipOptions,
    granted_by: Option<&RoleName>,
    cascade: bool,
) -> Result<(), SecurityError> {
    for role in revoked {
        let role = plan.role(&RoleName::Named(role.clone()))?;
        for grantee in grantees {
            let member = plan.role(grantee)?;
            let grantor = revoker_of(plan, role, granted_by)?;
            let held = plan
                .context
                .rights
                .roles()
                .memberships_of(member)
                .iter()
                .find(|membership| membership.role == role && membership.grantor == grantor)
                .copied();
            let Some(held) = held else {
                plan.warnings.push(format!(
                    "role \"{}\" has not been granted membership in role \"{}\" by role \"{}\"",
                    plan.name_of(member),
                    plan.name_of(role),
                    plan.name_of(grantor)
                ));
                continue;
            };
            revoke_one(plan, held, option_for, cascade)?;
        }
    }
    Ok(())
}

/// Takes back a membership or one of its options, and with CASCADE what was granted by virtue of it.
fn revoke_one(
    plan: &mut Plan<'_>,
    held: Membership,
    option_for: MembershipOptions,
    cascade: bool,
) -> Result<(), SecurityError> {
    let whole = option_for == MembershipOptions::default();
    let roles = plan.context.rights.roles();
    if held.admin && (whole || option_for.admin.is_some()) {
        let keeps_admin = roles
            .memberships_of(held.member)
            .iter()
            .any(|other| other.role == held.role && other.grantor != held.grantor && other.admin);
        let dependents: Vec<Membership> = if keeps_admin {
            Vec::new()
        } else {
            roles
                .memberships()
                .filter(|other| other.role == held.role && other.grantor == held.member)
                .copied()
                .collect()
        };
        if !dependents.is_empty() && !cascade {
            return Err(SecurityError::new(
                SecurityErrorKind::DependentObjectsStillExist,
                "dependent privileges exist",
            )
            .with_hint("Use CASCADE to revoke them too."));
        }
        for dependent in dependents {
            revoke_one(plan, dependent, MembershipOptions::default(), cascade)?;
        }
    }
    plan.changes.push(if whole {
        SecurityChange::RemoveMembership { role: held.role, member: held.member, grantor: held.grantor }
    } else {
        SecurityChange::PutMembership(Membership {
            admin: held.admin && option_for.admin.is_none(),
            inherit: held.inherit && option_for.inherit.is_none(),
            set: held.set && option_for.set.is_none(),
            ..held
        })
    });
    Ok(())
}

/// As whom the current role grants `role` to `member`, if it may.
fn grantor_of(
    plan: &Plan<'_>,
    role: Oid,
    member: Oid,
    granted_by: Option<&RoleName>,
) -> Result<Oid, SecurityError> {
    let rights = plan.context.rights;
    let current = plan.context.role();
    if rights.is_superuser(role) && !rights.is_superuser(current) {
        return Err(denied_on_role(plan, "grant", role).with_detail(
            "Only roles with the SUPERUSER attribute may grant roles with the SUPERUSER attribute.",
        ));
    }
    if let Some(grantor) = rights.roles().admin_through(current, role) {
        return named_grantor(plan, role, granted_by).map(|named| named.unwrap_or(grantor));
    }
    if plan.as_security_admin(member)? {
        return Ok(Oid::ADMINISTRATOR);
    }
    Err(denied_on_role(plan, "grant", role).with_detail(format!(
        "Only roles with the ADMIN option on role \"{}\" may grant this role.",
        plan.name_of(role)
    )))
}

fn revoker_of(plan: &Plan<'_>, role: Oid, granted_by: Option<&RoleName>) -> Result<Oid, SecurityError> {
    let rights = plan.context.rights;
    let current = plan.context.role();
    if rights.is_superuser(role) && !rights.is_superuser(current) {
        return Err(denied_on_role(plan, "revoke", role).with_detail(
            "Only roles with the SUPERUSER attribute may revoke roles with the SUPERUSER attribute.",
        ));
    }
    let own = rights.roles().admin_through(current, role);
    if own.is_none() && !rights.manages_security(current) {
        return Err(denied_on_role(plan, "revoke", role).with_detail(format!(
            "Only roles with the ADMIN option on role \"{}\" may revoke this role.",
            plan.name_of(role)
        )));
    }
    let named = match granted_by {
        // Whoever manages all security takes back what anybody granted.
        Some(name) if rights.manages_security(current) => Some(plan.role(name)?),
        other => named_grantor(plan, role, other)?,
    };
    Ok(named.or(own).unwrap_or(Oid::ADMINISTRATOR))
}

/// GRANTED BY: a role whose rights the current role uses and that administers the role itself.
fn named_grantor(
    plan: &Plan<'_>,
    role: Oid,
    granted_by: Option<&RoleName>,
) -> Result<Option<Oid>, SecurityError> {
    let Some(name) = granted_by else { return Ok(None) };
    let grantor = plan.role(name)?;
    let roles = plan.context.rights.roles();
    if !roles.uses(plan.context.role(), grantor) {
        return Err(SecurityError::denied(format!(
            "permission denied to grant privileges as role \"{}\"",
            plan.name_of(grantor)
        ))
        .with_detail(format!(
            "Only roles with privileges of role \"{}\" may grant privileges as this role.",
            plan.name_of(grantor)
        )));
    }
    let administers = grantor == Oid::ADMINISTRATOR
        || roles.memberships_of(grantor).iter().any(|membership| membership.role == role && membership.admin);
    if !administers {
        return Err(SecurityError::denied(format!(
            "permission denied to grant privileges as role \"{}\"",
            plan.name_of(grantor)
        ))
        .with_detail(format!("The grantor must have the ADMIN option on role \"{}\".", plan.name_of(role))));
    }
    Ok(Some(grantor))
}

/// Everybody from whom `grantor`'s ADMIN option on a role comes.
fn gave_admin(plan: &Plan<'_>, role: Oid, grantor: Oid) -> Vec<Oid> {
    let roles = plan.context.rights.roles();
    let mut found = vec![grantor];
    let mut next = 0;
    while let Some(holder) = found.get(next).copied() {
        next += 1;
        for membership in roles.memberships_of(holder) {
            if membership.role == role && membership.admin && !found.contains(&membership.grantor) {
                found.push(membership.grantor);
            }
        }
    }
    found
}

fn push_membership(
    plan: &mut Plan<'_>,
    role: Oid,
    member: Oid,
    grantor: Oid,
    (admin, inherit, set): (bool, bool, bool),
) {
    let held = plan
        .context
        .rights
        .roles()
        .memberships_of(member)
        .iter()
        .find(|membership| membership.role == role && membership.grantor == grantor);
    let oid = held.map_or_else(|| plan.next_oid(), |held| held.oid);
    plan.changes.push(SecurityChange::PutMembership(Membership {
        oid,
        role,
        member,
        grantor,
        admin,
        inherit,
        set,
    }));
}

fn require_not_superuser(plan: &Plan<'_>, role: &Role, verb: &str) -> Result<(), SecurityError> {
    if role.superuser && !plan.context.is_superuser() {
        return Err(SecurityError::denied(format!("permission denied to {verb} role")).with_detail(format!(
            "Only roles with the SUPERUSER attribute may {verb} roles with the SUPERUSER attribute."
        )));
    }
    Ok(())
}

fn require_admin(plan: &Plan<'_>, role: &Role, action: &str) -> Result<(), SecurityError> {
    let rights = plan.context.rights;
    let current = plan.context.role();
    let may = rights.manages_security(current)
        || (rights.role(current).is_some_and(|role| role.create_role)
            && rights.roles().administers(current, role.oid));
    if may {
        return Ok(());
    }
    Err(SecurityError::denied(format!("permission denied to {action}")).with_detail(format!(
        "Only roles with the CREATEROLE attribute and the ADMIN option on role \"{}\" may {}.",
        role.name.as_str(),
        action.replace(" role", " this role")
    )))
}

/// Nobody gives (or takes) an attribute that the giver does not have.
fn require_own_attributes(plan: &Plan<'_>, options: &RoleOptions, action: &str) -> Result<(), SecurityError> {
    if plan.context.is_superuser() {
        return Ok(());
    }
    let own = plan.context.rights.role(plan.context.role());
    let attributes = [
        (options.superuser, "SUPERUSER", own.is_some_and(|own| own.superuser)),
        (options.create_db, "CREATEDB", own.is_some_and(|own| own.create_db)),
        (options.replication, "REPLICATION", own.is_some_and(|own| own.replication)),
        (options.bypass_rls, "BYPASSRLS", own.is_some_and(|own| own.bypass_rls)),
    ];
    for (wanted, name, held) in attributes {
        let asked = if action == "create role" { wanted == Some(true) } else { wanted.is_some() };
        if asked && !held {
            return Err(SecurityError::denied(format!("permission denied to {action}")).with_detail(
                format!(
                    "Only roles with the {name} attribute may {} the {name} attribute.",
                    if action == "create role" { "create roles with" } else { "change" }
                ),
            ));
        }
    }
    Ok(())
}

fn apply(role: &mut Role, options: &RoleOptions) -> Result<(), SecurityError> {
    let attributes = [
        (options.superuser, &mut role.superuser),
        (options.create_role, &mut role.create_role),
        (options.create_db, &mut role.create_db),
        (options.inherit, &mut role.inherit),
        (options.login, &mut role.login),
        (options.bypass_rls, &mut role.bypass_rls),
        (options.replication, &mut role.replication),
    ];
    for (wanted, attribute) in attributes {
        if let Some(wanted) = wanted {
            *attribute = wanted;
        }
    }
    if let Some(limit) = options.connection_limit {
        if limit < -1 {
            return Err(SecurityError::new(
                SecurityErrorKind::InvalidParameterValue,
                format!("invalid connection limit: {limit}"),
            ));
        }
        role.connection_limit = limit;
    }
    match &options.password {
        None => {}
        Some(None) => role.verifier = None,
        // As PostgreSQL does: an empty password is no password.
        Some(Some(password)) if password.0.is_empty() => role.verifier = None,
        Some(Some(password)) => {
            role.verifier = Some(scram_verifier(&SecretString::from(password.0.clone()))?);
        }
    }
    if let Some(until) = &options.valid_until {
        role.valid_until_us = valid_until(until)?;
    }
    Ok(())
}

/// VALID UNTIL: `infinity`, a date, or a date and time (UTC where no offset is given).
fn valid_until(text: &str) -> Result<Option<i64>, SecurityError> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("infinity") {
        return Ok(None);
    }
    let with_offset = ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"]
        .iter()
        .find_map(|format| DateTime::parse_from_str(text, format).ok())
        .map(|moment| moment.timestamp_micros());
    let local = || {
        ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
            .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
            .map(|moment| moment.and_utc().timestamp_micros())
    };
    with_offset.or_else(local).map(Some).ok_or_else(|| {
        SecurityError::new(
            SecurityErrorKind::InvalidDatetimeFormat,
            format!("invalid input syntax for type timestamp with time zone: \"{text}\""),
        )
    })
}

/// Something that would be left without its role.
fn dependent_of(plan: &Plan<'_>, role: Oid) -> Option<String> {
    let (rights, snapshot) = (plan.context.rights, plan.context.snapshot);
    if let Some(schema) = snapshot.schemas().find(|schema| schema.owner == role) {
        return Some(format!("owner of schema {}", schema.name));
    }
    if let Some(relation) = snapshot.relations().find(|relation| relation.owner() == role) {
        return Some(format!("owner of table {}", relation.name()));
    }
    let administration =
        rights.all_administrations().iter().find(|administration| administration.role == role);
    if let Some(administration) = administration {
        return Some(format!("role of administration {}", administration.code));
    }
    if let Some(grant) = rights.grants().iter().find(|grant| grant.grantee == role || grant.grantor == role) {
        let name = snapshot.relation_by_oid(grant.object.oid).map(|relation| relation.name().to_string());
        return Some(format!("privileges for {}", name.unwrap_or_else(|| "a schema".to_owned())));
    }
    if let Some(policy) = rights.policies().iter().find(|policy| policy.roles.contains(&role)) {
        return Some(format!("target of policy {}", policy.name));
    }
    let granted = rights.roles().memberships().find(|membership| membership.grantor == role)?;
    Some(format!(
        "privileges for membership of role {} in role {}",
        plan.name_of(granted.member),
        plan.name_of(granted.role)
    ))
}

fn in_use(message: &str) -> SecurityError {
    SecurityError::new(SecurityErrorKind::ObjectInUse, message)
}

fn denied_on_role(plan: &Plan<'_>, verb: &str, role: Oid) -> SecurityError {
    SecurityError::denied(format!("permission denied to {verb} role \"{}\"", plan.name_of(role)))
}
