//! TPC-H's tables three times over: in our lake in the layout of its writer, the very same files as DataFusion's
//! `ListingTable`, and as a `ListingTable` over files as `tpchgen-cli` writes them.

use std::{collections::BTreeMap, error::Error, fmt::Display, fs::File, io::Cursor, path::Path, sync::Arc};

use arrow::csv::ReaderBuilder;
use datafusion::{
    catalog::TableProvider,
    dataframe::DataFrame,
    datasource::{provider_as_source, source_as_provider},
    logical_expr::LogicalPlan,
    prelude::{ParquetReadOptions, SessionContext},
};
use lis_lake::{
    files::WriterOptions,
    ids::Oid,
    lake::{CommitInfo, Lake},
    names::{Identifier, QualifiedName},
    provider::{LakeTable, table_schema},
    staged::{NewColumn, NewSchema, NewTable},
    table::Collation,
    types::{ColumnType, PgType},
};
use lis_sql::{
    catalog::{Catalog, CatalogColumn, CatalogFunction, CatalogRelation, RelationSource},
    context::BindContext,
};
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};
use tpchgen::{
    csv::{CustomerCsv, LineItemCsv, NationCsv, OrderCsv, PartCsv, PartSuppCsv, RegionCsv, SupplierCsv},
    generators::{
        CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
        PartSuppGenerator, RegionGenerator, SupplierGenerator,
    },
};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// Rows that are made at a time.
const PART_ROWS: usize = 1 << 19;
/// As `tpchgen-cli` writes them.
const OTHER_ROW_GROUP_BYTES: usize = 7 << 20;

/// The tables and their columns: `k` a key, `i` an integer, `n` a numeric, `d` a date, `t` text.
const TABLES: [(&str, &str); 8] = [
    ("region", "k r_regionkey t r_name t r_comment"),
    ("nation", "k n_nationkey t n_name k n_regionkey t n_comment"),
    ("supplier", "k s_suppkey t s_name t s_address k s_nationkey t s_phone n s_acctbal t s_comment"),
    (
        "part",
        "k p_partkey t p_name t p_mfgr t p_brand t p_type i p_size t p_container n p_retailprice t p_comment",
    ),
    ("partsupp", "k ps_partkey k ps_suppkey i ps_availqty n ps_supplycost t ps_comment"),
    (
        "customer",
        "k c_custkey t c_name t c_address k c_nationkey t c_phone n c_acctbal t c_mktsegment t c_comment",
    ),
    (
        "orders",
        "k o_orderkey k o_custkey t o_orderstatus n o_totalprice d o_orderdate t o_orderpriority t o_clerk \
         i o_shippriority t o_comment",
    ),
    (
        "lineitem",
        "k l_orderkey k l_partkey k l_suppkey i l_linenumber n l_quantity n l_extendedprice n l_discount n l_tax \
         t l_returnflag t l_linestatus d l_shipdate d l_commitdate d l_receiptdate t l_shipinstruct t l_shipmode \
         t l_comment",
    ),
];

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Our provider.
    Lake,
    /// `ListingTable` over our files.
    SameFiles,
    /// `ListingTable` over files in another layout.
    Other,
}

/// The tables.
#[derive(Debug)]
pub(crate) struct Warehouse {
    tables: BTreeMap<&'static str, [Arc<dyn TableProvider>; 3]>,
}

