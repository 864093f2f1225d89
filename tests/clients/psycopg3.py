"""What programs do through psycopg 3, with the rights of the head of one administration (107)."""

import datetime
import os
import uuid
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


def the_types(connection, binary):
    cursor = connection.cursor(binary=binary)
    row = cursor.execute("SELECT * FROM typer.alla WHERE id = %s", [1]).fetchone()
    names = [column.name for column in cursor.description]
    row = dict(zip(names, row))
    same(row["boolesk"], True, "boolean")
    same((row["litet"], row["heltal"], row["stort"]), (-32768, 2147483647, -9223372036854775808), "whole numbers")
    same(row["tal"], Decimal("1234567890.12"), "numeric")
    same((row["enkel"], row["dubbel"]), (1.5, -2.25e-10), "floats")
    same(row["dag"], datetime.date(2024, 2, 29), "date")
    same(row["klocka"], datetime.time(23, 59, 59, 999999), "time")
    same(row["stampel"], datetime.datetime(2024, 6, 15, 12, 34, 56, 789000), "timestamp")
    moment = datetime.datetime(2024, 6, 15, 10, 34, 56, tzinfo=datetime.timezone.utc)
    same(row["stampel_tz"], moment, "timestamptz")
    same((row["text"], row["kort"], row["fast"]), ('åäö "citat" \\ snett', "räksmörgås", "ab  "), "texts")
    same(row["bytes"], b"\xde\xad\xbe\xef", "bytea")
    same(row["id16"], uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), "uuid")
    same(row["dokument"], {"a": [1, None]}, "json")
    same((row["lista"], row["ord"]), ([1, None, 3], ["å", "b c"]), "arrays")
    row = cursor.execute("SELECT * FROM typer.alla WHERE id = 2").fetchone()
    same(list(row[1:]), [None] * 19, "nulls")


def parameters(connection):
    for value, cast in [
        (7, "integer"), (2**40, "bigint"), (Decimal("1.50"), "numeric"), (1.25, "double precision"), ("å", "text"),
        (True, "boolean"), (datetime.date(2024, 2, 29), "date"), (datetime.datetime(2024, 1, 2, 3, 4, 5), "timestamp"),
        (uuid.UUID(int=5), "uuid"), (b"\x00\xff", "bytea"), (None, "integer"), ([1, 2], "integer[]"),
    ]:
        for style in ("%s", "%b", "%t"):
            got = connection.execute(f"SELECT CAST({style} AS {cast})", [value]).fetchone()[0]
            same(got, value, f"{cast} by {style}")
    for name, cast in [("org.konto", "regclass"), ("integer", "regtype"), ("org", "regnamespace")]:
        for style in ("%s", "%b", "%t"):
            got = connection.execute(f"SELECT CAST(CAST({style} AS {cast}) AS text)", [name]).fetchone()[0]
            same(got, name, f"{cast} by {style}")
    found = connection.execute("SELECT relname FROM pg_class WHERE oid = %s::regclass", ["org.konto"]).fetchone()
    same(found, ("konto",), "a relation by name")
    try:
        connection.execute("SELECT %s::regclass", ["org.saknas"])
        raise AssertionError("a relation that does not exist was found")
    except errors.UndefinedTable:
        connection.rollback()
    same(connection.execute("SELECT count(*) FROM org.konto WHERE konto = ANY(%s)", [["50100", "50200"]]).fetchone()[0], 2, "ANY")
    # The same statement often enough that the driver prepares it.
    for code in ["50100", "50200", "56100"] * 4:
        row = connection.execute("SELECT max(forvaltning), count(*) FROM ekonomi.verifikationsrad WHERE konto = %s", [code])
        same(row.fetchone()[0] in ("107", None), True, "the own administration")


def server_cursor(connection):
    total = connection.execute("SELECT count(*) FROM ekonomi.verifikationsrad").fetchone()[0]
    with connection.transaction(), connection.cursor(name="rader") as cursor:
        cursor.itersize = 50
        cursor.execute("SELECT rad FROM ekonomi.verifikationsrad")
        same(sum(1 for _ in cursor), total, "rows by a cursor of the server")
    with connection.transaction(), connection.cursor(name="stega", scrollable=False) as cursor:
        cursor.execute("SELECT period FROM org.kalender ORDER BY period")
        same([row[0] for row in cursor.fetchmany(2)], [202401, 202402], "fetchmany")
        same(cursor.fetchone()[0], 202403, "fetchone")


def pipeline(connection):
    with connection.pipeline() as pipe:
        cursors = [connection.execute("SELECT %s::integer * 2", [number]) for number in range(20)]
        pipe.sync()
    same([cursor.fetchone()[0] for cursor in cursors], [number * 2 for number in range(20)], "a pipeline")
    try:
        with connection.pipeline():
            connection.execute("SELECT 1")
            connection.execute("SELECT 1/0")
            connection.execute("SELECT 2")
        raise AssertionError("no error in a pipeline")
    except errors.DivisionByZero:
        connection.rollback()
    same(connection.execute("SELECT 1").fetchone()[0], 1, "usable after a pipeline that failed")
    connection.commit()


def copy(connection):
    with connection.cursor() as cursor:
        with cursor.copy("COPY (SELECT konto, namn FROM org.konto ORDER BY konto) TO STDOUT") as data:
            rows = list(data.rows())
        same((len(rows), rows[0]), (58, ("12100", "Maskiner och inventarier")), "COPY TO")
        with cursor.copy("COPY org.namnd TO STDOUT WITH (FORMAT csv, HEADER)") as data:
            text = b"".join(bytes(part) for part in data).decode()
        same(text.splitlines()[0], "namnd,namn", "a header")
        with cursor.copy("COPY (SELECT period, ar FROM org.kalender ORDER BY period) TO STDOUT (FORMAT binary)") as data:
            data.set_types(["int4", "int2"])
            same(list(data.rows())[0], (202401, 2024), "COPY TO in binary")


def failures(connection):
    for sql, kind in [
        ("SELECT * FROM finns_inte", errors.UndefinedTable),
        ("SELECT 1/0", errors.DivisionByZero),
        ("SELECT 'x'::integer", errors.InvalidTextRepresentation),
        ("CREATE TABLE ekonomi.egen (a integer)", errors.InsufficientPrivilege),
        ("INSERT INTO org.konto (konto) VALUES ('1')", errors.InsufficientPrivilege),
    ]:
        try:
            connection.execute(sql)
            raise AssertionError(f"{sql}: no error")
        except kind:
            connection.rollback()


def notice_and_types(connection):
    info = psycopg.types.TypeInfo.fetch(connection, "numeric")
    same((info.oid, info.array_oid), (1700, 1231), "a type looked up by its name")
    same(connection.info.parameter_status("server_encoding"), "UTF8", "server_encoding")
    same(connection.info.parameter_status("integer_datetimes"), "on", "integer_datetimes")


with psycopg.connect(**PARAMETERS) as connection:
    for binary in (False, True):
        the_types(connection, binary)
    parameters(connection)
    connection.commit()
    server_cursor(connection)
    pipeline(connection)
    copy(connection)
    failures(connection)
    notice_and_types(connection)
with psycopg.connect(**PARAMETERS, sslmode="require") as connection:
    same(connection.execute("SELECT current_user").fetchone()[0], os.environ["LIS_USER"], "over TLS")
try:
    psycopg.connect(**{**PARAMETERS, "password": "fel"})
    raise AssertionError("a wrong password was taken")
except psycopg.OperationalError as error:
    assert "password authentication failed" in str(error), error
print("all well")
