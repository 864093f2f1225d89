-- What ALTER, CHECK and materialized views need beside the format.

-- CHECK constraints: their expression, and the columns that it names.
CREATE TABLE lis_constraint_new(
    constraint_id INTEGER NOT NULL,
    table_id INTEGER NOT NULL,
    begin_snapshot INTEGER NOT NULL,
    end_snapshot INTEGER,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('primary key', 'unique', 'foreign key', 'check')),
    columns TEXT NOT NULL,
    references_table INTEGER,
    references_columns TEXT,
    expression TEXT,
    CHECK ((kind = 'foreign key') = (references_table IS NOT NULL AND references_columns IS NOT NULL)),
    CHECK ((kind = 'check') = (expression IS NOT NULL)),
    PRIMARY KEY (constraint_id, begin_snapshot)
) STRICT, WITHOUT ROWID;
INSERT INTO lis_constraint_new(constraint_id, table_id, begin_snapshot, end_snapshot, name, kind, columns,
    references_table, references_columns)
SELECT constraint_id, table_id, begin_snapshot, end_snapshot, name, kind, columns, references_table,
    references_columns FROM lis_constraint;
DROP TABLE lis_constraint;
ALTER TABLE lis_constraint_new RENAME TO lis_constraint;
CREATE INDEX lis_constraint_by_table ON lis_constraint(table_id);

-- The names that a schema had before it was renamed: the format has one row for a schema's whole life.
CREATE TABLE lis_schema_name(
    schema_id INTEGER NOT NULL,
    begin_snapshot INTEGER NOT NULL,
    end_snapshot INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (schema_id, end_snapshot)
) STRICT, WITHOUT ROWID;

-- A file can hold only columns whose number is below this: a later column has its initial default in every row of it.
ALTER TABLE lis_data_file ADD COLUMN column_bound INTEGER;
UPDATE lis_data_file SET column_bound = (
    SELECT max(c.column_id) + 1 FROM ducklake_data_file f
    JOIN ducklake_column c ON c.table_id = f.table_id AND c.begin_snapshot <= f.begin_snapshot
    WHERE f.data_file_id = lis_data_file.data_file_id);

-- What a view's text refers to, as JSON: relations and columns by number under the names that the text has for them.
ALTER TABLE lis_view ADD COLUMN reads TEXT;

-- A table that is a materialized view: the query that fills it, and whether it has been filled.
CREATE TABLE lis_materialized_view(
    table_id INTEGER NOT NULL,
    begin_snapshot INTEGER NOT NULL,
    end_snapshot INTEGER,
    definition TEXT NOT NULL,
    reads TEXT NOT NULL,
    populated INTEGER NOT NULL CHECK (populated IN (0, 1)),
    PRIMARY KEY (table_id, begin_snapshot)
) STRICT, WITHOUT ROWID;
