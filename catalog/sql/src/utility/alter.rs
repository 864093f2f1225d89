//! ALTER SCHEMA, TABLE, VIEW and MATERIALIZED VIEW.

use lis_lake::names::Identifier;
use sqlparser::tokenizer::Token;

use super::{ddl, roles, tokens::Tokens};
use crate::{
    error::{SqlError, SqlErrorKind},
    statement::{AlterAction, AlterSchemaAction, ObjectName, RelationKind, UtilityStatement},
};

/// After ALTER SCHEMA.
pub(super) fn schema(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let name = tokens.identifier()?;
    let action = if tokens.accept(&["rename", "to"]) {
        AlterSchemaAction::RenameTo(tokens.identifier()?)
    } else {
        tokens.expect(&["owner", "to"])?;
        AlterSchemaAction::OwnerTo(roles::role(tokens)?)
    };
    Ok(UtilityStatement::AlterSchema { name, action })
}

/// After ALTER TABLE, ALTER VIEW and ALTER MATERIALIZED VIEW.
pub(super) fn relation(tokens: &mut Tokens<'_>, kind: RelationKind) -> Result<UtilityStatement, SqlError> {
    let if_exists = tokens.accept(&["if", "exists"]);
    if kind == RelationKind::Table {
        if tokens.at(&["all", "in"]) {
            return Err(tokens.unsupported("ALTER TABLE ALL IN TABLESPACE"));
        }
        // There is no inheritance: a table alone is the table.
        tokens.accept(&["only"]);
    }
    let name = tokens.object_name()?;
    tokens.accept_token(&Token::Mul);
    if ["enable", "disable", "force", "no"].iter().any(|word| tokens.at(&[word])) {
        return row_security(tokens, name, if_exists);
    }
    if let Some(action) = alone(tokens)? {
        return Ok(UtilityStatement::AlterRelation { kind, name, if_exists, actions: vec![action] });
    }
    let actions = tokens.list(|tokens| action(tokens, kind, &name.name))?;
    Ok(UtilityStatement::AlterRelation { kind, name, if_exists, actions })
}

/// Actions that stand alone.
fn alone(tokens: &mut Tokens<'_>) -> Result<Option<AlterAction>, SqlError> {
    if tokens.accept(&["rename"]) {
        if tokens.accept(&["to"]) {
            return Ok(Some(AlterAction::RenameTo(tokens.identifier()?)));
        }
        if tokens.accept(&["constraint"]) {
            let from = tokens.identifier()?;
            tokens.expect(&["to"])?;
            return Ok(Some(AlterAction::RenameConstraint { from, to: tokens.identifier()? }));
        }
        // A column may be called column.
        if !(tokens.at(&["column"]) && tokens.word_nth(1).as_deref() == Some("to")) {
            tokens.accept(&["column"]);
        }
        let from = tokens.identifier()?;
        tokens.expect(&["to"])?;
        return Ok(Some(AlterAction::RenameColumn { from, to: tokens.identifier()? }));
    }
    if tokens.accept(&["set", "schema"]) {
        return Ok(Some(AlterAction::SetSchema(tokens.identifier()?)));
    }
    Ok(None)
}

fn action(
    tokens: &mut Tokens<'_>,
    kind: RelationKind,
    relation: &Identifier,
) -> Result<AlterAction, SqlError> {
    if tokens.accept(&["owner", "to"]) {
        return Ok(AlterAction::OwnerTo(roles::role(tokens)?));
    }
    if kind != RelationKind::Table || (tokens.at(&["set"]) || tokens.at(&["reset"])) {
        return option(tokens, kind);
    }
    if tokens.accept(&["add"]) {
        return add(tokens, relation);
    }
    if tokens.accept(&["drop"]) {
        if tokens.accept(&["constraint"]) {
            let if_exists = tokens.accept(&["if", "exists"]);
            let name = tokens.identifier()?;
            return Ok(AlterAction::DropConstraint { name, if_exists, cascade: ddl::cascade(tokens) });
        }
        tokens.accept(&["column"]);
        let if_exists = tokens.accept(&["if", "exists"]);
        let column = tokens.identifier()?;
        return Ok(AlterAction::DropColumn { column, if_exists, cascade: ddl::cascade(tokens) });
    }
    if tokens.at(&["alter", "constraint"]) {
        return Err(tokens.unsupported("ALTER CONSTRAINT"));
    }
    if tokens.accept(&["alter"]) {
        return alter_column(tokens);
    }
    Err(match tokens.word() {
        Some(word) if OTHER_ACTIONS.contains(&word.as_str()) => {
            tokens.unsupported(&format!("ALTER TABLE … {}", word.to_uppercase()))
        }
        _ => tokens.unexpected(),
    })
}

fn add(tokens: &mut Tokens<'_>, table: &Identifier) -> Result<AlterAction, SqlError> {
    if !tokens.at(&["column"])
        && let Some(constraint) = ddl::table_constraint(tokens)?
    {
        return Ok(AlterAction::AddConstraint(constraint));
    }
    tokens.accept(&["column"]);
    let if_not_exists = tokens.accept(&["if", "not", "exists"]);
    let mut constraints = Vec::new();
    let column = Box::new(ddl::column(tokens, table, &mut constraints)?);
    Ok(AlterAction::AddColumn { column, constraints, if_not_exists })
}

