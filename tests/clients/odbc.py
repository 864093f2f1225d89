"""What a BI tool does through psqlODBC, with the rights of the head of one administration (107)."""

import datetime
import os
from decimal import Decimal

import pyodbc

connection = pyodbc.connect(os.environ["LIS_ODBC"], autocommit=True)
cursor = connection.cursor()


def same(got, expected, what):
    assert got == expected, f"{what}: {got!r} instead of {expected!r}"


# SQLGetInfo
same(connection.getinfo(pyodbc.SQL_DBMS_NAME), "PostgreSQL", "SQL_DBMS_NAME")
same(connection.getinfo(pyodbc.SQL_DATABASE_NAME), "lis", "SQL_DATABASE_NAME")

# SQLTables: schemas, tables, views
tables = {(row.table_schem, row.table_name): row.table_type for row in cursor.tables()}
same(tables[("ekonomi", "verifikationsrad")], "TABLE", "the ledger is a table")
same(tables[("rapport", "budgetuppfoljning")], "VIEW", "the report is a view")
same(len([row for row in cursor.tables(schema="org", tableType="TABLE")]), 4, "four dimensions")
same(len(list(cursor.tables(schema="ekonomi", table="verif%"))), 1, "a pattern")

# SQLColumns: names in order, types, lengths, nullability, remarks
columns = list(cursor.columns(table="verifikationsrad", schema="ekonomi"))
same(
    [row.column_name for row in columns],
    [
        "forvaltning", "namnd", "verifikationstyp", "verifikationsnummer", "rad", "period", "bokforingsdatum", "konto",
        "ansvar", "verksamhet", "projekt", "motpart", "leverantor", "text", "belopp",
    ],
    "the columns",
)
by_name = {row.column_name: row for row in columns}
same(by_name["forvaltning"].type_name, "varchar", "type name")
same(by_name["forvaltning"].column_size, 3, "varchar(3)")
same(by_name["belopp"].type_name, "numeric", "type name")
same((by_name["belopp"].column_size, by_name["belopp"].decimal_digits), (15, 2), "numeric(15,2)")
same(by_name["verifikationsnummer"].data_type, pyodbc.SQL_BIGINT, "bigint")
same(by_name["bokforingsdatum"].data_type, pyodbc.SQL_TYPE_DATE, "date")
same((by_name["rad"].nullable, by_name["projekt"].nullable), (0, 1), "nullability")

# SQLPrimaryKeys, SQLStatistics, SQLForeignKeys, SQLSpecialColumns, SQLGetTypeInfo
key = sorted((row.key_seq, row.column_name) for row in cursor.primaryKeys(table="verifikationsrad", schema="ekonomi"))
same(key, [(1, "forvaltning"), (2, "verifikationsnummer"), (3, "rad")], "the primary key")
list(cursor.statistics(table="verifikationsrad", schema="ekonomi"))
list(cursor.foreignKeys(table="verifikationsrad", schema="ekonomi"))
list(cursor.rowIdColumns(table="verifikationsrad", schema="ekonomi"))
assert any(row.type_name == "numeric" for row in cursor.getTypeInfo())
list(cursor.procedures())

# Rows: only the own, by arrays
cursor.execute("SELECT forvaltning, bokforingsdatum, belopp, leverantor, verifikationsnummer FROM ekonomi.verifikationsrad")
same([column[1] for column in cursor.description], [str, datetime.date, Decimal, str, int], "types in Python")
rows = cursor.fetchall()
assert len(rows) > 200, len(rows)
same({row.forvaltning for row in rows}, {"107"}, "the own administration")
count = cursor.execute("SELECT count(*) FROM ekonomi.verifikationsrad").fetchval()
same(count, len(rows), "count(*) and rows fetched")

# Parameters of each type, and none
one = cursor.execute(
    "SELECT count(*) FROM ekonomi.verifikationsrad WHERE konto = ? AND period >= ? AND bokforingsdatum < ? AND belopp > ?",
    "50100", 202401, datetime.date(2025, 1, 1), Decimal("0.01"),
).fetchval()
assert one >= 12, one
same(cursor.execute("SELECT ? || '!'", "räksmörgås").fetchval(), "räksmörgås!", "a text parameter")
same(cursor.execute("SELECT CAST(? AS integer) IS NULL", None).fetchval() in (True, "1"), True, "a null")
for code in ("50100", "50200"):
    cursor.execute("SELECT max(period) FROM ekonomi.verifikationsrad WHERE konto = ?", code).fetchall()

# ODBC's own spellings
same(cursor.execute("SELECT {d '2024-02-29'}").fetchval(), datetime.date(2024, 2, 29), "a date escape")
same(cursor.execute("SELECT {fn ucase('abc')}").fetchval(), "ABC", "a function escape")

# Every type
row = cursor.execute("SELECT * FROM typer.alla WHERE id = 1").fetchone()
same((row.litet, row.heltal, row.stort), (-32768, 2147483647, -9223372036854775808), "whole numbers")
same((row.tal, row.enkel, row.dubbel), (Decimal("1234567890.12"), 1.5, -2.25e-10), "numbers")
same((row.dag, row.stampel), (datetime.date(2024, 2, 29), datetime.datetime(2024, 6, 15, 12, 34, 56, 789000)), "times")
same((row.text, row.kort, row.fast), ('åäö "citat" \\ snett', "räksmörgås", "ab  "), "texts")
same(bytes(row.bytes), b"\xde\xad\xbe\xef", "bytes")
row = cursor.execute("SELECT * FROM typer.alla WHERE id = 2").fetchone()
same([value for value in row][1:], [None] * 19, "nulls")

# Errors have their SQLSTATE and leave the connection usable
for sql, state in [
    ("SELECT * FROM finns_inte", "42S02"),
    ("SELECT 1/0", "22012"),
    ("SELEC 1", "42601"),
    ("INSERT INTO ekonomi.budget (forvaltning) VALUES ('107')", "42501"),
]:
    try:
        cursor.execute(sql).fetchall()
        raise AssertionError(f"{sql}: no error")
    except pyodbc.Error as error:
        assert error.args[0] in (state, "42P01"), error
    same(cursor.execute("SELECT 1").fetchval(), 1, f"usable after {sql}")

# Transactions by the driver, which sets savepoints
connection.autocommit = False
cursor.execute("SELECT count(*) FROM org.konto").fetchval()
try:
    cursor.execute("SELECT saknas FROM org.konto")
except pyodbc.Error:
    pass
same(cursor.execute("SELECT count(*) FROM org.konto").fetchval(), 58, "the transaction goes on")
connection.rollback()
connection.close()
print("all well")