impl Warehouse {
    /// Makes all rows and files that are not there. `sorted`: `lineitem` and `orders` by their dates.
    pub(crate) async fn make(
        directory: &Path,
        scale: f64,
        sorted: bool,
        context: &SessionContext,
    ) -> Outcome<Self> {
        let place = directory.join("lake");
        // The place gets its name when all is there.
        let made = directory.with_extension("unfinished");
        if !directory.exists() {
            std::fs::create_dir_all(&made)?;
            let lake = Lake::create(&made.join("lake"), &[]).await?;
            for (name, columns) in TABLES {
                let order = match name {
                    "lineitem" if sorted => Some("l_shipdate"),
                    "orders" if sorted => Some("o_orderdate"),
                    _ => None,
                };
                make(&lake, name, columns, order, &made.join(format!("{name}.parquet")), scale).await?;
            }
            lake.close().await?;
            std::fs::rename(&made, directory)?;
        }
        let lake = Lake::open(&place, &[]).await?;
        let snapshot = lake.snapshot().await?;
        let mut tables = BTreeMap::new();
        for (name, _) in TABLES {
            let other = directory.join(format!("{name}.parquet"));
            let named = snapshot.relation_named(&QualifiedName::new("tpch", name));
            let table = Arc::clone(named.and_then(|relation| relation.as_table()).ok_or("no table")?);
            let files = lake.data_directory().join(&table.path).display().to_string();
            let listing = async |path: String| -> Outcome<Arc<dyn TableProvider>> {
                table_of(context.read_parquet(path, ParquetReadOptions::default()).await?)
            };
            let ours: Arc<dyn TableProvider> = Arc::new(LakeTable::new(Arc::clone(&lake), table));
            tables.insert(name, [ours, listing(files).await?, listing(other.display().to_string()).await?]);
        }
        Ok(Self { tables })
    }

    /// The tables of one kind, by name.
    pub(crate) fn providers(
        &self,
        kind: Kind,
    ) -> impl Iterator<Item = (&'static str, Arc<dyn TableProvider>)> {
        let index = kind as usize;
        self.tables.iter().map(move |(name, providers)| (*name, Arc::clone(&providers[index])))
    }

    /// The catalogue for our binder.
    pub(crate) fn catalog(&self, kind: Kind) -> Relations {
        Relations(self.providers(kind).zip(0..).map(relation).collect())
    }
}

/// The table that a frame of nothing but a scan reads.
fn table_of(frame: DataFrame) -> Outcome<Arc<dyn TableProvider>> {
    match frame.into_unoptimized_plan() {
        LogicalPlan::TableScan(scan) => Ok(source_as_provider(&scan.source)?),
        _ => Err("a frame that is no scan".into()),
    }
}

fn columns_of(columns: &str) -> Vec<(&str, ColumnType)> {
    let words: Vec<&str> = columns.split_whitespace().collect();
    let column = |pair: &[&'_ str]| match pair[0] {
        "k" => ColumnType::plain(PgType::Int8),
        "i" => ColumnType::plain(PgType::Int4),
        "n" => ColumnType::numeric(15, 2),
        "d" => ColumnType::plain(PgType::Date),
        _ => ColumnType::plain(PgType::Text),
    };
    words.chunks_exact(2).map(|pair| (pair[1], column(pair))).collect()
}

/// A table's rows as CSV, part by part.
fn rows(table: &str, scale: f64, take: &mut dyn FnMut(String) -> Outcome<()>) -> Outcome<()> {
    fn parts<R: Display>(
        rows: impl Iterator<Item = R>,
        take: &mut dyn FnMut(String) -> Outcome<()>,
    ) -> Outcome<()> {
        use std::fmt::Write as _;
        let (mut text, mut count) = (String::new(), 0);
        for row in rows {
            writeln!(text, "{row}")?;
            count += 1;
            if count % PART_ROWS == 0 {
                take(std::mem::take(&mut text))?;
            }
        }
        take(text)
    }
    match table {
        "region" => parts(RegionGenerator::new(scale, 1, 1).iter().map(RegionCsv::new), take),
        "nation" => parts(NationGenerator::new(scale, 1, 1).iter().map(NationCsv::new), take),
        "supplier" => parts(SupplierGenerator::new(scale, 1, 1).iter().map(SupplierCsv::new), take),
        "part" => parts(PartGenerator::new(scale, 1, 1).iter().map(PartCsv::new), take),
        "partsupp" => parts(PartSuppGenerator::new(scale, 1, 1).iter().map(PartSuppCsv::new), take),
        "customer" => parts(CustomerGenerator::new(scale, 1, 1).iter().map(CustomerCsv::new), take),
        "orders" => parts(OrderGenerator::new(scale, 1, 1).iter().map(OrderCsv::new), take),
        _ => parts(LineItemGenerator::new(scale, 1, 1).iter().map(LineItemCsv::new), take),
    }
}

