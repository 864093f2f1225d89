"""Reads a LIS lake with DuckDB's own DuckLake extension, which shares no code with us.

    duckdb_outside_reader.py WAREHOUSE [SCHEMA.TABLE=ROWS ...]

WAREHOUSE is a directory with catalog.sqlite and lake/. It is not changed: the metadata is copied and the copy reduced
to version 0.3 of the format, the newest that the extension of DuckDB 1.4.4 reads (what 1.0 added is either unused by
us or means nothing to a reader). For every table the rows are counted through the catalogue and in the Parquet files
themselves, and every column's bounds in the catalogue are held against the values. Prints `SCHEMA.TABLE ROWS` for each
table; exits with 1 and says why when something differs.

Needs the packages duckdb==1.4.4, duckdb-ext-ducklake and duckdb-ext-sqlite of the same version.
"""

import importlib.util
import pathlib
import sqlite3
import sys
import tempfile

import duckdb

DROPPED_TABLES = [
    "ducklake_file_variant_stats",
    "ducklake_macro",
    "ducklake_macro_impl",
    "ducklake_macro_parameters",
    "ducklake_sort_info",
    "ducklake_sort_expression",
]
DROPPED_COLUMNS = [
    ("ducklake_data_file", "partial_max"),
    ("ducklake_delete_file", "partial_max"),
    ("ducklake_column", "default_value_type"),
    ("ducklake_column", "default_value_dialect"),
    ("ducklake_schema_versions", "table_id"),
]


def reduce_to_0_3(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copies the metadata and takes away what version 0.3 does not know."""
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as live, sqlite3.connect(target) as copy:
        live.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("PRAGMA foreign_keys = OFF")
        version = copy.execute("SELECT value FROM ducklake_metadata WHERE key = 'version'").fetchone()
        if version != ("1.0",):
            raise SystemExit(f"the catalogue says version {version}, not 1.0")
        own = copy.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'ducklake%' AND name NOT LIKE 'sqlite%'"
        ).fetchall()
        for table in [*DROPPED_TABLES, *(name for (name,) in own)]:
            copy.execute(f'DROP TABLE IF EXISTS "{table}"')
        for table, column in DROPPED_COLUMNS:
            copy.execute(f'ALTER TABLE "{table}" DROP COLUMN "{column}"')
        copy.execute("ALTER TABLE ducklake_data_file ADD COLUMN partial_file_info VARCHAR")
        # Our views are PostgreSQL's SQL.
        copy.execute("DELETE FROM ducklake_view WHERE dialect <> 'duckdb'")
        copy.execute("UPDATE ducklake_metadata SET value = '0.3' WHERE key = 'version'")


def connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    package = importlib.util.find_spec("duckdb_ext")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("the packages duckdb-ext-ducklake and duckdb-ext-sqlite are not installed")
    root = pathlib.Path(list(package.submodule_search_locations)[0])
    for name in ("sqlite_scanner", "ducklake"):
        found = sorted(root.rglob(f"{name}.duckdb_extension"))
        if not found:
            raise SystemExit(f"the extension {name} is not installed")
        connection.execute(f"LOAD '{found[0]}'")
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def check_table(connection, metadata, data: pathlib.Path, table_id: int, schema: str, table: str) -> int:
    """Counts a table's rows in every way there is."""
    name = quoted("lake", schema, table)
    (rows,) = connection.execute(f"SELECT count(*) FROM (SELECT * FROM {name})").fetchone()
    files = metadata.execute(
        "SELECT s.path || t.path || f.path, f.record_count FROM ducklake_data_file f"
        " JOIN ducklake_table t ON t.table_id = f.table_id AND t.end_snapshot IS NULL"
        " JOIN ducklake_schema s ON s.schema_id = t.schema_id"
        " WHERE f.table_id = ? AND f.end_snapshot IS NULL",
        (table_id,),
    ).fetchall()
    counted = sum(record_count for _, record_count in files)
    if rows != counted:
        raise SystemExit(f"{schema}.{table}: DuckDB reads {rows} rows, the catalogue has {counted}")
    for path, record_count in files:
        (found,) = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(data / path)]).fetchone()
        if found != record_count:
            raise SystemExit(f"{path}: {found} rows, the catalogue has {record_count}")
    columns = metadata.execute(
        "SELECT column_id, column_name, column_type FROM ducklake_column"
        " WHERE table_id = ? AND end_snapshot IS NULL AND parent_column IS NULL ORDER BY column_order",
        (table_id,),
    ).fetchall()
    seen = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
    if seen != [column for _, column, _ in columns]:
        raise SystemExit(f"{schema}.{table}: DuckDB sees the columns {seen}")
    if rows:
        for column_id, column, column_type in columns:
            check_column(connection, metadata, table_id, name, column_id, column, column_type)
    return rows


