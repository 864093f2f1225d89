//! The questions that statements ask about objects, with PostgreSQL's answers: may I use this schema, this table; is it
//! mine. Queries ask through `authorise.rs`; the server asks here for DDL and DML.

use lis_lake::{ids::Oid, table::Relation};

use crate::{
    context::StatementContext,
    error::{SecurityError, SecurityErrorKind},
    grants::{Object, Privilege},
};

/// USAGE (or CREATE) on a schema.
pub fn require_schema(
    context: &StatementContext<'_>,
    schema: Oid,
    privilege: Privilege,
) -> Result<(), SecurityError> {
    let Some(schema) = context.schema(schema) else {
        return Err(SecurityError::internal("a relation without a schema"));
    };
    // Nobody but its session sees a temporary schema.
    if schema.temporary {
        return Ok(());
    }
    let object = Object::schema(schema.id.oid());
    if context.rights.has(context.principal, object, schema.owner, privilege) {
        Ok(())
    } else {
        Err(SecurityError::denied(format!("permission denied for schema {}", schema.name.as_str())))
    }
}

/// A privilege on a schema that another role must have, since it is given something there. A superuser gives what it
/// likes.
pub fn require_schema_for(
    context: &StatementContext<'_>,
    role: Oid,
    schema: Oid,
    privilege: Privilege,
) -> Result<(), SecurityError> {
    let Some(schema) = context.schema(schema) else {
        return Err(SecurityError::internal("a relation without a schema"));
    };
    let object = Object::schema(schema.id.oid());
    let rights = context.rights;
    if context.is_superuser() || rights.grants().has(rights.roles(), role, object, schema.owner, privilege) {
        Ok(())
    } else {
        Err(SecurityError::denied(format!("permission denied for schema {}", schema.name.as_str())))
    }
}

/// A privilege on a table or view, and USAGE on its schema.
pub fn require_relation(
    context: &StatementContext<'_>,
    relation: Oid,
    privilege: Privilege,
) -> Result<(), SecurityError> {
    let Some(relation) = context.relation(relation) else {
        return Err(SecurityError::internal("a relation that the snapshot does not have"));
    };
    require_schema(context, relation.schema_id().oid(), Privilege::Usage)?;
    let object = Object::relation(relation.id().oid());
    if context.rights.has(context.principal, object, relation.owner(), privilege) {
        require_todays(context, relation)
    } else {
        Err(SecurityError::denied(format!("permission denied for {}", described(relation))))
    }
}

/// Rights, policies and masks of now speak of a relation as it is defined now. A transaction that sees an older
/// definition cannot be judged by them: a policy names columns, and a column of then may have another one's name today.
fn require_todays(context: &StatementContext<'_>, relation: &Relation) -> Result<(), SecurityError> {
    if !context.snapshot.is_redefined(relation.id()) {
        return Ok(());
    }
    Err(SecurityError::new(
        SecurityErrorKind::SerializationFailure,
        format!("could not serialize access due to concurrent redefinition of {}", described(relation)),
    )
    .with_hint("Run the transaction again."))
}

/// Ownership of a table or view: for ALTER, COMMENT, policies. For DROP the owner of the schema will do.
pub fn require_relation_owner(
    context: &StatementContext<'_>,
    relation: Oid,
    or_schema_owner: bool,
) -> Result<(), SecurityError> {
    let Some(relation) = context.relation(relation) else {
        return Err(SecurityError::internal("a relation that the snapshot does not have"));
    };
    let schema_owner = context.schema(relation.schema_id().oid()).map(|schema| schema.owner);
    let owns = context.rights.owns(context.principal, relation.owner())
        || (or_schema_owner
            && schema_owner.is_some_and(|owner| context.rights.owns(context.principal, owner)));
    if owns {
        require_todays(context, relation)
    } else {
        Err(SecurityError::denied(format!("must be owner of {}", described(relation))))
    }
}

/// Ownership of a schema.
pub fn require_schema_owner(context: &StatementContext<'_>, schema: Oid) -> Result<(), SecurityError> {
    let Some(schema) = context.schema(schema) else {
        return Err(SecurityError::internal("a schema that the snapshot does not have"));
    };
    if context.rights.owns(context.principal, schema.owner) {
        Ok(())
    } else {
        Err(SecurityError::denied(format!("must be owner of schema {}", schema.name.as_str())))
    }
}

/// CREATE on the database: nobody but a superuser has it.
pub fn require_create_schema(context: &StatementContext<'_>) -> Result<(), SecurityError> {
    if context.is_superuser() {
        Ok(())
    } else {
        Err(SecurityError::denied(format!("permission denied for database {}", context.bind.database)))
    }
}

/// Making an object that another role will own: the maker must be able to become that role.
pub fn require_set_role(context: &StatementContext<'_>, owner: Oid) -> Result<(), SecurityError> {
    if context.rights.roles().can_set(context.role(), owner) {
        return Ok(());
    }
    match context.rights.role(owner) {
        Some(role) => {
            Err(SecurityError::denied(format!("must be able to SET ROLE \"{}\"", role.name.as_str())))
        }
        None => Err(SecurityError::new(SecurityErrorKind::UndefinedObject, "role does not exist")),
    }
}

fn described(relation: &Relation) -> String {
    let kind = match relation {
        Relation::Table(_) => "table",
        Relation::View(_) => "view",
    };
    format!("{kind} {}", relation.name().as_str())
}
