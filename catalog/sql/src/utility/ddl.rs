//! CREATE and DROP of schemas, tables and views; COMMENT ON.

use sqlparser::tokenizer::Token;

use super::{roles, tokens::Tokens};
use crate::{
    error::{SqlError, SqlErrorKind},
    statement::{
        ColumnDefinition, CommentTarget, ObjectName, TableConstraint, TableConstraintKind, UtilityStatement,
    },
};

/// After CREATE SCHEMA.
pub(super) fn create_schema(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let if_not_exists = tokens.accept(&["if", "not", "exists"]);
    if tokens.at(&["authorization"]) {
        return Err(tokens.unsupported("CREATE SCHEMA without a name"));
    }
    let name = tokens.identifier()?;
    let owner = if tokens.accept(&["authorization"]) { Some(roles::role(tokens)?) } else { None };
    if ["create", "grant"].iter().any(|word| tokens.at(&[word])) {
        return Err(tokens.unsupported("CREATE SCHEMA with elements"));
    }
    Ok(UtilityStatement::CreateSchema { name, if_not_exists, owner })
}

/// After DROP SCHEMA.
pub(super) fn drop_schema(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let if_exists = tokens.accept(&["if", "exists"]);
    let names = tokens.list(Tokens::identifier)?;
    Ok(UtilityStatement::DropSchema { names, if_exists, cascade: cascade(tokens) })
}

/// After DROP TABLE and DROP VIEW.
pub(super) fn drop_relation(tokens: &mut Tokens<'_>, view: bool) -> Result<UtilityStatement, SqlError> {
    let if_exists = tokens.accept(&["if", "exists"]);
    let names = tokens.list(Tokens::object_name)?;
    Ok(UtilityStatement::DropRelation { view, names, if_exists, cascade: cascade(tokens) })
}

fn cascade(tokens: &mut Tokens<'_>) -> bool {
    tokens.accept_one_of(&["cascade", "restrict"]) == Some("cascade")
}

/// After CREATE TABLE.
pub(super) fn create_table(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let if_not_exists = tokens.accept(&["if", "not", "exists"]);
    let name = tokens.object_name()?;
    if tokens.at(&["as"]) {
        return Err(tokens.unsupported("CREATE TABLE AS"));
    }
    if let Some(word @ ("of" | "partition")) = tokens.word().as_deref() {
        return Err(tokens.unsupported(&format!("CREATE TABLE … {}", word.to_uppercase())));
    }
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    tokens.expect_token(&Token::LParen)?;
    if !tokens.accept_token(&Token::RParen) {
        tokens.list(|tokens| table_element(tokens, &mut columns, &mut constraints))?;
        tokens.expect_token(&Token::RParen)?;
    }
    for (words, what) in [
        (&["as"][..], "CREATE TABLE AS"),
        (&["inherits"], "INHERITS"),
        (&["partition"], "PARTITION BY"),
        (&["using"], "USING of a table access method"),
        (&["with"], "a storage parameter"),
        (&["without"], "WITHOUT OIDS"),
        (&["on", "commit"], "ON COMMIT"),
        (&["tablespace"], "TABLESPACE"),
    ] {
        if tokens.at(words) {
            return Err(tokens.unsupported(what));
        }
    }
    Ok(UtilityStatement::CreateTable { name, if_not_exists, columns, constraints })
}

fn table_element(
    tokens: &mut Tokens<'_>,
    columns: &mut Vec<ColumnDefinition>,
    constraints: &mut Vec<TableConstraint>,
) -> Result<(), SqlError> {
    let name = if tokens.accept(&["constraint"]) { Some(tokens.identifier()?) } else { None };
    let kind = if tokens.accept(&["primary", "key"]) {
        TableConstraintKind::PrimaryKey(tokens.column_list()?)
    } else if tokens.at(&["unique"]) {
        tokens.advance();
        if tokens.at(&["nulls"]) {
            return Err(tokens.unsupported("UNIQUE NULLS [NOT] DISTINCT"));
        }
        TableConstraintKind::Unique(tokens.column_list()?)
    } else if tokens.accept(&["foreign", "key"]) {
        let columns = tokens.column_list()?;
        tokens.expect(&["references"])?;
        let table = tokens.object_name()?;
        let referenced = tokens.optional_column_list()?;
        reference_actions(tokens)?;
        TableConstraintKind::ForeignKey { columns, table, referenced }
    } else if tokens.at(&["check"]) {
        return Err(tokens.unsupported("a CHECK constraint"));
    } else if tokens.at(&["exclude"]) {
        return Err(tokens.unsupported("an EXCLUDE constraint"));
    } else if tokens.at(&["like"]) {
        return Err(tokens.unsupported("LIKE in CREATE TABLE"));
    } else if name.is_some() {
        return Err(tokens.unexpected());
    } else {
        columns.push(column(tokens, constraints)?);
        return Ok(());
    };
    not_deferred(tokens)?;
    if tokens.at(&["include"]) || tokens.at(&["with"]) || tokens.at(&["using"]) {
        return Err(tokens.unsupported("an index parameter"));
    }
    constraints.push(TableConstraint { name, kind });
    Ok(())
}

