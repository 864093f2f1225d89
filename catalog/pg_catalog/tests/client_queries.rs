//! What clients really send, bound by the real binder and run over a small lake: `testdata/*.sql` are recordings of
//! psql, psqlODBC, pgjdbc, SQLAlchemy and others (`-- name`, query, `;`), with `{budget}` for a table's number. No query is
//! known to the code by its text: these are only a sample.

#![expect(clippy::unwrap_used, reason = "what goes wrong here fails the test")]

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use arrow::{array::RecordBatch, util::pretty::pretty_format_batches};
use async_trait::async_trait;
use datafusion::{
    common::Result,
    execution::{SessionState, SessionStateBuilder},
    physical_plan::collect,
};
use lis_lake::{
    ids::Oid,
    lake::{CommitInfo, Lake},
    names::{Identifier, QualifiedName},
    staged::{NewColumn, NewConstraint, NewConstraintKind, NewSchema, NewTable, NewView},
    table::{Collation, Relation},
    types::{ColumnType, PgType},
};
use lis_sql::{context::BindContext, statement::Statement};

use lis_pg_catalog::{
    SessionCatalog, builtin, register_snapshots,
    registry::{Registry, SystemRelation, ViewContext, Viewer},
    rows::Rows,
    shapes::{Shape, shapes},
};

/// Rows that a recorded result shows; of more only the number.
const ROWS_SHOWN_MAX: usize = 8;

/// Sees everything, or everything but one table.
#[derive(Debug)]
struct Sees {
    hidden: Option<Oid>,
}

