"""How programs write through psqlODBC: parameters of every type, arrays of parameters, counts, transactions, errors."""

import datetime
import os
from decimal import Decimal

import pyodbc


def same(got, expected, what):
    assert got == expected, f"{what}: {got!r} instead of {expected!r}"


connection = pyodbc.connect(os.environ["LIS_ODBC"])
cursor = connection.cursor()
cursor.execute("CREATE TABLE odbc_skriv (nr integer PRIMARY KEY, text varchar(20) NOT NULL, belopp numeric(12,2), dag date, nar timestamp, sant boolean, rest text)")
connection.commit()

insert = "INSERT INTO odbc_skriv (nr, text, belopp, dag, nar, sant, rest) VALUES (?, ?, ?, ?, ?, ?, ?)"
day = datetime.date(2024, 2, 29)
moment = datetime.datetime(2024, 2, 29, 12, 30, 15, 250000)
cursor.execute(insert, 1, "åäö", Decimal("1.50"), day, moment, True, "lång " * 2000)
same(cursor.rowcount, 1, "rows of INSERT")
cursor.execute(insert, 2, "tom", None, None, None, None, None)
connection.commit()
row = cursor.execute("SELECT text, belopp, dag, nar, rest FROM odbc_skriv WHERE nr = 1").fetchone()
same(tuple(row), ("åäö", Decimal("1.50"), day, moment, "lång " * 2000), "what was written")
row = cursor.execute("SELECT belopp, dag, nar, sant, rest FROM odbc_skriv WHERE nr = 2").fetchone()
same(tuple(row), (None,) * 5, "nulls")

# One row at a time, and as arrays of parameters.
many = "INSERT INTO odbc_skriv (nr, text, belopp) VALUES (?, ?, ?)"
cursor.executemany(many, [(n, f"rad {n}", Decimal(n)) for n in range(10, 40)])
cursor.fast_executemany = True
cursor.executemany(many, [(n, f"rad {n}", Decimal(n)) for n in range(100, 400)])
cursor.fast_executemany = False
connection.commit()
same(cursor.execute("SELECT count(*), sum(belopp) FROM odbc_skriv WHERE nr >= 10").fetchone()[0], 330, "rows of arrays")

same(cursor.execute("UPDATE odbc_skriv SET belopp = belopp + ? WHERE nr BETWEEN ? AND ?", Decimal("0.25"), 10, 19).rowcount, 10, "rows of UPDATE")
same(cursor.execute("DELETE FROM odbc_skriv WHERE nr >= ?", 390).rowcount, 10, "rows of DELETE")
rows = cursor.execute("INSERT INTO odbc_skriv (nr, text) VALUES (?, ?) ON CONFLICT (nr) DO UPDATE SET text = excluded.text RETURNING nr, text", 2, "ny").fetchall()
same([tuple(row) for row in rows], [(2, "ny")], "ON CONFLICT")
connection.rollback()
same(cursor.execute("SELECT text FROM odbc_skriv WHERE nr = 2").fetchval(), "tom", "after rollback")
same(cursor.execute("SELECT count(*) FROM odbc_skriv").fetchval(), 332, "after rollback")

# An error undoes its statement and leaves the transaction usable, since the driver sets savepoints.
cursor.execute("UPDATE odbc_skriv SET text = 'före' WHERE nr = 1")
for sql, values, state in [
    (many, (900, None, 1), "23502"),
    (many, (900, "x" * 21, 1), "22001"),
    ("UPDATE odbc_skriv SET belopp = 1 / ?", (0,), "22012"),
    ("UPDATE odbc_skriv SET finns_ej = ?", (0,), "42703"),
]:
    try:
        cursor.execute(sql, *values)
    except pyodbc.Error as error:
        same(error.args[0] in (state, "HY000", "42S22", "23000"), True, f"{sql}: {error}")
    else:
        raise AssertionError(f"{sql} {values} was done")
connection.commit()
same(cursor.execute("SELECT text FROM odbc_skriv WHERE nr = 1").fetchval(), "före", "what came before the errors")

connection.autocommit = True
same(cursor.execute("INSERT INTO odbc_skriv (nr, text) SELECT nr + 1000, text FROM odbc_skriv").rowcount, 332, "rows of INSERT … SELECT")
connection.close()
print("all well")
