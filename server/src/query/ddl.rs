//! Schemas, tables, views and comments: checked by security, staged over the transaction's snapshot. What CASCADE and
//! IF EXISTS mean is decided here; what a table may look like is the lake's knowledge.

use std::sync::Arc;

use lis_lake::{
    ids::{Oid, RelationId},
    names::{Identifier, QualifiedName},
    staged::{
        CommentTarget as StagedComment, NewColumn, NewConstraint, NewConstraintKind, NewSchema, NewTable,
        NewView,
    },
    table::{Collation, Relation, Schema},
};
use lis_security::privileges;
use lis_sql::{
    output::Dependency,
    statement::{
        ColumnDefinition, CommentTarget, ObjectName, ParsedStatement, Privilege, RoleName, TableConstraint,
        TableConstraintKind, UtilityStatement,
    },
};

use super::{Request, authorise};
use crate::{
    error::{Condition, Result, ServerError},
    session::Session,
    wire::error::Report,
};

/// Runs a statement about objects.
pub(crate) async fn run(
    session: &mut Session,
    request: &Request,
    utility: &UtilityStatement,
    parsed: &Arc<ParsedStatement>,
) -> Result<()> {
    match utility {
        UtilityStatement::CreateSchema { name, if_not_exists, owner } => {
            create_schema(session, request, name, *if_not_exists, owner.as_ref(), &parsed.text).await
        }
        UtilityStatement::DropSchema { names, if_exists, cascade } => {
            drop_schemas(session, request, names, *if_exists, *cascade, &parsed.text).await
        }
        UtilityStatement::CreateTable { name, if_not_exists, columns, constraints } => {
            create_table(session, request, name, *if_not_exists, columns, constraints, &parsed.text).await
        }
        UtilityStatement::CreateView { .. } => create_view(session, request, utility, parsed).await,
        UtilityStatement::DropRelation { view, names, if_exists, cascade } => {
            drop_relations(session, request, *view, names, *if_exists, *cascade, &parsed.text).await
        }
        UtilityStatement::Comment { target, comment } => {
            comment_on(session, request, target, comment.clone(), &parsed.text).await
        }
        _ => Err(ServerError::not_supported("this statement is not supported")),
    }
}

fn no_schema(name: &Identifier) -> ServerError {
    ServerError::new(Condition::UndefinedSchema, format!("schema \"{}\" does not exist", name.as_str()))
}

fn written(name: &ObjectName) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", schema.as_str(), name.name.as_str()),
        None => name.name.as_str().to_owned(),
    }
}

/// The schema in which a new object goes.
fn creation_schema(request: &Request, name: &ObjectName) -> Result<Arc<Schema>> {
    if let Some(schema) = &name.schema {
        let found = request.snapshot.schema_named(schema);
        return found.cloned().ok_or_else(|| match schema.as_str() {
            "pg_catalog" | "information_schema" => ServerError::new(
                Condition::InsufficientPrivilege,
                format!("permission denied for schema {}", schema.as_str()),
            ),
            _ => no_schema(schema).at(name.position),
        });
    }
    request
        .bind
        .search_path
        .iter()
        .find_map(|schema| request.snapshot.schema_named(schema))
        .cloned()
        .ok_or_else(|| {
            ServerError::new(Condition::UndefinedSchema, "no schema has been selected to create in")
                .at(name.position)
        })
}

/// A relation by a name as it was written.
pub(crate) fn find_relation<'a>(request: &'a Request, name: &ObjectName) -> Option<&'a Relation> {
    let lookup = |schema: &Identifier| {
        let name = QualifiedName { schema: schema.clone(), name: name.name.clone() };
        request.snapshot.relation_named(&name)
    };
    match &name.schema {
        Some(schema) => lookup(schema),
        None => request.bind.search_path.iter().find_map(lookup),
    }
}

fn no_relation(kind: &str, name: &ObjectName) -> ServerError {
    ServerError::new(Condition::UndefinedTable, format!("{kind} \"{}\" does not exist", written(name)))
        .at(name.position)
}

