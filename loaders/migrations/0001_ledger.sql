-- The batch ledger: every delivery that a load has begun, and what became of it. Times are microseconds since 1970 UTC.

CREATE TABLE lis_source (
    name TEXT PRIMARY KEY,
    comment TEXT,
    -- Members of this role see the source's batches and rejects.
    role TEXT,
    first_loaded_us INTEGER NOT NULL,
    last_loaded_us INTEGER NOT NULL
);

CREATE TABLE lis_batch (
    batch_id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL REFERENCES lis_source (name),
    business_date TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'published', 'failed')),
    author TEXT NOT NULL,
    began_us INTEGER NOT NULL,
    ended_us INTEGER,
    -- The snapshot that shows it.
    snapshot_id INTEGER,
    rows_in INTEGER NOT NULL DEFAULT 0,
    rows_written INTEGER NOT NULL DEFAULT 0,
    rows_rejected INTEGER NOT NULL DEFAULT 0,
    -- SHA-256 over the names and checksums of its files.
    checksum TEXT,
    -- Why it failed.
    message TEXT,
    CHECK (state <> 'published' OR (snapshot_id IS NOT NULL AND checksum IS NOT NULL)),
    CHECK (state <> 'published' OR rows_in = rows_written + rows_rejected)
);

-- One delivery is published once.
CREATE UNIQUE INDEX lis_batch_published ON lis_batch (source, business_date, sequence) WHERE state = 'published';

CREATE TABLE lis_batch_table (
    batch_id INTEGER NOT NULL REFERENCES lis_batch (batch_id),
    table_name TEXT NOT NULL,
    rows_in INTEGER NOT NULL,
    rows_written INTEGER NOT NULL,
    rows_rejected INTEGER NOT NULL,
    -- Of a batch that failed, nothing is written.
    CHECK (rows_in = rows_written + rows_rejected OR rows_written = 0),
    PRIMARY KEY (batch_id, table_name)
);

CREATE TABLE lis_batch_file (
    batch_id INTEGER NOT NULL REFERENCES lis_batch (batch_id),
    name TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (batch_id, name)
);

-- One row for each row of a delivery that was refused.
CREATE TABLE lis_reject (
    batch_id INTEGER NOT NULL REFERENCES lis_batch (batch_id),
    position INTEGER NOT NULL,
    table_name TEXT NOT NULL,
    file TEXT NOT NULL,
    line INTEGER NOT NULL,
    column_name TEXT,
    rule TEXT NOT NULL,
    message TEXT NOT NULL,
    value TEXT,
    raw TEXT NOT NULL,
    PRIMARY KEY (batch_id, position)
) WITHOUT ROWID;
