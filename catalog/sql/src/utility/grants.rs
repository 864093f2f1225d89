//! GRANT and REVOKE: of roles, with PostgreSQL 16's options, and of privileges. Which of the two it is shows only at
//! TO, FROM or ON, so the words before are read first and understood afterwards.

use lis_lake::names::Identifier;
use sqlparser::tokenizer::Token;

use super::{roles::role, tokens::Tokens};
use crate::{
    error::{SqlError, SqlErrorKind},
    statement::{MembershipOptions, Privilege, PrivilegeTarget, RoleName, UtilityStatement},
};

/// A word before ON, TO or FROM: a privilege or a role.
struct Item {
    name: Identifier,
    position: Option<usize>,
    columns: bool,
}

/// After GRANT.
pub(super) fn grant(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let items = items(tokens)?;
    if tokens.accept(&["on"]) {
        let (target, kind) = target(tokens)?;
        let privileges = privileges(tokens, items, kind)?;
        tokens.expect(&["to"])?;
        let grantees = grantees(tokens)?;
        let grant_option = tokens.accept(&["with", "grant", "option"]);
        no_grantor(tokens)?;
        return Ok(UtilityStatement::GrantPrivileges { privileges, target, grantees, grant_option });
    }
    let roles = roles(tokens, items)?;
    tokens.expect(&["to"])?;
    let grantees = grantees(tokens)?;
    let mut options = MembershipOptions::default();
    if tokens.accept(&["with"]) {
        tokens.list(|tokens| membership_option(tokens, &mut options))?;
    }
    Ok(UtilityStatement::GrantRole { roles, grantees, options, grantor: grantor(tokens)? })
}

/// After REVOKE.
pub(super) fn revoke(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let grant_option_for = tokens.accept(&["grant", "option", "for"]);
    let mut option_for = MembershipOptions::default();
    if !grant_option_for {
        for (word, option) in [
            ("admin", &mut option_for.admin),
            ("inherit", &mut option_for.inherit),
            ("set", &mut option_for.set),
        ] {
            if tokens.accept(&[word, "option", "for"]) {
                *option = Some(true);
                break;
            }
        }
    }
    let items = items(tokens)?;
    if tokens.at(&["on"]) && option_for == MembershipOptions::default() {
        tokens.advance();
        let (target, kind) = target(tokens)?;
        let privileges = privileges(tokens, items, kind)?;
        tokens.expect(&["from"])?;
        let grantees = grantees(tokens)?;
        no_grantor(tokens)?;
        let cascade = cascade(tokens);
        return Ok(UtilityStatement::RevokePrivileges {
            privileges,
            target,
            grantees,
            grant_option_for,
            cascade,
        });
    }
    if grant_option_for {
        return Err(tokens.unexpected());
    }
    let roles = roles(tokens, items)?;
    tokens.expect(&["from"])?;
    let grantees = grantees(tokens)?;
    let grantor = grantor(tokens)?;
    Ok(UtilityStatement::RevokeRole { roles, grantees, option_for, grantor, cascade: cascade(tokens) })
}

fn items(tokens: &mut Tokens<'_>) -> Result<Vec<Item>, SqlError> {
    tokens.list(|tokens| {
        let position = tokens.position();
        if tokens.at(&["to"]) || tokens.at(&["on"]) || tokens.at(&["from"]) {
            return Err(tokens.unexpected());
        }
        let name = tokens.label()?;
        if name.as_str() == "all" {
            tokens.accept(&["privileges"]);
        }
        let columns = tokens.peek() == Some(&Token::LParen);
        if columns {
            tokens.column_list()?;
        }
        Ok(Item { name, position, columns })
    })
}

fn roles(tokens: &Tokens<'_>, items: Vec<Item>) -> Result<Vec<Identifier>, SqlError> {
    items
        .into_iter()
        .map(|item| match item.columns {
            true => Err(tokens.unexpected()),
            false if matches!(item.name.as_str(), "public" | "none") => Err(SqlError::new(
                SqlErrorKind::ReservedName,
                format!("role name \"{}\" is reserved", item.name.as_str()),
            )
            .at(item.position)),
            false => Ok(item.name),
        })
        .collect()
}

