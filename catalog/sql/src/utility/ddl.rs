//! CREATE and DROP of schemas, tables and views; COMMENT ON. ALTER is in `alter.rs`.

use lis_lake::names::Identifier;
use sqlparser::tokenizer::Token;

use super::{roles, tokens::Tokens};
use crate::{
    error::{SqlError, SqlErrorKind},
    keywords::quote_identifier,
    parse::parse_query,
    statement::{
        ColumnDefinition, CommentTarget, ObjectName, OnCommit, RelationKind, TableConstraint,
        TableConstraintKind, TableLike, UtilityStatement, Written,
    },
};

/// After CREATE SCHEMA.
pub(super) fn create_schema(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let if_not_exists = tokens.accept(&["if", "not", "exists"]);
    // Without a name it has its owner's.
    let name = if tokens.at(&["authorization"]) { None } else { Some(tokens.identifier()?) };
    let owner = if tokens.accept(&["authorization"]) { Some(roles::role(tokens)?) } else { None };
    let mut elements = Vec::new();
    while ["create", "grant"].iter().any(|word| tokens.at(&[word])) {
        if if_not_exists {
            let message = "CREATE SCHEMA IF NOT EXISTS cannot include schema elements";
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(tokens.position()));
        }
        let Some(name) = &name else {
            return Err(tokens.unsupported("CREATE SCHEMA with elements and without a name"));
        };
        elements.push(schema_element(tokens, name)?);
    }
    // Views may read tables that are written after them.
    elements.sort_by_key(|element| matches!(element, UtilityStatement::CreateView { .. }));
    Ok(UtilityStatement::CreateSchema { name, if_not_exists, owner, elements })
}

/// A table or view that is made with a schema, in it.
fn schema_element(tokens: &mut Tokens<'_>, schema: &Identifier) -> Result<UtilityStatement, SqlError> {
    if tokens.at(&["grant"]) {
        return Err(tokens.unsupported("GRANT in CREATE SCHEMA"));
    }
    let position = tokens.position();
    let mut element = super::create(tokens)?;
    let (UtilityStatement::CreateTable { name, temporary: None, .. }
    | UtilityStatement::CreateView { name, temporary: false, .. }) = &mut element
    else {
        let message = "CREATE SCHEMA with another element than a table or a view is not supported";
        return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(position));
    };
    match &name.schema {
        Some(written) if written != schema => {
            let message = format!(
                "CREATE specifies a schema ({}) different from the one being created ({})",
                written.as_str(),
                schema.as_str()
            );
            Err(SqlError::new(SqlErrorKind::InvalidSchemaDefinition, message))
        }
        _ => {
            name.schema = Some(schema.clone());
            Ok(element)
        }
    }
}

/// After DROP SCHEMA.
pub(super) fn drop_schema(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let if_exists = tokens.accept(&["if", "exists"]);
    let names = tokens.list(Tokens::identifier)?;
    Ok(UtilityStatement::DropSchema { names, if_exists, cascade: cascade(tokens) })
}

/// After DROP TABLE, DROP VIEW and DROP MATERIALIZED VIEW.
pub(super) fn drop_relation(
    tokens: &mut Tokens<'_>,
    kind: RelationKind,
) -> Result<UtilityStatement, SqlError> {
    let if_exists = tokens.accept(&["if", "exists"]);
    let names = tokens.list(Tokens::object_name)?;
    Ok(UtilityStatement::DropRelation { kind, names, if_exists, cascade: cascade(tokens) })
}

pub(super) fn cascade(tokens: &mut Tokens<'_>) -> bool {
    tokens.accept_one_of(&["cascade", "restrict"]) == Some("cascade")
}

