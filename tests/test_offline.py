"""Nothing is sent anywhere: no command opens a connection, asks for a name, or keeps a report.

Each runs in a process of its own in which Python's own hook watches every socket, and its home is
new: onnxruntime's C++ code, which the hook does not see, keeps what it is to send in a file there.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from seal import telemetry
from seal.llm.embedded import cache_folder, embedded_folder

WATCH = """
import ipaddress, os, sys

def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        outside = str(arguments[1][0])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        outside = arguments[0] or "localhost"
        outside = outside.decode() if isinstance(outside, bytes) else outside
    else:
        return
    try:
        inside = outside == "localhost" or ipaddress.ip_address(outside).is_loopback
    except ValueError:
        inside = False
    if not inside:
        with open(os.environ["SEAL_WATCHED"], "a") as file:
            file.write(f"{event} {outside} {sys.argv}\\n")
        raise OSError(f"nothing may be sent to {outside}")

sys.addaudithook(watch)
"""
"""Notes, and refuses, whatever leaves this machine."""

TALK = [
    {
        "session_id": "call",
        "speaker": "AB"[index % 2],
        "words": "well",
        "start_time": float(index),
        "end_time": index + 0.5,
    }
    for index in range(40)
]
CALL = Path(__file__).parents[1] / "src" / "seal" / "demo" / "call.flac"


RUN = """
import shlex, sys
from seal.cli import main

for line in sys.argv[1:]:
    status = main(shlex.split(line))
    if status:
        sys.exit(status)
"""
"""Runs several commands of seal in one process, one after the other."""


def watched(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python with `command`, and fail if anything was to be sent."""
    home, notes = folder / "home", folder / "notes.txt"
    (home / ".cache").mkdir(parents=True)
    if cache_folder().is_dir():
        (home / ".cache" / "seal").symlink_to(cache_folder())
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(WATCH)
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in telemetry.SWITCHES and not name.startswith(("XDG_", "HF_", "TRANSFORMERS_"))
    }
    path = os.pathsep.join([str(folder / "hook"), os.environ.get("PYTHONPATH", "")])
    more = {"HOME": str(home), "PYTHONPATH": path, "SEAL_WATCHED": str(notes)}
    done = subprocess.run(
        [sys.executable, *command],
        env=inherited | more | variables,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert not notes.exists(), notes.read_text()
    left = {path.name for path in (home / ".cache").iterdir()}
    assert left <= {"seal", "matplotlib", "fontconfig", "torch"}, left
    return done


def test_the_watch_sees_what_is_sent(tmp_path: Path) -> None:
    code = "import urllib.request; urllib.request.urlopen('http://example.org')"
    with pytest.raises(AssertionError, match="example"):
        watched(tmp_path, "-c", code)


def test_switches_are_set_before_any_library_loads(tmp_path: Path) -> None:
    code = "import seal, os, json; print(json.dumps(dict(os.environ)))"
    for name in telemetry.SWITCHES:
        (tmp_path / name).mkdir()
        seen = json.loads(watched(tmp_path / name, "-c", code, **{name: "?"}).stdout)
        assert seen[name] == telemetry.SWITCHES[name]


@pytest.mark.models
def test_the_voice_detector_keeps_no_report(tmp_path: Path) -> None:
    code = "import seal; from faster_whisper.vad import get_vad_model; get_vad_model()"
    assert watched(tmp_path, "-c", code).returncode == 0


@pytest.mark.models
def test_transcribe_sends_nothing(tmp_path: Path, beginning: Path) -> None:
    arguments = ["transcribe", str(beginning), "-o", "out.json"]
    done = watched(tmp_path, "-m", "seal", *arguments)
    assert done.returncode == 0, done.stderr


@pytest.mark.models
def test_correct_sends_nothing_by_whatever_model(tmp_path: Path) -> None:
    embedded_folder()  # converting the model takes a minute: once, and not in the new home
    (tmp_path / "call.json").write_text(json.dumps(TALK))
    commands = [
        f"correct call.json --corrector {corrector} -o {corrector}.json"
        for corrector in ("best", "seal")
    ]
    done = watched(tmp_path, "-c", RUN, *commands)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "best.json").is_file() and (tmp_path / "seal.json").is_file()


@pytest.mark.models
def test_voices_send_nothing(tmp_path: Path) -> None:
    (tmp_path / "call.json").write_text(CALL.with_name("reference.json").read_text())
    names = sorted({word["speaker"] for word in json.loads((tmp_path / "call.json").read_text())})
    common = f"call.json --audio {shlex.quote(str(CALL))} --library voices.json"
    added, named = f"voices add Ann --speaker {names[0]} --consent", "voices name"
    done = watched(tmp_path, "-c", RUN, f"{added} {common}", f"{named} {common}")
    assert done.returncode == 0, done.stderr
    assert "sounds like Ann" in done.stdout


@pytest.mark.models
def test_train_sends_nothing(tmp_path: Path) -> None:
    embedded_folder()
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "call.json").write_text(json.dumps(TALK))
    (corpus / "train.txt").write_text("call\n")
    arguments = ["train", "corpus", "-o", "adapter", "--chunks", "1"]
    done = watched(tmp_path, "-m", "seal", *arguments)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()


@pytest.mark.models
def test_serve_sends_nothing(tmp_path: Path) -> None:
    code = """
import signal, subprocess, sys, time, urllib.request
server = subprocess.Popen(
    [sys.executable, "-m", "seal", "serve", "--port", "0"], stderr=subprocess.PIPE, text=True
)
address = server.stderr.readline().split()[1]
transcript = open("call.json", "rb").read()
until = time.monotonic() + 900
while True:
    try:
        urllib.request.urlopen(address + "/readyz")
        break
    except urllib.error.HTTPError:
        assert time.monotonic() < until
        time.sleep(1)
kind = {"Content-Type": "application/json"}
asked = urllib.request.Request(address + "/v1/correct", transcript, kind)
assert urllib.request.urlopen(asked).status in (200, 202)
server.send_signal(signal.SIGINT)
server.wait(60)
"""
    (tmp_path / "call.json").write_text(json.dumps(TALK))
    done = watched(tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
