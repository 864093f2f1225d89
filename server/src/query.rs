//! THE pipeline: parse → bind → authorise → plan → execute. Simple and extended protocol, cursors, COPY, the commands:
//! everybody who runs SQL comes through [`open`] for rows and [`utility::run`] for the rest, and nobody plans or
//! executes anywhere else.

pub(crate) mod call;
pub(crate) mod check_constraints;
pub(crate) mod copy;
pub(crate) mod cursor;
pub(crate) mod ddl;
pub(crate) mod dml;
pub(crate) mod explain;
mod maintain;
pub(crate) mod modify;
pub(crate) mod record;
pub(crate) mod row_checks;
pub(crate) mod settings;
mod spool;
mod truncate;
pub(crate) mod utility;

use std::{any::Any, future::Future, sync::Arc};

use datafusion::{
    common::{ScalarValue, runtime::JoinSetTracer},
    execution::SendableRecordBatchStream,
    physical_plan::stream::{RecordBatchReceiverStreamBuilder, RecordBatchStreamAdapter},
};
use futures::{StreamExt, future::BoxFuture};
use lis_functions::interrupt::Interrupt;
use lis_lake::{names::Identifier, snapshot::Snapshot, table::Table, types::PgType};
use lis_pg_catalog::{SessionCatalog, registry::ViewContext};
use lis_security::{AuthorisedQuery, Principal, Rights, context::StatementContext};
use lis_sql::{
    bind::Command,
    context::BindContext,
    error::{SqlError, SqlErrorKind},
    output::{BoundQuery, OutputColumn},
    statement::{
        CopyOptions, CopyRows, Explained, FetchDirection, ParsedStatement, Statement, UtilityStatement,
    },
    types::{self, Binding, CastContext, Parameters},
};
use sqlparser::ast;

use self::{copy::CopyTarget, cursor::Cursor, record::StatementRecord};
use crate::{
    error::{CancelReason, Condition, Result, ServerError},
    server::Server,
    session::{Session, cancel::StatementToken, transaction::Reliance},
    wire::encode::ObjectNames,
};

/// What one statement is bound with and judged by: taken anew for each, never kept.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The transaction's snapshot with its staged changes.
    pub(crate) snapshot: Arc<Snapshot>,
    /// The rights of now with the transaction's staged changes.
    pub(crate) rights: Arc<Rights>,
    /// Who asks.
    pub(crate) principal: Principal,
    /// The session's facts.
    pub(crate) bind: Arc<BindContext>,
    /// Where is noted what the transaction relies on.
    pub(crate) reliance: Arc<Reliance>,
}

impl Request {
    /// The name of a table's schema.
    pub(crate) fn schema_of(&self, table: &Table) -> Option<String> {
        self.snapshot.schema(table.schema_id).map(|schema| schema.name.as_str().to_owned())
    }

    /// Whether the user may look for names in a schema.
    pub(crate) fn may_use_schema(&self, name: &Identifier) -> bool {
        let viewer = self.rights.viewer(&self.principal, Arc::clone(&self.snapshot));
        viewer.may_use_schema(&self.snapshot, name)
    }

    /// The catalogue as this user sees it.
    pub(crate) fn catalog(&self, server: &Server) -> SessionCatalog {
        let context = ViewContext {
            snapshot: Arc::clone(&self.snapshot),
            viewer: self.rights.viewer(&self.principal, Arc::clone(&self.snapshot)),
            bind: Arc::clone(&self.bind),
            registry: Arc::clone(&server.registry),
        };
        SessionCatalog::new(Arc::clone(&server.lake), context)
    }