fn column(
    tokens: &mut Tokens<'_>,
    constraints: &mut Vec<TableConstraint>,
) -> Result<ColumnDefinition, SqlError> {
    let name = tokens.identifier()?;
    let mut column = ColumnDefinition {
        name,
        column_type: tokens.column_type()?,
        not_null: false,
        default: None,
        collation: None,
        primary_key: false,
        unique: false,
        references: None,
    };
    let mut nullable_said = None;
    while !tokens.is_end() && !matches!(tokens.peek(), Some(Token::Comma | Token::RParen)) {
        let position = tokens.position();
        let constraint_name = if tokens.accept(&["constraint"]) { Some(tokens.identifier()?) } else { None };
        let not_null = tokens.accept(&["not", "null"]);
        if not_null || tokens.accept(&["null"]) {
            if nullable_said.replace(not_null).is_some_and(|said| said != not_null) {
                return Err(SqlError::new(
                    SqlErrorKind::SyntaxError,
                    format!("conflicting NULL/NOT NULL declarations for column \"{}\"", column.name.as_str()),
                )
                .at(position));
            }
            column.not_null = not_null;
        } else if tokens.accept(&["default"]) {
            if column.default.is_some() {
                return Err(SqlError::new(
                    SqlErrorKind::SyntaxError,
                    format!("multiple default values specified for column \"{}\"", column.name.as_str()),
                )
                .at(position));
            }
            column.default = Some(tokens.expression_text()?);
        } else if tokens.accept(&["collate"]) {
            let mut collation = tokens.label()?;
            if tokens.accept_token(&Token::Period) {
                collation = tokens.label()?;
            }
            column.collation = Some(collation);
        } else if tokens.accept(&["primary", "key"]) {
            column.not_null = true;
            match constraint_name {
                None => column.primary_key = true,
                name => constraints.push(TableConstraint {
                    name,
                    kind: TableConstraintKind::PrimaryKey(vec![column.name.clone()]),
                }),
            }
        } else if tokens.accept(&["unique"]) {
            match constraint_name {
                None => column.unique = true,
                name => constraints.push(TableConstraint {
                    name,
                    kind: TableConstraintKind::Unique(vec![column.name.clone()]),
                }),
            }
        } else if tokens.accept(&["references"]) {
            let table = tokens.object_name()?;
            let mut referenced = tokens.optional_column_list()?;
            reference_actions(tokens)?;
            if referenced.len() > 1 {
                return Err(SqlError::new(
                    SqlErrorKind::InvalidColumnDefinition,
                    "number of referencing and referenced columns for foreign key disagree",
                )
                .at(position));
            }
            match constraint_name {
                None => column.references = Some((table, referenced.pop())),
                name => constraints.push(TableConstraint {
                    name,
                    kind: TableConstraintKind::ForeignKey {
                        columns: vec![column.name.clone()],
                        table,
                        referenced,
                    },
                }),
            }
        } else if tokens.at(&["check"]) {
            return Err(tokens.unsupported("a CHECK constraint"));
        } else if tokens.at(&["generated"]) {
            return Err(tokens.unsupported("a generated or identity column"));
        } else if tokens.at(&["storage"]) || tokens.at(&["compression"]) {
            return Err(tokens.unsupported("a storage option of a column"));
        } else {
            return Err(tokens.unexpected());
        }
        not_deferred(tokens)?;
    }
    Ok(column)
}

/// What a foreign key does when the other row goes. Only doing nothing is offered, since keys are not enforced.
fn reference_actions(tokens: &mut Tokens<'_>) -> Result<(), SqlError> {
    if tokens.accept(&["match"]) && !tokens.accept(&["simple"]) {
        return Err(tokens.unsupported("MATCH FULL or PARTIAL"));
    }
    while tokens.accept(&["on"]) {
        if tokens.accept_one_of(&["delete", "update"]).is_none() {
            return Err(tokens.unexpected());
        }
        if !tokens.accept(&["no", "action"]) {
            return Err(tokens.unsupported("a referential action other than NO ACTION"));
        }
    }
    Ok(())
}

