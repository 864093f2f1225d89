"""Makes TPC-DS's rows and lists its queries, with DuckDB's extension.

    tpcds.py DIRECTORY SCALE

Writes DIRECTORY/TABLE.csv for each table, `tables.sql` with a CREATE TABLE a line, and `QUERY.sql` for each query.
Needs the packages duckdb and duckdb-ext-tpcds of the same version.
"""

import importlib.util
import pathlib
import sys

import duckdb

directory, scale = pathlib.Path(sys.argv[1]), float(sys.argv[2])
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
package = importlib.util.find_spec("duckdb_ext")
found = [path for root in package.submodule_search_locations for path in pathlib.Path(root).rglob("tpcds.duckdb_extension")]
if not found:
    raise SystemExit("the extension tpcds is not installed")
connection.execute(f"LOAD '{found[0]}'")
connection.execute(f"CALL dsdgen(sf = {scale})")
tables = []
for (table,) in connection.execute("SELECT table_name FROM information_schema.tables ORDER BY 1").fetchall():
    connection.execute(f"COPY {table} TO '{directory}/{table}.csv' (HEADER false)")
    columns = connection.execute(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = ? ORDER BY ordinal_position",
        [table],
    ).fetchall()
    types = {"DOUBLE": "double precision"}
    tables.append(f"create table {table} (" + ", ".join(f"{name} {types.get(kind, kind)}" for name, kind in columns) + ")")
(directory / "tables.sql").write_text("\n".join(tables) + "\n")
for number, query in connection.execute("SELECT query_nr, query FROM tpcds_queries()").fetchall():
    (directory / f"{number:02}.sql").write_text(query)
