"""What lies in the current folder is not run by the processes that seal starts."""

import asyncio
import os
import sys
import threading
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from seal import child
from seal.batch.pool import FileJob, in_pool
from seal.server import probe
from stand_in import Copying
from test_server import post, serving, sound, talk


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that appears if a module of the current folder is imported."""
    folder, sprung = tmp_path / "here", tmp_path / "sprung"
    folder.mkdir()
    for name in ("soundfile", "soxr", "pickle", "struct", "selectors", "numpy", "threading"):
        (folder / f"{name}.py").write_text(f"open({str(sprung)!r}, 'w').close(); raise SystemExit")
    monkeypatch.chdir(folder)
    return sprung


def test_the_servers_check_of_a_recording(trap: Path, tmp_path: Path) -> None:
    (tmp_path / "call.wav").write_bytes(sound(1.0))
    asyncio.run(probe.check(tmp_path / "call.wav", 1.0))
    assert not trap.exists()


def test_the_servers_worker(trap: Path, tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        assert post(client, talk("yes", "no")).status_code == 200
    assert not trap.exists()


def test_the_workers_of_many_inputs(trap: Path, tmp_path: Path) -> None:
    job = FileJob(tmp_path / "in", tmp_path / "out")
    assert [outcome.problem for outcome in in_pool(Copying(), [(job,)], 1)] == [""]
    assert (tmp_path / "out").read_text() == "in" and not trap.exists()


def test_without_our_care_the_trap_springs(trap: Path) -> None:
    process = get_context("spawn").Process(target=threading.Event)
    process.start()
    process.join()
    assert trap.exists()


def test_two_threads_at_once_leave_the_environment_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    inside = threading.Event()

    def first() -> None:
        with child.safe_path():
            inside.set()
            time.sleep(0.1)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with child.safe_path():
        time.sleep(0.2)
    thread.join()
    assert "PYTHONSAFEPATH" not in os.environ


def test_a_process_of_another_library_forgets_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), *sys.path])
    child.forget_current_folder()
    assert not {"", str(tmp_path)} & set(sys.path)
