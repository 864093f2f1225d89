//! Roles, policies and SQL over a small lake of real files, through the real binder: `cases/plans/*.txt`. A line that is
//! not indented is `as NAME`, a statement, or a question: `\logical QUERY` and `\physical QUERY` show the plan behind the
//! door, `\explain QUERY` what EXPLAIN shows. The indented lines below are the answer. `LIS_REFILL=1` writes the answers as
//! they are now, to be reviewed like code.
//!
//! The lake: `ekonomi.verifikationsrad(adm, konto, belopp, text)` with rows of 101, 102 and 103, sorted by `adm` and
//! written in two files; `public.kladd(adm, x, s)` with one row of administration B whose `x` is 5 and whose `s` is no
//! number, and rows of A; `public.egen(a)` without row security.

use std::{path::Path, sync::Arc};

use arrow::{
    array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringViewArray},
    util::display::{ArrayFormatter, FormatOptions},
};
use chrono::DateTime;
use datafusion::{execution::SessionState, prelude::SessionConfig};
use futures::TryStreamExt;
use lis_lake::{
    files::WriterOptions,
    ids::{Oid, SchemaId},
    lake::{CommitInfo, Lake},
    names::Identifier,
    staged::{NewColumn, NewSchema, NewTable, StagedChanges},
    types::{ColumnType, PgType},
};
use lis_pg_catalog::{
    SessionCatalog,
    registry::{Registry, ViewContext},
};
use lis_security::{
    AuthorisedQuery, COMPONENT, Principal, Security, SecurityError, StatementContext,
    authenticate::service_principal, authorise, initialise, plan_utility, session_state,
};
use lis_sql::{context::BindContext, error::SqlError, statement::Statement};

/// What a line is answered with when it fails.
enum Failure {
    Sql(SqlError),
    Security(SecurityError),
    Engine(String),
}

impl From<SqlError> for Failure {
    fn from(error: SqlError) -> Self {
        Self::Sql(error)
    }
}

impl From<SecurityError> for Failure {
    fn from(error: SecurityError) -> Self {
        Self::Security(error)
    }
}

impl From<datafusion::error::DataFusionError> for Failure {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        Self::Engine(error.strip_backtrace())
    }
}

struct Warehouse {
    lake: Arc<Lake>,
    security: Security,
    registry: Arc<Registry>,
    state: SessionState,
    user: Principal,
    row_security: Option<String>,
    _directory: tempfile::TempDir,
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringViewArray::from_iter_values(values))
}

impl Warehouse {
    async fn new(pushdown_filters: bool, with_hidden: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let lake = Lake::create(directory.path(), &[COMPONENT]).await.unwrap();
        let base = lake.snapshot().await.unwrap();
        let mut staged = lake.stage(base);
        let mut schemas = Vec::new();
        for name in ["public", "ekonomi"] {
            let new = NewSchema { name: Identifier::exact(name), owner: Oid::ADMINISTRATOR, comment: None };
            schemas.push(staged.create_schema(new).await.unwrap().id);
        }
        add_table(
            &lake,
            &mut staged,
            schemas[1],
            "verifikationsrad",
            &[
                ("adm", PgType::Text),
                ("konto", PgType::Int4),
                ("belopp", PgType::Int8),
                ("text", PgType::Text),
            ],
            vec![
                vec![
                    text(&["101", "101", "102"]),
                    Arc::new(Int32Array::from(vec![3010, 4010, 4010])),
                    Arc::new(Int64Array::from(vec![100, -40, -7])),
                    text(&["hyra", "el", "el"]),
                ],
                vec![
                    text(&["103", "103"]),
                    Arc::new(Int32Array::from(vec![3010, 4010])),
                    Arc::new(Int64Array::from(vec![900, -300])),
                    text(&["bidrag", "hemlig"]),
                ],
            ],
        )
        .await;
        let xs: Vec<i64> = (10..20).chain(with_hidden.then_some(5)).collect();
        let adms: Vec<&str> = xs.iter().map(|x| if *x == 5 { "B" } else { "A" }).collect();
        let texts: Vec<&str> = xs.iter().map(|x| if *x == 5 { "hemlig" } else { "12" }).collect();
        add_table(
            &lake,
            &mut staged,
            schemas[0],
            "kladd",
            &[("adm", PgType::Text), ("x", PgType::Int8), ("s", PgType::Text)],
            vec![vec![text(&adms), Arc::new(Int64Array::from(xs.clone())), text(&texts)]],
        )
        .await;
        let ones: Vec<ArrayRef> = vec![Arc::new(Int32Array::from(vec![1, 2, 3]))];
        add_table(&lake, &mut staged, schemas[0], "egen", &[("a", PgType::Int4)], vec![ones]).await;
        let parts = initialise("no verifier".to_owned().into(), Some(schemas[0].oid()));
        lake.commit(staged, parts, CommitInfo::default()).await.unwrap();

        let security = Security::open(Arc::clone(lake.metadata()), directory.path()).await.unwrap();
        let mut registry = Registry::default();
        lis_pg_catalog::builtin(&mut registry);
        security.register(&mut registry);
        let rights = security.rights().await.unwrap();
        let user = service_principal(&rights, &Identifier::exact("lis_admin")).unwrap();
        let mut config = SessionConfig::new().with_target_partitions(2);
        config.options_mut().execution.parquet.pushdown_filters = pushdown_filters;
        Self {
            lake,
            security,
            registry: Arc::new(registry),
            state: session_state(Arc::default(), config),
            user,
            row_security: None,
            _directory: directory,
        }
    }

