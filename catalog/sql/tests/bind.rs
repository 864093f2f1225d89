//! What queries are bound to, and what they give: `testdata/bind/*.txt` against a small catalogue in memory.
//!
//! A case is a statement, `----`, and what comes of it: the columns' names and types and the rows as they come, or the error
//! with its kind and position. Cases are separated by blank lines. When a file differs, the whole of what came is written
//! beside the test's binary and its place is shown, to be reviewed and copied over the file.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what goes wrong here fails the test")]

use std::{fmt::Write, path::Path, sync::Arc};

use arrow::{
    array::{
        ArrayRef, Date32Array, Decimal128Array, Int32Array, Int64Array, ListArray, RecordBatch,
        StringViewArray,
    },
    datatypes::{DataType, Field, Int32Type, Schema},
    util::display::{ArrayFormatter, FormatOptions},
};
use datafusion::{
    catalog::MemTable,
    datasource::provider_as_source,
    prelude::{SessionConfig, SessionContext},
};
use lis_lake::{
    ids::Oid,
    names::{Identifier, QualifiedName},
    table::Collation,
    types::{ColumnType, PgType},
};
use lis_sql::{
    BoundPart, bind_modification, bind_query,
    catalog::{Catalog, CatalogColumn, CatalogFunction, CatalogRelation, RelationSource},
    context::BindContext,
    error::SqlError,
    output::BoundQuery,
    parse,
    statement::Statement,
};

#[derive(Debug, Default)]
struct TestCatalog {
    relations: Vec<CatalogRelation>,
}

impl Catalog for TestCatalog {
    fn relation(&self, name: &QualifiedName) -> Option<CatalogRelation> {
        self.relations.iter().find(|relation| relation.name == *name).cloned()
    }

    fn relation_by_oid(&self, oid: Oid) -> Option<CatalogRelation> {
        self.relations.iter().find(|relation| relation.oid == oid).cloned()
    }

    fn has_schema(&self, name: &Identifier) -> bool {
        self.relations.iter().any(|relation| relation.name.schema == *name)
    }

    fn functions(&self, _schema: Option<&Identifier>, _name: &Identifier) -> Vec<CatalogFunction> {
        Vec::new()
    }
}

impl TestCatalog {
    fn table(&mut self, schema: &str, name: &str, columns: Vec<(&str, ColumnType, ArrayRef)>) {
        let fields: Vec<Field> = columns
            .iter()
            .map(|(name, column_type, _)| Field::new(*name, column_type.to_arrow(), true))
            .collect();
        let arrow_schema = Arc::new(Schema::new(fields));
        let arrays = columns
            .iter()
            .map(|(_, column_type, array)| arrow::compute::cast(array, &column_type.to_arrow()).unwrap())
            .collect();
        let batch = RecordBatch::try_new(Arc::clone(&arrow_schema), arrays).unwrap();
        let table = MemTable::try_new(arrow_schema, vec![vec![batch]]).unwrap();
        self.add(schema, name, &columns, RelationSource::Scan(provider_as_source(Arc::new(table))));
    }

    fn view(&mut self, schema: &str, name: &str, columns: &[(&str, ColumnType)], definition: &str) {
        let source = RelationSource::View {
            reads: None,
            definition: definition.to_owned(),
            security_invoker: true,
            owner: Oid::ADMINISTRATOR,
        };
        let empty: ArrayRef = Arc::new(Int32Array::from(Vec::<i32>::new()));
        let columns: Vec<_> =
            columns.iter().map(|(name, column_type)| (*name, *column_type, Arc::clone(&empty))).collect();
        self.add(schema, name, &columns, source);
    }

    fn add(
        &mut self,
        schema: &str,
        name: &str,
        columns: &[(&str, ColumnType, ArrayRef)],
        source: RelationSource,
    ) {
        let oid = Oid::new(Oid::FIRST_NORMAL + u32::try_from(self.relations.len()).unwrap());
        let primary_key = if name == "keyed" { vec![1] } else { Vec::new() };
        let columns = columns
            .iter()
            .zip(1..)
            .map(|((name, column_type, _), number)| CatalogColumn {
                name: Identifier::exact(name),
                column_type: *column_type,
                number,
                collation: if *name == "namn" { Collation::Swedish } else { Collation::C },
                not_null: false,
                default: (*name == "d").then(|| "'2020-02-02'::date".to_owned()),
                hidden: *name == "tableoid",
            })
            .collect();
        self.relations.push(CatalogRelation {
            oid,
            name: QualifiedName::new(schema, name),
            columns,
            primary_key,
            unique_keys: Vec::new(),
            source,
        });
    }
}