async fn create_schema(
    session: &mut Session,
    request: &Request,
    name: &Identifier,
    if_not_exists: bool,
    owner: Option<&RoleName>,
    text: &str,
) -> Result<()> {
    let server = Arc::clone(&session.server);
    request.judge(&server, privileges::require_create_schema)?;
    if name.as_str().starts_with("pg_") || name.as_str() == "information_schema" {
        return Err(ServerError::new(
            Condition::ReservedName,
            format!("unacceptable schema name \"{}\"", name.as_str()),
        )
        .with_detail("The prefix \"pg_\" is reserved for system schemas."));
    }
    let owner = match owner {
        None | Some(RoleName::CurrentUser) => request.principal.current_oid(),
        Some(RoleName::SessionUser) => request.principal.session_oid(),
        Some(RoleName::Named(role)) => {
            let oid = request.rights.role_named(role).map(|role| role.oid).ok_or_else(|| {
                ServerError::new(
                    Condition::UndefinedObject,
                    format!("role \"{}\" does not exist", role.as_str()),
                )
            })?;
            request.judge(&server, |context| privileges::require_set_role(context, oid))?;
            oid
        }
        Some(RoleName::Public) => {
            return Err(ServerError::new(Condition::ReservedName, "role name \"public\" is reserved"));
        }
    };
    if request.snapshot.schema_named(name).is_some() {
        if if_not_exists {
            let message = format!("schema \"{}\" already exists, skipping", name.as_str());
            return session.notice(&Report::notice(message));
        }
        return Err(ServerError::new(
            Condition::DuplicateSchema,
            format!("schema \"{}\" already exists", name.as_str()),
        ));
    }
    let staged = session.transaction.staged(&server.lake, text).await?;
    staged.create_schema(NewSchema { name: name.clone(), owner, comment: None }).await?;
    Ok(())
}

