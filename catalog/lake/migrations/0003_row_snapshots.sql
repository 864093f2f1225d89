-- The first and the last snapshot that rows of a file came with; null where all came with the file's own.
ALTER TABLE lis_data_file ADD COLUMN snapshot_min INTEGER;
ALTER TABLE lis_data_file ADD COLUMN snapshot_max INTEGER;
