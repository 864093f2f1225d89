//! PostgreSQL's types and what Arrow holds for each. The one table of types in the project: object identifiers, names,
//! categories and array types as in PostgreSQL's `pg_type`; the SQL layer's coercion rules and the wire's encoders
//! build on it. It does not know how a type is written as text (the functions do) nor what a file holds.
//!
//! Canonical Arrow types: text-like types are `Utf8View`, `bytea` is `BinaryView`, `timestamptz` is microseconds with
//! the zone `"UTC"`, `numeric(p,s)` is `Decimal128(p,s)`, an array is `List` of a nullable field named `item`.
//! An expression of a text-like type may also have `Utf8` or `LargeUtf8`; whoever puts columns side by side (set
//! operations, VALUES, CASE) casts to the canonical form.

mod shown;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

pub use self::shown::{Shown, ShownRule};
use crate::ids::Oid;

/// The largest precision of `numeric` (Arrow's `Decimal128`).
pub const NUMERIC_PRECISION_MAX: u8 = 38;
/// The scale of a `numeric` whose scale nobody declared: a table column without a typmod, a parameter, text cast to `numeric`.
pub const NUMERIC_SCALE_DEFAULT: i8 = 10;
/// No type modifier, as PostgreSQL writes it.
pub const TYPMOD_NONE: i32 = -1;

/// A PostgreSQL type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PgType {
    /// `boolean`
    Bool,
    /// `bytea`
    Bytea,
    /// `"char"`, the catalogue's one-byte type
    Char,
    /// `name`
    Name,
    /// `bigint`
    Int8,
    /// `smallint`
    Int2,
    /// `int2vector`: an array of `smallint` with lower bound 0
    Int2Vector,
    /// `integer`
    Int4,
    /// `regproc`
    Regproc,
    /// `text`
    Text,
    /// `oid`
    Oid,
    /// `xid`
    Xid,
    /// `oidvector`: an array of `oid` with lower bound 0
    OidVector,
    /// `json`
    Json,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// The type of a literal or parameter that nothing has given a type yet
    Unknown,
    /// `aclitem`
    Aclitem,
    /// `character(n)`, blank-padded
    Bpchar,
    /// `character varying(n)`
    Varchar,
    /// `date`
    Date,
    /// `time without time zone`
    Time,
    /// `timestamp without time zone`
    Timestamp,
    /// `timestamp with time zone`
    Timestamptz,
    /// `interval`
    Interval,
    /// `time with time zone`
    Timetz,
    /// `numeric(p,s)`
    Numeric,
    /// `regclass`
    Regclass,
    /// `regtype`
    Regtype,
    /// `regnamespace`
    Regnamespace,
    /// `regrole`
    Regrole,
    /// `record`
    Record,
    /// `void`, the result of a function that gives none
    Void,
    /// `uuid`
    Uuid,
    /// `jsonb`
    Jsonb,
    /// `jsonpath`, a path of the SQL/JSON path language in its canonical text
    Jsonpath,
    /// `pg_node_tree`, the catalogue's stored expressions
    PgNodeTree,
    /// A one-dimensional array of another type
    Array(&'static PgType),
}

/// PostgreSQL's `typcategory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// `A`
    Array,
    /// `B`
    Boolean,
    /// `D`
    DateTime,
    /// `N`
    Numeric,
    /// `P`
    Pseudo,
    /// `S`
    String,
    /// `T`
    Timespan,
    /// `U`
    User,
    /// `X`
    Unknown,
    /// `Z`: internal use
    Internal,
}

impl Category {
    /// The letter in `pg_type.typcategory`.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Array => "A",
            Self::Boolean => "B",
            Self::DateTime => "D",
            Self::Numeric => "N",
            Self::Pseudo => "P",
            Self::String => "S",
            Self::Timespan => "T",
            Self::User => "U",
            Self::Unknown => "X",
            Self::Internal => "Z",
        }
    }
}

/// One row of the table of types.
#[derive(Debug, Clone, Copy)]
pub struct TypeFacts {
    /// `pg_type.oid`
    pub oid: Oid,
    /// `pg_type.typname`
    pub name: &'static str,
    /// `pg_type.typarray`, or [`Oid::INVALID`]
    pub array_oid: Oid,
    /// `pg_type.typlen`
    pub length: i16,
    /// `pg_type.typcategory`
    pub category: Category,
    /// `pg_type.typispreferred`
    pub preferred: bool,
    /// The name in SQL, as `format_type` writes it without a modifier
    pub sql_name: &'static str,
}

