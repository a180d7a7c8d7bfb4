"""The database file of the jobs: opened, brought to this version, saved where it is damaged.

It knows the table's columns, and nothing of what jobs are.
"""

import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from seal.errors import SealError

VERSION = 1
"""Of the table, kept in the file. A file without one is older."""

DAMAGED = ".damaged-"
"""Stands between the name of a damaged file and its number."""

_COLUMNS = {
    "place": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "id": "TEXT NOT NULL UNIQUE",
    "owner": "TEXT NOT NULL DEFAULT ''",
    "kind": "TEXT NOT NULL DEFAULT 'correct'",
    "status": "TEXT NOT NULL DEFAULT 'queued'",
    "options": "TEXT NOT NULL DEFAULT '{}'",
    "name": "TEXT NOT NULL DEFAULT 'transcript.json'",
    "size": "INTEGER NOT NULL DEFAULT 0",
    "awaited": "INTEGER NOT NULL DEFAULT 0",
    "deaths": "INTEGER NOT NULL DEFAULT 0",
    "created": "REAL NOT NULL DEFAULT 0",
    "started": "REAL",
    "finished": "REAL",
    "error": "TEXT",
    "input": "BLOB",
    "result": "BLOB",
}
"""Each with its type; the defaults are for rows of tables that lack the column."""
_CREATE = (
    f"CREATE TABLE IF NOT EXISTS jobs ({', '.join(f'{k} {v}' for k, v in _COLUMNS.items())})",
    "CREATE INDEX IF NOT EXISTS by_status ON jobs (status, place)",
    f"PRAGMA user_version = {VERSION}",
)
_BLOBS = ("input", "result")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, made if there is none, with the table of this version. Rows of a damaged file
    are saved as far as they can be read. Raises SealError where a newer version wrote it."""
    db = None
    try:
        db = _opened(path)
        problems = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if problems == "ok":
            _migrate(db, path)
            return db
    except sqlite3.DatabaseError as error:
        if db is not None:
            db.close()
        if not is_damage(error):
            raise
    return mend(path, db)


def is_damage(error: BaseException) -> bool:
    """Whether the file is damaged, and not only locked, or its disk full."""
    return type(error) is sqlite3.DatabaseError


def empty_log(db: sqlite3.Connection) -> None:
    """Write the log into the file and cut it to nothing. Until then it has the words of jobs that
    ended or were deleted: `secure_delete` does not reach it. On a full disk the next call does."""
    with suppress(sqlite3.OperationalError):
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def mend(path: Path, db: sqlite3.Connection | None = None) -> sqlite3.Connection:
    """Set a damaged file aside, and open a new one with the rows that can still be read."""
    if db is not None:
        with suppress(sqlite3.Error):
            db.close()
    aside = _set_aside(path)
    new = _opened(path)
    _migrate(new, path)
    kept = 0
    with closing(sqlite3.connect(aside, isolation_level=None)) as old:
        for row in _readable(old):
            names = ", ".join(row)
            marks = ", ".join("?" * len(row))
            with suppress(sqlite3.IntegrityError):
                new.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", list(row.values()))
                kept += 1
    for ending in ("-wal", "-shm"):
        Path(f"{aside}{ending}").unlink(missing_ok=True)
    line = (
        f"seal: {path}: was damaged; {kept} jobs are saved from it, and it is kept as {aside.name}"
    )
    print(line, file=sys.stderr, flush=True)
    return new


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        path.chmod(0o600)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
            db.execute(f"PRAGMA {pragma}")
    except BaseException:
        db.close()
        raise
    return db


def _migrate(db: sqlite3.Connection, path: Path) -> None:
    """Make the table, or bring an older one to this version's columns."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        db.close()
        raise SealError(f"--data: {path} was written by a newer seal; use that, or another folder")
    found = [row[1] for row in db.execute("PRAGMA table_info(jobs)")]
    db.execute("BEGIN IMMEDIATE")
    older = bool(found) and set(found) != set(_COLUMNS)
    if older:
        db.execute("DROP INDEX IF EXISTS by_status")
        db.execute("ALTER TABLE jobs RENAME TO older")
    for statement in _CREATE:
        db.execute(statement)
    if older:
        common = ", ".join(name for name in found if name in _COLUMNS)
        db.execute(f"INSERT INTO jobs ({common}) SELECT {common} FROM older")
        db.execute("DROP TABLE older")
    db.execute("COMMIT")


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}{DAMAGED}{number}")).exists():
        number += 1
    for ending in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            Path(f"{path}{ending}").rename(f"{aside}{ending}")
    return aside


def _readable(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """The rows of a damaged file, in their order. One whose words cannot be read has failed."""
    places: set[int] = set()
    for order in ("", " DESC"):  # a damaged page ends the way there; those behind it lie beyond
        with suppress(sqlite3.DatabaseError):
            for row in db.execute(f"SELECT place FROM jobs ORDER BY place{order}"):
                places.add(row[0])
    rows = []
    for place in sorted(places):
        row = _row(db, place, tuple(_COLUMNS))
        if row is None:
            row = _row(db, place, tuple(name for name in _COLUMNS if name not in _BLOBS))
            if row is not None:
                row |= {"status": "failed", "finished": row["finished"] or row["created"]}
                row["error"] = "the server's file of jobs was damaged; send it again"
        if row is not None:
            rows.append(row)
    return rows


def _row(db: sqlite3.Connection, place: int, names: tuple[str, ...]) -> dict[str, Any] | None:
    try:
        row = db.execute(f"SELECT {', '.join(names)} FROM jobs WHERE place = ?", (place,))
        return dict(zip(names, row.fetchone(), strict=True))
    except (sqlite3.DatabaseError, TypeError):
        return None
