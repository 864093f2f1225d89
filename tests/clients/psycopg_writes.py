"""How programs write through psycopg 3: executemany, RETURNING, COPY both ways, pipelines, transactions, cursors."""

import os
import sqlite3
import threading
from decimal import Decimal

import psycopg
from psycopg import errors

PARAMETERS = {
    "host": "127.0.0.1",
    "port": os.environ["LIS_PORT"],
    "dbname": "lis",
    "user": os.environ["LIS_USER"],
    "password": os.environ["LIS_PASSWORD"],
}


def same(got, expected, what):
    assert got == expected, f"{what}: {got!r} instead of {expected!r}"


def fails(error, run, text=""):
    try:
        run()
    except error as raised:
        assert text in str(raised), raised
        return raised
    raise AssertionError(f"no {error.__name__}")


def counts(connection):
    cursor = connection.cursor()
    cursor.executemany(
        "INSERT INTO skriv.rad (nr, text, belopp) VALUES (%s, %s, %s) RETURNING nr",
        [(n, f"rad {n}", Decimal(n) / 4) for n in range(1, 21)],
        returning=True,
    )
    returned = []
    while True:
        returned.append(cursor.fetchone()[0])
        if not cursor.nextset():
            break
    same(returned, list(range(1, 21)), "RETURNING of executemany")
    cursor.executemany("UPDATE skriv.rad SET text = %s WHERE nr = %s", [("nytt", 1), ("nytt", 2), ("nytt", 999)])
    same(cursor.rowcount, 2, "rows of executemany")
    same(cursor.execute("DELETE FROM skriv.rad WHERE nr > 18").rowcount, 2, "rows of DELETE")
    same(cursor.statusmessage, "DELETE 2", "tag")
    connection.commit()


def upserts(connection):
    cursor = connection.cursor()
    cursor.executemany(
        "INSERT INTO skriv.rad (nr, text) VALUES (%s, %s) ON CONFLICT (nr) DO UPDATE SET text = excluded.text",
        [(1, "ett"), (100, "hundra"), (1, "en")],
    )
    same(cursor.rowcount, 3, "rows of ON CONFLICT")
    rows = cursor.execute("SELECT nr, text FROM skriv.rad WHERE nr IN (1, 100) ORDER BY nr").fetchall()
    same(rows, [(1, "en"), (100, "hundra")], "what ON CONFLICT left")
    rows = cursor.execute(
        "WITH bort AS (DELETE FROM skriv.rad WHERE nr = %s RETURNING *) INSERT INTO skriv.gammal SELECT * FROM bort RETURNING nr, text",
        [100],
    ).fetchall()
    same(rows, [(100, "hundra")], "what moved")
    connection.commit()


def partly_read(connection):
    # A cursor that is read in pieces: the statement is done to its end all the same.
    with connection.cursor() as cursor:
        first = next(cursor.stream("INSERT INTO skriv.stor SELECT g FROM generate_series(1, 5000) g RETURNING n"))
        same(first, (1,), "the first row")
    same(connection.execute("SELECT count(*) FROM skriv.stor").fetchone()[0], 5000, "rows that were inserted")
    connection.rollback()
    same(connection.execute("SELECT count(*) FROM skriv.stor").fetchone()[0], 0, "after ROLLBACK")
    with connection.cursor(name="laser") as cursor:
        cursor.itersize = 7
        cursor.execute("SELECT g FROM generate_series(1, 100) g")
        same(sum(row[0] for row in cursor), 5050, "a cursor of the server")
    connection.commit()


