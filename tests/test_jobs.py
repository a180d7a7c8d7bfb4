"""The table of jobs: nothing stays of what was deleted, a full disk, other versions, damage."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seal import words
from seal.server import reserve, storage
from seal.server.jobs import Job, Jobs, new_id
from test_server import ended, post, queued, serving, talk


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    jobs = Jobs(tmp_path)
    yield jobs
    jobs.close()


def add(jobs: Jobs, input: bytes = b"[]", **options: Any) -> Job:
    chosen = {"corrector": "hmm"} | options
    return jobs.add(
        new_id(), "me", "correct", chosen, "transcript.json", max_waiting=99, size=2, input=input
    )


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


# --- what was deleted -------------------------------------------------------------------------


def test_no_byte_of_a_deleted_job_stays(jobs: Jobs, tmp_path: Path) -> None:
    said, answered = b"between you and me" * 500, b"nobody else may know" * 500
    job = add(jobs, said)
    assert said[:18] in on_disk(tmp_path)
    assert jobs.claim() and jobs.finish(job.id, answered, None)
    assert said[:18] not in on_disk(tmp_path)  # it was the input
    assert jobs.result(job.id) == answered
    assert jobs.delete(job.id, "me")
    assert answered[:20] not in on_disk(tmp_path)


def test_no_byte_of_an_expired_job_stays(jobs: Jobs, tmp_path: Path) -> None:
    job = add(jobs)
    jobs.claim()
    jobs.finish(job.id, b"nobody else may know", None)
    jobs.expire(days=0)
    assert b"nobody else" not in on_disk(tmp_path)


def test_no_byte_of_an_answered_request_stays(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        assert post(client, talk("Rumpelstiltskin", "yes")).status_code == 200
        assert b"Rumpelstiltskin" not in on_disk(tmp_path)


# --- a full disk ------------------------------------------------------------------------------


class FullDisk:
    """A connection to a database whose disk is full for as long as a reserve takes its room: that
    for results where something is written, that for deletions where something is deleted."""

    def __init__(self, db: sqlite3.Connection, folder: Path) -> None:
        self._db = db
        self._folder = folder

    def execute(self, sql: str, *values: Any) -> Any:
        name = "reserve-to-delete" if sql.startswith("DELETE") else "reserve"
        wanted = sql.startswith(("UPDATE", "DELETE", "INSERT"))
        if wanted and (self._folder / name).exists():
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return self._db.execute(sql, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)


def test_on_a_full_disk_results_are_written_and_jobs_deleted(
    jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, other = add(jobs), add(jobs)
    jobs.claim()
    monkeypatch.setattr(jobs, "_db", FullDisk(jobs._db, tmp_path))  # type: ignore
    full = reserve.shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(reserve.shutil, "disk_usage", lambda path: full)
    assert jobs.finish(job.id, b"[1]", None)
    assert jobs.delete(other.id, "me")
    assert jobs.result(job.id) == b"[1]"
    assert not jobs.has_room()
    with pytest.raises(OSError, match="full"):
        add(jobs)
    monkeypatch.undo()
    assert jobs.has_room() and add(jobs)


def test_on_a_full_disk_a_request_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path) as client:
        monkeypatch.setattr(Jobs, "has_room", lambda self: False)
        assert post(client, talk("yes")).status_code == 507
        monkeypatch.undo()
        assert post(client, talk("yes")).status_code == 200


# --- other versions ---------------------------------------------------------------------------


def test_a_job_with_an_unknown_option_is_set_aside_with_a_line(jobs: Jobs) -> None:
    strange, plain = add(jobs, tempo=3), add(jobs)
    assert [job.id for job in jobs.claim()] == [plain.id]
    found = jobs.get(strange.id, "me")
    assert found and found.status == "failed" and "'tempo'" in (found.error or "")


@pytest.mark.parametrize("options", ["", "{", "3", "null", '{"corrector": "hmm"}'])
def test_options_of_whatever_kind_stop_no_other_job(jobs: Jobs, options: str) -> None:
    first, second = add(jobs), add(jobs)
    jobs._db.execute("UPDATE jobs SET options = ? WHERE id = ?", (options, first.id))
    assert second.id in [job.id for job in jobs.claim()]
    found = jobs.get(first.id, "me")
    assert found and found.status == ("running" if "hmm" in options else "failed")


def test_an_older_table_is_brought_to_this_version(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "jobs.sqlite")
    db.execute(
        "CREATE TABLE jobs (place INTEGER PRIMARY KEY, id TEXT, owner TEXT, options TEXT,"
        " input BLOB, gone TEXT)"
    )
    db.execute("INSERT INTO jobs VALUES (1, 'old', 'me', '{}', x'5b5d', 'x')")
    db.commit()
    db.close()
    for _ in range(2):
        jobs = Jobs(tmp_path)
        job = jobs.get("old", "me")
        assert job and job.kind == "correct" and jobs.input("old") == b"[]"
        add(jobs)
        jobs.close()


def test_a_newer_table_is_refused(tmp_path: Path) -> None:
    Jobs(tmp_path).close()
    db = sqlite3.connect(tmp_path / "jobs.sqlite")
    db.execute(f"PRAGMA user_version = {storage.VERSION + 1}")
    db.close()
    with pytest.raises(words.SealError, match="newer seal"):
        Jobs(tmp_path)


# --- damage -----------------------------------------------------------------------------------


def filled(folder: Path, count: int = 30) -> list[str]:
    jobs = Jobs(folder)
    ids = [add(jobs, b"x" * 9000).id for _ in range(count)]
    jobs.close()
    return ids


def test_a_damaged_page_costs_its_jobs_and_no_other(tmp_path: Path, capfd: Any) -> None:
    ids = filled(tmp_path)
    path = tmp_path / "jobs.sqlite"
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4 * 4096)
    jobs = Jobs(tmp_path)
    line = capfd.readouterr().err
    assert line.count("\n") == 1 and "was damaged" in line and "Traceback" not in line
    states = [job.status for id in ids if (job := jobs.get(id, "me"))]
    assert len(states) >= len(ids) - 12 and states.count("queued") >= len(ids) - 14
    for _ in ids:  # one that is half lost stops no other
        for job in jobs.claim():
            assert jobs.input(job.id)
            assert jobs.finish(job.id, b"[]", None)
    assert jobs.waiting() == 0
    assert [path.name for path in tmp_path.glob("*.damaged-*")] == ["jobs.sqlite.damaged-1"]
    jobs.expire(days=0)
    assert not list(tmp_path.glob("*.damaged-*"))
    jobs.close()


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path, capfd: Any) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"not a database at all" * 1000)
    jobs = Jobs(tmp_path)
    assert "0 jobs" in capfd.readouterr().err and add(jobs)
    jobs.close()


def test_damage_while_the_server_runs_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path) as client:
        once = [sqlite3.DatabaseError("database disk image is malformed")]
        read = Jobs.input

        def damaged(self: Jobs, id: str) -> bytes | None:
            if once:
                raise once.pop()
            return read(self, id)

        monkeypatch.setattr(Jobs, "input", damaged)
        job = queued(client, talk("yes", "no"))
        assert ended(client, job)["status"] == "done"
        assert list(tmp_path.rglob("*.damaged-*"))
        time.sleep(0.1)
        assert post(client, talk("yes")).status_code in (200, 202)
