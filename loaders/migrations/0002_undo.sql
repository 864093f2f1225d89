-- What was taken out again. The batch stays in the ledger as it was published, with its counts; its key is free for
-- another delivery.
ALTER TABLE lis_batch ADD COLUMN undone_us INTEGER;
ALTER TABLE lis_batch ADD COLUMN undone_by TEXT;
-- The first snapshot without it.
ALTER TABLE lis_batch ADD COLUMN undone_snapshot_id INTEGER;
-- The batch that was published in its place, in that snapshot.
ALTER TABLE lis_batch ADD COLUMN corrected_by INTEGER REFERENCES lis_batch (batch_id);

DROP INDEX lis_batch_published;
CREATE UNIQUE INDEX lis_batch_published ON lis_batch (source, business_date, sequence)
    WHERE state = 'published' AND undone_us IS NULL;