def copies(connection):
    cursor = connection.cursor()
    with cursor.copy("COPY skriv.kopia (nr, text, belopp) FROM STDIN") as copy:
        for number in range(1000):
            copy.write_row((number, "tab\tslash\\ny rad\n" if number % 3 else None, Decimal("1.25")))
    same(cursor.rowcount, 1000, "rows of COPY")
    with cursor.copy("COPY skriv.kopia (nr, text, belopp) FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "numeric"])
        for number in range(1000, 1100):
            copy.write_row((number, "binär", Decimal("-3.50")))
    with cursor.copy("COPY (SELECT nr, text, belopp FROM skriv.kopia WHERE nr % 500 = 1 ORDER BY nr) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "numeric"])
        same(
            list(copy.rows()),
            [
                (1, "tab\tslash\\ny rad\n", Decimal("1.25")),
                (501, None, Decimal("1.25")),
                (1001, "binär", Decimal("-3.50")),
            ],
            "COPY out",
        )
    with cursor.copy("COPY (DELETE FROM skriv.kopia WHERE nr >= 1000 RETURNING nr) TO STDOUT") as copy:
        same(len(list(copy.rows())), 100, "COPY of what was deleted")
    connection.commit()

    # A program that fails in the middle leaves nothing.
    def gives_up():
        with connection.cursor().copy("COPY skriv.kopia (nr) FROM STDIN") as copy:
            copy.write_row((7,))
            raise KeyError("gave up")

    fails(KeyError, gives_up)
    connection.rollback()

    def wrong():
        with connection.cursor().copy("COPY skriv.kopia (nr, belopp) FROM STDIN") as copy:
            copy.write("1\t1\n2\tett\n")

    error = fails(errors.InvalidTextRepresentation, wrong)
    same(error.diag.context, 'COPY kopia, line 2, column belopp: "ett"', "where")
    connection.rollback()
    # So does a connection that ends.
    other = psycopg.connect(**PARAMETERS)
    begun = other.cursor().copy("COPY skriv.kopia (nr) FROM STDIN")
    begun.__enter__().write("1\n" * 10000)
    other.pgconn.finish()
    same(connection.execute("SELECT count(*) FROM skriv.kopia").fetchone()[0], 1000, "rows after all that")
    connection.commit()


def conflicts(connection):
    with psycopg.connect(**PARAMETERS) as other:
        # What is only added never conflicts, not with itself and not with what changes other rows.
        for one in (connection, other):
            one.execute("INSERT INTO skriv.rad (nr, text) VALUES (500, 'båda')")
        connection.commit()
        other.commit()
        connection.execute("DELETE FROM skriv.rad WHERE nr = 500")
        other.execute("INSERT INTO skriv.rad (nr, text) VALUES (500, 'senare')")
        other.commit()
        connection.commit()
        same(connection.execute("SELECT text FROM skriv.rad WHERE nr = 500").fetchall(), [("senare",)], "snapshots")
        connection.commit()
        # Of two that look the same key up, the second fails.
        upsert = "INSERT INTO skriv.rad (nr, text) VALUES (600, %s) ON CONFLICT (nr) DO NOTHING"
        connection.execute(upsert, ["ena"])
        other.execute(upsert, ["andra"])
        connection.commit()
        fails(errors.SerializationFailure, other.commit)
        other.rollback()
        same(other.execute(upsert, ["andra"]).rowcount, 0, "the second time")


def waiting(connection):
    catalog = sqlite3.connect(os.environ["LIS_CATALOG"], isolation_level=None)
    connection.execute("SET lock_timeout = '200ms'")
    connection.commit()
    connection.execute("INSERT INTO skriv.rad (nr, text) VALUES (700, 'väntar')")
    catalog.execute("BEGIN IMMEDIATE")
    fails(errors.LockNotAvailable, connection.commit, "canceling statement due to lock timeout")
    # Readers wait for nobody.
    connection.rollback()
    same(connection.execute("SELECT count(*) FROM skriv.rad WHERE nr = 700").fetchone()[0], 0, "nothing is left")
    catalog.execute("ROLLBACK")
    connection.rollback()
    connection.execute("SET lock_timeout = 0")
    connection.execute("INSERT INTO skriv.rad (nr, text) VALUES (700, 'väntar')")
    connection.commit()


def stopped(connection):
    heavy = "INSERT INTO skriv.stor SELECT a FROM generate_series(1, 20000000) a WHERE a % 3 <> 5"
    connection.execute("SET statement_timeout = '300ms'")
    connection.commit()
    fails(errors.QueryCanceled, lambda: connection.execute(heavy), "statement timeout")
    connection.rollback()
    connection.execute("SET statement_timeout = 0")
    connection.commit()
    timer = threading.Timer(0.3, connection.cancel)
    timer.start()
    fails(errors.QueryCanceled, lambda: connection.execute(heavy), "user request")
    connection.rollback()
    same(connection.execute("SELECT count(*) FROM skriv.stor").fetchone()[0], 0, "nothing is left")
    connection.commit()


with psycopg.connect(**PARAMETERS) as connection:
    for sql in [
        "CREATE SCHEMA skriv",
        "CREATE TABLE skriv.rad (nr integer PRIMARY KEY, text varchar(20), belopp numeric(12,2))",
        "CREATE TABLE skriv.gammal (nr integer, text varchar(20), belopp numeric(12,2))",
        "CREATE TABLE skriv.kopia (nr integer, text text, belopp numeric(12,2))",
        "CREATE TABLE skriv.stor (n bigint)",
    ]:
        connection.execute(sql)
    connection.commit()
    counts(connection)
    upserts(connection)
    partly_read(connection)
    copies(connection)
    conflicts(connection)
    waiting(connection)
    stopped(connection)
print("all well")
