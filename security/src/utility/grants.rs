//! GRANT and REVOKE of privileges on schemas and relations.

use lis_lake::{ids::Oid, names::Identifier, table::Relation};
use lis_sql::statement::{Privilege, PrivilegeTarget, RoleName};

use super::Plan;
use crate::{
    change::SecurityChange,
    error::{SecurityError, SecurityErrorKind},
    grants::{Grant, Object, ObjectKind, PUBLIC, privilege_name},
};

/// An object of the statement with what the rules ask of it.
struct Target {
    object: Object,
    owner: Oid,
    name: String,
}

impl Target {
    fn kind_name(&self) -> &'static str {
        match self.object.kind {
            ObjectKind::Schema => "schema",
            ObjectKind::Relation => "table",
        }
    }
}

pub(super) fn grant(
    plan: &mut Plan<'_>,
    privileges: &[Privilege],
    target: &PrivilegeTarget,
    grantees: &[RoleName],
    grant_option: bool,
) -> Result<(), SecurityError> {
    let grantees = grantees.iter().map(|name| plan.grantee(name)).collect::<Result<Vec<_>, _>>()?;
    if grant_option && grantees.contains(&PUBLIC) {
        return Err(SecurityError::new(
            SecurityErrorKind::InvalidGrantOperation,
            "grant options can only be granted to roles",
        ));
    }
    for target in targets(plan, target)? {
        let wanted = wanted(privileges, target.object.kind)?;
        if target.object.kind == ObjectKind::Relation && plan.context.rights.is_restricted(target.object.oid)
        {
            plan.warnings.push(format!(
                "table \"{}\" was made from secured tables: nobody but its owner can use it until it is released",
                target.name
            ));
        }
        for grantee in &grantees {
            let mut granted = 0;
            for privilege in &wanted {
                let Some(grantor) = grantor_of(plan, &target, *privilege, Some(*grantee))? else { continue };
                granted += 1;
                // The owner has everything without a row.
                if *grantee != target.owner {
                    plan.changes.push(SecurityChange::PutGrant(Grant {
                        object: target.object,
                        grantee: *grantee,
                        grantor,
                        privilege: *privilege,
                        grantable: grant_option,
                    }));
                }
            }
            report(plan, &target, granted, wanted.len(), "granted")?;
        }
    }
    Ok(())
}

pub(super) fn revoke(
    plan: &mut Plan<'_>,
    privileges: &[Privilege],
    target: &PrivilegeTarget,
    grantees: &[RoleName],
    grant_option_for: bool,
    cascade: bool,
) -> Result<(), SecurityError> {
    let grantees = grantees.iter().map(|name| plan.grantee(name)).collect::<Result<Vec<_>, _>>()?;
    for target in targets(plan, target)? {
        let wanted = wanted(privileges, target.object.kind)?;
        for grantee in &grantees {
            if *grantee == target.owner {
                return Err(SecurityError::new(
                    SecurityErrorKind::FeatureNotSupported,
                    "revoking privileges from an object's owner is not supported",
                ));
            }
            let mut revoked = 0;
            for privilege in &wanted {
                let Some(grantor) = grantor_of(plan, &target, *privilege, None)? else { continue };
                revoked += 1;
                revoke_one(plan, target.object, *privilege, (grantor, *grantee), grant_option_for, cascade)?;
            }
            report(plan, &target, revoked, wanted.len(), "revoked")?;
        }
    }
    Ok(())
}

/// Takes back one privilege, and with CASCADE what its holder granted by virtue of its grant option.
fn revoke_one(
    plan: &mut Plan<'_>,
    object: Object,
    privilege: Privilege,
    (grantor, grantee): (Oid, Oid),
    option_only: bool,
    cascade: bool,
) -> Result<(), SecurityError> {
    let grants = plan.context.rights.grants();
    let on = |grant: &&Grant| grant.privilege == privilege;
    let held = grants
        .on(object)
        .iter()
        .filter(on)
        .find(|grant| grant.grantor == grantor && grant.grantee == grantee)
        .copied();
    let Some(held) = held else { return Ok(()) };
    let keeps_option = grants
        .on(object)
        .iter()
        .filter(on)
        .any(|grant| grant.grantee == grantee && grant.grantor != grantor && grant.grantable);
    if held.grantable && !keeps_option {
        let dependents: Vec<Grant> =
            grants.on(object).iter().filter(on).filter(|grant| grant.grantor == grantee).copied().collect();
        if !dependents.is_empty() && !cascade {
            return Err(SecurityError::new(
                SecurityErrorKind::DependentObjectsStillExist,
                "dependent privileges exist",
            )
            .with_hint("Use CASCADE to revoke them too."));
        }
        for dependent in dependents {
            revoke_one(plan, object, privilege, (grantee, dependent.grantee), false, cascade)?;
        }
    }
    plan.changes.push(SecurityChange::RemoveGrant { grant: held, option_only });
    Ok(())
}

