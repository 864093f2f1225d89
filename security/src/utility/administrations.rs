//! `CALL lis.create_administration(code, name [, parent [, valid_from [, valid_to]]])`,
//! `CALL lis.create_area(name [, sensitive])`, `CALL lis.secure_table(table, column [, area])` and
//! `CALL lis.release_table(table)`.

use std::str::FromStr;

use chrono::NaiveDate;
use lis_lake::{ids::Oid, names::Identifier};
use lis_sql::statement::ObjectName;

use super::{Plan, next_oid, policies};
use crate::{
    administrations::{Administration, Area, ORDINARY, role_name},
    change::{SecurityChange, SecurityChanges},
    error::{SecurityError, SecurityErrorKind},
    rights::Rights,
    roles::{Membership, Role},
};

/// An administration to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewAdministration {
    /// Its code, as the data has it.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The code of its parent, which must exist.
    pub parent: Option<String>,
    /// The first day on which it exists.
    pub valid_from: Option<NaiveDate>,
    /// The last.
    pub valid_to: Option<NaiveDate>,
}

/// Judges a CALL; false is a procedure that is not ours.
pub(super) fn call(
    plan: &mut Plan<'_>,
    name: &ObjectName,
    arguments: &[Option<String>],
) -> Result<bool, SecurityError> {
    if name.schema.as_ref().is_none_or(|schema| schema.as_str() != "lis") {
        return Ok(false);
    }
    let procedure = name.name.as_str();
    match procedure {
        "create_administration" => {
            count(procedure, arguments, 2, 5)?;
            require_manager(plan, "create administrations")?;
            let new = NewAdministration {
                code: required(procedure, arguments, 0)?.to_owned(),
                name: required(procedure, arguments, 1)?.to_owned(),
                parent: optional(arguments, 2).map(str::to_owned),
                valid_from: day(optional(arguments, 3))?,
                valid_to: day(optional(arguments, 4))?,
            };
            let made = create_administration(plan.context.rights, &new)?;
            plan.changes.extend(made.changes);
        }
        "create_area" => {
            count(procedure, arguments, 1, 2)?;
            require_manager(plan, "create areas")?;
            let sensitive = match optional(arguments, 1).map(str::to_ascii_lowercase).as_deref() {
                None | Some("f" | "false" | "off" | "no" | "0") => false,
                Some("t" | "true" | "on" | "yes" | "1") => true,
                Some(other) => {
                    return Err(invalid(format!("invalid input syntax for type boolean: \"{other}\"")));
                }
            };
            let made = create_area(plan.context.rights, required(procedure, arguments, 0)?, sensitive)?;
            plan.changes.extend(made.changes);
        }
        "secure_table" => {
            count(procedure, arguments, 2, 3)?;
            let table = table_name(required(procedure, arguments, 0)?);
            let column = Identifier::exact(required(procedure, arguments, 1)?);
            let area = optional(arguments, 2).unwrap_or(ORDINARY).to_lowercase();
            policies::secure(plan, &table, &column, &area)?;
        }
        "release_table" => {
            count(procedure, arguments, 1, 1)?;
            let table = table_name(required(procedure, arguments, 0)?);
            policies::release(plan, &table)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// What making an administration changes: its role (and one per sensitive area), its place under its parent, its row.
pub fn create_administration(
    rights: &Rights,
    new: &NewAdministration,
) -> Result<SecurityChanges, SecurityError> {
    let code = new.code.as_str();
    let fits = !code.is_empty()
        && code.len() <= 32
        && code.chars().all(|letter| letter.is_alphanumeric() || letter == '-' || letter == '.');
    if !fits {
        return Err(invalid(format!("invalid administration code \"{code}\""))
            .with_detail("A code is 1 to 32 letters, digits, hyphens and points."));
    }
    let administrations = rights.all_administrations();
    if administrations.get(code).is_some() {
        return Err(SecurityError::new(
            SecurityErrorKind::DuplicateObject,
            format!("administration \"{code}\" already exists"),
        ));
    }
    if let Some(parent) = &new.parent
        && administrations.get(parent).is_none()
    {
        return Err(SecurityError::new(
            SecurityErrorKind::UndefinedObject,
            format!("administration \"{parent}\" does not exist"),
        ));
    }
    if let (Some(from), Some(to)) = (new.valid_from, new.valid_to)
        && to < from
    {
        return Err(invalid("an administration cannot end before it begins"));
    }
    let mut changes = Vec::new();
    let role = place(rights, &mut changes, code, new.parent.as_deref(), ORDINARY)?;
    for area in administrations.areas().filter(|area| area.sensitive) {
        place(rights, &mut changes, code, new.parent.as_deref(), &area.name)?;
    }
    changes.push(SecurityChange::PutAdministration(Administration {
        code: code.to_owned(),
        name: new.name.clone(),
        parent: new.parent.clone(),
        valid_from: new.valid_from,
        valid_to: new.valid_to,
        role,
    }));
    Ok(SecurityChanges::judged(rights, changes))
}

/// What making an area changes: its row, and if it is sensitive a role for every administration, in the same tree.
pub fn create_area(rights: &Rights, name: &str, sensitive: bool) -> Result<SecurityChanges, SecurityError> {
    let name = name.to_lowercase();
    let fits = !name.is_empty()
        && name.len() <= 20
        && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if !fits {
        return Err(invalid(format!("invalid area \"{name}\""))
            .with_detail("An area's name is 1 to 20 letters, digits and underscores."));
    }
    let administrations = rights.all_administrations();
    if administrations.area(&name).is_some() {
        return Err(SecurityError::new(
            SecurityErrorKind::DuplicateObject,
            format!("area \"{name}\" already exists"),
        ));
    }
    let mut changes = Vec::new();
    if sensitive {
        // Parents may come after their children by code, so the roles first and the tree over them.
        let mut made: Vec<(&Administration, Oid)> = Vec::new();
        for administration in administrations.iter() {
            made.push((administration, place(rights, &mut changes, &administration.code, None, &name)?));
        }
        for (administration, child) in &made {
            let parent = administration.parent.as_ref().and_then(|parent| {
                made.iter().find(|(other, _)| other.code == *parent).map(|(_, role)| *role)
            });
            if let Some(parent) = parent {
                let oid = next_oid(rights.next_oid, &changes);
                changes.push(SecurityChange::PutMembership(below(oid, *child, parent)));
            }
        }
    }
    changes.push(SecurityChange::PutArea(Area { name, sensitive }));
    Ok(SecurityChanges::judged(rights, changes))
}

/// Makes an administration's role for an area and grants it to the parent's.
fn place(
    rights: &Rights,
    changes: &mut Vec<SecurityChange>,
    code: &str,
    parent: Option<&str>,
    area: &str,
) -> Result<Oid, SecurityError> {
    let name = role_name(code, area);
    if rights.role_named(&name).is_some() {
        return Err(SecurityError::new(
            SecurityErrorKind::DuplicateObject,
            format!("role \"{}\" already exists", name.as_str()),
        ));
    }
    let role = next_oid(rights.next_oid, changes);
    changes.push(SecurityChange::CreateRole(Role::new(role, name)));
    if let Some(parent) = parent {
        let parent = rights.role_named(&role_name(parent, area)).ok_or_else(|| {
            SecurityError::internal(format!("administration {parent} has no role for its area"))
        })?;
        let oid = next_oid(rights.next_oid, changes);
        changes.push(SecurityChange::PutMembership(below(oid, role, parent.oid)));
    }
    Ok(role)
}

/// The parent uses the child's rights and cannot become it.
fn below(oid: Oid, child: Oid, parent: Oid) -> Membership {
    Membership {
        oid,
        role: child,
        member: parent,
        grantor: Oid::ADMINISTRATOR,
        admin: false,
        inherit: true,
        set: false,
    }
}

fn require_manager(plan: &Plan<'_>, action: &str) -> Result<(), SecurityError> {
    if plan.context.rights.manages_security(plan.context.role()) {
        return Ok(());
    }
    Err(SecurityError::denied(format!("permission denied to {action}"))
        .with_detail("Only superusers and members of lis_security_admin may do this."))
}

fn count(
    procedure: &str,
    arguments: &[Option<String>],
    least: usize,
    most: usize,
) -> Result<(), SecurityError> {
    if (least..=most).contains(&arguments.len()) {
        return Ok(());
    }
    Err(SecurityError::new(
        SecurityErrorKind::UndefinedFunction,
        format!("procedure lis.{procedure} does not take {} arguments", arguments.len()),
    )
    .with_hint(format!("It takes {least} to {most}.")))
}

fn required<'a>(
    procedure: &str,
    arguments: &'a [Option<String>],
    place: usize,
) -> Result<&'a str, SecurityError> {
    optional(arguments, place)
        .ok_or_else(|| invalid(format!("argument {} of lis.{procedure} cannot be null", place + 1)))
}

fn optional(arguments: &[Option<String>], place: usize) -> Option<&str> {
    arguments.get(place)?.as_deref()
}

fn day(text: Option<&str>) -> Result<Option<NaiveDate>, SecurityError> {
    text.map(|text| {
        NaiveDate::from_str(text).map_err(|_| {
            SecurityError::new(
                SecurityErrorKind::InvalidDatetimeFormat,
                format!("invalid input syntax for type date: \"{text}\""),
            )
        })
    })
    .transpose()
}

/// A table's name in a string, as `regclass` reads it: folded outside double quotes.
fn table_name(text: &str) -> ObjectName {
    let mut parts: Vec<Identifier> = Vec::new();
    let mut part = String::new();
    let mut quoted = false;
    let mut exact = false;
    let mut letters = text.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                part.push('"');
                letters.next();
            }
            '"' => {
                quoted = !quoted;
                exact = true;
            }
            '.' if !quoted => {
                parts.push(if exact { Identifier::exact(&part) } else { Identifier::fold(&part) });
                part.clear();
                exact = false;
            }
            other => part.push(other),
        }
    }
    let name = if exact { Identifier::exact(&part) } else { Identifier::fold(&part) };
    ObjectName { schema: parts.pop(), name, position: None }
}