/// What ON names; with PostgreSQL's word for its kind.
fn target(tokens: &mut Tokens<'_>) -> Result<(PrivilegeTarget, &'static str), SqlError> {
    if tokens.accept(&["all", "tables", "in", "schema"]) {
        return Ok((PrivilegeTarget::AllTablesInSchemas(tokens.list(Tokens::identifier)?), "relation"));
    }
    if tokens.at(&["all"]) {
        return Err(tokens.unsupported("GRANT ON ALL of anything but TABLES IN SCHEMA"));
    }
    let followed_by_name = matches!(tokens.peek_nth(1), Some(Token::Word(_)));
    if followed_by_name && tokens.accept(&["schema"]) {
        return Ok((PrivilegeTarget::Schemas(tokens.list(Tokens::identifier)?), "schema"));
    }
    if let Some(word) = tokens.word()
        && OTHER_KINDS.contains(&word.as_str())
        && followed_by_name
        && !matches!(tokens.word_nth(1).as_deref(), Some("to" | "from"))
    {
        return Err(tokens.unsupported(&format!("GRANT ON {}", word.to_uppercase())));
    }
    if followed_by_name {
        tokens.accept(&["table"]);
    }
    Ok((PrivilegeTarget::Tables(tokens.list(Tokens::object_name)?), "relation"))
}

/// What else PostgreSQL has privileges on.
const OTHER_KINDS: &[&str] = &[
    "database",
    "domain",
    "foreign",
    "function",
    "language",
    "large",
    "parameter",
    "procedure",
    "routine",
    "sequence",
    "tablespace",
    "type",
];

/// `ALL` is the empty list.
fn privileges(tokens: &Tokens<'_>, items: Vec<Item>, kind: &str) -> Result<Vec<Privilege>, SqlError> {
    if let [only] = items.as_slice()
        && only.name.as_str() == "all"
        && !only.columns
    {
        return Ok(Vec::new());
    }
    items.into_iter().map(|item| privilege(tokens, &item, kind)).collect()
}

fn privilege(tokens: &Tokens<'_>, item: &Item, kind: &str) -> Result<Privilege, SqlError> {
    if item.columns {
        return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, "column privileges are not supported")
            .at(item.position));
    }
    let on_table = match item.name.as_str() {
        "select" => Some(Privilege::Select),
        "insert" => Some(Privilege::Insert),
        "update" => Some(Privilege::Update),
        "delete" => Some(Privilege::Delete),
        "truncate" => Some(Privilege::Truncate),
        "references" => Some(Privilege::References),
        "trigger" => Some(Privilege::Trigger),
        _ => None,
    };
    let on_schema = match item.name.as_str() {
        "usage" => Some(Privilege::Usage),
        "create" => Some(Privilege::Create),
        _ => None,
    };
    let fitting = if kind == "schema" { on_schema } else { on_table };
    if let Some(privilege) = fitting {
        return Ok(privilege);
    }
    let name = item.name.as_str();
    if on_table.or(on_schema).is_some() || ["execute", "temporary", "temp", "connect"].contains(&name) {
        return Err(SqlError::new(
            SqlErrorKind::InvalidGrantOperation,
            format!("invalid privilege type {} for {kind}", name.to_uppercase()),
        ));
    }
    match crate::keywords::keyword_class(name) {
        Some(crate::keywords::KeywordClass::Reserved) => Err(tokens.unexpected()),
        _ => Err(SqlError::new(SqlErrorKind::SyntaxError, format!("unrecognized privilege type \"{name}\""))),
    }
}

fn grantees(tokens: &mut Tokens<'_>) -> Result<Vec<RoleName>, SqlError> {
    tokens.list(|tokens| {
        // GROUP before the name is noise from before there were roles.
        if tokens
            .word_nth(1)
            .is_some_and(|word| !["with", "granted", "cascade", "restrict"].contains(&word.as_str()))
        {
            tokens.accept(&["group"]);
        }
        role(tokens)
    })
}

/// `ADMIN OPTION`, `ADMIN TRUE`, `INHERIT FALSE`, `SET TRUE`.
fn membership_option(tokens: &mut Tokens<'_>, options: &mut MembershipOptions) -> Result<(), SqlError> {
    let option = match tokens.accept_one_of(&["admin", "inherit", "set"]) {
        Some("admin") => &mut options.admin,
        Some("inherit") => &mut options.inherit,
        Some(_) => &mut options.set,
        None => return Err(tokens.unexpected()),
    };
    match tokens.accept_one_of(&["option", "true", "false"]) {
        Some(word) => *option = Some(word != "false"),
        None => return Err(tokens.unexpected()),
    }
    Ok(())
}

fn grantor(tokens: &mut Tokens<'_>) -> Result<Option<RoleName>, SqlError> {
    if !tokens.accept(&["granted", "by"]) {
        return Ok(None);
    }
    match role(tokens)? {
        RoleName::Public => {
            Err(SqlError::new(SqlErrorKind::ReservedName, "role name \"public\" is reserved"))
        }
        grantor => Ok(Some(grantor)),
    }
}

fn no_grantor(tokens: &Tokens<'_>) -> Result<(), SqlError> {
    if tokens.at(&["granted", "by"]) { Err(tokens.unsupported("GRANTED BY for privileges")) } else { Ok(()) }
}

fn cascade(tokens: &mut Tokens<'_>) -> bool {
    tokens.accept_one_of(&["cascade", "restrict"]) == Some("cascade")
}