impl Viewer for Sees {
    fn user(&self) -> Oid {
        Oid::ADMINISTRATOR
    }
    fn is_superuser(&self) -> bool {
        self.hidden.is_none()
    }
    fn may_see_relation(&self, relation: Oid) -> bool {
        self.hidden != Some(relation)
    }
    fn may_see_schema(&self, _: Oid) -> bool {
        true
    }
    fn has_table_privilege(&self, _: Option<&Identifier>, relation: Oid, _: &str) -> Option<bool> {
        Some(self.may_see_relation(relation))
    }
    fn has_schema_privilege(&self, _: Option<&Identifier>, _: Oid, _: &str) -> Option<bool> {
        Some(true)
    }
    fn has_role(&self, _: Option<&Identifier>, _: &Identifier, _: &str) -> Option<bool> {
        Some(true)
    }
    fn role_name(&self, role: Oid) -> Option<Identifier> {
        (role == Oid::ADMINISTRATOR).then(|| Identifier::exact("lis_admin"))
    }
    fn role_oid(&self, role: &Identifier) -> Option<Oid> {
        (role.as_str() == "lis_admin").then_some(Oid::ADMINISTRATOR)
    }
    fn relation_acl(&self, _: Oid) -> Option<Vec<String>> {
        Some(vec!["lis_admin=arwdDxt/lis_admin".to_owned(), "anna=r/lis_admin".to_owned()])
    }
    fn schema_acl(&self, _: Oid) -> Option<Vec<String>> {
        None
    }
    fn row_security(&self, _: Oid) -> (bool, bool) {
        (true, true)
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// A lake of two tables with keys and comments, and a view.
struct World {
    _directory: tempfile::TempDir,
    lake: Arc<Lake>,
    context: ViewContext,
}

fn name(name: &str) -> Identifier {
    Identifier::exact(name)
}

fn column(name: &str, column_type: ColumnType, not_null: bool) -> NewColumn {
    NewColumn { not_null, ..NewColumn::new(Identifier::exact(name), column_type) }
}

fn key(kind: NewConstraintKind, columns: &[&str]) -> NewConstraint {
    NewConstraint { name: None, kind, columns: columns.iter().map(|column| name(column)).collect() }
}

async fn world() -> World {
    let directory = tempfile::tempdir().unwrap();
    let lake = Lake::create(directory.path(), &[]).await.unwrap();
    let mut staged = lake.stage(lake.snapshot().await.unwrap());
    let owner = Oid::ADMINISTRATOR;
    let new_schema =
        |schema: &str| NewSchema { name: name(schema), owner, comment: Some(format!("Schema {schema}")) };
    let ekonomi = staged.create_schema(new_schema("ekonomi")).await.unwrap();
    let org = staged.create_schema(new_schema("org")).await.unwrap();
    let mut namn = column("namn", ColumnType::varchar(100), true);
    namn.collation = Collation::Swedish;
    let forvaltning = NewTable {
        schema_id: org.id,
        name: name("forvaltning"),
        owner,
        comment: None,
        columns: vec![column("forvaltning", ColumnType::varchar(10), true), namn],
        materialized: None,
        constraints: vec![key(NewConstraintKind::PrimaryKey, &["forvaltning"])],
        sort_order: Vec::new(),
    };
    let forvaltning = staged.create_table(forvaltning).await.unwrap();
    let mut period = column("period", ColumnType::plain(PgType::Date), true);
    period.default = Some("CURRENT_DATE".to_owned());
    let mut belopp = column("belopp", ColumnType::numeric(14, 2), false);
    belopp.comment = Some("Kronor".to_owned());
    let budget = NewTable {
        schema_id: ekonomi.id,
        name: name("budget"),
        owner,
        comment: Some("Budget".to_owned()),
        columns: vec![
            column("forvaltning", ColumnType::varchar(10), true),
            column("konto", ColumnType::varchar(10), true),
            period,
            belopp,
        ],
        materialized: None,
        constraints: vec![
            key(NewConstraintKind::PrimaryKey, &["forvaltning", "konto", "period"]),
            key(NewConstraintKind::Unique, &["konto", "period"]),
            key(
                NewConstraintKind::ForeignKey { references: forvaltning.id, referenced_columns: Vec::new() },
                &["forvaltning"],
            ),
        ],
        sort_order: Vec::new(),
    };
    staged.create_table(budget).await.unwrap();
    let rapport = NewView {
        schema_id: ekonomi.id,
        name: name("rapport"),
        owner,
        comment: None,
        reads: None,
        definition: "SELECT forvaltning, sum(belopp) AS s FROM ekonomi.budget GROUP BY forvaltning"
            .to_owned(),
        columns: vec![
            column("forvaltning", ColumnType::varchar(10), false),
            column("s", ColumnType::plain(PgType::Numeric), false),
        ],
        security_invoker: true,
    };
    staged.create_view(rapport).await.unwrap();
    let info =
        CommitInfo { author: "lis_admin".to_owned(), message: "test".to_owned(), ..CommitInfo::default() };
    let snapshot = lake.commit(staged, Vec::new(), info).await.unwrap();
    let mut registry = Registry::default();
    builtin(&mut registry);
    for shape in shapes() {
        if registry.relation(&QualifiedName::new(shape.schema, shape.name)).is_none() {
            registry.register(Arc::new(OfAnotherCrate(shape)));
        }
    }
    register_snapshots(&mut registry, Arc::clone(&lake));
    let context = ViewContext {
        snapshot,
        viewer: Arc::new(Sees { hidden: None }),
        bind: Arc::new(bind_context()),
        registry: Arc::new(registry),
    };
    World { _directory: directory, lake, context }
}

/// A relation whose rows are another crate's knowledge: here without any, but for the one role.
#[derive(Debug)]
struct OfAnotherCrate(&'static Shape);

#[async_trait]
impl SystemRelation for OfAnotherCrate {
    fn shape(&self) -> &'static Shape {
        self.0
    }
    async fn rows(&self, _: &ViewContext) -> Result<RecordBatch> {
        let mut rows = Rows::new(self.0);
        if self.0.name == "pg_roles" {
            rows.add([
                ("oid", Oid::ADMINISTRATOR.into()),
                ("rolname", "lis_admin".into()),
                ("rolsuper", true.into()),
            ]);
        }
        rows.into_batch()
    }
}

fn bind_context() -> BindContext {
    let started = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    BindContext {
        current_user: name("lis_admin"),
        current_user_oid: Oid::ADMINISTRATOR,
        session_user: name("lis_admin"),
        database: "lis".to_owned(),
        administrations: BTreeMap::new(),
        search_path: vec![name("public")],
        time_zone: "Europe/Stockholm".to_owned(),
        transaction_started_at: started,
        statement_started_at: started,
        settings: Arc::new(BTreeMap::from([
            ("search_path".to_owned(), "\"$user\", public".to_owned()),
            ("server_version_num".to_owned(), "150018".to_owned()),
        ])),
        parameter_types: Vec::new(),
        parameter_values: Vec::new(),
        backend_pid: 1,
    }
}

impl World {
    /// Puts numbers of tables and schemas in for their names in braces.
    fn fill_in(&self, query: &str) -> String {
        let mut query = query.to_owned();
        for schema in self.context.snapshot.schemas() {
            query = query.replace(&format!("{{{}}}", schema.name.as_str()), &schema.id.oid().to_string());
        }
        for relation in self.context.snapshot.relations() {
            query =
                query.replace(&format!("{{{}}}", relation.name().as_str()), &relation.id().oid().to_string());
            if let Relation::Table(table) = relation {
                for constraint in &table.constraints {
                    // A key's index has the constraint's number with this bit.
                    let index = constraint.oid.get() | 0x4000_0000;
                    query = query.replace(&format!("{{{}}}", constraint.name.as_str()), &index.to_string());
                }
            }
        }
        query
    }

    /// Binds and runs a query, and shows what comes back.
    async fn run(&self, state: &SessionState, query: &str) -> Result<String, String> {
        let catalog = SessionCatalog::new(Arc::clone(&self.lake), self.context.clone());
        let query = self.fill_in(query);
        let bound = match lis_sql::parse(&query) {
            Ok(statements) => match &statements[..] {
                [statement] => match &statement.statement {
                    Statement::Query(query) => {
                        lis_sql::bind_query(query, &statement.text, &catalog, &self.context.bind)
                    }
                    other => return Err(format!("not a query: {other:?}")),
                },
                _ => return Err("not one statement".to_owned()),
            },
            Err(error) => Err(error),
        };
        let bound = match bound {
            Ok(bound) => bound,
            Err(error) => return Err(format!("bind: {:?} at {:?}: {error}", error.kind, error.position)),
        };
        let names: Vec<&str> = bound.outputs.iter().map(|output| output.name.as_str()).collect();
        let names = names.join(" | ");
        let plan = lis_sql::engine::share(bound.plan.clone()).unwrap();
        let planned = match state.create_physical_plan(&plan).await {
            Ok(planned) => planned,
            Err(error) => return Err(format!("plan: {}", first_line(&error.to_string()))),
        };
        match collect(planned, state.task_ctx()).await {
            Ok(batches) => {
                let count: usize = batches.iter().map(arrow::array::RecordBatch::num_rows).sum();
                if count == 0 || count > ROWS_SHOWN_MAX {
                    return Ok(format!("{names}\n{count} rows"));
                }
                let table = pretty_format_batches(&batches).unwrap().to_string();
                let rows: Vec<String> = table
                    .lines()
                    .skip(3)
                    .filter(|line| !line.starts_with('+'))
                    .map(|line| {
                        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
                        format!("| {} |", cells.join(" | "))
                    })
                    .collect();
                Ok(format!("{names}\n{}", rows.join("\n")))
            }
            Err(error) => Err(format!("run: {}", first_line(&error.to_string()))),
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Runs every query of a client. Each must answer, but for those whose title says `(refused)`, which must not.
async fn check(client: &str, queries: &str) {
    let world = world().await;
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_query_planner(Arc::new(lis_sql::engine::Planner))
        .build();
    let mut wrong = String::new();
    for block in queries.split("\n;\n").map(str::trim).filter(|block| !block.is_empty()) {
        let (title, query) = block.split_once('\n').unwrap();
        let answer = world.run(&state, query).await;
        if answer.is_ok() == title.ends_with("(refused)") {
            let answer = answer.unwrap_or_else(|error| error);
            writeln!(wrong, "{title}\n{answer}\n").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{client}:\n{wrong}");
}

macro_rules! client {
    ($name:ident) => {
        #[tokio::test]
        async fn $name() {
            check(stringify!($name), include_str!(concat!("../testdata/", stringify!($name), ".sql"))).await;
        }
    };
}

client!(psql);
client!(psqlodbc);
client!(pgjdbc);
client!(sqlalchemy);
client!(npgsql);
client!(others);

/// What single queries answer: (query, names and rows).
#[tokio::test]
async fn answers_are_those_of_postgresql() {
    let world = world().await;
    let state = SessionStateBuilder::new()
        .with_default_features()
        .with_query_planner(Arc::new(lis_sql::engine::Planner))
        .build();
    for (query, expected) in ANSWERS {
        assert_eq!(world.run(&state, query).await.as_deref(), Ok(*expected), "{query}");
    }
}

const ANSWERS: &[(&str, &str)] = &[
    (
        "select conname, contype, conkey, confkey, pg_get_constraintdef(oid) d from pg_constraint order by 1",
        "conname | contype | conkey | confkey | d\n\
         | budget_forvaltning_fkey | f | [1] | [1] | FOREIGN KEY (forvaltning) REFERENCES org.forvaltning(forvaltning) |\n\
         | budget_konto_period_key | u | [2, 3] |  | UNIQUE (konto, period) |\n\
         | budget_pkey | p | [1, 2, 3] |  | PRIMARY KEY (forvaltning, konto, period) |\n\
         | forvaltning_pkey | p | [1] |  | PRIMARY KEY (forvaltning) |",
    ),
    (
        "select attname, format_type(atttypid, atttypmod) t, attnotnull n from pg_attribute \
         where attrelid = 'ekonomi.budget'::regclass and attnum > 0 order by attnum",
        "attname | t | n\n\
         | forvaltning | character varying(10) | true |\n\
         | konto | character varying(10) | true |\n\
         | period | date | true |\n\
         | belopp | numeric(14,2) | false |",
    ),
    (
        "select pg_get_indexdef(indexrelid) d, indkey[0] k, indexrelid::regclass::text r from pg_index \
         where indrelid = 'org.forvaltning'::regclass",
        "d | k | r\n\
         | CREATE UNIQUE INDEX forvaltning_pkey ON org.forvaltning USING btree (forvaltning) | 1 | org.forvaltning_pkey |",
    ),
    (
        "select obj_description('ekonomi.budget'::regclass, 'pg_class') o, col_description('ekonomi.budget'::regclass, 4) c, \
         to_regclass('x.y') n, 'pg_class'::regclass::text p",
        "o | c | n | p\n| Budget | Kronor |  | pg_class |",
    ),
    (
        "select reltuples, relrowsecurity, pg_relation_size(oid) s from pg_class where relname = 'budget'",
        "reltuples | relrowsecurity | s\n| -1.0 | true |  |",
    ),
    (
        "select table_name, column_name, data_type, numeric_precision p, is_nullable from information_schema.columns \
         where table_schema = 'ekonomi' and column_name = 'belopp'",
        "table_name | column_name | data_type | p | is_nullable\n| budget | belopp | numeric | 14 | YES |",
    ),
];

#[tokio::test]
async fn every_relation_can_be_read() {
    let world = world().await;
    for relation in world.context.registry.relations() {
        let batch = relation
            .rows(&world.context)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", relation.shape().name));
        assert_eq!(batch.num_columns(), relation.shape().columns.len(), "{}", relation.shape().name);
    }
}

#[tokio::test]
async fn what_is_hidden_is_nowhere() {
    let mut world = world().await;
    let budget = QualifiedName::new("ekonomi", "budget");
    let budget = world.context.snapshot.relation_named(&budget).unwrap().id().oid();
    world.context.viewer = Arc::new(Sees { hidden: Some(budget) });
    for relation in world.context.registry.relations().filter(|relation| relation.shape().schema != "lis") {
        let batch = relation.rows(&world.context).await.unwrap();
        let text = pretty_format_batches(&[batch]).unwrap().to_string();
        let view_text = ["pg_views", "views"].contains(&relation.shape().name);
        assert!(view_text || !text.contains("budget"), "{}:\n{text}", relation.shape().name);
        assert!(!text.contains(&format!("| {budget} ")), "{}:\n{text}", relation.shape().name);
    }
}

#[test]
fn a_number_is_never_that_of_two_relations() {
    let mut registry = Registry::default();
    builtin(&mut registry);
    let mut numbers = BTreeMap::new();
    for relation in registry.relations() {
        assert_eq!(
            numbers.insert(relation.shape().oid, relation.shape().name),
            None,
            "{}",
            relation.shape().name
        );
    }
}