fn invalid(message: impl Into<String>) -> SecurityError {
    SecurityError::new(SecurityErrorKind::InvalidParameterValue, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(rights: &Rights, code: &str, parent: Option<&str>) -> Rights {
        let new = NewAdministration {
            code: code.to_owned(),
            name: code.to_owned(),
            parent: parent.map(str::to_owned),
            ..NewAdministration::default()
        };
        rights.with(&create_administration(rights, &new).unwrap().changes)
    }

    #[test]
    fn the_tree_is_grants_for_every_area() {
        let rights = made(&Rights::default(), "100", None);
        let rights = rights.with(&create_area(&rights, "Social", true).unwrap().changes);
        let rights = made(&rights, "103", Some("100"));
        for area in [ORDINARY, "social"] {
            let child = rights.role_named(&role_name("103", area)).unwrap().oid;
            let parent = rights.role_named(&role_name("100", area)).unwrap().oid;
            assert!(rights.roles().uses(parent, child), "{area}");
            assert!(!rights.roles().can_set(parent, child), "{area}");
            assert!(!rights.roles().uses(child, parent), "{area}");
        }
        let again = NewAdministration { code: "103".to_owned(), ..NewAdministration::default() };
        assert_eq!(
            create_administration(&rights, &again).unwrap_err().kind,
            SecurityErrorKind::DuplicateObject
        );
    }

    #[test]
    fn a_later_sensitive_area_gets_the_whole_tree() {
        let rights = made(&made(&Rights::default(), "900", None), "103", Some("900"));
        let rights = rights.with(&create_area(&rights, "social", true).unwrap().changes);
        let child = rights.role_named(&role_name("103", "social")).unwrap().oid;
        let parent = rights.role_named(&role_name("900", "social")).unwrap().oid;
        assert!(rights.roles().uses(parent, child));
    }

    #[test]
    fn table_names_in_strings_fold_outside_quotes() {
        let name = table_name("Ekonomi.\"Verifikations\"\"Rad\"");
        assert_eq!(name.schema.unwrap().as_str(), "ekonomi");
        assert_eq!(name.name.as_str(), "Verifikations\"Rad");
    }
}
