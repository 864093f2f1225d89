//! CREATE, ALTER and DROP of ROLE, USER and GROUP.

use lis_lake::names::Identifier;

use super::{settings, tokens::Tokens};
use crate::{
    error::{SqlError, SqlErrorKind},
    statement::{MembershipOptions, Password, RoleName, RoleOptions, UtilityStatement},
};

/// A role where it is granted to, owned by and the like: PostgreSQL's `RoleSpec`.
pub(super) fn role(tokens: &mut Tokens<'_>) -> Result<RoleName, SqlError> {
    match tokens.accept_one_of(&["current_user", "current_role", "session_user"]) {
        Some("session_user") => return Ok(RoleName::SessionUser),
        Some(_) => return Ok(RoleName::CurrentUser),
        None => {}
    }
    let position = tokens.position();
    let name = tokens.non_reserved_word()?;
    match name.as_str() {
        "public" => Ok(RoleName::Public),
        "none" => Err(reserved(&name, position)),
        _ => Ok(RoleName::Named(name)),
    }
}

/// A role by its name only: PostgreSQL's `RoleId`.
pub(super) fn role_name(tokens: &mut Tokens<'_>) -> Result<Identifier, SqlError> {
    let position = tokens.position();
    if let Some(word) = tokens.accept_one_of(&["current_user", "current_role", "session_user"]) {
        return Err(SqlError::new(
            SqlErrorKind::ReservedName,
            format!("{} cannot be used as a role name here", word.to_uppercase()),
        )
        .at(position));
    }
    let name = tokens.non_reserved_word()?;
    if matches!(name.as_str(), "public" | "none") {
        return Err(reserved(&name, position));
    }
    Ok(name)
}

fn reserved(name: &Identifier, position: Option<usize>) -> SqlError {
    SqlError::new(SqlErrorKind::ReservedName, format!("role name \"{}\" is reserved", name.as_str()))
        .at(position)
}

/// After CREATE and the word `kind`: `role`, `user`, `group`.
pub(super) fn create(tokens: &mut Tokens<'_>, kind: &str) -> Result<UtilityStatement, SqlError> {
    if tokens.at(&["mapping"]) {
        return Err(tokens.unsupported("CREATE USER MAPPING"));
    }
    let name = role_name(tokens)?;
    let mut options = role_options(tokens, true)?;
    if kind == "user" {
        options.login.get_or_insert(true);
    }
    Ok(UtilityStatement::CreateRole { name, options })
}

/// After ALTER and the word `kind`.
pub(super) fn alter(tokens: &mut Tokens<'_>, kind: &str) -> Result<UtilityStatement, SqlError> {
    if tokens.at(&["mapping"]) {
        return Err(tokens.unsupported("ALTER USER MAPPING"));
    }
    if tokens.at(&["all"]) {
        return Err(tokens.unsupported("ALTER ROLE ALL"));
    }
    let name = role(tokens)?;
    if name == RoleName::Public {
        return Err(SqlError::new(SqlErrorKind::ReservedName, "role name \"public\" is reserved"));
    }
    if tokens.at(&["rename"]) {
        return Err(tokens.unsupported("ALTER ROLE … RENAME TO"));
    }
    if tokens.at(&["in", "database"]) {
        return Err(tokens.unsupported("ALTER ROLE … IN DATABASE"));
    }
    if kind == "group" {
        return alter_group(tokens, name);
    }
    if tokens.accept(&["set"]) {
        let (setting, value) = settings::assignment(tokens)?;
        // PostgreSQL: SET x TO DEFAULT is RESET x.
        return Ok(UtilityStatement::AlterRoleSet { name, setting: Some(setting), value });
    }
    if tokens.accept(&["reset"]) {
        return Ok(UtilityStatement::AlterRoleSet {
            name,
            setting: settings::reset_name(tokens)?,
            value: None,
        });
    }
    Ok(UtilityStatement::AlterRole { name, options: role_options(tokens, false)? })
}

/// `ALTER GROUP g ADD USER a, b` is `GRANT g TO a, b`.
fn alter_group(tokens: &mut Tokens<'_>, group: RoleName) -> Result<UtilityStatement, SqlError> {
    let RoleName::Named(group) = group else { return Err(tokens.unexpected()) };
    let word = tokens.accept_one_of(&["add", "drop"]);
    let Some(word) = word else { return Err(tokens.unexpected()) };
    tokens.expect(&["user"])?;
    let grantees = tokens.list(role)?;
    Ok(if word == "add" {
        UtilityStatement::GrantRole {
            roles: vec![group],
            grantees,
            options: MembershipOptions::default(),
            grantor: None,
        }
    } else {
        UtilityStatement::RevokeRole {
            roles: vec![group],
            grantees,
            option_for: MembershipOptions::default(),
            grantor: None,
            cascade: false,
        }
    })
}