/// After CREATE \[TEMPORARY\] TABLE.
pub(super) fn create_table(tokens: &mut Tokens<'_>, temporary: bool) -> Result<UtilityStatement, SqlError> {
    let if_not_exists = tokens.accept(&["if", "not", "exists"]);
    let name = tokens.object_name()?;
    if begins_query(tokens) {
        return create_as(tokens, RelationKind::Table, temporary, name, if_not_exists);
    }
    if let Some(word @ ("of" | "partition")) = tokens.word().as_deref() {
        return Err(tokens.unsupported(&format!("CREATE TABLE … {}", word.to_uppercase())));
    }
    let (mut columns, mut likes, mut constraints) = (Vec::new(), Vec::new(), Vec::new());
    tokens.expect_token(&Token::LParen)?;
    if !tokens.accept_token(&Token::RParen) {
        tokens
            .list(|tokens| table_element(tokens, &name.name, &mut columns, &mut likes, &mut constraints))?;
        tokens.expect_token(&Token::RParen)?;
    }
    let temporary = storage(tokens, temporary)?;
    Ok(UtilityStatement::CreateTable { name, temporary, if_not_exists, columns, likes, constraints })
}

/// Whether `[(a, b, …)] … AS` follows: the table is made from a query.
fn begins_query(tokens: &Tokens<'_>) -> bool {
    if tokens.peek() != Some(&Token::LParen) {
        return ["as", "on", "with", "without"].iter().any(|word| tokens.at(&[word]));
    }
    // Names of columns alone, and then no definition of a table.
    let mut ahead = 1;
    while matches!(tokens.peek_nth(ahead), Some(Token::Word(_))) {
        match tokens.peek_nth(ahead + 1) {
            Some(Token::Comma) => ahead += 2,
            Some(Token::RParen) => return true,
            _ => return false,
        }
    }
    false
}

/// After the name in CREATE TABLE … AS and CREATE MATERIALIZED VIEW.
fn create_as(
    tokens: &mut Tokens<'_>,
    kind: RelationKind,
    temporary: bool,
    name: ObjectName,
    if_not_exists: bool,
) -> Result<UtilityStatement, SqlError> {
    let columns = tokens.optional_column_list()?;
    let temporary = storage(tokens, temporary)?;
    tokens.expect(&["as"])?;
    let mark = tokens.mark();
    if tokens.at(&["execute"]) {
        return Err(tokens.unsupported("CREATE TABLE AS EXECUTE"));
    }
    let query = tokens.query()?;
    let text = tokens.since(mark).to_owned();
    let with_data = with_data(tokens)?;
    Ok(UtilityStatement::CreateTableAs {
        kind,
        name,
        temporary,
        if_not_exists,
        columns,
        query,
        text,
        with_data,
    })
}

/// `WITH [NO] DATA`
fn with_data(tokens: &mut Tokens<'_>) -> Result<bool, SqlError> {
    if !tokens.accept(&["with"]) {
        return Ok(true);
    }
    let with_data = !tokens.accept(&["no"]);
    tokens.expect(&["data"])?;
    Ok(with_data)
}

/// After CREATE MATERIALIZED VIEW.
pub(super) fn create_materialized_view(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    let if_not_exists = tokens.accept(&["if", "not", "exists"]);
    let name = tokens.object_name()?;
    create_as(tokens, RelationKind::MaterializedView, false, name, if_not_exists)
}

/// After REFRESH.
pub(super) fn refresh(tokens: &mut Tokens<'_>) -> Result<UtilityStatement, SqlError> {
    tokens.expect(&["materialized", "view"])?;
    let concurrently = tokens.accept(&["concurrently"]);
    let name = tokens.object_name()?;
    let position = tokens.position();
    let with_data = with_data(tokens)?;
    if concurrently && !with_data {
        return Err(SqlError::new(
            SqlErrorKind::SyntaxError,
            "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together",
        )
        .at(position));
    }
    Ok(UtilityStatement::RefreshMaterializedView { name, concurrently, with_data })
}

