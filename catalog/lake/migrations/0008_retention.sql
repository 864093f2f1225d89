-- Retention: after the grace period, counted from when the rule says that a row is too old, it goes from the past too.
ALTER TABLE lis_retention ADD COLUMN grace_months INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lis_retention ADD COLUMN grace_days INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lis_retention ADD COLUMN grace_microseconds INTEGER NOT NULL DEFAULT 0;

-- Files that were taken out of past states, and which: whoever read one of those before may still read the file. They
-- are scheduled for deletion too.
CREATE TABLE lis_erased_file(
    path TEXT PRIMARY KEY,
    begin_snapshot INTEGER NOT NULL,
    end_snapshot INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
