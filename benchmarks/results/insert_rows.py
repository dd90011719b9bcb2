"""The competitor of the results benchmark: what a Python tool does to keep the same rows in SQLite.

Rows from memory, one `executemany` and one commit for every 1,000: the most that `sqlite3` offers without writing a file of
another kind. Prints rows per second. Usage: insert_rows.py ROWS FILE
"""

import sqlite3
import sys
import time

rows, path = int(sys.argv[1]), sys.argv[2]
database = sqlite3.connect(path)
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA synchronous = NORMAL")
columns = (
    "id INTEGER PRIMARY KEY, experiment TEXT, function TEXT, size TEXT, engine TEXT, platform TEXT, deployment INTEGER, "
    "process INTEGER, round INTEGER, repetition INTEGER, is_cold INTEGER, intended_unix_ns INTEGER, start_unix_ns INTEGER, "
    "wall_ns INTEGER, user_ns INTEGER, system_ns INTEGER, time_absent_reason TEXT, status TEXT, error_kind TEXT, "
    "error_message TEXT, result_digest TEXT, instance_identifier TEXT, response TEXT"
)
database.execute(f"CREATE TABLE invocations ({columns}) STRICT")
statement = f"INSERT INTO invocations VALUES ({','.join('?' * 23)})"


def row(index):
    return (
        index, "time", "function1", "test", "wasm", "wasm", None, index % 8, 0, index, 0, None,
        1_795_000_000_000_000_000 + index * 1_000_000, 1_000_000 + index * 7919 % 100_000, 900_000, 50_000, None, "ok",
        None, None, "sha256:" + "0" * 64, "00000000-0000-4000-8000-000000000000", None,
    )


begin = time.perf_counter()
for first in range(0, rows, 1_000):
    with database:
        database.executemany(statement, map(row, range(first, min(first + 1_000, rows))))
print(rows / (time.perf_counter() - begin))