/// What follows a table's columns: how it is kept.
fn storage(tokens: &mut Tokens<'_>, temporary: bool) -> Result<Option<OnCommit>, SqlError> {
    // `WITHOUT OIDS` says what every table is.
    tokens.accept(&["without", "oids"]);
    let position = tokens.position();
    let on_commit = if tokens.accept(&["on", "commit"]) {
        if !temporary {
            return Err(SqlError::new(
                SqlErrorKind::InvalidTableDefinition,
                "ON COMMIT can only be used on temporary tables",
            )
            .at(position));
        }
        if tokens.accept(&["preserve", "rows"]) {
            OnCommit::PreserveRows
        } else if tokens.accept(&["delete", "rows"]) {
            OnCommit::DeleteRows
        } else {
            tokens.expect(&["drop"])?;
            OnCommit::Drop
        }
    } else {
        OnCommit::default()
    };
    for (words, what) in [
        (&["inherits"][..], "INHERITS"),
        (&["partition"], "PARTITION BY"),
        (&["using"], "USING of a table access method"),
        (&["with"], "a storage parameter"),
        (&["tablespace"], "TABLESPACE"),
    ] {
        if tokens.at(words) {
            return Err(tokens.unsupported(what));
        }
    }
    Ok(temporary.then_some(on_commit))
}

fn table_element(
    tokens: &mut Tokens<'_>,
    table: &Identifier,
    columns: &mut Vec<ColumnDefinition>,
    likes: &mut Vec<TableLike>,
    constraints: &mut Vec<TableConstraint>,
) -> Result<(), SqlError> {
    if tokens.accept(&["like"]) {
        likes.push(like(tokens, columns.len())?);
        return Ok(());
    }
    match table_constraint(tokens)? {
        Some(constraint) => constraints.push(constraint),
        None => columns.push(column(tokens, table, constraints)?),
    }
    Ok(())
}

/// After LIKE in CREATE TABLE.
fn like(tokens: &mut Tokens<'_>, after: usize) -> Result<TableLike, SqlError> {
    let source = tokens.object_name()?;
    let mut like =
        TableLike { source, after, defaults: false, constraints: false, indexes: false, comments: false };
    while let Some(word) = tokens.accept_one_of(&["including", "excluding"]) {
        let including = word == "including";
        match tokens.accept_one_of(&["all", "defaults", "constraints", "indexes", "comments"]) {
            Some("all") => {
                (like.defaults, like.constraints) = (including, including);
                (like.indexes, like.comments) = (including, including);
            }
            Some("defaults") => like.defaults = including,
            Some("constraints") => like.constraints = including,
            Some("indexes") => like.indexes = including,
            Some(_) => like.comments = including,
            None => {
                // A table here has none of these.
                let others = ["compression", "generated", "identity", "statistics", "storage"];
                if tokens.accept_one_of(&others).is_none() {
                    return Err(tokens.unexpected());
                }
            }
        }
    }
    Ok(like)
}

/// A table constraint, if one comes.
pub(super) fn table_constraint(tokens: &mut Tokens<'_>) -> Result<Option<TableConstraint>, SqlError> {
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
    } else if tokens.at(&["check"]) && (name.is_some() || tokens.peek_nth(1) == Some(&Token::LParen)) {
        tokens.advance();
        TableConstraintKind::Check(check(tokens)?)
    } else if tokens.at(&["exclude"]) {
        return Err(tokens.unsupported("an EXCLUDE constraint"));
    } else if name.is_some() {
        return Err(tokens.unexpected());
    } else {
        return Ok(None);
    };
    not_deferred(tokens)?;
    if tokens.at(&["include"]) || tokens.at(&["with"]) || tokens.at(&["using"]) {
        return Err(tokens.unsupported("an index parameter"));
    }
    Ok(Some(TableConstraint { name, kind }))
}

/// After CHECK.
fn check(tokens: &mut Tokens<'_>) -> Result<Written, SqlError> {
    tokens.expect_token(&Token::LParen)?;
    let written = tokens.written_expression()?;
    tokens.expect_token(&Token::RParen)?;
    // It is the same whether or not it is inherited: nothing is.
    tokens.accept(&["no", "inherit"]);
    Ok(written)
}

