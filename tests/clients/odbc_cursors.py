"""Large results through psqlODBC with UseDeclareFetch: DECLARE, FETCH, MOVE, CLOSE in the driver's own words."""

import os

import pyodbc

connection = pyodbc.connect(os.environ["LIS_ODBC"])
cursor = connection.cursor()
cursor.execute("SELECT verifikationsnummer, rad FROM ekonomi.verifikationsrad ORDER BY forvaltning, verifikationsnummer, rad")
rows = 0
while batch := cursor.fetchmany(37):
    rows += len(batch)
count = cursor.execute("SELECT count(*) FROM ekonomi.verifikationsrad").fetchval()
assert rows == count > 5000, (rows, count)
# Left half read, then another statement on the same connection.
cursor.execute("SELECT konto FROM org.konto ORDER BY konto").fetchmany(3)
assert connection.cursor().execute("SELECT 1").fetchval() == 1
cursor.execute("SELECT konto FROM org.konto WHERE false")
assert cursor.fetchall() == []
connection.commit()
connection.close()
print("all well")