impl PgType {
    /// Every type that is not an array, in the order of their object identifiers.
    pub const SCALARS: &'static [PgType] = &[
        PgType::Bool,
        PgType::Bytea,
        PgType::Char,
        PgType::Name,
        PgType::Int8,
        PgType::Int2,
        PgType::Int2Vector,
        PgType::Int4,
        PgType::Regproc,
        PgType::Text,
        PgType::Oid,
        PgType::Xid,
        PgType::OidVector,
        PgType::Json,
        PgType::PgNodeTree,
        PgType::Float4,
        PgType::Float8,
        PgType::Unknown,
        PgType::Aclitem,
        PgType::Bpchar,
        PgType::Varchar,
        PgType::Date,
        PgType::Time,
        PgType::Timestamp,
        PgType::Timestamptz,
        PgType::Interval,
        PgType::Timetz,
        PgType::Numeric,
        PgType::Regclass,
        PgType::Regtype,
        PgType::Record,
        PgType::Void,
        PgType::Uuid,
        PgType::Jsonb,
        PgType::Jsonpath,
        PgType::Regnamespace,
        PgType::Regrole,
    ];

    /// The facts of PostgreSQL's `pg_type` about this type. An array's name is its element's with `_` before it.
    pub const fn facts(self) -> TypeFacts {
        const fn row(
            oid: u32,
            name: &'static str,
            array_oid: u32,
            length: i16,
            category: Category,
            preferred: bool,
            sql_name: &'static str,
        ) -> TypeFacts {
            TypeFacts {
                oid: Oid::new(oid),
                name,
                array_oid: Oid::new(array_oid),
                length,
                category,
                preferred,
                sql_name,
            }
        }
        use Category as C;
        match self {
            Self::Bool => row(16, "bool", 1000, 1, C::Boolean, true, "boolean"),
            Self::Bytea => row(17, "bytea", 1001, -1, C::User, false, "bytea"),
            Self::Char => row(18, "char", 1002, 1, C::Internal, false, "\"char\""),
            Self::Name => row(19, "name", 1003, 64, C::String, false, "name"),
            Self::Int8 => row(20, "int8", 1016, 8, C::Numeric, false, "bigint"),
            Self::Int2 => row(21, "int2", 1005, 2, C::Numeric, false, "smallint"),
            Self::Int2Vector => row(22, "int2vector", 1006, -1, C::Array, false, "int2vector"),
            Self::Int4 => row(23, "int4", 1007, 4, C::Numeric, false, "integer"),
            Self::Regproc => row(24, "regproc", 1008, 4, C::Numeric, false, "regproc"),
            Self::Text => row(25, "text", 1009, -1, C::String, true, "text"),
            Self::Oid => row(26, "oid", 1028, 4, C::Numeric, true, "oid"),
            Self::Xid => row(28, "xid", 1011, 4, C::User, false, "xid"),
            Self::OidVector => row(30, "oidvector", 1013, -1, C::Array, false, "oidvector"),
            Self::Json => row(114, "json", 199, -1, C::User, false, "json"),
            Self::PgNodeTree => row(194, "pg_node_tree", 0, -1, C::Internal, false, "pg_node_tree"),
            Self::Float4 => row(700, "float4", 1021, 4, C::Numeric, false, "real"),
            Self::Float8 => row(701, "float8", 1022, 8, C::Numeric, true, "double precision"),
            Self::Unknown => row(705, "unknown", 0, -2, C::Unknown, false, "unknown"),
            Self::Aclitem => row(1033, "aclitem", 1034, 12, C::User, false, "aclitem"),
            Self::Bpchar => row(1042, "bpchar", 1014, -1, C::String, false, "character"),
            Self::Varchar => row(1043, "varchar", 1015, -1, C::String, false, "character varying"),
            Self::Date => row(1082, "date", 1182, 4, C::DateTime, false, "date"),
            Self::Time => row(1083, "time", 1183, 8, C::DateTime, false, "time without time zone"),
            Self::Timestamp => {
                row(1114, "timestamp", 1115, 8, C::DateTime, false, "timestamp without time zone")
            }
            Self::Timestamptz => {
                row(1184, "timestamptz", 1185, 8, C::DateTime, true, "timestamp with time zone")
            }
            Self::Interval => row(1186, "interval", 1187, 16, C::Timespan, true, "interval"),
            Self::Timetz => row(1266, "timetz", 1270, 12, C::DateTime, false, "time with time zone"),
            Self::Numeric => row(1700, "numeric", 1231, -1, C::Numeric, false, "numeric"),
            Self::Regclass => row(2205, "regclass", 2210, 4, C::Numeric, false, "regclass"),
            Self::Regtype => row(2206, "regtype", 2211, 4, C::Numeric, false, "regtype"),
            Self::Record => row(2249, "record", 2287, -1, C::Pseudo, false, "record"),
            Self::Void => row(2278, "void", 0, 4, C::Pseudo, false, "void"),
            Self::Uuid => row(2950, "uuid", 2951, 16, C::User, false, "uuid"),
            Self::Jsonb => row(3802, "jsonb", 3807, -1, C::User, false, "jsonb"),
            Self::Jsonpath => row(4072, "jsonpath", 4073, -1, C::User, false, "jsonpath"),
            Self::Regnamespace => row(4089, "regnamespace", 4090, 4, C::Numeric, false, "regnamespace"),
            Self::Regrole => row(4096, "regrole", 4097, 4, C::Numeric, false, "regrole"),
            Self::Array(element) => {
                let element = element.facts();
                TypeFacts {
                    oid: element.array_oid,
                    name: element.name,
                    array_oid: Oid::INVALID,
                    length: -1,
                    category: C::Array,
                    preferred: false,
                    sql_name: element.sql_name,
                }
            }
        }
    }

    /// `pg_type.oid`.
    pub const fn oid(self) -> Oid {
        self.facts().oid
    }

    /// `pg_type.typname`: an array's begins with an underscore.
    pub fn name(self) -> String {
        match self {
            Self::Array(element) => format!("_{}", element.facts().name),
            _ => self.facts().name.to_owned(),
        }
    }

    /// The type with this object identifier.
    pub fn from_oid(oid: Oid) -> Option<Self> {
        Self::SCALARS.iter().find_map(|scalar| {
            let facts = scalar.facts();
            if facts.oid == oid {
                Some(*scalar)
            } else if facts.array_oid == oid && oid != Oid::INVALID {
                Some(Self::Array(scalar))
            } else {
                None
            }
        })
    }

    /// The array type over this type, where PostgreSQL has one.
    pub fn array(self) -> Option<Self> {
        Self::SCALARS
            .iter()
            .find(|scalar| **scalar == self && scalar.facts().array_oid != Oid::INVALID)
            .map(Self::Array)
    }

    /// The element type of an array type (of `int2vector` and `oidvector` too).
    pub const fn element(self) -> Option<Self> {
        match self {
            Self::Array(element) => Some(*element),
            Self::Int2Vector => Some(Self::Int2),
            Self::OidVector => Some(Self::Oid),
            _ => None,
        }
    }

    /// Whether a table's column can have the type. The others occur in expressions only (0A000 in DDL).
    pub const fn can_be_stored(self) -> bool {
        match self {
            Self::Bool
            | Self::Bytea
            | Self::Int8
            | Self::Int2
            | Self::Int4
            | Self::Text
            | Self::Json
            | Self::Float4
            | Self::Float8
            | Self::Bpchar
            | Self::Varchar
            | Self::Date
            | Self::Time
            | Self::Timestamp
            | Self::Timestamptz
            | Self::Numeric
            | Self::Uuid
            | Self::Jsonb => true,
            Self::Char
            | Self::Name
            | Self::Int2Vector
            | Self::Regproc
            | Self::Oid
            | Self::Xid
            | Self::OidVector
            | Self::Unknown
            | Self::Aclitem
            | Self::Interval
            | Self::Timetz
            | Self::Regclass
            | Self::Regtype
            | Self::Regnamespace
            | Self::Regrole
            | Self::Record
            | Self::Void
            | Self::Jsonpath
            | Self::PgNodeTree => false,
            Self::Array(element) => !matches!(element, Self::Array(_)) && element.can_be_stored(),
        }
    }
}

