//! The columns of PostgreSQL 15's system relations, in order, with types and numbers: `shapes/*.txt`, taken from a real
//! server. Domains of information_schema stand there as their base types, which is what the protocol shows too.
//!
//! A relation that is in these files and that nobody gives rows has none, because LIS has no such objects (triggers,
//! publications, enumerations, …). A relation whose emptiness would be a lie is not in the files, and not known.

use std::sync::LazyLock;

use lis_lake::{
    ids::Oid,
    types::{ColumnType, PgType, TYPMOD_NONE},
};

/// A column of a system relation.
#[derive(Debug, Clone, Copy)]
pub struct SystemColumn {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub column_type: ColumnType,
    /// Whether it is NOT NULL in PostgreSQL.
    pub not_null: bool,
}

/// A column of a type without a modifier.
pub const fn column(name: &'static str, pg_type: PgType) -> SystemColumn {
    SystemColumn { name, column_type: ColumnType::plain(pg_type), not_null: false }
}

/// A system relation's name, number and columns.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// `pg_catalog`, `information_schema` or `lis`
    pub schema: &'static str,
    /// Its name.
    pub name: &'static str,
    /// PostgreSQL's number for it; else one below 16384 that is never reused.
    pub oid: Oid,
    /// Whether PostgreSQL has it as a view (`pg_class.relkind` `v`).
    pub is_view: bool,
    /// Its columns.
    pub columns: &'static [SystemColumn],
}

impl Shape {
    /// A view of LIS's own, in the schema `lis`.
    pub const fn of_lis(name: &'static str, oid: u32, columns: &'static [SystemColumn]) -> Self {
        Self { schema: "lis", name, oid: Oid::new(oid), is_view: true, columns }
    }
}

/// Every shape of both schemas.
pub fn shapes() -> &'static [Shape] {
    static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
        let mut shapes = read("pg_catalog", include_str!("shapes/pg_catalog.txt"));
        shapes.extend(read("information_schema", include_str!("shapes/information_schema.txt")));
        shapes
    });
    &SHAPES
}

/// A relation's shape.
pub fn shape(schema: &str, name: &str) -> Option<&'static Shape> {
    shapes().iter().find(|shape| shape.schema == schema && shape.name == name)
}

/// Reads `name oid kind` lines, each followed by indented lines of `column:type` with `(typmod)` and `!` for NOT NULL.
/// What cannot be read is left out; the test beside finds it.
fn read(schema: &'static str, text: &'static str) -> Vec<Shape> {
    let mut relations: Vec<(Shape, Vec<SystemColumn>)> = Vec::new();
    for line in text.lines() {
        if !line.starts_with(' ') {
            let mut words = line.split(' ');
            let (Some(name), Some(Ok(oid)), Some(kind)) =
                (words.next(), words.next().map(str::parse), words.next())
            else {
                continue;
            };
            let shape = Shape { schema, name, oid: Oid::new(oid), is_view: kind == "v", columns: &[] };
            relations.push((shape, Vec::new()));
        } else if let Some((_, columns)) = relations.last_mut() {
            columns.extend(line.split_whitespace().filter_map(read_column));
        }
    }
    // They are read once and stay as long as the program.
    relations.into_iter().map(|(shape, columns)| Shape { columns: columns.leak(), ..shape }).collect()
}

fn read_column(word: &'static str) -> Option<SystemColumn> {
    let (name, column_type) = word.split_once(':')?;
    let (column_type, not_null) = match column_type.strip_suffix('!') {
        Some(column_type) => (column_type, true),
        None => (column_type, false),
    };
    let (type_name, typmod) = match column_type.split_once('(') {
        Some((type_name, typmod)) => (type_name, typmod.strip_suffix(')')?.parse().ok()?),
        None => (column_type, TYPMOD_NONE),
    };
    let pg_type = type_named(type_name)?;
    Some(SystemColumn { name, column_type: ColumnType::new(pg_type, typmod), not_null })
}

/// A type by its name in `pg_type`; an array's begins with an underscore.
pub(crate) fn type_named(name: &str) -> Option<PgType> {
    let scalar = |name: &str| PgType::SCALARS.iter().copied().find(|scalar| scalar.facts().name == name);
    scalar(name).or_else(|| scalar(name.strip_prefix('_')?)?.array())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_files_is_read() {
        let text =
            concat!(include_str!("shapes/pg_catalog.txt"), include_str!("shapes/information_schema.txt"));
        let columns =
            text.lines().filter(|line| line.starts_with(' ')).flat_map(str::split_whitespace).count();
        let relations = text.lines().filter(|line| !line.starts_with(' ')).count();
        assert_eq!(shapes().len(), relations);
        assert_eq!(shapes().iter().map(|shape| shape.columns.len()).sum::<usize>(), columns);
        let class = shape("pg_catalog", "pg_class").unwrap();
        assert_eq!((class.oid, class.columns.len(), class.columns[1].name), (Oid::new(1259), 33, "relname"));
        assert_eq!(class.columns.iter().filter(|column| !column.not_null).count(), 3);
    }
}