async fn drop_schemas(
    session: &mut Session,
    request: &Request,
    names: &[Identifier],
    if_exists: bool,
    cascade: bool,
    text: &str,
) -> Result<()> {
    let server = Arc::clone(&session.server);
    for name in names {
        let Some(schema) = request.snapshot.schema_named(name).cloned() else {
            if if_exists {
                let message = format!("schema \"{}\" does not exist, skipping", name.as_str());
                session.notice(&Report::notice(message))?;
                continue;
            }
            return Err(no_schema(name));
        };
        request.judge(&server, |context| privileges::require_schema_owner(context, schema.id.oid()))?;
        let inside: Vec<RelationId> = request
            .snapshot
            .relations()
            .filter(|relation| relation.schema_id() == schema.id)
            .map(Relation::id)
            .collect();
        if !inside.is_empty() && !cascade {
            return Err(ServerError::new(
                Condition::DependentObjectsStillExist,
                format!("cannot drop schema {} because other objects depend on it", name.as_str()),
            )
            .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
        }
        drop_with_dependents(session, request, &inside, cascade, text).await?;
        let staged = session.transaction.staged(&server.lake, text).await?;
        staged.drop_schema(schema.id)?;
    }
    Ok(())
}

/// Views that read any of these relations, directly or through others. A view that can no longer be bound reads nothing.
fn dependents(session: &Session, request: &Request, relations: &[RelationId]) -> Vec<RelationId> {
    let mut found: Vec<RelationId> = Vec::new();
    for relation in request.snapshot.relations() {
        let Relation::View(view) = relation else { continue };
        let reads = view_dependencies(session, request, &view.definition);
        if relations.iter().any(|id| reads.contains(&id.oid())) && !relations.contains(&view.id) {
            found.push(view.id);
        }
    }
    found
}

fn view_dependencies(session: &Session, request: &Request, definition: &str) -> Vec<Oid> {
    let bound = lis_sql::parse(definition).ok().and_then(|statements| {
        let parsed = statements.into_iter().next()?;
        let query = super::query_of(&parsed.statement)?;
        super::bind(&session.server, request, query, &parsed.text).ok()
    });
    let Some(bound) = bound else { return Vec::new() };
    let mut reads: Vec<Oid> = bound
        .dependencies
        .iter()
        .map(|dependency| match dependency {
            Dependency::Relation(oid) => *oid,
            Dependency::Column(origin) => origin.relation,
        })
        .collect();
    reads.extend(&bound.views);
    reads
}

/// A relation's name as PostgreSQL shows it: with its schema unless the search path finds it.
fn shown_name(request: &Request, relation: &Relation) -> String {
    let unqualified = ObjectName { schema: None, name: relation.name().clone(), position: None };
    let visible = find_relation(request, &unqualified).is_some_and(|found| found.id() == relation.id());
    match request.snapshot.qualified_name(relation) {
        Some(qualified) if !visible => qualified.to_string(),
        _ => relation.name().to_string(),
    }
}

async fn drop_with_dependents(
    session: &mut Session,
    request: &Request,
    relations: &[RelationId],
    cascade: bool,
    text: &str,
) -> Result<()> {
    let server = Arc::clone(&session.server);
    let mut dropping = relations.to_vec();
    loop {
        let more: Vec<RelationId> =
            dependents(session, request, &dropping).into_iter().filter(|id| !dropping.contains(id)).collect();
        if more.is_empty() {
            break;
        }
        if !cascade {
            let name_of = |id: Option<&RelationId>| {
                id.and_then(|id| request.snapshot.relation(*id))
                    .map(|relation| {
                        let kind = if matches!(relation, Relation::View(_)) { "view" } else { "table" };
                        format!("{kind} {}", shown_name(request, relation))
                    })
                    .unwrap_or_default()
            };
            let (kept, dependent) = (name_of(relations.first()), name_of(more.first()));
            return Err(ServerError::new(
                Condition::DependentObjectsStillExist,
                format!("cannot drop {kept} because other objects depend on it"),
            )
            .with_detail(format!("{dependent} depends on {kept}"))
            .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
        }
        dropping.extend(more);
    }
    let staged = session.transaction.staged(&server.lake, text).await?;
    for id in dropping.iter().rev() {
        staged.drop_relation(*id)?;
    }
    Ok(())
}

async fn create_table(
    session: &mut Session,
    request: &Request,
    name: &ObjectName,
    if_not_exists: bool,
    columns: &[ColumnDefinition],
    constraints: &[TableConstraint],
    text: &str,
) -> Result<()> {
    let server = Arc::clone(&session.server);
    let schema = creation_schema(request, name)?;
    request
        .judge(&server, |context| privileges::require_schema(context, schema.id.oid(), Privilege::Create))?;
    if existing(session, request, &schema, &name.name, if_not_exists)? {
        return Ok(());
    }
    let mut new_columns = Vec::with_capacity(columns.len());
    let mut new_constraints = Vec::new();
    for column in columns {
        if !column.column_type.pg_type.can_be_stored() {
            return Err(ServerError::not_supported(format!(
                "column \"{}\" cannot have the type {}",
                column.name.as_str(),
                column.column_type.pg_type.facts().sql_name
            )));
        }
        if new_columns.iter().any(|other: &NewColumn| other.name == column.name) {
            return Err(ServerError::new(
                Condition::DuplicateColumn,
                format!("column \"{}\" specified more than once", column.name.as_str()),
            ));
        }
        let mut new = NewColumn::new(column.name.clone(), column.column_type);
        new.not_null = column.not_null || column.primary_key;
        new.default.clone_from(&column.default);
        new.collation = collation(column)?;
        new_columns.push(new);
        let only = vec![column.name.clone()];
        if column.primary_key {
            new_constraints.push(NewConstraint {
                name: None,
                kind: NewConstraintKind::PrimaryKey,
                columns: only.clone(),
            });
        }
        if column.unique {
            new_constraints.push(NewConstraint {
                name: None,
                kind: NewConstraintKind::Unique,
                columns: only.clone(),
            });
        }
        if let Some((table, referenced)) = &column.references {
            let referenced: Vec<_> = referenced.iter().cloned().collect();
            new_constraints.push(foreign_key(request, None, only, table, &referenced)?);
        }
    }
    for constraint in constraints {
        let name = constraint.name.clone();
        new_constraints.push(match &constraint.kind {
            TableConstraintKind::PrimaryKey(key) => {
                for column in new_columns.iter_mut().filter(|column| key.contains(&column.name)) {
                    column.not_null = true;
                }
                NewConstraint { name, kind: NewConstraintKind::PrimaryKey, columns: key.clone() }
            }
            TableConstraintKind::Unique(key) => {
                NewConstraint { name, kind: NewConstraintKind::Unique, columns: key.clone() }
            }
            TableConstraintKind::ForeignKey { columns, table, referenced } => {
                foreign_key(request, name, columns.clone(), table, referenced)?
            }
        });
    }
    let new = NewTable {
        schema_id: schema.id,
        name: name.name.clone(),
        owner: request.principal.current_oid(),
        comment: None,
        columns: new_columns,
        constraints: new_constraints,
        sort_order: Vec::new(),
    };
    let staged = session.transaction.staged(&server.lake, text).await?;
    staged.create_table(new).await?;
    Ok(())
}

fn collation(column: &ColumnDefinition) -> Result<Collation> {
    match column.collation.as_ref().map(Identifier::as_str) {
        None | Some("C" | "c" | "POSIX" | "default") => Ok(Collation::C),
        Some("sv" | "sv_SE" | "sv_SE.utf8" | "sv-SE-x-icu" | "sv-x-icu") => Ok(Collation::Swedish),
        Some(other) => Err(ServerError::new(
            Condition::UndefinedObject,
            format!("collation \"{other}\" for encoding \"UTF8\" does not exist"),
        )),
    }
}

fn foreign_key(
    request: &Request,
    name: Option<Identifier>,
    columns: Vec<Identifier>,
    table: &ObjectName,
    referenced: &[Identifier],
) -> Result<NewConstraint> {
    let relation = find_relation(request, table).ok_or_else(|| no_relation("relation", table))?;
    let Relation::Table(target) = relation else {
        return Err(ServerError::new(
            Condition::WrongObjectType,
            format!("referenced relation \"{}\" is not a table", written(table)),
        ));
    };
    let referenced_columns = if referenced.is_empty() {
        use lis_lake::table::ConstraintKind;
        let key =
            target.constraints.iter().find(|it| it.kind == ConstraintKind::PrimaryKey).ok_or_else(|| {
                ServerError::new(
                    Condition::UndefinedObject,
                    format!("there is no primary key for referenced table \"{}\"", written(table)),
                )
            })?;
        let named =
            |id| target.columns.iter().find(|column| column.id == id).map(|column| column.name.clone());
        key.columns.iter().filter_map(|id| named(*id)).collect()
    } else {
        referenced.to_vec()
    };
    if referenced_columns.len() != columns.len() {
        return Err(ServerError::new(
            Condition::InvalidForeignKey,
            "number of referencing and referenced columns for foreign key disagree",
        ));
    }
    Ok(NewConstraint {
        name,
        kind: NewConstraintKind::ForeignKey { references: target.id, referenced_columns },
        columns,
    })
}

/// Whether the name is taken and that is fine.
fn existing(
    session: &mut Session,
    request: &Request,
    schema: &Schema,
    name: &Identifier,
    if_not_exists: bool,
) -> Result<bool> {
    let qualified = QualifiedName { schema: schema.name.clone(), name: name.clone() };
    if request.snapshot.relation_named(&qualified).is_none()
        && session.server.registry.relation(&qualified).is_none()
    {
        return Ok(false);
    }
    if if_not_exists {
        let message = format!("relation \"{}\" already exists, skipping", name.as_str());
        session.notice(&Report::notice(message))?;
        return Ok(true);
    }
    Err(ServerError::new(Condition::DuplicateTable, format!("relation \"{}\" already exists", name.as_str())))
}

async fn create_view(
    session: &mut Session,
    request: &Request,
    utility: &UtilityStatement,
    parsed: &Arc<ParsedStatement>,
) -> Result<()> {
    let UtilityStatement::CreateView { name, or_replace, columns, security_invoker, query, text } = utility
    else {
        return Ok(());
    };
    let server = Arc::clone(&session.server);
    let schema = creation_schema(request, name)?;
    request
        .judge(&server, |context| privileges::require_schema(context, schema.id.oid(), Privilege::Create))?;
    if *security_invoker == Some(false) {
        return Err(ServerError::not_supported("security_invoker = false is not supported")
            .with_hint("A view shows each reader what the reader may see."));
    }
    let (authorised, parameters) = authorise(&server, request, parsed).await?;
    if !parameters.is_empty() {
        return Err(ServerError::new(Condition::UndefinedObject, "there is no parameter $1"));
    }
    if columns.len() > authorised.outputs.len() {
        return Err(ServerError::new(
            Condition::SyntaxError,
            "CREATE VIEW specifies more column names than columns",
        ));
    }
    let mut new_columns: Vec<NewColumn> = Vec::with_capacity(authorised.outputs.len());
    for (index, output) in authorised.outputs.iter().enumerate() {
        let column = columns.get(index).cloned().unwrap_or_else(|| Identifier::exact(&output.name));
        if new_columns.iter().any(|other| other.name == column) {
            return Err(ServerError::new(
                Condition::DuplicateColumn,
                format!("column \"{}\" specified more than once", column.as_str()),
            ));
        }
        let mut column_type = output.column_type;
        column_type.pg_type = crate::wire::types::client_type(column_type.pg_type);
        new_columns.push(NewColumn::new(column, column_type));
    }
    let catalog = request.catalog(&server);
    let definition = lis_sql::qualify_query(query, &parsed.text, text, &catalog, &request.bind)?;
    let new = NewView {
        schema_id: schema.id,
        name: name.name.clone(),
        owner: request.principal.current_oid(),
        comment: None,
        definition,
        columns: new_columns,
        security_invoker: security_invoker.unwrap_or(true),
    };
    let qualified = QualifiedName { schema: schema.name.clone(), name: name.name.clone() };
    let replaced = match request.snapshot.relation_named(&qualified) {
        Some(Relation::View(view)) if *or_replace => Some(Arc::clone(view)),
        Some(Relation::Table(_)) if *or_replace => {
            return Err(ServerError::new(
                Condition::WrongObjectType,
                format!("\"{}\" is not a view", name.name.as_str()),
            ));
        }
        _ => None,
    };
    if let Some(view) = replaced {
        request
            .judge(&server, |context| privileges::require_relation_owner(context, view.id.oid(), false))?;
        let keeps =
            view.columns.len() <= new.columns.len()
                && view.columns.iter().zip(&new.columns).all(|(old, new)| {
                    old.name == new.name && old.column_type.pg_type == new.column_type.pg_type
                });
        if !keeps {
            return Err(ServerError::new(
                Condition::InvalidTableDefinition,
                "cannot change the names, types or number of existing columns of a view",
            )
            .with_hint("Drop the view and make it anew."));
        }
        let staged = session.transaction.staged(&server.lake, &parsed.text).await?;
        staged.replace_view(view.id, new)?;
        return Ok(());
    }
    existing(session, request, &schema, &name.name, false)?;
    let staged = session.transaction.staged(&server.lake, &parsed.text).await?;
    staged.create_view(new).await?;
    Ok(())
}

async fn drop_relations(
    session: &mut Session,
    request: &Request,
    view: bool,
    names: &[ObjectName],
    if_exists: bool,
    cascade: bool,
    text: &str,
) -> Result<()> {
    let kind = if view { "view" } else { "table" };
    let server = Arc::clone(&session.server);
    let mut dropping = Vec::new();
    for name in names {
        let Some(relation) = find_relation(request, name) else {
            if if_exists {
                let message = format!("{kind} \"{}\" does not exist, skipping", name.name.as_str());
                session.notice(&Report::notice(message))?;
                continue;
            }
            return Err(no_relation(kind, name).at(None));
        };
        if matches!(relation, Relation::View(_)) != view {
            let other = if view { "table" } else { "view" };
            return Err(ServerError::new(
                Condition::WrongObjectType,
                format!("\"{}\" is not a {kind}", name.name.as_str()),
            )
            .with_hint(format!("Use DROP {} to remove a {other}.", other.to_uppercase())));
        }
        request.judge(&server, |context| {
            privileges::require_relation_owner(context, relation.id().oid(), true)
        })?;
        dropping.push(relation.id());
    }
    if dropping.is_empty() {
        return Ok(());
    }
    drop_with_dependents(session, request, &dropping, cascade, text).await
}

async fn comment_on(
    session: &mut Session,
    request: &Request,
    target: &CommentTarget,
    comment: Option<String>,
    text: &str,
) -> Result<()> {
    let server = Arc::clone(&session.server);
    let comment = comment.filter(|comment| !comment.is_empty());
    let staged_target = match target {
        CommentTarget::Schema(name) => {
            let schema = request.snapshot.schema_named(name).ok_or_else(|| no_schema(name))?;
            request.judge(&server, |context| privileges::require_schema_owner(context, schema.id.oid()))?;
            StagedComment::Schema(schema.id)
        }
        CommentTarget::Table(name) => {
            StagedComment::Relation(owned(session, request, name, Some(false))?.id())
        }
        CommentTarget::View(name) => StagedComment::Relation(owned(session, request, name, Some(true))?.id()),
        CommentTarget::Column(name, column) => {
            let relation = owned(session, request, name, None)?;
            let found = relation.columns().iter().find(|it| it.name == *column).ok_or_else(|| {
                ServerError::new(
                    Condition::UndefinedColumn,
                    format!(
                        "column \"{}\" of relation \"{}\" does not exist",
                        column.as_str(),
                        name.name.as_str()
                    ),
                )
            })?;
            StagedComment::Column(relation.id(), found.id)
        }
    };
    let staged = session.transaction.staged(&server.lake, text).await?;
    staged.comment(staged_target, comment)?;
    Ok(())
}

fn owned<'a>(
    session: &Session,
    request: &'a Request,
    name: &ObjectName,
    view: Option<bool>,
) -> Result<&'a Relation> {
    let relation = find_relation(request, name).ok_or_else(|| no_relation("relation", name).at(None))?;
    if view.is_some_and(|view| matches!(relation, Relation::View(_)) != view) {
        let kind = if view == Some(true) { "view" } else { "table" };
        return Err(ServerError::new(
            Condition::WrongObjectType,
            format!("\"{}\" is not a {kind}", name.name.as_str()),
        ));
    }
    request.judge(&session.server, |context| {
        privileges::require_relation_owner(context, relation.id().oid(), false)
    })?;
    Ok(relation)
}