/// A type with its modifier: what a column, a literal or an expression has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ColumnType {
    /// The type.
    pub pg_type: PgType,
    /// PostgreSQL's `atttypmod`: `n + 4` of `varchar(n)`, `((p << 16) | s) + 4` of `numeric(p,s)`, else [`TYPMOD_NONE`].
    pub typmod: i32,
    /// How the values of a `numeric` without a modifier are shown: of an expression, or of a column that a query made.
    pub shown: Shown,
    /// The scale at which a stored `numeric` without a modifier is held, where a query made it and it is not the
    /// default one. Of expressions it is never set: their Arrow type says it.
    pub held_scale: Option<i8>,
}

impl ColumnType {
    /// A type without a modifier.
    pub const fn plain(pg_type: PgType) -> Self {
        Self::new(pg_type, TYPMOD_NONE)
    }

    /// A type and its modifier.
    pub const fn new(pg_type: PgType, typmod: i32) -> Self {
        let shown = Shown { rule: ShownRule::Column, zero: None };
        Self { pg_type, typmod, shown, held_scale: None }
    }

    /// The same, shown in another way.
    #[must_use]
    pub const fn shown(self, shown: Shown) -> Self {
        Self { shown, ..self }
    }

    /// What reading a stored column gives: a `numeric` that was declared without a scale shows what its values need.
    #[must_use]
    pub fn as_read(self) -> Self {
        match (self.pg_type, self.held_scale) {
            (PgType::Numeric, Some(_)) => Self { held_scale: None, ..self },
            (PgType::Numeric | PgType::Array(PgType::Numeric), _) if self.typmod < 0 => {
                self.shown(Shown::needed(0))
            }
            _ => self,
        }
    }