fn ints(values: &[Option<i32>]) -> ArrayRef {
    Arc::new(Int32Array::from(values.to_vec()))
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringViewArray::from(values.to_vec()))
}

fn catalog() -> TestCatalog {
    let int4 = ColumnType::plain(PgType::Int4);
    let text = ColumnType::plain(PgType::Text);
    let mut catalog = TestCatalog::default();
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
        Some(vec![Some(1), Some(2)]),
        Some(vec![]),
        None,
        Some(vec![Some(5)]),
    ]);
    let money = Decimal128Array::from(vec![Some(1050), Some(-200), None, Some(400)])
        .with_precision_and_scale(10, 2)
        .unwrap();
    catalog.table(
        "public",
        "t",
        vec![
            ("a", int4, ints(&[Some(1), Some(2), Some(3), None])),
            ("b", ColumnType::varchar(20), texts(&[Some("one"), Some("two"), Some("two"), None])),
            ("c", ColumnType::numeric(10, 2), Arc::new(money)),
            (
                "d",
                ColumnType::plain(PgType::Date),
                Arc::new(Date32Array::from(vec![Some(0), Some(18262), None, Some(19000)])),
            ),
            ("e", ColumnType::plain(PgType::Int4.array().unwrap()), Arc::new(lists)),
            ("tableoid", int4, ints(&[Some(7), Some(7), Some(7), Some(7)])),
        ],
    );
    catalog.table(
        "public",
        "u",
        vec![
            ("k", int4, ints(&[Some(1), Some(1), Some(2), Some(4), None])),
            ("v", text, texts(&[Some("x"), Some("y"), Some("z"), Some("w"), Some("n")])),
            (
                "n",
                ColumnType::plain(PgType::Int8),
                Arc::new(Int64Array::from(vec![Some(10), Some(20), Some(30), Some(40), None])),
            ),
        ],
    );
    catalog.table("other", "t", vec![("a", int4, ints(&[Some(100)])), ("Q", text, texts(&[Some("quoted")]))]);
    catalog.table("pg_catalog", "sys", vec![("oid", int4, ints(&[Some(1)]))]);
    catalog.view("public", "w", &[("x", int4), ("y", text)], "SELECT k, v FROM public.u WHERE k IS NOT NULL");
    catalog.view("public", "loop1", &[("x", int4)], "SELECT x FROM public.loop2");
    catalog.view("public", "loop2", &[("x", int4)], "SELECT x FROM public.loop1");
    catalog.view("public", "nopath", &[("x", int4)], "SELECT a FROM t");
    catalog.table(
        "public",
        "keyed",
        vec![("id", int4, ints(&[Some(1), Some(2)])), ("x", text, texts(&[Some("p"), Some("q")]))],
    );
    catalog
}

fn context() -> BindContext {
    BindContext {
        current_user: Identifier::exact("anna"),
        current_user_oid: Oid::new(20000),
        session_user: Identifier::exact("anna"),
        database: "lis".to_owned(),
        administrations: [(String::new(), vec!["101".to_owned()])].into(),
        search_path: vec![Identifier::exact("public")],
        time_zone: "Europe/Stockholm".to_owned(),
        transaction_started_at: chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
        statement_started_at: chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap(),
        settings: std::sync::Arc::default(),
        parameter_types: Vec::new(),
        parameter_values: Vec::new(),
        backend_pid: 1,
    }
}

fn bind(statement: &str, catalog: &TestCatalog) -> Result<BoundQuery, SqlError> {
    let parsed = parse(statement)?.remove(0);
    match &parsed.statement {
        Statement::Query(query) => bind_query(query, &parsed.text, catalog, &context()),
        Statement::Modify(modification) => {
            let bound = bind_modification(modification, &parsed.text, catalog, &context())?;
            Ok(match bound.last {
                BoundPart::Query(query) => *query,
                BoundPart::Modification(modification) => modification.query,
            })
        }
        other => panic!("no query: {other:?}"),
    }
}

