//! Procedures that are the server's own: snapshots' names and, in `call/`, batches and maintenance. Each commits by
//! itself, as VACUUM does in PostgreSQL, and therefore not within a transaction block. Rows are never shown by them, so
//! who runs the warehouse may call them without a right to read it.

mod batches;
mod maintenance;
mod retention;
mod verify;

use std::sync::Arc;

use lis_lake::names::Identifier;
use lis_security::Access;
use lis_sql::statement::{ObjectName, ParsedStatement};

use super::{Request, record::StatementRecord};
use crate::{
    error::{Condition, Result, ServerError},
    relations::OPERATOR,
    session::Session,
    wire::error::Report,
};

/// What a procedure has to tell beside that it is done.
type Notices = Vec<Report>;

/// A call of a procedure of the server.
pub(crate) struct Call<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) request: Request,
    name: &'a ObjectName,
    arguments: &'a [Option<String>],
}

/// The procedures by name, in the schema `lis`.
const PROCEDURES: &[&str] = &[
    "name_snapshot",
    "drop_snapshot_name",
    "undo_batch",
    "compact",
    "expire_snapshots",
    "remove_orphans",
    "refresh_statistics",
    "verify",
    "set_retention",
    "drop_retention",
    "apply_retention",
];

/// Whether the server has a procedure of this name.
pub(crate) fn is_known(name: &ObjectName) -> bool {
    let schema = name.schema.as_ref().map(Identifier::as_str);
    schema.is_none_or(|schema| schema == "lis") && PROCEDURES.contains(&name.name.as_str())
}

/// Runs a procedure that [`is_known`].
pub(crate) async fn run(
    session: &mut Session,
    parsed: &ParsedStatement,
    name: &ObjectName,
    arguments: &[Option<String>],
) -> Result<()> {
    session.check_writable("CALL")?;
    let request = session.request(Vec::new()).await?;
    let server = Arc::clone(&session.server);
    let record = StatementRecord::begin(&server, &request, &parsed.text, &Access::default()).await?;
    let in_block = session.transaction.is_block() || session.transaction.has_changes();
    let mut call = Call { session, request, name, arguments };
    let done = if in_block { Err(call.in_block()) } else { call.run().await };
    match done {
        Ok(notices) => {
            for notice in notices {
                session.notice(&notice)?;
            }
            Ok(())
        }
        Err(error) => {
            record.fail(&error);
            Err(error)
        }
    }
}

/// CALL of a procedure that nobody knows: 42883 with the arguments' number, as PostgreSQL says it.
pub(crate) fn unknown(name: &ObjectName, arguments: &[Option<String>]) -> ServerError {
    let schema = name.schema.as_ref().map(|schema| format!("{schema}.")).unwrap_or_default();
    let types = vec!["unknown"; arguments.len()].join(", ");
    ServerError::new(
        Condition::UndefinedFunction,
        format!("procedure {schema}{}({types}) does not exist", name.name),
    )
    .with_hint(
        "No procedure matches the given name and argument types. You might need to add explicit type casts.",
    )
    .at(name.position)
}

impl Call<'_> {
    async fn run(&mut self) -> Result<Notices> {
        match self.name.name.as_str() {
            "name_snapshot" => self.name_snapshot().await,
            "drop_snapshot_name" => self.drop_snapshot_name().await,
            "undo_batch" => self.undo_batch().await,
            "compact" => self.compact().await,
            "expire_snapshots" => self.expire_snapshots().await,
            "remove_orphans" => self.remove_orphans().await,
            "refresh_statistics" => self.refresh_statistics().await,
            "verify" => self.verify().await,
            "set_retention" => self.set_retention().await,
            "drop_retention" => self.drop_retention().await,
            "apply_retention" => self.apply_retention().await,
            _ => Err(unknown(self.name, self.arguments)),
        }
    }

    fn in_block(&self) -> ServerError {
        ServerError::new(
            Condition::ActiveSqlTransaction,
            format!("CALL lis.{} cannot run inside a transaction block", self.name.name),
        )
    }

    /// Whether the user is a superuser or uses a role.
    pub(crate) fn uses_role(&self, role: &Identifier) -> bool {
        let rights = &self.request.rights;
        let viewer = rights.viewer(&self.request.principal, Arc::clone(&self.request.snapshot));
        viewer.is_superuser() || viewer.has_role(None, role, "USAGE") == Some(true)
    }

    /// Refuses everybody but superusers and members of `lis_operator`.
    pub(crate) fn require_operator(&self) -> Result<()> {
        if self.uses_role(&Identifier::exact(OPERATOR)) {
            return Ok(());
        }
        Err(ServerError::new(
            Condition::InsufficientPrivilege,
            format!("permission denied for procedure {}", self.name.name),
        )
        .with_detail("Only members of lis_operator may call it."))
    }

    /// Who calls, for the history.
    pub(crate) fn author(&self) -> String {
        self.request.principal.session_user().as_str().to_owned()
    }

    /// The arguments, if there are as many as the procedure takes.
    pub(crate) fn arguments(&self, least: usize, most: usize) -> Result<&[Option<String>]> {
        if (least..=most).contains(&self.arguments.len()) {
            Ok(self.arguments)
        } else {
            Err(unknown(self.name, self.arguments))
        }
    }

    /// An argument that must be there and not null.
    pub(crate) fn text(&self, position: usize, what: &str) -> Result<&str> {
        self.arguments.get(position).and_then(Option::as_deref).ok_or_else(|| {
            ServerError::new(Condition::NullValueNotAllowed, format!("the {what} must not be null"))
        })
    }

    /// `lis.name_snapshot(name [, snapshot])`: without a snapshot, the newest.
    async fn name_snapshot(&mut self) -> Result<Notices> {
        self.require_operator()?;
        let count = self.arguments(1, 2)?.len();
        let name = self.text(0, "name")?.to_owned();
        let means_something_else = name.is_empty()
            || name.eq_ignore_ascii_case("night")
            || name.bytes().all(|byte| byte.is_ascii_digit())
            || self
                .request
                .parse_value(&self.session.server, &name, lis_lake::types::PgType::Timestamptz)
                .is_ok();
        if means_something_else {
            return Err(ServerError::new(
                Condition::InvalidParameterValue,
                format!("a snapshot cannot be named \"{name}\": that is another point in time already"),
            ));
        }
        let lake = Arc::clone(&self.session.server.lake);
        let snapshot = if count == 2 {
            let asked = self.text(1, "snapshot")?.to_owned();
            self.session.resolve_point_in_time(&asked).await?
        } else {
            lake.snapshot().await?.id()
        };
        lake.name_snapshot(&name, snapshot, &self.author()).await?;
        Ok(vec![Report::notice(format!("snapshot {snapshot} is named \"{name}\""))])
    }

    /// `lis.drop_snapshot_name(name)`
    async fn drop_snapshot_name(&mut self) -> Result<Notices> {
        self.require_operator()?;
        self.arguments(1, 1)?;
        let name = self.text(0, "name")?;
        if self.session.server.lake.drop_snapshot_name(name).await? {
            return Ok(Vec::new());
        }
        Err(ServerError::new(Condition::UndefinedObject, format!("no snapshot is named \"{name}\"")))
    }
}