fn not_deferred(tokens: &mut Tokens<'_>) -> Result<(), SqlError> {
    loop {
        if tokens.at(&["deferrable"]) || tokens.at(&["initially", "deferred"]) || tokens.at(&["not", "valid"])
        {
            return Err(tokens.unsupported("a deferrable or unvalidated constraint"));
        }
        if !tokens.accept(&["not", "deferrable"]) && !tokens.accept(&["initially", "immediate"]) {
            return Ok(());
        }
    }
}

/// After CREATE [OR REPLACE] VIEW.
pub(super) fn create_view(tokens: &mut Tokens<'_>, or_replace: bool) -> Result<UtilityStatement, SqlError> {
    let name = tokens.object_name()?;
    let columns = tokens.optional_column_list()?;
    let mut security_invoker = None;
    if tokens.accept(&["with"]) {
        tokens.expect_token(&Token::LParen)?;
        tokens.list(|tokens| view_option(tokens, &mut security_invoker))?;
        tokens.expect_token(&Token::RParen)?;
    }
    tokens.expect(&["as"])?;
    let mark = tokens.mark();
    let query = tokens.query()?;
    let text = tokens.since(mark).to_owned();
    if tokens.at(&["with"]) {
        return Err(tokens.unsupported("WITH CHECK OPTION"));
    }
    Ok(UtilityStatement::CreateView { name, or_replace, columns, security_invoker, query, text })
}

fn view_option(tokens: &mut Tokens<'_>, security_invoker: &mut Option<bool>) -> Result<(), SqlError> {
    let position = tokens.position();
    let name = tokens.label()?;
    match name.as_str() {
        "security_invoker" => {
            let value = if tokens.accept_token(&Token::Eq) {
                match tokens.peek_string() {
                    Some(_) => tokens.string()?.to_lowercase(),
                    None => match tokens.number() {
                        Some(number) => number,
                        None => tokens.label()?.as_str().to_owned(),
                    },
                }
            } else {
                "true".to_owned()
            };
            *security_invoker = Some(match value.as_str() {
                "true" | "on" | "yes" | "1" | "t" | "y" => true,
                "false" | "off" | "no" | "0" | "f" | "n" => false,
                other => {
                    return Err(SqlError::new(
                        SqlErrorKind::InvalidParameterValue,
                        format!("invalid value for boolean option \"security_invoker\": {other}"),
                    )
                    .at(position));
                }
            });
            Ok(())
        }
        "security_barrier" | "check_option" => Err(SqlError::new(
            SqlErrorKind::FeatureNotSupported,
            format!("view option \"{}\" is not supported", name.as_str()),
        )
        .at(position)),
        other => Err(SqlError::new(
            SqlErrorKind::InvalidParameterValue,
            format!("unrecognized parameter \"{other}\""),
        )
        .at(position)),
    }
}

/// After COMMENT.
pub(super) fn comment(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    tokens.expect(&["on"])?;
    let target = match tokens.accept_one_of(&["schema", "table", "view", "column"]) {
        Some("schema") => CommentTarget::Schema(tokens.identifier()?),
        Some("table") => CommentTarget::Table(tokens.object_name()?),
        Some("view") => CommentTarget::View(tokens.object_name()?),
        Some(_) => comment_column(tokens)?,
        None => {
            return Err(match tokens.word() {
                Some(word) => tokens.unsupported(&format!("COMMENT ON {}", word.to_uppercase())),
                None => tokens.unexpected(),
            });
        }
    };
    tokens.expect(&["is"])?;
    let comment = if tokens.accept(&["null"]) { None } else { Some(tokens.string()?) };
    // PostgreSQL: an empty comment is none.
    Ok(UtilityStatement::Comment { target, comment: comment.filter(|comment| !comment.is_empty()) })
}

/// `table.column` or `schema.table.column`
fn comment_column(tokens: &mut Tokens<'_>) -> Result<CommentTarget, SqlError> {
    let position = tokens.position();
    let first = tokens.identifier()?;
    if !tokens.accept_token(&Token::Period) {
        return Err(SqlError::new(SqlErrorKind::SyntaxError, "column name must be qualified").at(position));
    }
    let second = tokens.label()?;
    let (table, column) = if tokens.accept_token(&Token::Period) {
        (ObjectName { schema: Some(first), name: second, position }, tokens.label()?)
    } else {
        (ObjectName { schema: None, name: first, position }, second)
    };
    Ok(CommentTarget::Column(table, column))
}