fn describe(error: &SqlError) -> String {
    let mut text = format!("{:?}", error.kind);
    if let Some(position) = error.position {
        write!(text, " at {position}").unwrap();
    }
    write!(text, ": {}", error.message).unwrap();
    for (label, more) in [("detail", &error.detail), ("hint", &error.hint)] {
        if let Some(more) = more {
            write!(text, "\n{label}: {more}").unwrap();
        }
    }
    text
}

async fn run(statement: &str, catalog: &TestCatalog) -> String {
    let bound = match bind(statement, catalog) {
        Ok(bound) => bound,
        Err(error) => return describe(&error),
    };
    let mut text = String::new();
    let columns: Vec<String> = bound
        .outputs
        .iter()
        .map(|output| {
            let origin = output.origin.map(|origin| format!(" {}.{}", origin.relation, origin.column));
            let typmod = match output.column_type.typmod {
                -1 => String::new(),
                typmod => format!("({typmod})"),
            };
            format!(
                "{} {}{typmod}{}",
                output.name,
                output.column_type.pg_type.name(),
                origin.unwrap_or_default()
            )
        })
        .collect();
    text.push_str(&columns.join(" | "));
    if !bound.parameters.is_empty() {
        let names: Vec<String> = bound.parameters.iter().map(|parameter| parameter.name()).collect();
        write!(text, "\nparameters: {}", names.join(", ")).unwrap();
        return text;
    }
    let session = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    let plan = lis_sql::engine::share(bound.plan.clone()).unwrap();
    let frame = match session.execute_logical_plan(plan).await {
        Ok(frame) => frame,
        Err(error) => return format!("{text}\nfailed: {error}\n{}", bound.plan.display_indent()),
    };
    let batches = match frame.collect().await {
        Ok(batches) => batches,
        Err(error) => {
            let root = error.find_root().strip_backtrace();
            // A refusal that is PostgreSQL's is part of the case; a plan that cannot be run is a defect.
            let plan = if root.contains("planned") || root.contains("internal") || root.contains("support") {
                format!("\n{}", bound.plan.display_indent())
            } else {
                String::new()
            };
            return format!("{text}\nfailed: {root}{plan}");
        }
    };
    let options = FormatOptions::default().with_null("NULL");
    for batch in batches {
        for (output, column) in bound.outputs.iter().zip(batch.columns()) {
            let canonical = output.column_type.to_arrow();
            let decimal = matches!(column.data_type(), DataType::Decimal128(..));
            let string = matches!(column.data_type(), DataType::Utf8 | DataType::LargeUtf8);
            let record = output.column_type.pg_type == PgType::Record;
            if *column.data_type() != canonical && !decimal && !string && !record {
                write!(text, "\n{} is {} instead of {canonical}", output.name, column.data_type()).unwrap();
            }
        }
        let formatters: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<String> =
                formatters.iter().map(|formatter| formatter.value(row).to_string()).collect();
            text.push('\n');
            text.push_str(&cells.join(" | "));
        }
    }
    text
}

async fn check(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bind").join(name);
    let recorded = std::fs::read_to_string(&path).unwrap();
    let catalog = catalog();
    let mut actual = String::new();
    let mut differing = Vec::new();
    for block in recorded.trim_end().split("\n\n") {
        let (statement, expected) = block.split_once("\n----").unwrap_or((block, ""));
        let came = run(statement, &catalog).await;
        if expected.trim() != came {
            differing.push(format!("{statement}\n---- recorded\n{}\n---- came\n{came}", expected.trim()));
        }
        write!(actual, "{statement}\n----\n{came}\n\n").unwrap();
    }
    if !differing.is_empty() {
        let written = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&written, format!("{}\n", actual.trim_end())).unwrap();
        panic!("{}\n\nall of it: {}", differing.join("\n\n"), written.display());
    }
}

macro_rules! files {
    ($($name:ident),*) => {
        $(
            #[tokio::test]
            async fn $name() {
                check(concat!(stringify!($name), ".txt")).await;
            }
        )*
    };
}

files!(names, joins, grouping, ordering, windows, subqueries, set_operations, sets, expressions, errors);