    /// The answer's lines.
    async fn answer(&mut self, line: &str) -> Vec<String> {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let answered = match first {
            "as" => self.become_user(rest).await,
            "\\logical" => self.authorised(rest).await.map(|query| lines(&query.plan.text())),
            "\\explain" => self.authorised(rest).await.map(|query| lines(&query.explain())),
            "\\physical" => self.physical(rest).await,
            "\\row_security" => {
                self.row_security = Some(rest.to_owned());
                Ok(Vec::new())
            }
            _ => self.statement(line).await,
        };
        answered.unwrap_or_else(|failure| match failure {
            Failure::Sql(error) => vec![format!("ERROR {:?}: {error}", error.kind)],
            Failure::Security(error) => vec![format!("ERROR {:?}: {error}", error.kind)],
            Failure::Engine(error) => vec![format!("ERROR: {}", error.lines().next().unwrap_or_default())],
        })
    }

    async fn become_user(&mut self, name: &str) -> Result<Vec<String>, Failure> {
        let rights = self.security.rights().await?;
        self.user = service_principal(&rights, &Identifier::exact(name))?;
        Ok(Vec::new())
    }

    async fn statement(&self, line: &str) -> Result<Vec<String>, Failure> {
        let mut answer = Vec::new();
        for parsed in lis_sql::parse(line)? {
            match parsed.statement {
                Statement::Query(_) => answer.extend(self.rows(&parsed.text).await?),
                Statement::Utility(statement) => {
                    let changes = self
                        .judged(|context| plan_utility(&statement, context))
                        .await?
                        .unwrap_or_else(|| panic!("not about rights: {line}"));
                    let base = self.lake.snapshot().await.unwrap();
                    let staged = self.lake.stage(base);
                    self.lake.commit(staged, changes.into_parts(), CommitInfo::default()).await.unwrap();
                }
                other => panic!("cannot be tried here: {other:?}"),
            }
        }
        Ok(answer)
    }

