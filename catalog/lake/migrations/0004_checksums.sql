-- A file's statistics again, all columns in one JSON text: a catalogue of ten thousand files is opened by reading ten
-- thousand rows and not a hundred thousand.
ALTER TABLE lis_data_file ADD COLUMN statistics TEXT;
UPDATE lis_data_file SET statistics = (
    SELECT json_group_array(json_array(s.column_id, s.column_size_bytes, s.value_count, s.null_count, s.min_value,
        s.max_value, s.contains_nan))
    FROM ducklake_file_column_stats s WHERE s.data_file_id = lis_data_file.data_file_id);

-- Checksums (XXH64, little-endian, one behind the other) of a data file's blocks. Apart from the file's row, since they
-- are read only when the file is. A file that was written before them has none.
CREATE TABLE lis_file_blocks(
    data_file_id INTEGER PRIMARY KEY,
    block_bytes INTEGER NOT NULL,
    checksums BLOB NOT NULL
) STRICT;