    /// Judges something.
    pub(crate) fn judge<T, E>(
        &self,
        server: &Server,
        judge: impl FnOnce(&StatementContext<'_>) -> Result<T, E>,
    ) -> Result<T>
    where
        ServerError: From<E>,
    {
        let catalog = self.catalog(server);
        let context = StatementContext {
            rights: &self.rights,
            principal: &self.principal,
            snapshot: &self.snapshot,
            catalog: &catalog,
            bind: &self.bind,
        };
        Ok(judge(&context)?)
    }

    /// The same request with the parameters' values.
    pub(crate) fn with_values(mut self, types: Vec<Option<PgType>>, values: Vec<ScalarValue>) -> Self {
        let bind = Arc::make_mut(&mut self.bind);
        bind.parameter_types = types;
        bind.parameter_values = values;
        self
    }

    /// A text as a value of a type, as a literal in SQL would be read.
    pub(crate) fn parse_value(&self, server: &Server, text: &str, pg_type: PgType) -> Result<ScalarValue> {
        let catalog = self.catalog(server);
        let parameters = Parameters::default();
        let binding = Binding { catalog: &catalog, context: &self.bind, parameters: &parameters };
        let column_type = lis_lake::types::ColumnType::plain(pg_type);
        if pg_type == PgType::Unknown {
            return Ok(ScalarValue::Utf8View(Some(text.to_owned())));
        }
        let typed = types::coerce(
            &binding,
            types::string_literal(text, None),
            column_type,
            CastContext::Explicit,
            None,
        )?;
        // Names of relations and their like are looked up by functions, which no binder calls.
        Ok(lis_sql::constant(&typed)?)
    }
}

/// The query inside a statement that has one.
pub(crate) fn query_of(statement: &Statement) -> Option<&ast::Query> {
    match statement {
        Statement::Query(query) | Statement::Explain { explained: Explained::Query(query), .. } => {
            Some(query)
        }
        Statement::Utility(
            UtilityStatement::Declare { query, .. }
            | UtilityStatement::CopyTo { rows: CopyRows::Query(query) | CopyRows::Table(_, query), .. }
            | UtilityStatement::CreateView { query, .. }
            | UtilityStatement::CreateTableAs { query, .. },
        ) => Some(query),
        Statement::Explain { .. } | Statement::Modify(_) | Statement::Utility(_) | Statement::Empty => None,
    }
}

/// Whether a statement's query is for a client, and not for a table or a view.
fn is_shown(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Query(_)
            | Statement::Explain { .. }
            | Statement::Utility(UtilityStatement::Declare { .. } | UtilityStatement::CopyTo { .. })
    )
}

/// Binds a statement's query or INSERT and judges it. Runs as a task of its own: it is work of many milliseconds for a
/// large query, cannot be interrupted, and a panic in it must cost the statement only.
pub(crate) async fn authorise(
    server: &Arc<Server>,
    request: &Request,
    parsed: &Arc<ParsedStatement>,
) -> Result<(AuthorisedQuery, Vec<PgType>)> {
    let (server, request, parsed) = (Arc::clone(server), request.clone(), Arc::clone(parsed));
    let shared = Arc::clone(&server);
    in_task(&shared, "authorise", async move {
        let query = query_of(&parsed.statement)
            .ok_or_else(|| ServerError::new(Condition::InternalError, "a statement without a query"))?;
        let mut bound = bind(&server, &request, query, &parsed.text)?;
        if is_shown(&parsed.statement) {
            bound = lis_sql::digits::for_output(bound);
        }
        let parameters = bound.parameters.clone();
        let authorised = request.judge(&server, |context| lis_security::authorise(bound, context))?;
        Ok((authorised, parameters))
    })
    .await
}

/// Binds a query.
pub(crate) fn bind(server: &Server, request: &Request, query: &ast::Query, text: &str) -> Result<BoundQuery> {
    let catalog = request.catalog(server);
    Ok(lis_sql::bind_query(query, text, &catalog, &request.bind)?)
}

/// Batches that are computed ahead of the client.
const BATCHES_AHEAD_MAX: usize = 2;

