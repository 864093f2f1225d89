//! Identifiers of what the catalogue holds. Each is a newtype with a private field, so that a table's number is never
//! taken for a schema's. Numbers are the lake's own (DuckLake's ids); an [`Oid`] is what PostgreSQL's clients see, is
//! derived from the number by a fixed rule, and therefore survives a restart.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// Wraps a number read from the metadata database.
            pub const fn new(number: i64) -> Self {
                Self(number)
            }

            /// The number as the metadata database stores it.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

id!(
    /// A schema: DuckLake's `schema_id`.
    SchemaId
);
id!(
    /// A table or a view: DuckLake's `table_id` or `view_id`, which come from one counter.
    RelationId
);
id!(
    /// A column within its table: DuckLake's `column_id`, which is also the Parquet field id and PostgreSQL's `attnum`.
    ColumnId
);
id!(
    /// A snapshot of the whole catalogue: DuckLake's `snapshot_id`.
    SnapshotId
);
id!(
    /// A data file: DuckLake's `data_file_id`.
    FileId
);
id!(
    /// One delivery from one source, as the batch ledger numbers it.
    BatchId
);

/// The number by which PostgreSQL's clients know an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oid(u32);

impl Oid {
    /// PostgreSQL's `InvalidOid`.
    pub const INVALID: Oid = Oid(0);
    /// The bootstrap superuser, `lis_admin`, as in PostgreSQL.
    pub const ADMINISTRATOR: Oid = Oid(10);
    /// The first number that is not reserved for objects that every PostgreSQL has (`FirstNormalObjectId`).
    pub const FIRST_NORMAL: u32 = 16384;

    /// Wraps a number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

macro_rules! oid_of {
    ($name:ident) => {
        impl $name {
            /// The object's number among PostgreSQL's: `FirstNormalObjectId` plus the lake's own number.
            /// Numbers beyond 32 bits do not occur: the counter grows by one for each object ever made.
            pub fn oid(self) -> Oid {
                Oid(u32::try_from(self.0)
                    .unwrap_or(u32::MAX - Oid::FIRST_NORMAL)
                    .saturating_add(Oid::FIRST_NORMAL))
            }
        }
    };
}
oid_of!(SchemaId);
oid_of!(RelationId);
