-- What DuckLake has no place for.

-- Who owns a schema, table or view now. Not by snapshot: ownership of today applies to every snapshot.
CREATE TABLE lis_owner(object_id INTEGER PRIMARY KEY, owner INTEGER NOT NULL) STRICT;

-- PostgreSQL's side of a column: one row for each row of ducklake_column that is not an array's element.
CREATE TABLE lis_column(
    table_id INTEGER NOT NULL,
    column_id INTEGER NOT NULL,
    begin_snapshot INTEGER NOT NULL,
    type_name TEXT NOT NULL,
    typmod INTEGER NOT NULL,
    collation_name TEXT NOT NULL CHECK (collation_name IN ('C', 'sv')),
    physical_name TEXT NOT NULL,
    default_expression TEXT,
    PRIMARY KEY (table_id, column_id, begin_snapshot)
) STRICT, WITHOUT ROWID;

-- Keys. A number is one of the catalogue's, shared with schemas and relations. Columns are numbers with commas between.
CREATE TABLE lis_constraint(
    constraint_id INTEGER NOT NULL,
    table_id INTEGER NOT NULL,
    begin_snapshot INTEGER NOT NULL,
    end_snapshot INTEGER,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('primary key', 'unique', 'foreign key')),
    columns TEXT NOT NULL,
    references_table INTEGER,
    references_columns TEXT,
    CHECK ((kind = 'foreign key') = (references_table IS NOT NULL AND references_columns IS NOT NULL)),
    PRIMARY KEY (constraint_id, begin_snapshot)
) STRICT, WITHOUT ROWID;
CREATE INDEX lis_constraint_by_table ON lis_constraint(table_id);

-- PostgreSQL's side of a view: one row for each row of ducklake_view. Columns are JSON: name, type, typmod.
CREATE TABLE lis_view(
    view_id INTEGER NOT NULL,
    begin_snapshot INTEGER NOT NULL,
    security_invoker INTEGER NOT NULL CHECK (security_invoker IN (0, 1)),
    columns TEXT NOT NULL,
    PRIMARY KEY (view_id, begin_snapshot)
) STRICT, WITHOUT ROWID;

-- The SHA-256 of a data file's bytes, in hexadecimal digits.
CREATE TABLE lis_data_file(data_file_id INTEGER PRIMARY KEY, checksum TEXT NOT NULL) STRICT;

-- Counters that run ahead of a commit.
CREATE TABLE lis_counter(name TEXT PRIMARY KEY, next_value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO lis_counter(name, next_value) VALUES ('catalog_id', 0);