/// After ALTER.
fn alter_column(tokens: &mut Tokens<'_>) -> Result<AlterAction, SqlError> {
    tokens.accept(&["column"]);
    let column = tokens.identifier()?;
    if tokens.accept(&["set", "default"]) {
        return Ok(AlterAction::SetDefault { column, default: Some(tokens.expression_text()?) });
    }
    if tokens.accept(&["drop", "default"]) {
        return Ok(AlterAction::SetDefault { column, default: None });
    }
    if tokens.accept(&["set", "not", "null"]) {
        return Ok(AlterAction::SetNotNull { column, not_null: true });
    }
    if tokens.accept(&["drop", "not", "null"]) {
        return Ok(AlterAction::SetNotNull { column, not_null: false });
    }
    if tokens.accept(&["set", "data", "type"]) || tokens.accept(&["type"]) {
        let column_type = tokens.column_type()?;
        let collation = if tokens.accept(&["collate"]) { Some(ddl::collation(tokens)?) } else { None };
        let using = if tokens.accept(&["using"]) { Some(tokens.expression_text()?) } else { None };
        return Ok(AlterAction::SetType { column, column_type, collation, using });
    }
    for (words, what) in [
        (&["set", "statistics"][..], "SET STATISTICS"),
        (&["set", "storage"], "SET STORAGE"),
        (&["set", "compression"], "SET COMPRESSION"),
        (&["set", "generated"], "SET GENERATED"),
        (&["add", "generated"], "ADD GENERATED"),
        (&["drop", "identity"], "DROP IDENTITY"),
        (&["drop", "expression"], "DROP EXPRESSION"),
        (&["set"], "an option of a column"),
        (&["reset"], "an option of a column"),
        (&["restart"], "RESTART"),
    ] {
        if tokens.at(words) {
            return Err(tokens.unsupported(what));
        }
    }
    Err(tokens.unexpected())
}

/// SET and RESET of a view's options.
fn option(tokens: &mut Tokens<'_>, kind: RelationKind) -> Result<AlterAction, SqlError> {
    let word = tokens.word().unwrap_or_default();
    let options = matches!(word.as_str(), "set" | "reset") && tokens.peek_nth(1) == Some(&Token::LParen);
    if kind != RelationKind::View || !options {
        return Err(match word.as_str() {
            "set" | "reset" | "alter" | "cluster" | "depends" | "no" => {
                let object = kind.name().to_uppercase();
                tokens.unsupported(&format!("ALTER {object} … {}", word.to_uppercase()))
            }
            _ => tokens.unexpected(),
        });
    }
    tokens.advance();
    let mut security_invoker = None;
    let position = tokens.position();
    ddl::view_options(tokens, &mut security_invoker)?;
    let Some(value) = security_invoker else {
        return Err(SqlError::new(SqlErrorKind::SyntaxError, "an option is missing").at(position));
    };
    Ok(AlterAction::SetSecurityInvoker(value || word == "reset"))
}

/// ENABLE, DISABLE, FORCE and NO FORCE of ROW LEVEL SECURITY.
fn row_security(
    tokens: &mut Tokens<'_>,
    table: ObjectName,
    if_exists: bool,
) -> Result<UtilityStatement, SqlError> {
    if if_exists {
        return Err(tokens.unsupported("ALTER TABLE IF EXISTS … ROW LEVEL SECURITY"));
    }
    let (mut enable, mut force) = (None, None);
    tokens.list(|tokens| {
        let (words, place, value): (&[&str], _, _) = if tokens.at(&["enable", "row"]) {
            (&["enable"], &mut enable, true)
        } else if tokens.at(&["disable", "row"]) {
            (&["disable"], &mut enable, false)
        } else if tokens.at(&["force"]) {
            (&["force"], &mut force, true)
        } else if tokens.at(&["no", "force"]) {
            (&["no", "force"], &mut force, false)
        } else {
            return Err(match tokens.word().as_deref() {
                Some(word @ ("enable" | "disable" | "no")) => {
                    tokens.unsupported(&format!("ALTER TABLE … {}", word.to_uppercase()))
                }
                Some("add" | "alter" | "drop" | "owner" | "set") => {
                    tokens.unsupported("ROW LEVEL SECURITY together with another action")
                }
                _ => tokens.unexpected(),
            });
        };
        tokens.expect(words)?;
        tokens.expect(&["row", "level", "security"])?;
        *place = Some(value);
        Ok(())
    })?;
    Ok(UtilityStatement::AlterRowSecurity { table, enable, force })
}

/// What else PostgreSQL can do to a table.
const OTHER_ACTIONS: &[&str] = &[
    "attach", "cluster", "detach", "disable", "enable", "force", "inherit", "no", "not", "of", "options",
    "rename", "replica", "validate",
];
