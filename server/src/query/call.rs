//! Procedures that are not security's. There is none yet that is the server's own; an unknown one is 42883 with the
//! arguments' number, as PostgreSQL says it.

use lis_sql::statement::ObjectName;

use crate::{
    error::{Condition, Result, ServerError},
    session::Session,
};

/// CALL of a procedure that security does not know.
pub(crate) fn run(_session: &mut Session, name: &ObjectName, arguments: &[Option<String>]) -> Result<()> {
    let schema = name.schema.as_ref().map(|schema| format!("{schema}.")).unwrap_or_default();
    let types = vec!["unknown"; arguments.len()].join(", ");
    Err(ServerError::new(
        Condition::UndefinedFunction,
        format!("procedure {schema}{}({types}) does not exist", name.name),
    )
    .with_hint(
        "No procedure matches the given name and argument types. You might need to add explicit type casts.",
    )
    .at(name.position))
}