/// As whom the current role grants or revokes, or `None` if it may not. `grantee` is given for a grant, which a security
/// administrator may not make to itself.
fn grantor_of(
    plan: &Plan<'_>,
    target: &Target,
    privilege: Privilege,
    grantee: Option<Oid>,
) -> Result<Option<Oid>, SecurityError> {
    let rights = plan.context.rights;
    let role = plan.context.role();
    let own = rights.grants().grantor(rights.roles(), role, target.object, target.owner, privilege);
    if own.is_some() {
        return Ok(own);
    }
    let may = match grantee {
        Some(grantee) => plan.as_security_admin(grantee)?,
        None => rights.manages_security(role),
    };
    Ok(may.then_some(target.owner))
}

/// PostgreSQL's answers when not everything could be granted: an error for who has nothing on the object, a warning for
/// who has something.
fn report(
    plan: &mut Plan<'_>,
    target: &Target,
    done: usize,
    wanted: usize,
    verb: &str,
) -> Result<(), SecurityError> {
    if done == wanted {
        return Ok(());
    }
    let rights = plan.context.rights;
    let holds_any = target
        .object
        .kind
        .privileges()
        .iter()
        .any(|privilege| rights.has(plan.context.principal, target.object, target.owner, *privilege));
    if done == 0 && !holds_any {
        return Err(SecurityError::denied(format!(
            "permission denied for {} {}",
            target.kind_name(),
            target.name
        )));
    }
    let amount = if done == 0 { "no" } else { "not all" };
    plan.warnings.push(format!("{amount} privileges were {verb} for \"{}\"", target.name));
    Ok(())
}

fn wanted(privileges: &[Privilege], kind: ObjectKind) -> Result<Vec<Privilege>, SecurityError> {
    if privileges.is_empty() {
        return Ok(kind.privileges().to_vec());
    }
    let unfit = privileges.iter().find(|privilege| !kind.privileges().contains(privilege));
    match unfit {
        None => Ok(privileges.to_vec()),
        Some(privilege) => Err(SecurityError::new(
            SecurityErrorKind::InvalidGrantOperation,
            format!(
                "invalid privilege type {} for {}",
                privilege_name(*privilege),
                match kind {
                    ObjectKind::Schema => "schema",
                    ObjectKind::Relation => "relation",
                }
            ),
        )),
    }
}

fn targets(plan: &Plan<'_>, target: &PrivilegeTarget) -> Result<Vec<Target>, SecurityError> {
    let of_relation = |relation: &Relation| Target {
        object: Object::relation(relation.id().oid()),
        owner: relation.owner(),
        name: relation.name().as_str().to_owned(),
    };
    match target {
        PrivilegeTarget::Tables(names) => {
            let lasting = |relation: &Relation| {
                if plan.context.snapshot.is_temporary(relation) {
                    return Err(SecurityError::new(
                        SecurityErrorKind::FeatureNotSupported,
                        "privileges on temporary tables are not supported: only their session sees them",
                    ));
                }
                Ok(of_relation(relation))
            };
            names.iter().map(|name| lasting(plan.relation(name)?)).collect()
        }
        PrivilegeTarget::Schemas(names) => names
            .iter()
            .map(|name| {
                let schema = schema_named(plan, name)?;
                Ok(Target {
                    object: Object::schema(schema.id.oid()),
                    owner: schema.owner,
                    name: schema.name.as_str().to_owned(),
                })
            })
            .collect(),
        PrivilegeTarget::AllTablesInSchemas(names) => {
            let mut found = Vec::new();
            for name in names {
                let schema = schema_named(plan, name)?.id;
                let within =
                    plan.context.snapshot.relations().filter(|relation| relation.schema_id() == schema);
                found.extend(within.map(of_relation));
            }
            Ok(found)
        }
    }
}

fn schema_named<'a>(
    plan: &Plan<'a>,
    name: &Identifier,
) -> Result<&'a lis_lake::table::Schema, SecurityError> {
    plan.context.snapshot.schema_named(name).map(AsRef::as_ref).ok_or_else(|| {
        SecurityError::new(
            SecurityErrorKind::InvalidSchemaName,
            format!("schema \"{}\" does not exist", name.as_str()),
        )
    })
}