/// Plans and starts what was authorised. The rows are computed in a task of their own, a little ahead of the client: so
/// a session hears a cancel request also while an operator computes without a pause, and rows are written while the
/// next are made. The task ends with the stream.
pub(crate) async fn execute(
    server: &Arc<Server>,
    query: AuthorisedQuery,
) -> Result<SendableRecordBatchStream> {
    let shared = Arc::clone(server);
    in_task(server, "plan", async move {
        let plan = query.plan.plan(&shared.state).await?;
        let mut stream = plan.execute(shared.state.task_ctx())?;
        let schema = stream.schema();
        let mut ahead = RecordBatchReceiverStreamBuilder::new(Arc::clone(&schema), BATCHES_AHEAD_MAX);
        let batches = ahead.tx();
        ahead.spawn(async move {
            while let Some(batch) = stream.next().await {
                if batches.send(batch).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        // What runs for the stream in other tasks took the interrupt of this one along.
        let unwanted = RaisedOnDrop(Interrupt::current());
        let batches = ahead.build().inspect(move |_| {
            let _until_dropped = &unwanted;
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)) as SendableRecordBatchStream)
    })
    .await
}

/// Runs work as a task, so that a panic in it becomes an error here; dropping the future stops it at its next pause, or
/// where long work asks for its interrupt. Binding and planning pause seldom, for seconds if a statement is large:
/// whatever else waits for their thread goes on on another one meanwhile.
pub(crate) async fn in_task<T: Send + 'static>(
    server: &Server,
    name: &'static str,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let mut work = Box::pin(work);
    let giving_way =
        std::future::poll_fn(move |context| tokio::task::block_in_place(|| work.as_mut().poll(context)));
    let interrupt = Interrupt::default();
    let task = server.tasks.spawn(name, interrupt.clone().over(giving_way));
    let mut task = AbortOnDrop { task, unwanted: RaisedOnDrop(Some(interrupt)) };
    let done = (&mut task.task).await;
    // What it has started may go on.
    task.unwanted.0 = None;
    match done {
        Ok(result) => result,
        Err(error) => Err(match error.try_into_panic() {
            Ok(panic) => ServerError::Panicked(panic_message(panic.as_ref())),
            Err(_) => ServerError::Cancelled(CancelReason::Shutdown),
        }),
    }
}

struct AbortOnDrop<T> {
    task: tokio::task::JoinHandle<T>,
    unwanted: RaisedOnDrop,
}

/// Raises an interrupt when nobody waits any more.
struct RaisedOnDrop(Option<Interrupt>);

impl Drop for RaisedOnDrop {
    fn drop(&mut self) {
        if let Some(interrupt) = &self.0 {
            interrupt.raise();
        }
    }
}

/// Carries the interrupt of a statement into the tasks that the engine starts for it.
#[derive(Debug)]
pub(crate) struct CarriesInterrupt;

impl JoinSetTracer for CarriesInterrupt {
    fn trace_future(
        &self,
        future: BoxFuture<'static, Box<dyn Any + Send>>,
    ) -> BoxFuture<'static, Box<dyn Any + Send>> {
        match Interrupt::current() {
            Some(interrupt) => Box::pin(interrupt.over(future)),
            None => future,
        }
    }

    fn trace_block(
        &self,
        work: Box<dyn FnOnce() -> Box<dyn Any + Send> + Send>,
    ) -> Box<dyn FnOnce() -> Box<dyn Any + Send> + Send> {
        match Interrupt::current() {
            Some(interrupt) => Box::new(move || interrupt.within(work)),
            None => work,
        }
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a panic said.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|message| (*message).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// Refuses a statement with parameters that nobody gave values for: the simple protocol has none.
pub(crate) fn check_parameters<T>(request: &Request, parameters: &[PgType], query: T) -> Result<T> {
    let given = request.bind.parameter_values.len();
    if parameters.len() > given {
        let message = format!("there is no parameter ${}", given + 1);
        return Err(SqlError::new(SqlErrorKind::UndefinedParameter, message).into());
    }
    Ok(query)
}

/// Opens a query: everything up to its first row. A refusal is in the audit as well as a success.
pub(crate) async fn open(
    server: &Arc<Server>,
    request: &Request,
    parsed: &Arc<ParsedStatement>,
) -> Result<Cursor> {
    let authorised = authorise(server, request, parsed).await;
    let query = match authorised.and_then(|(query, parameters)| check_parameters(request, &parameters, query))
    {
        Ok(query) => query,
        Err(error) => {
            record::refused(server, request, &parsed.text, &error).await?;
            return Err(error);
        }
    };
    request.reliance.note(&query.access.relations, &query.relies_on);
    let record = StatementRecord::begin(server, request, &parsed.text, &query.access).await?;
    let outputs: Arc<[OutputColumn]> = query.outputs.clone().into();
    let names = ObjectNames::of(&outputs, || request.catalog(server));
    match execute(server, query).await {
        Ok(stream) => Ok(Cursor::new(outputs, stream, Some(record))
            .with_names(names)
            .of_snapshot(Arc::clone(&request.snapshot))),
        Err(error) => {
            record.fail(&error);
            Err(error)
        }
    }
}

/// What the tag of a result with rows says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowsTag {
    /// `SELECT n`
    Select,
    /// `FETCH n`
    Fetch,
    /// `UPDATE n` and the like: so many rows were affected.
    Modified(Command, u64),
    /// As it is.
    Fixed(&'static str),
}

impl RowsTag {
    /// The tag after so many rows.
    pub(crate) fn complete(self, rows: u64) -> String {
        match self {
            Self::Select => format!("SELECT {rows}"),
            Self::Fetch => format!("FETCH {rows}"),
            Self::Modified(Command::Insert, affected) => format!("INSERT 0 {affected}"),
            Self::Modified(Command::Update, affected) => format!("UPDATE {affected}"),
            Self::Modified(Command::Delete, affected) => format!("DELETE {affected}"),
            Self::Modified(Command::Merge, affected) => format!("MERGE {affected}"),
            Self::Fixed(tag) => tag.to_owned(),
        }
    }
}

/// What a statement comes to, before its rows are sent.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Nothing was said.
    Empty,
    /// Done; the command tag.
    Complete(String),
    /// Rows.
    Rows(Box<Cursor>, RowsTag),
    /// Rows of a named cursor.
    Fetch(Identifier, FetchDirection),
    /// COPY … TO STDOUT.
    CopyTo(Box<Cursor>, CopyOptions),
    /// COPY … FROM STDIN.
    CopyFrom(Box<CopyTarget>),
}

/// Runs a statement up to its outcome. `values` are the parameters of `$1`, `$2`, …
pub(crate) async fn start(
    session: &mut Session,
    parsed: &Arc<ParsedStatement>,
    types: &[PgType],
    values: Vec<ScalarValue>,
) -> Result<Outcome> {
    match &parsed.statement {
        Statement::Empty => Ok(Outcome::Empty),
        Statement::Query(_) => {
            if let Statement::Query(query) = &parsed.statement
                && let Some(lock) = query.locks.first()
            {
                session.check_writable(&format!("SELECT FOR {}", lock.lock_type))?;
            }
            let request = request_with(session, types, values).await?;
            let cursor = open(&session.server, &request, parsed).await?;
            Ok(Outcome::Rows(Box::new(cursor), RowsTag::Select))
        }
        Statement::Explain { .. } => explain::run(session, parsed, types, values).await,
        Statement::Modify(modification) => {
            session.check_writable(modification.name())?;
            let request = request_with(session, types, values).await?;
            modify::run(session, &request, modification, parsed).await
        }
        Statement::Utility(utility) => utility::run(session, parsed, utility, types, values).await,
    }
}

/// The session's request with parameters.
pub(crate) async fn request_with(
    session: &mut Session,
    types: &[PgType],
    values: Vec<ScalarValue>,
) -> Result<Request> {
    let types: Vec<_> = types.iter().copied().map(Some).collect();
    let request = session.request(Vec::new()).await?;
    Ok(request.with_values(types, values))
}

/// Runs work until it is done, stopped through its token, or `statement_timeout` is over.
pub(crate) async fn stoppable<T>(
    token: StatementToken,
    timeout: Option<std::time::Duration>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let timer = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        reason = token.cancelled() => Err(ServerError::Cancelled(reason)),
        () = timer => Err(ServerError::Cancelled(CancelReason::StatementTimeout)),
        result = work => result,
    }
}