/// A column of a new table or a new column of `table`; its named constraints go to the table's.
pub(super) fn column(
    tokens: &mut Tokens<'_>,
    table: &Identifier,
    constraints: &mut Vec<TableConstraint>,
) -> Result<ColumnDefinition, SqlError> {
    let name = tokens.identifier()?;
    let serial = ["serial", "serial2", "serial4", "serial8", "bigserial", "smallserial"];
    if serial.iter().any(|word| tokens.at(&[word])) {
        return Err(tokens.unsupported("a serial column"));
    }
    let mut column = ColumnDefinition {
        name,
        column_type: tokens.column_type()?,
        not_null: false,
        default: None,
        default_position: None,
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
                    format!(
                        "conflicting NULL/NOT NULL declarations for column \"{}\" of table \"{}\"",
                        column.name.as_str(),
                        table.as_str()
                    ),
                )
                .at(position));
            }
            column.not_null = not_null;
        } else if tokens.accept(&["default"]) {
            if column.default.is_some() {
                return Err(SqlError::new(
                    SqlErrorKind::SyntaxError,
                    format!(
                        "multiple default values specified for column \"{}\" of table \"{}\"",
                        column.name.as_str(),
                        table.as_str()
                    ),
                )
                .at(position));
            }
            column.default_position = tokens.position();
            column.default = Some(tokens.default_text()?);
        } else if tokens.accept(&["collate"]) {
            column.collation = Some(collation(tokens)?);
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
        } else if tokens.accept(&["check"]) {
            let kind = TableConstraintKind::Check(check(tokens)?);
            constraints.push(TableConstraint { name: constraint_name, kind });
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

/// After COLLATE.
pub(super) fn collation(tokens: &mut Tokens<'_>) -> Result<Identifier, SqlError> {
    let mut collation = tokens.label()?;
    if tokens.accept_token(&Token::Period) {
        collation = tokens.label()?;
    }
    Ok(collation)
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

/// After CREATE \[OR REPLACE\] \[TEMPORARY\] VIEW.
pub(super) fn create_view(
    tokens: &mut Tokens<'_>,
    or_replace: bool,
    temporary: bool,
    recursive: bool,
) -> Result<UtilityStatement, SqlError> {
    let name = tokens.object_name()?;
    let columns = if recursive { tokens.column_list()? } else { tokens.optional_column_list()? };
    let mut security_invoker = None;
    if tokens.accept(&["with"]) {
        view_options(tokens, &mut security_invoker)?;
    }
    tokens.expect(&["as"])?;
    let mark = tokens.mark();
    let query = tokens.query()?;
    let text = tokens.since(mark).to_owned();
    if tokens.at(&["with"]) {
        return Err(tokens.unsupported("WITH CHECK OPTION"));
    }
    let query = if recursive { recursive_view(&name.name, &columns, *query)? } else { query };
    Ok(UtilityStatement::CreateView {
        name,
        or_replace,
        temporary,
        columns,
        security_invoker,
        query,
        text,
        recursive,
    })
}

/// The query of a recursive view: `WITH RECURSIVE name (columns) AS (query) SELECT columns FROM name`.
fn recursive_view(
    name: &Identifier,
    columns: &[Identifier],
    query: sqlparser::ast::Query,
) -> Result<Box<sqlparser::ast::Query>, SqlError> {
    let mut whole = parse_query(&recursive_view_text(name, columns, "SELECT"))?;
    if let Some(cte) = whole.with.as_mut().and_then(|with| with.cte_tables.first_mut()) {
        *cte.query = query;
    }
    Ok(whole)
}

/// The same as text.
pub fn recursive_view_text(name: &Identifier, columns: &[Identifier], query: &str) -> String {
    let name = quote_identifier(name.as_str());
    let columns: Vec<String> = columns.iter().map(|column| quote_identifier(column.as_str())).collect();
    let columns = columns.join(", ");
    format!("WITH RECURSIVE {name} ({columns}) AS ({query}) SELECT {columns} FROM {name}")
}

/// `(security_invoker = …)`
pub(super) fn view_options(
    tokens: &mut Tokens<'_>,
    security_invoker: &mut Option<bool>,
) -> Result<(), SqlError> {
    tokens.expect_token(&Token::LParen)?;
    tokens.list(|tokens| view_option(tokens, security_invoker))?;
    tokens.expect_token(&Token::RParen)
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
    if tokens.accept(&["materialized", "view"]) {
        let target = CommentTarget::MaterializedView(tokens.object_name()?);
        return comment_text(tokens, target);
    }
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
    comment_text(tokens, target)
}

fn comment_text(tokens: &mut Tokens<'_>, target: CommentTarget) -> Result<UtilityStatement, SqlError> {
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