    async fn judged<T>(
        &self,
        judge: impl FnOnce(&StatementContext<'_>) -> Result<T, SecurityError>,
    ) -> Result<T, SecurityError> {
        let rights = self.security.rights().await?;
        let snapshot = self.lake.snapshot().await?;
        let mut settings = std::collections::BTreeMap::new();
        if let Some(value) = &self.row_security {
            settings.insert("row_security".to_owned(), value.clone());
        }
        let bind = BindContext {
            current_user: self.user.current_user().clone(),
            current_user_oid: self.user.current_oid(),
            session_user: self.user.session_user().clone(),
            database: "lis".to_owned(),
            administrations: rights.administrations(&self.user),
            search_path: vec![Identifier::exact("public")],
            time_zone: "UTC".to_owned(),
            transaction_started_at: DateTime::UNIX_EPOCH,
            statement_started_at: DateTime::UNIX_EPOCH,
            settings: Arc::new(settings),
            parameter_types: Vec::new(),
            parameter_values: Vec::new(),
            backend_pid: 1,
        };
        let view = ViewContext {
            snapshot: Arc::clone(&snapshot),
            viewer: rights.viewer(&self.user, Arc::clone(&snapshot)),
            bind: Arc::new(bind.clone()),
            registry: Arc::clone(&self.registry),
        };
        let catalog = SessionCatalog::new(Arc::clone(&self.lake), view);
        judge(&StatementContext {
            rights: &rights,
            principal: &self.user,
            snapshot: &snapshot,
            catalog: &catalog,
            bind: &bind,
        })
    }

    async fn authorised(&self, text: &str) -> Result<AuthorisedQuery, Failure> {
        let parsed = lis_sql::parse(text)?;
        let Some(Statement::Query(query)) = parsed.first().map(|parsed| &parsed.statement) else {
            panic!("not a query: {text}");
        };
        Ok(self
            .judged(|context| {
                let bound = lis_sql::bind_query(query, text, context.catalog, context.bind)?;
                authorise(bound, context)
            })
            .await?)
    }

    async fn rows(&self, text: &str) -> Result<Vec<String>, Failure> {
        let query = self.authorised(text).await?;
        let physical = query.plan.plan(&self.state).await?;
        let batches: Vec<RecordBatch> = physical.execute(self.state.task_ctx())?.try_collect().await?;
        let mut rows = Vec::new();
        for batch in &batches {
            let options = FormatOptions::default().with_null("NULL");
            let columns: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                let cells: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
                rows.push(cells.join(" | "));
            }
        }
        // Without ORDER BY the order says nothing.
        if !text.to_lowercase().contains("order by") {
            rows.sort();
        }
        if rows.is_empty() {
            rows.push("(no rows)".to_owned());
        }
        Ok(rows)
    }

    async fn physical(&self, text: &str) -> Result<Vec<String>, Failure> {
        let physical = self.authorised(text).await?.plan.plan(&self.state).await?;
        Ok(lines(&without_files(&physical.text())))
    }
}

async fn add_table(
    lake: &Arc<Lake>,
    staged: &mut StagedChanges,
    schema_id: SchemaId,
    name: &str,
    columns: &[(&str, PgType)],
    files: Vec<Vec<ArrayRef>>,
) {
    let table = staged
        .create_table(NewTable {
            schema_id,
            name: Identifier::exact(name),
            owner: Oid::ADMINISTRATOR,
            comment: None,
            columns: columns
                .iter()
                .map(|(name, pg_type)| NewColumn::new(Identifier::exact(name), ColumnType::plain(*pg_type)))
                .collect(),
            materialized: None,
            constraints: Vec::new(),
            sort_order: vec![Identifier::exact(columns[0].0)],
        })
        .await
        .unwrap();
    for arrays in files {
        let mut writer = lake.writer(&table, WriterOptions::default()).await.unwrap();
        let batch = RecordBatch::try_new(Arc::clone(writer.schema()), arrays).unwrap();
        writer.write(batch).await.unwrap();
        let written = writer.finish().await.unwrap();
        staged.append_files(table.id, written).unwrap();
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Names of files differ from run to run; how many there are does not.
fn without_files(plan: &str) -> String {
    let mut kept = String::new();
    let mut rest = plan;
    while let Some((before, after)) = rest.split_once("file_groups={") {
        kept.push_str(before);
        let (groups, after) = after.split_once("]]}").unwrap_or((after, ""));
        let count = groups.matches(".parquet").count();
        kept.push_str(&format!("files={count}"));
        rest = after;
    }
    kept.push_str(rest);
    kept
}

#[tokio::test]
async fn plans_and_rows_per_role() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/plans");
    let mut paths: Vec<_> = directory.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let expected = std::fs::read_to_string(&path).unwrap();
        let mut warehouse = Warehouse::new(false, true).await;
        let mut found = String::new();
        for line in expected.lines().filter(|line| !line.starts_with("  ")) {
            found.push_str(line);
            found.push('\n');
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            for answer in warehouse.answer(line).await {
                found.push_str(&format!("  {answer}\n"));
            }
        }
        if std::env::var_os("LIS_REFILL").is_some() {
            std::fs::write(&path, &found).unwrap();
        } else {
            assert_eq!(found, expected, "{}", path.display());
        }
    }
}