    /// A stored `numeric` without a modifier that holds what a query gave.
    #[must_use]
    pub const fn held_at(scale: i8, shown: Shown) -> Self {
        Self { shown, held_scale: Some(scale), ..Self::plain(PgType::Numeric) }
    }

    /// The type of values on their way into a column: with the modifier that it is held with.
    #[must_use]
    pub fn as_held(self) -> Self {
        self.held_scale.map_or(self, |scale| Self::numeric(NUMERIC_PRECISION_MAX, scale))
    }

    /// The same without a modifier, as a function gives it.
    #[must_use]
    pub const fn without_modifier(self) -> Self {
        Self { typmod: TYPMOD_NONE, ..self }
    }

    /// An array's elements, or an element's array: another type with the same modifier.
    #[must_use]
    pub const fn with_type(self, pg_type: PgType) -> Self {
        Self { pg_type, ..self }
    }

    /// `varchar(n)`; `n` counts characters.
    pub const fn varchar(characters: i32) -> Self {
        Self::new(PgType::Varchar, characters + 4)
    }

    /// `numeric(precision, scale)`.
    pub const fn numeric(precision: u8, scale: i8) -> Self {
        Self::new(PgType::Numeric, (((precision as i32) << 16) | (scale as i32 & 0x7ff)) + 4)
    }

    /// Precision and scale of a `numeric` with a modifier.
    pub fn precision_scale(self) -> Option<(u8, i8)> {
        if self.pg_type != PgType::Numeric || self.typmod < 4 {
            return None;
        }
        let modifier = self.typmod - 4;
        // The scale is an 11-bit signed number since PostgreSQL 15 (numeric.c, numeric_typmod_scale).
        let scale = ((modifier & 0x7ff) ^ 1024) - 1024;
        Some((u8::try_from(modifier >> 16).ok()?, i8::try_from(scale).ok()?))
    }

    /// The length in characters of `varchar(n)` and `char(n)`.
    pub fn length(self) -> Option<usize> {
        match self.pg_type {
            PgType::Varchar | PgType::Bpchar if self.typmod >= 4 => usize::try_from(self.typmod - 4).ok(),
            _ => None,
        }
    }