/// Makes our table and the other file from the same rows.
async fn make(
    lake: &Arc<Lake>,
    name: &str,
    columns: &str,
    order: Option<&str>,
    other_path: &Path,
    scale: f64,
) -> Outcome<()> {
    let columns = columns_of(columns);
    let snapshot = lake.snapshot().await?;
    let known = snapshot.schemas().find(|schema| schema.name.as_str() == "tpch").map(|schema| schema.id);
    let mut staged = lake.stage(snapshot);
    let schema_id = match known {
        Some(id) => id,
        None => {
            let new = NewSchema { name: Identifier::exact("tpch"), owner: Oid::ADMINISTRATOR, comment: None };
            staged.create_schema(new).await?.id
        }
    };
    let new =
        |(name, column_type): &(&str, ColumnType)| NewColumn::new(Identifier::exact(name), *column_type);
    let table = staged
        .create_table(NewTable {
            schema_id,
            name: Identifier::exact(name),
            owner: Oid::ADMINISTRATOR,
            comment: None,
            columns: columns.iter().map(new).collect(),
            constraints: Vec::new(),
            sort_order: order.map(Identifier::exact).into_iter().collect(),
            materialized: None,
        })
        .await?;
    let schema = table_schema(&table);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_bytes(Some(OTHER_ROW_GROUP_BYTES))
        .build();
    let mut other = ArrowWriter::try_new(File::create(other_path)?, Arc::clone(&schema), Some(properties))?;
    let mut ours = lake.writer(&table, WriterOptions::default()).await?;
    let mut batches = Vec::new();
    rows(name, scale, &mut |csv: String| {
        let reader = ReaderBuilder::new(Arc::clone(&schema)).with_header(false).build(Cursor::new(csv))?;
        for batch in reader {
            let batch = batch?;
            other.write(&batch)?;
            batches.push(batch);
        }
        Ok(())
    })?;
    other.close()?;
    for batch in batches {
        ours.write(batch).await?;
    }
    staged.append_files(table.id, ours.finish().await?)?;
    lake.commit(staged, Vec::new(), CommitInfo::default()).await?;
    Ok(())
}

/// The relations that the queries are bound to.
#[derive(Debug)]
pub(crate) struct Relations(Vec<CatalogRelation>);

fn relation(((name, provider), number): ((&'static str, Arc<dyn TableProvider>), u32)) -> CatalogRelation {
    let spec = TABLES.iter().find(|(table, _)| *table == name).map_or("", |(_, columns)| columns);
    let columns = columns_of(spec).into_iter().zip(1..).map(|((name, column_type), number)| CatalogColumn {
        name: Identifier::exact(name),
        column_type,
        number,
        collation: Collation::C,
        not_null: false,
        default: None,
        hidden: false,
    });
    CatalogRelation {
        oid: Oid::new(Oid::FIRST_NORMAL + number),
        name: QualifiedName::new("tpch", name),
        columns: columns.collect(),
        primary_key: Vec::new(),
        unique_keys: Vec::new(),
        source: RelationSource::Scan(provider_as_source(provider)),
    }
}

impl Catalog for Relations {
    fn relation(&self, name: &QualifiedName) -> Option<CatalogRelation> {
        self.0.iter().find(|relation| relation.name == *name).cloned()
    }

    fn relation_by_oid(&self, oid: Oid) -> Option<CatalogRelation> {
        self.0.iter().find(|relation| relation.oid == oid).cloned()
    }

    fn has_schema(&self, name: &Identifier) -> bool {
        name.as_str() == "tpch"
    }

    fn functions(&self, _schema: Option<&Identifier>, _name: &Identifier) -> Vec<CatalogFunction> {
        Vec::new()
    }
}

/// Who asks, and when.
pub(crate) fn bind_context() -> BindContext {
    BindContext {
        current_user: Identifier::exact("anna"),
        current_user_oid: Oid::new(20000),
        session_user: Identifier::exact("anna"),
        database: "lis".to_owned(),
        administrations: BTreeMap::default(),
        search_path: vec![Identifier::exact("tpch")],
        time_zone: "Europe/Stockholm".to_owned(),
        transaction_started_at: chrono::DateTime::UNIX_EPOCH,
        statement_started_at: chrono::DateTime::UNIX_EPOCH,
        settings: std::sync::Arc::default(),
        parameter_types: Vec::new(),
        parameter_values: Vec::new(),
        backend_pid: 1,
    }
}
