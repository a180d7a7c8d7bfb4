"""The jobs: a table in SQLite, and beside it a folder with the recordings that still wait.

A job is on disk before its client gets an answer, and its result appears in the transaction that
ends it: a job is never lost, and has one result. This file knows nothing of HTTP, nor of what the
work is.
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
from seal.server.settings import MAX_BATCH_JOBS, MAX_BATCH_WORDS, SHORT_WORDS

Kind = Literal["correct", "transcribe"]
Status = Literal["queued", "running", "done", "failed"]

MAX_DEATHS = 3
"""Deaths of the worker on a job, after which the job is given up."""

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
_COLUMNS = "id, owner, kind, status, options, name, size, deaths, created, started, finished, error"


class FullError(Exception):
    """The queue is full."""


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
    """How often the worker died while it worked on this job."""
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
            for each in (folder, self.recordings, self.incoming):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock_file: IO[str] = open(folder / "lock", "w")  # noqa: SIM115 (held to the end)
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
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
        self._clean_up()

    def close(self) -> None:
        """Let another process have the folder."""
        with self._lock:
            self._db.close()
            self._lock_file.close()

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

    def _clean_up(self) -> None:
        """Clean up after a sudden end: drop jobs whose client waited, and files without a job."""
        with self._transaction() as db:
            db.execute("DELETE FROM jobs WHERE awaited")
        self.put_back()
        with self._transaction() as db:
            queued = {row[0] for row in db.execute("SELECT id FROM jobs WHERE status = 'queued'")}
        for path in (*self.incoming.iterdir(), *self.recordings.iterdir()):
            if path.parent == self.incoming or path.name not in queued:
                path.unlink(missing_ok=True)

    # --- what the clients do ------------------------------------------------------------------

    def take_recording(self, upload: Path) -> None:
        """Move an upload to the jobs' recordings, under the same name and synced to disk."""
        _sync(upload)
        upload.rename(self.recordings / upload.name)
        _sync(self.recordings)

    def discard(self, id: str) -> None:
        """Remove the recording of that job, uploaded in full or not."""
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
        max_waiting: int,
        size: int = 0,
        input: bytes | None = None,
        awaited: bool = False,
    ) -> Job:
        """Queue a job; on return it is on disk. Raises FullError where `max_waiting` wait already.

        A job that is `awaited` is dropped at a restart: its client does not know its id.
        """
        with self._transaction() as db:
            if (
                db.execute("SELECT count(*) FROM jobs WHERE status = 'queued'").fetchone()[0]
                >= max_waiting
            ):
                raise FullError
            db.execute(
                "INSERT INTO jobs (id, owner, kind, options, name, size, input, awaited, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (id, owner, kind, json.dumps(options), name, size, input, awaited, time.time()),
            )
            return _job(db.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (id,)).fetchone())

    def announce(self, id: str) -> None:
        """Note that the client has the job's id, and no longer waits for the answer."""
        with self._transaction() as db:
            db.execute("UPDATE jobs SET awaited = 0 WHERE id = ?", (id,))

    def get(self, id: str, owner: str) -> Job | None:
        """The job of that owner."""
        with self._lock:
            row = self._db.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE id = ? AND owner = ?", (id, owner)
            ).fetchone()
        return _job(row) if row else None

    def result(self, id: str) -> bytes | None:
        """The result of a job that is done."""
        return self._blob("result", id)

    def delete(self, id: str, owner: str) -> bool:
        """Forget a job and all that belongs to it. False where that owner has none of that id."""
        with self._transaction() as db:
            count = db.execute("DELETE FROM jobs WHERE id = ? AND owner = ?", (id, owner)).rowcount
        if count:
            self.discard(id)
        return bool(count)

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
        """Begin the job that has waited longest, and with a short correction other short ones for
        the same corrector, up to MAX_BATCH_JOBS and MAX_BATCH_WORDS. A job on which the worker died
        goes alone."""
        with self._transaction() as db:
            queued = [
                _job(row)
                for row in db.execute(
                    f"SELECT {_COLUMNS} FROM jobs WHERE status = 'queued' ORDER BY place"
                )
            ]
            batch = _batch(queued)
            for job in batch:
                db.execute(
                    "UPDATE jobs SET status = 'running', started = ? WHERE id = ?",
                    (time.time(), job.id),
                )
        return batch

    def input(self, id: str) -> bytes | None:
        """The transcript that a job is to correct."""
        return self._blob("input", id)

    def exists(self, id: str) -> bool:
        """Whether the job was not deleted."""
        with self._lock:
            return bool(self._db.execute("SELECT 1 FROM jobs WHERE id = ?", (id,)).fetchone())

    def finish(self, id: str, result: bytes | None, error: str | None) -> bool:
        """End a running job with its result or its error. False where it is not running (deleted,
        for example); the result is then dropped."""
        with self._transaction() as db:
            changed = db.execute(
                "UPDATE jobs SET status = ?, result = ?, error = ?, input = NULL, finished = ?"
                " WHERE id = ? AND status = 'running'",
                ("done" if error is None else "failed", result, error, time.time(), id),
            ).rowcount
        self.discard(id)
        return bool(changed)

    def put_back(self, deadly: Sequence[str] = ()) -> None:
        """Queue the running jobs again, in their old order; count a death for those `deadly`."""
        with self._transaction() as db:
            for id in deadly:
                db.execute("UPDATE jobs SET deaths = deaths + 1 WHERE id = ?", (id,))
            db.execute("UPDATE jobs SET status = 'queued', started = NULL WHERE status = 'running'")

    def expire(self, days: float) -> None:
        """Delete the jobs that ended longer ago than that."""
        with self._transaction() as db:
            db.execute("DELETE FROM jobs WHERE finished < ?", (time.time() - days * 86_400,))

    def _blob(self, column: str, id: str) -> bytes | None:
        with self._lock:
            row = self._db.execute(f"SELECT {column} FROM jobs WHERE id = ?", (id,)).fetchone()
        return row[0] if row else None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _job(row: Sequence[Any]) -> Job:
    values = list(row)
    values[4] = json.loads(values[4])
    return Job(*values)


def _batch(queued: list[Job]) -> list[Job]:
    """The first job and those that are done together with it."""
    batch = queued[:1]
    if not batch or not _is_joinable(batch[0]):
        return batch
    words = batch[0].size
    for job in queued[1:]:
        if len(batch) == MAX_BATCH_JOBS:
            break
        alike = _is_joinable(job) and job.options["corrector"] == batch[0].options["corrector"]
        if alike and words + job.size <= MAX_BATCH_WORDS:
            batch.append(job)
            words += job.size
    return batch


def _is_joinable(job: Job) -> bool:
    return job.kind == "correct" and job.size <= SHORT_WORDS and not job.deaths
