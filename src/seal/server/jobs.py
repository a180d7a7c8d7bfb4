"""The jobs: a table in SQLite, and beside it a folder with the recordings that still wait.

A job is on disk before its client gets an answer, and its result appears in the transaction that
ends it: a job is never lost, and has one result. This file knows nothing of HTTP, nor of what the
work is.
"""

import errno
import fcntl
import json
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from seal.errors import SealError
from seal.server import storage
from seal.server.reserve import Reserve
from seal.server.settings import MAX_BATCH_JOBS, MAX_BATCH_WORDS, SHORT_WORDS

Kind = Literal["correct", "transcribe", "remember", "propose", "teach"]
Status = Literal["queued", "running", "done", "failed"]

MAX_DEATHS = 3
"""Deaths of the worker on a job, after which the job is given up."""

_COLUMNS = "id, owner, kind, status, options, name, size, deaths, created, started, finished, error"


OPTIONS: dict[Kind, dict[str, Any]] = {
    "correct": {"corrector": None, "from": None},
    "transcribe": {
        "speakers": None,
        "min_speakers": 1,
        "max_speakers": None,
        "channels": "auto",
        "language": None,
        "correct": True,
        "corrector": None,
    },
    "remember": {"name": "", "speaker": "", "session": None},
    "propose": {"session": None},
    "teach": {
        **{"from": None, "session": None, "undo": False, "apply": False},
        **{"set": [], "merge": [], "name": []},
    },
}
"""The options of a job with their defaults. One that has others is from another version."""


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
            self._path = folder / "jobs.sqlite"
            self._db = storage.connect(self._path)
            self._for_results = Reserve(folder / "reserve")
            self._for_deletions = Reserve(folder / "reserve-to-delete")
            self.has_room()
        except BlockingIOError:
            raise SealError(f"--data: {folder} is in use by another server") from None
        except (OSError, sqlite3.Error) as error:
            raise SealError(f"--data: {folder} cannot be used: {error}") from None
        self._clean_up()

    def close(self) -> None:
        """Let another process have the folder."""
        with self._lock:
            self._db.close()
            self._for_results.release()
            self._for_deletions.release()
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

    def _insist(
        self, act: Callable[[sqlite3.Connection], int], reserve: Reserve | None = None
    ) -> int:
        """Do it in a transaction, and leave nothing of what it deletes in the log. Where the disk
        is full, the reserve (that for deletions) is given up for it."""
        reserve = reserve or self._for_deletions
        for last in (False, True):
            try:
                with self._transaction() as db:
                    count = act(db)
                break
            except sqlite3.OperationalError as error:
                full = error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
                if last or not full or not reserve.release():
                    raise
        with self._lock:
            storage.empty_log(self._db)
        self._for_deletions.fill(times=1)  # the log, which took its room, is empty again
        return count

    def has_room(self) -> bool:
        """Whether the disk has room for another job, and the reserves beside."""
        return self._for_deletions.fill() and self._for_results.fill()

    def mend(self) -> None:
        """Save what can be read of a damaged file of jobs into a new one."""
        with self._lock:
            self._db = storage.mend(self._path, self._db)

    def _clean_up(self) -> None:
        """Clean up after a sudden end: drop jobs whose client waited, and files without a job."""
        self._insist(lambda db: db.execute("DELETE FROM jobs WHERE awaited").rowcount)
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
        """Queue a job; on return it is on disk. Raises FullError where `max_waiting` wait already,
        OSError where the disk is full.

        A job that is `awaited` is dropped at a restart: its client does not know its id.
        """
        if not self.has_room():
            raise OSError(errno.ENOSPC, "the disk is full")
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
        which = (id, owner)
        count = self._insist(
            lambda db: db.execute("DELETE FROM jobs WHERE id = ? AND owner = ?", which).rowcount
        )
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
                "SELECT coalesce(sum(size), 0), coalesce(sum(kind NOT IN ('correct', 'teach')), 0)"
                " FROM jobs WHERE status IN ('queued', 'running')"
            ).fetchone()
        return None if recordings else int(words)

    # --- what the dispatcher does -------------------------------------------------------------

    def claim(self) -> list[Job]:
        """Begin the job that has waited longest, and with a short correction other short ones for
        the same corrector, up to MAX_BATCH_JOBS and MAX_BATCH_WORDS. A job on which the worker died
        goes alone."""
        batch: list[Job] = []

        def act(db: sqlite3.Connection) -> int:
            queued = []
            sql = f"SELECT {_COLUMNS} FROM jobs WHERE status = 'queued' ORDER BY place"
            for job in [_job(row) for row in db.execute(sql)]:
                trouble = _trouble(job)
                if trouble is None:
                    queued.append(job)
                    continue
                db.execute(
                    "UPDATE jobs SET status = 'failed', error = ?, input = NULL, finished = ?"
                    " WHERE id = ?",
                    (trouble, time.time(), job.id),
                )
            batch[:] = _batch(queued)
            for job in batch:
                db.execute(
                    "UPDATE jobs SET status = 'running', started = ? WHERE id = ?",
                    (time.time(), job.id),
                )
            return len(batch)

        self._insist(act, self._for_results)
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
        values = ("done" if error is None else "failed", result, error, time.time(), id)
        changed = self._insist(
            lambda db: (
                db.execute(
                    "UPDATE jobs SET status = ?, result = ?, error = ?, input = NULL, finished = ?"
                    " WHERE id = ? AND status = 'running'",
                    values,
                ).rowcount
            ),
            self._for_results,
        )
        self.discard(id)
        return bool(changed)

    def put_back(self, deadly: Sequence[str] = ()) -> None:
        """Queue the running jobs again, in their old order; count a death for those `deadly`."""

        def act(db: sqlite3.Connection) -> int:
            for id in deadly:
                db.execute("UPDATE jobs SET deaths = deaths + 1 WHERE id = ?", (id,))
            return db.execute(
                "UPDATE jobs SET status = 'queued', started = NULL WHERE status = 'running'"
            ).rowcount

        self._insist(act, self._for_results)

    def expire(self, days: float) -> None:
        """Delete the jobs that ended longer ago than that, and damaged files as old."""
        oldest = time.time() - days * 86_400
        self._insist(
            lambda db: db.execute("DELETE FROM jobs WHERE finished < ?", (oldest,)).rowcount
        )
        for path in self._path.parent.glob(f"{self._path.name}{storage.DAMAGED}*"):
            if path.stat().st_ctime < oldest:  # since when it has that name
                path.unlink(missing_ok=True)
        self.has_room()

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
    """A row as a job; `options` is empty where it cannot be read (`_trouble`)."""
    values = list(row)
    try:
        options = json.loads(values[4])
    except (TypeError, ValueError, RecursionError):
        options = None
    known = OPTIONS.get(values[2])
    values[4] = known | options if known and isinstance(options, dict) else {}
    return Job(*values)


def _trouble(job: Job) -> str | None:
    """Why a job cannot be done: another version of the server, or damage, wrote its row."""
    if not job.options:
        return "the server cannot read the options of this job any more; send it again"
    unknown = sorted(job.options.keys() - OPTIONS[job.kind])
    if unknown:
        return f"the server does not know the option {unknown[0]!r} of this job; send it again"
    return None


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
