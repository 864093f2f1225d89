"""Counts and sums the supplier invoices through psqlODBC: rows, and öre as a whole number."""

import os
from decimal import Decimal

import pyodbc

with pyodbc.connect(os.environ["LIS_ODBC"]) as connection:
    cursor = connection.cursor()
    cursor.execute("SELECT belopp FROM ekonomi.leverantorsfaktura WHERE fakturanummer > ?", 0)
    rows = 0
    total = Decimal(0)
    while batch := cursor.fetchmany(1000):
        rows += len(batch)
        total += sum(row[0] for row in batch)
print(rows, int(total * 100))
