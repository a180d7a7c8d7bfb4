"""The jobs: a table in SQLite, and beside it a folder with the recordings that still wait.

What was accepted is on disk before the client hears of it, and a job's result appears in the same
transaction that ends it; so a job is never lost, and has one result. It knows nothing of HTTP, nor
of what the work is.
"""

import fcntl
import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from seal.errors import SealError
from seal.server.settings import SHORT, TOGETHER, TOGETHER_WORDS

Kind = Literal["correct", "transcribe"]
Status = Literal["queued", "running", "done", "failed"]

DEATHS = 3  # of the worker while on a job, after which the job is given up

_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'queued',
    options TEXT NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    input BLOB,
    awaited INTEGER NOT NULL,
    deaths INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    error TEXT,
    result BLOB
);
CREATE INDEX IF NOT EXISTS by_status ON jobs (status, place);
"""
_SHOWN = "id, owner, kind, status, options, name, size, deaths, created, started, finished, error"


class FullError(Exception):
    """As many jobs wait as may."""


@dataclass(frozen=True)
class Job:
    """A job without its input and result. Times are seconds since 1970."""

    id: str
    owner: str
    kind: Kind
    status: Status
    options: dict[str, Any]
    name: str
    """What the client calls a recording, or one of `payload.NAMES`; never used as a path."""
    size: int
    """Words of a transcript, 0 for a recording."""
    deaths: int
    """How often the worker died while on it."""
    created: float
    started: float | None
    finished: float | None
    error: str | None


def new_id() -> str:
    """A name that cannot be guessed."""
    return secrets.token_hex(16)


class Jobs:
    """The jobs of one data folder, for all threads of one process. Raises SealError where the
    folder cannot be used, or another server uses it."""

    def __init__(self, folder: Path) -> None:
        self.recordings = folder / "recordings"
        self.incoming = folder / "incoming"
        self._lock = threading.Lock()
        try:
            for made in (folder, self.recordings, self.incoming):
                made.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._only: IO[str] = open(folder / "lock", "w")  # noqa: SIM115 (held to the end)
            fcntl.flock(self._only, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._db = sqlite3.connect(
                folder / "jobs.sqlite", isolation_level=None, check_same_thread=False
            )
            (folder / "jobs.sqlite").chmod(0o600)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.executescript(_TABLE)
        except BlockingIOError:
            raise SealError(f"--data: {folder} is in use by another server") from None
        except (OSError, sqlite3.Error) as error:
            raise SealError(f"--data: {folder} cannot be used: {error}") from None
        self._tidy()

    def close(self) -> None:
        """Let another process have the folder."""
        with self._lock:
            self._db.close()
            self._only.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _tidy(self) -> None:
        """Put right what a sudden end left: nobody waits any more, files without a job go."""
        with self._transaction() as db:
            db.execute("DELETE FROM jobs WHERE awaited")
        self.put_back()
        with self._transaction() as db:
            wanted = {row[0] for row in db.execute("SELECT id FROM jobs WHERE status = 'queued'")}
        for path in (*self.incoming.iterdir(), *self.recordings.iterdir()):
            if path.parent == self.incoming or path.name not in wanted:
                path.unlink(missing_ok=True)

    # --- what the clients do ------------------------------------------------------------------

    def keep(self, upload: Path) -> None:
        """Move a recording that came to those of the jobs, under the same name, safe on disk."""
        _sync(upload)
        upload.rename(self.recordings / upload.name)
        _sync(self.recordings)

    def discard(self, id: str) -> None:
        """Remove the recording of that job, wherever it is."""
        for folder in (self.incoming, self.recordings):
            (folder / id).unlink(missing_ok=True)

    def add(
        self,
        id: str,
        owner: str,
        kind: Kind,
        options: dict[str, Any],
        name: str,
        *,
        most: int,
        size: int = 0,
        input: bytes | None = None,
        awaited: bool = False,
    ) -> Job:
        """Queue a job; on return it is on disk. Raises FullError where `most` wait already.

        A job that is `awaited` is forgotten in a restart: its client has not heard of it.
        """
        with self._transaction() as db:
            if (
                db.execute("SELECT count(*) FROM jobs WHERE status = 'queued'").fetchone()[0]
                >= most
            ):
                raise FullError
            db.execute(
                "INSERT INTO jobs (id, owner, kind, options, name, size, input, awaited, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (id, owner, kind, json.dumps(options), name, size, input, awaited, time.time()),
            )
            return _job(db.execute(f"SELECT {_SHOWN} FROM jobs WHERE id = ?", (id,)).fetchone())

    def announce(self, id: str) -> None:
        """Nobody waits for the answer any more: the client is told of the job."""
        with self._transaction() as db:
            db.execute("UPDATE jobs SET awaited = 0 WHERE id = ?", (id,))

    def get(self, id: str, owner: str) -> Job | None:
        """The job of that owner."""
        with self._lock:
            row = self._db.execute(
                f"SELECT {_SHOWN} FROM jobs WHERE id = ? AND owner = ?", (id, owner)
            ).fetchone()
        return _job(row) if row else None

    def result(self, id: str) -> bytes | None:
        """The result of a job that is done."""
        return self._blob("result", id)

    def delete(self, id: str, owner: str) -> bool:
        """Forget a job and all that belongs to it. False where that owner has none of that id."""
        with self._transaction() as db:
            found = db.execute("DELETE FROM jobs WHERE id = ? AND owner = ?", (id, owner)).rowcount
        if found:
            self.discard(id)
        return bool(found)

    def waiting(self) -> int:
        """How many jobs wait."""
        with self._lock:
            return int(
                self._db.execute("SELECT count(*) FROM jobs WHERE status = 'queued'").fetchone()[0]
            )

    def backlog(self) -> int | None:
        """Words that wait or are in work; None if recordings are among them, which take long."""
        with self._lock:
            words, recordings = self._db.execute(
                "SELECT coalesce(sum(size), 0), coalesce(sum(kind = 'transcribe'), 0)"
                " FROM jobs WHERE status IN ('queued', 'running')"
            ).fetchone()
        return None if recordings else int(words)

    # --- what the dispatcher does -------------------------------------------------------------

    def claim(self) -> list[Job]:
        """Begin the job that has waited longest, and with a short correction all other short ones
        for the same corrector, up to TOGETHER. One that the worker died of goes alone."""
        with self._transaction() as db:
            queued = [
                _job(row)
                for row in db.execute(
                    f"SELECT {_SHOWN} FROM jobs WHERE status = 'queued' ORDER BY place"
                )
            ]
            chosen = _together(queued)
            for job in chosen:
                db.execute(
                    "UPDATE jobs SET status = 'running', started = ? WHERE id = ?",
                    (time.time(), job.id),
                )
        return chosen

    def input(self, id: str) -> bytes | None:
        """The transcript that a job is to correct."""
        return self._blob("input", id)

    def exists(self, id: str) -> bool:
        """Is it still wanted?"""
        with self._lock:
            return bool(self._db.execute("SELECT 1 FROM jobs WHERE id = ?", (id,)).fetchone())

    def finish(self, id: str, result: bytes | None, error: str | None) -> bool:
        """End a running job with its result or its error. False where it is not running (deleted,
        say): then the result is dropped."""
        with self._transaction() as db:
            found = db.execute(
                "UPDATE jobs SET status = ?, result = ?, error = ?, input = NULL, finished = ?"
                " WHERE id = ? AND status = 'running'",
                ("done" if error is None else "failed", result, error, time.time(), id),
            ).rowcount
        self.discard(id)
        return bool(found)

    def put_back(self, died_of: Sequence[str] = ()) -> None:
        """Queue the running jobs again, in their old places; the worker died of some of them."""
        with self._transaction() as db:
            for id in died_of:
                db.execute("UPDATE jobs SET deaths = deaths + 1 WHERE id = ?", (id,))
            db.execute("UPDATE jobs SET status = 'queued', started = NULL WHERE status = 'running'")

    def expire(self, days: float) -> None:
        """Forget the jobs that ended longer ago than that."""
        with self._transaction() as db:
            db.execute("DELETE FROM jobs WHERE finished < ?", (time.time() - days * 86_400,))

    def _blob(self, column: str, id: str) -> bytes | None:
        with self._lock:
            row = self._db.execute(f"SELECT {column} FROM jobs WHERE id = ?", (id,)).fetchone()
        return row[0] if row else None


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _job(row: Sequence[Any]) -> Job:
    values = list(row)
    values[4] = json.loads(values[4])
    return Job(*values)


def _together(queued: list[Job]) -> list[Job]:
    chosen = queued[:1]
    if not chosen or not _joins(chosen[0]):
        return chosen
    words = chosen[0].size
    for job in queued[1:]:
        if len(chosen) == TOGETHER:
            break
        alike = _joins(job) and job.options["corrector"] == chosen[0].options["corrector"]
        if alike and words + job.size <= TOGETHER_WORDS:
            chosen.append(job)
            words += job.size
    return chosen


def _joins(job: Job) -> bool:
    return job.kind == "correct" and job.size <= SHORT and not job.deaths