/// After DROP and the word for role.
pub(super) fn drop(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    if tokens.at(&["mapping"]) {
        return Err(tokens.unsupported("DROP USER MAPPING"));
    }
    let if_exists = tokens.accept(&["if", "exists"]);
    let names = tokens.list(role_name)?;
    Ok(UtilityStatement::DropRole { names, if_exists })
}

fn role_options(tokens: &mut Tokens<'_>, create: bool) -> Result<RoleOptions, SqlError> {
    tokens.accept(&["with"]);
    let mut options = RoleOptions::default();
    while !tokens.is_end() {
        role_option(tokens, &mut options, create)?;
    }
    Ok(options)
}

fn role_option(tokens: &mut Tokens<'_>, options: &mut RoleOptions, create: bool) -> Result<(), SqlError> {
    let position = tokens.position();
    let Some(word) = tokens.word() else { return Err(tokens.unexpected()) };
    let flag = word.strip_prefix("no").unwrap_or(&word).to_owned();
    let place = match flag.as_str() {
        "superuser" => Some(&mut options.superuser),
        "createrole" => Some(&mut options.create_role),
        "createdb" => Some(&mut options.create_db),
        "inherit" => Some(&mut options.inherit),
        "login" => Some(&mut options.login),
        "bypassrls" => Some(&mut options.bypass_rls),
        "replication" => Some(&mut options.replication),
        _ => None,
    };
    if let Some(place) = place {
        tokens.advance();
        return set_once(place, flag == word, position);
    }
    match word.as_str() {
        "connection" => {
            tokens.expect(&["connection", "limit"])?;
            let Some(limit) = tokens.signed_integer()? else { return Err(tokens.unexpected()) };
            if limit < -1 {
                return Err(SqlError::new(
                    SqlErrorKind::InvalidParameterValue,
                    format!("invalid connection limit: {limit}"),
                ));
            }
            set_once(&mut options.connection_limit, limit, position)
        }
        "encrypted" | "password" => {
            tokens.accept(&["encrypted"]);
            tokens.expect(&["password"])?;
            let password = if word == "password" && tokens.accept(&["null"]) {
                None
            } else {
                Some(Password(tokens.string()?))
            };
            set_once(&mut options.password, password, position)
        }
        "unencrypted" => Err(SqlError::new(
            SqlErrorKind::FeatureNotSupported,
            "UNENCRYPTED PASSWORD is no longer supported",
        )
        .with_hint("Remove UNENCRYPTED to store the password in encrypted form instead.")
        .at(position)),
        "valid" => {
            tokens.expect(&["valid", "until"])?;
            let until = tokens.string()?;
            set_once(&mut options.valid_until, until, position)
        }
        "sysid" => Err(tokens.unsupported("SYSID")),
        "in" if create => {
            tokens.advance();
            if tokens.accept_one_of(&["role", "group"]).is_none() {
                return Err(tokens.unexpected());
            }
            extend_once(&mut options.in_roles, tokens.list(role_name)?, position)
        }
        "role" | "user" if create => {
            tokens.advance();
            extend_once(&mut options.members, tokens.list(role_name)?, position)
        }
        "admin" if create => {
            tokens.advance();
            extend_once(&mut options.admins, tokens.list(role_name)?, position)
        }
        _ => Err(unrecognised(tokens, &word)),
    }
}

/// PostgreSQL takes any word here, and then says that it does not know it.
fn unrecognised(tokens: &Tokens<'_>, word: &str) -> SqlError {
    match crate::keywords::keyword_class(word) {
        Some(_) => tokens.unexpected(),
        None => SqlError::new(SqlErrorKind::SyntaxError, format!("unrecognized role option \"{word}\""))
            .at(tokens.position()),
    }
}

fn set_once<T>(place: &mut Option<T>, value: T, position: Option<usize>) -> Result<(), SqlError> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(redundant(position)),
    }
}

fn extend_once(
    place: &mut Vec<Identifier>,
    names: Vec<Identifier>,
    position: Option<usize>,
) -> Result<(), SqlError> {
    if place.is_empty() {
        *place = names;
        Ok(())
    } else {
        Err(redundant(position))
    }
}

fn redundant(position: Option<usize>) -> SqlError {
    SqlError::new(SqlErrorKind::SyntaxError, "conflicting or redundant options").at(position)
}