def check_column(connection, metadata, table_id, name, column_id, column, column_type) -> None:
    """Every file's nulls must add up, and every value must lie within the bounds of some file.

    Rows of a file that is older than the column have the column's initial default."""
    (initial,) = metadata.execute(
        "SELECT initial_default FROM ducklake_column WHERE table_id = ? AND column_id = ? AND end_snapshot IS NULL",
        (table_id, column_id),
    ).fetchone()
    bounds = metadata.execute(
        "SELECT s.null_count, s.min_value, s.max_value FROM ducklake_file_column_stats s"
        " JOIN ducklake_data_file f USING (data_file_id)"
        " WHERE s.table_id = ? AND s.column_id = ? AND f.end_snapshot IS NULL",
        (table_id, column_id),
    ).fetchall()
    field = quoted(column)
    if column_type == "list" or not bounds:
        return
    (nulls,) = connection.execute(f"SELECT count(*) FROM {name} WHERE {field} IS NULL").fetchone()
    missing = metadata.execute(
        "SELECT coalesce(sum(record_count), 0) FROM ducklake_data_file f WHERE table_id = ? AND end_snapshot IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM ducklake_file_column_stats s"
        " WHERE s.data_file_id = f.data_file_id AND s.column_id = ?)",
        (table_id, column_id),
    ).fetchone()[0]
    if nulls != (missing if initial is None else 0) + sum(null_count for null_count, _, _ in bounds):
        raise SystemExit(f"{name}.{column}: {nulls} nulls, not as many as the catalogue has")
    if column_type in ("boolean", "blob", "json") or any(low is None or high is None for _, low, high in bounds):
        return
    inside = " OR ".join(
        f"{field} BETWEEN CAST(? AS {duck_type(column_type)}) AND CAST(? AS {duck_type(column_type)})" for _ in bounds
    )
    values = [value for _, low, high in bounds for value in (low, high)]
    if initial is not None:
        inside += f" OR {field} = CAST(? AS {duck_type(column_type)})"
        values.append(initial)
    nan = f" AND NOT isnan({field})" if column_type.startswith("float") else ""
    (outside,) = connection.execute(
        f"SELECT count(*) FROM {name} WHERE {field} IS NOT NULL{nan} AND NOT ({inside})", values
    ).fetchone()
    if outside:
        raise SystemExit(f"{name}.{column}: {outside} values outside every file's bounds")


def duck_type(column_type: str) -> str:
    names = {
        "int16": "SMALLINT",
        "int32": "INTEGER",
        "int64": "BIGINT",
        "float32": "FLOAT",
        "float64": "DOUBLE",
    }
    return names.get(column_type, column_type)


def main() -> None:
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    warehouse = pathlib.Path(sys.argv[1]).resolve()
    expected = dict(argument.rsplit("=", 1) for argument in sys.argv[2:])
    with tempfile.TemporaryDirectory() as scratch:
        copy = pathlib.Path(scratch) / "catalog.sqlite"
        reduce_to_0_3(warehouse / "catalog.sqlite", copy)
        data = warehouse / "lake"
        connection = connect()
        connection.execute(
            f"ATTACH 'ducklake:sqlite:{copy}' AS lake (DATA_PATH '{data}/', OVERRIDE_DATA_PATH true, READ_ONLY)"
        )
        with sqlite3.connect(copy) as metadata:
            tables = metadata.execute(
                "SELECT t.table_id, s.schema_name, t.table_name FROM ducklake_table t"
                " JOIN ducklake_schema s USING (schema_id) WHERE t.end_snapshot IS NULL ORDER BY 2, 3"
            ).fetchall()
            found = {}
            for table_id, schema, table in tables:
                found[f"{schema}.{table}"] = check_table(connection, metadata, data, table_id, schema, table)
        for name, rows in found.items():
            print(name, rows)
        for name, rows in expected.items():
            if found.get(name) != int(rows):
                raise SystemExit(f"{name}: {found.get(name)} rows, expected {rows}")
        connection.close()


if __name__ == "__main__":
    main()