/// Where an expression that fails on the hidden row of `kladd` can stand.
const ATTEMPTS: &[&str] = &[
    "select count(*) from kladd where 10 / (x - 5) > 100",
    "select count(*) from kladd where s::int > 0",
    "select count(*) from kladd where x < 100 and 10 / (x - 5) > -100",
    "select count(*) from kladd where 10 / (x - 5) > -100 and x < 100",
    "select x from kladd where x = 5 and 10 / (x - 5) > 0",
    "select 10 / (x - 5), s::int from kladd",
    "select x from kladd order by 10 / (x - 5), x",
    "select x from kladd order by s::int, x limit 3",
    "select x from kladd order by x limit 3",
    "select count(*) from kladd l join kladd r on 10 / (l.x - 5) = 10 / (r.x - 5)",
    "select count(*) from kladd l left join kladd r on l.x = r.x and 10 / (r.x - 5) > 0",
    "select count(*) from kladd where x in (select 10 / (x - 5) from kladd)",
    "select count(*) from egen where exists (select 1 from kladd where 10 / (x - 5) > 100)",
    "select count(*) from egen where a = (select min(10 / (x - 5)) from kladd)",
    "select case when s = 'hemlig' then 1 / (x - 5) else 0 end from kladd",
    "select case when x = 5 then s::int else 0 end from kladd",
    "select adm, sum(10 / (x - 5)) from kladd group by adm having sum(10 / (x - 5)) > -1000",
    "select count(*) filter (where 10 / (x - 5) > 0) from kladd",
    "select row_number() over (partition by 10 / (x - 5) order by x) as r from kladd order by r",
    "select count(*), min(x), max(x), min(s), max(s) from kladd",
    "select distinct s::int from kladd",
    "select x from kladd where 10 / (x - 5) > 0 union all select s::int from kladd",
    "with k as (select 10 / (x - 5) as d from kladd) select max(d) from k",
    "select count(*) from kladd, lateral (select 10 / (kladd.x - 5) as d) e where d > 100",
    "select count(*) from (select x from kladd limit 5 offset 9) k",
];

/// Two warehouses that are equal in the user's rows: one has a hidden row beside them. Nothing that the user says makes
/// them answer differently, and nothing fails.
#[tokio::test]
async fn no_statement_tells_of_a_hidden_row() {
    for pushdown_filters in [false, true] {
        let mut hiding = Warehouse::new(pushdown_filters, true).await;
        let mut without = Warehouse::new(pushdown_filters, false).await;
        for warehouse in [&mut hiding, &mut without] {
            for line in [
                "create role anna login; grant select on kladd, egen to anna",
                "create policy p on kladd using (adm = 'A')",
                "alter table kladd enable row level security",
                "as anna",
            ] {
                assert_eq!(warehouse.answer(line).await, Vec::<String>::new(), "{line}");
            }
        }
        for attempt in ATTEMPTS {
            let seen = hiding.answer(attempt).await;
            assert!(!seen.iter().any(|line| line.starts_with("ERROR")), "{attempt}: {seen:?}");
            assert_eq!(
                seen,
                without.answer(attempt).await,
                "{attempt}, pushdown_filters = {pushdown_filters}"
            );
            let explain = format!("\\explain {attempt}");
            assert_eq!(hiding.answer(&explain).await, without.answer(&explain).await, "{attempt}");
        }
        // The attempts are worth something: who sees the row does fail.
        hiding.answer("as lis_admin").await;
        assert!(hiding.answer(ATTEMPTS[0]).await[0].starts_with("ERROR"));
    }
}
