-- Snapshots with a name, which do not expire.
CREATE TABLE lis_snapshot_name(
    name TEXT PRIMARY KEY,
    snapshot_id INTEGER NOT NULL,
    author TEXT NOT NULL,
    named_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Snapshots that a process reads and that must not expire meanwhile. A process that was killed leaves its lease to end
-- by itself.
CREATE TABLE lis_snapshot_lease(
    lease_id TEXT PRIMARY KEY,
    snapshot_id INTEGER NOT NULL,
    purpose TEXT NOT NULL,
    until_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- How long a table's rows are kept: those whose value in the column is older than the interval go.
CREATE TABLE lis_retention(
    table_id INTEGER PRIMARY KEY,
    column_id INTEGER NOT NULL,
    months INTEGER NOT NULL,
    days INTEGER NOT NULL,
    microseconds INTEGER NOT NULL,
    author TEXT NOT NULL,
    set_us INTEGER NOT NULL
) STRICT;