    /// The canonical Arrow type.
    pub fn to_arrow(self) -> DataType {
        match self.pg_type {
            PgType::Bool => DataType::Boolean,
            PgType::Bytea => DataType::BinaryView,
            PgType::Int2 => DataType::Int16,
            PgType::Int4 => DataType::Int32,
            PgType::Int8 => DataType::Int64,
            PgType::Float4 => DataType::Float32,
            PgType::Float8 => DataType::Float64,
            PgType::Numeric => {
                let (precision, scale) = self
                    .as_held()
                    .precision_scale()
                    .unwrap_or((NUMERIC_PRECISION_MAX, NUMERIC_SCALE_DEFAULT));
                DataType::Decimal128(precision, scale)
            }
            PgType::Date => DataType::Date32,
            PgType::Time => DataType::Time64(TimeUnit::Microsecond),
            // Bytes in PostgreSQL's order: see `lis_functions::timetz`.
            PgType::Timetz => DataType::FixedSizeBinary(12),
            PgType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            PgType::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
            PgType::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            PgType::Uuid => DataType::FixedSizeBinary(16),
            PgType::Oid
            | PgType::Xid
            | PgType::Regproc
            | PgType::Regclass
            | PgType::Regtype
            | PgType::Regnamespace
            | PgType::Regrole => DataType::UInt32,
            PgType::Text
            | PgType::Varchar
            | PgType::Bpchar
            | PgType::Name
            | PgType::Char
            | PgType::Unknown
            | PgType::Json
            | PgType::Jsonb
            | PgType::Jsonpath
            | PgType::Aclitem
            | PgType::PgNodeTree
            | PgType::Void
            | PgType::Record => DataType::Utf8View,
            PgType::Int2Vector => list(DataType::Int16),
            PgType::OidVector => list(DataType::UInt32),
            PgType::Array(element) => list(self.with_type(*element).to_arrow()),
        }
    }
}

/// What a record's field says of its PostgreSQL type, in its Arrow field's metadata: number, modifier and how
/// values are shown.
const FIELD_TYPE: &str = "lis.type";

/// A field of a record: its Arrow type, and PostgreSQL's.
pub fn record_field(name: &str, column_type: ColumnType, arrow_type: DataType) -> Field {
    // Two fields of one type are one Arrow type, so only what matters to the type is said.
    let numeric = matches!(column_type.pg_type, PgType::Numeric | PgType::Array(PgType::Numeric));
    let shown = if numeric { column_type.shown.code() } else { 0 };
    let said = format!("{},{},{shown}", column_type.pg_type.oid().get(), column_type.typmod);
    Field::new(name, arrow_type, true).with_metadata([(FIELD_TYPE.to_owned(), said)].into())
}

/// The PostgreSQL type of a record's field, if it says one.
pub fn field_type(field: &Field) -> Option<ColumnType> {
    let (oid, modifiers) = field.metadata().get(FIELD_TYPE)?.split_once(',')?;
    let (typmod, shown) = modifiers.split_once(',')?;
    let pg_type = PgType::from_oid(Oid::new(oid.parse().ok()?))?;
    Some(ColumnType::new(pg_type, typmod.parse().ok()?).shown(Shown::from_code(shown.parse().ok()?)))
}

/// The modifier as the metadata keeps it: PostgreSQL's, or below it how the values that a query made are shown.
pub(crate) fn stored_modifier(column_type: ColumnType) -> i64 {
    match column_type.held_scale {
        Some(_) => i64::from(TYPMOD_NONE) - 1 - column_type.shown.code(),
        None => column_type.typmod.into(),
    }
}

/// What [`stored_modifier`] wrote, of a column that the format calls `duck_type`.
pub(crate) fn with_stored_modifier(pg_type: PgType, modifier: i64, duck_type: &str) -> ColumnType {
    let of_query = i64::from(TYPMOD_NONE) - 1 - modifier;
    let scale = duck_type.strip_suffix(')').and_then(|name| name.rsplit(',').next()?.parse().ok());
    match (of_query >= 0, scale) {
        (true, Some(scale)) => ColumnType::held_at(scale, Shown::from_code(of_query)),
        _ => ColumnType::new(pg_type, i32::try_from(modifier).unwrap_or(TYPMOD_NONE)),
    }
}

/// The Arrow list type over an element type, as this project always writes it.
pub fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_are_kept() {
        let average = ColumnType::held_at(20, Shown::quotient(2).times(1, Some(100)));
        assert!(stored_modifier(average) < -1);
        let back = with_stored_modifier(PgType::Numeric, stored_modifier(average), "decimal(38,20)");
        assert_eq!(back, average);
        assert_eq!(back.typmod, TYPMOD_NONE);
        assert_eq!(back.to_arrow(), DataType::Decimal128(38, 20));
        for plain in [ColumnType::numeric(12, 2), ColumnType::plain(PgType::Numeric)] {
            assert_eq!(
                with_stored_modifier(PgType::Numeric, stored_modifier(plain), "decimal(38,10)"),
                plain
            );
        }
    }
}
