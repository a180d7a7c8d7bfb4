"""The server: the command line's answers, nothing lost, bad requests refused with nothing left.

No model is loaded: corrections are by `hmm`, and tests/stand_in.py is slow or dies where asked to.
"""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse

import stand_in
from seal import cli, words
from seal.cli.serve import GRACE
from seal.correction import correct, correct_many
from seal.exact_json import parse
from seal.server import upload
from seal.server.app import create_app
from seal.server.auth import Guard
from seal.server.jobs import FullError, Jobs, new_id
from seal.server.settings import Limits, Settings
from test_words import entries, spelled

JSON = {"Content-Type": "application/json"}
TOKEN, OTHER = "a-token-that-is-long", "another-long-token-x"


def talk(*texts: str, start: float = 0.0) -> list[words.Word]:
    """A conversation of two, whose scores have `hmm` change some speakers."""
    return [
        {
            "session_id": "call",
            "speaker": "AB"[index % 2],
            "words": text,
            "start_time": start + index / 2,
            "end_time": start + index / 2 + 0.25,
            "speaker_scores": {"A": (index * 37 % 100) / 100, "B": 1 - (index * 37 % 100) / 100},
        }
        for index, text in enumerate(texts)
    ]


def corrected(given: list[words.Word]) -> str:
    return words.text_of(correct(given, corrector="hmm"))


@contextmanager
def serving(folder: Path, *tokens: str, wait: bool = True, **limits: Any) -> Iterator[TestClient]:
    chosen = Settings(folder / "data", tokens, "hmm", True, Limits(**limits))
    app = create_app(chosen, stand_in.perform, stand_in.load)
    headers = {"Authorization": f"Bearer {tokens[0]}"} if tokens else {}
    with TestClient(app, base_url="http://127.0.0.1", headers=headers) as client:
        while wait and client.get("/readyz").status_code != 200:
            time.sleep(0.02)
        yield client


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("server"), audio_minutes=1.0) as client:
        yield client


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Two tokens, small limits, a queue of two."""
    small: dict[str, Any] = {
        "upload_bytes": 5000,
        "json_bytes": 5000,
        "queue_length": 2,
        "job_minutes": 0.05,
        "idle_seconds": 0.5,
    }
    with serving(tmp_path_factory.mktemp("strict"), TOKEN, OTHER, **small) as client:
        yield client


def post(client: Any, given: Any, **query: Any) -> Any:
    body = given if isinstance(given, (bytes, str)) else words.text_of(given)
    return client.post("/v1/correct", content=body, headers=JSON, params=query)


def queued(client: Any, given: Any, **query: Any) -> str:
    """Queue a correction and return its job's address."""
    answer = post(client, given, wait="false", **query)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["Location"])


def ended(client: Any, job: str, seconds: float = 30.0) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        view = client.get(job).json()
        if view["status"] in ("done", "failed"):
            return dict(view)
        time.sleep(0.02)
    raise AssertionError(f"{job} did not end: {view}")


def begun(client: Any, job: str) -> None:
    while client.get(job).json()["status"] == "queued":
        time.sleep(0.02)


def files(client: TestClient) -> list[str]:
    """What lies in the data folder but for the database and the reserve."""
    folder = client.app.state.service.settings.data  # type: ignore[attr-defined]
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(("jobs.sqlite", "lock", "reserve"))
    )


def refused(answer: Any, status: int, message: str = "") -> None:
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    line = answer.json()["error"]
    assert message in line and "\n" not in line and "/incoming" not in line


# --- answers ----------------------------------------------------------------------------------


def test_the_answer_is_the_command_lines(client: TestClient, tmp_path: Path) -> None:
    given = talk("Well,", "yes", "no", "it", "is", "déjà-vu", "\ud800")
    words.write(given, tmp_path / "call.json")
    arguments = ["correct", "call.json", "--corrector", "hmm", "-o", "out.json"]
    arguments = [str(tmp_path / a) if a.endswith(".json") else a for a in arguments]
    assert cli.main(arguments) == 0
    expected = (tmp_path / "out.json").read_bytes()
    at_once = post(client, given)
    assert (at_once.status_code, at_once.content) == (200, expected)
    job = queued(client, given, corrector="hmm")
    view = ended(client, job)
    assert (view["status"], view["progress"], view["result"]) == ("done", 1.0, f"{job}/result")
    assert client.get(view["result"]).content == expected


SAMPLES = Path(__file__).parent / "samples"


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        ("whisperx.json", "application/json"),
        ("deepgram.json", "application/json"),
        ("srt.srt", "application/x-subrip"),
        ("vtt.vtt", "text/vtt"),
        ("text.txt", "text/plain"),
        ("stm.stm", "text/plain"),
    ],
)
def test_other_formats_come_back_as_the_command_line_writes_them(
    client: TestClient, tmp_path: Path, sample: str, kind: str
) -> None:
    target = tmp_path / sample
    arguments = ["correct", str(SAMPLES / sample), "--corrector", "hmm", "-o", str(target)]
    assert cli.main(arguments) == 0
    answer = client.post(
        "/v1/correct",
        content=(SAMPLES / sample).read_bytes(),
        headers={"Content-Type": f"{kind}; charset=utf-8"},
    )
    assert (answer.status_code, answer.content) == (200, target.read_bytes()), answer.text
    assert answer.headers["Content-Type"] == kind


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(entries(), max_size=5))
def test_no_word_is_changed(client: TestClient, transcript: list[dict[str, Any]]) -> None:
    body = spelled(transcript)
    answer = post(client, body.encode(), **{"from": "words"})
    assert answer.status_code == 200, answer.text
    before, after = parse(body, "before"), parse(answer.text, "after")
    for word in after:
        word["speaker"] = word.pop("first_pass_speaker")
        del word["speaker_confidence"]
    assert words.text_of(after) == words.text_of(before)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(entries(), max_size=5), max_size=4))
def test_corrections_together_are_those_alone(transcripts: list[list[dict[str, Any]]]) -> None:
    given = [parse(spelled(transcript), "") for transcript in transcripts]
    together = correct_many(given, corrector="hmm")
    assert list(map(words.text_of, together)) == list(map(corrected, given))


def test_those_that_wait_go_together_and_one_that_fails_fails_alone(client: TestClient) -> None:
    def passes() -> float:
        lines = client.get("/metrics").text.splitlines()
        return next(float(x.split()[1]) for x in lines if x.startswith("seal_passes_total"))

    before = passes()
    first = queued(client, talk("sleep 0.5", "yes"))
    begun(client, first)
    given = [talk("fail", "no"), *(talk(str(i), "yes", "no") for i in range(10))]
    bad, *good = [queued(client, one) for one in given]
    assert ended(client, bad)["error"] == "the stand-in was told to fail"
    refused(client.get(f"{bad}/result"), 409, "told to fail")
    for job, one in zip(good, given[1:], strict=True):
        assert ended(client, job)["status"] == "done"
        assert client.get(f"{job}/result").text == corrected(one)
    assert passes() - before == 2


def test_many_at_once_lose_nothing(client: TestClient) -> None:
    given = [talk(*map(str, range(i, i + 5 + i % 7))) for i in range(40)]

    def ask(index: int) -> str:
        answer = post(client, given[index], wait=index % 2 == 0)
        if answer.status_code == 200:
            return str(answer.text)
        job = answer.headers["Location"]
        assert ended(client, job)["status"] == "done"
        return str(client.get(f"{job}/result").text)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(40))) == list(map(corrected, given))


def test_what_goes_wrong_in_a_job_is_one_line(client: TestClient) -> None:
    refused(post(client, talk("fail", "so")), 422, "the stand-in was told to fail")
    assert "ZeroDivisionError" in ended(client, queued(client, talk("crash")))["error"]


def test_a_job_that_kills_the_worker_is_given_up_and_the_others_are_done(
    client: TestClient,
) -> None:
    deadly, harmless = queued(client, talk("die")), queued(client, talk("hello", "hi"))
    assert "died of it 3 times" in ended(client, deadly)["error"]
    assert ended(client, harmless)["status"] == "done"


def test_life_goes_on_while_a_job_runs(client: TestClient) -> None:
    job = queued(client, talk("sleep 0.5"))
    begun(client, job)
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}
    refused(client.get(f"{job}/result"), 409, "running")
    assert ended(client, job)["status"] == "done"
    text = client.get("/metrics").text
    for name in ("seal_jobs_total", "seal_jobs_waiting", "seal_requests_total", "seal_ready 1.0"):
        assert name in text


def test_events_follow_a_job_to_its_end(client: TestClient) -> None:
    answer = client.get(queued(client, talk("sleep 0.6", "so")) + "/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    names = [lines[0] for lines in blocks]
    assert names[-1] == "event: done" and set(names[:-1]) == {"event: progress"}
    views = [json.loads(lines[1].removeprefix("data: ")) for lines in blocks]
    shares = [view["progress"] for view in views]
    assert shares == sorted(shares) and len(shares) > 3 and shares[-1] == 1.0
    assert views[-1]["result"].endswith("/result")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Origin": "http://[1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_without_tokens_a_page_of_another_site_is_refused(headers, status) -> None:
    async def app(scope, receive, send):
        await PlainTextResponse("done")(scope, receive, send)

    client = TestClient(Guard(app, ()), base_url="http://127.0.0.1")
    assert client.post("/v1/correct", content="A: hi", headers=headers).status_code == status


def test_every_answer_is_data_and_no_page(client: TestClient, strict: TestClient) -> None:
    nobody = {"Authorization": "Bearer none"}
    answers = [client.get("/healthz"), client.get("/none"), strict.get("/metrics", headers=nobody)]
    assert [answer.status_code for answer in answers] == [200, 404, 401]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_invented_methods_make_no_new_metrics(client: TestClient) -> None:
    for method in ("BREW", "STEEP"):
        assert client.request(method, "/healthz").status_code == 405
    text = client.get("/metrics").text
    assert "BREW" not in text and "STEEP" not in text
    assert 'method="none",route="/healthz",status="405"' in text


def test_delete_forgets_a_job_whatever_its_state(client: TestClient) -> None:
    running = queued(client, talk("sleep 60"))
    waiting = queued(client, talk("so"))
    begun(client, running)
    with ThreadPoolExecutor(1) as pool:
        news = pool.submit(client.get, f"{running}/events")
        time.sleep(0.2)
        for job in (running, waiting):
            assert client.delete(job).status_code == 204
            refused(client.get(job), 404)
            refused(client.delete(job), 404)
        assert "event: deleted" in news.result(10).text
    done = queued(client, talk("yes", "no"))
    assert ended(client, done, seconds=10)["status"] == "done"  # the worker has stopped the other
    assert client.delete(done).status_code == 204
    refused(client.get(f"{done}/result"), 404)


# --- recordings -------------------------------------------------------------------------------


def sound(seconds: float, container: str = "WAV") -> bytes:
    import numpy as np
    import soundfile

    file = io.BytesIO()
    noise = np.random.default_rng(0).normal(0, 0.1, round(8000 * seconds)).astype(np.float32)
    soundfile.write(file, noise * (seconds < 60), 8000, format=container, subtype="PCM_16")
    return file.getvalue()


def send(client: TestClient, recording: bytes, name: str = "call.wav", **options: str) -> Any:
    return client.post("/v1/transcribe", files={"recording": (name, recording)}, data=options)


def test_a_recording_becomes_a_job_and_is_gone_after_it(client: TestClient) -> None:
    for container in ("WAV", "FLAC"):
        answer = send(client, sound(1, container), "../../sleep 0.3.x", speakers="2")
        assert answer.status_code == 202, answer.text
        job = answer.headers["Location"]
        assert answer.json()["kind"] == "transcribe"
        assert files(client) == [f"recordings/{answer.json()['id']}"]
        assert ended(client, job)["status"] == "done"
        assert client.get(f"{job}/result").json() == []
        assert files(client) == []


def test_a_deleted_recording_is_gone_at_once(client: TestClient) -> None:
    answer = send(client, sound(1), "sleep 60.wav")
    begun(client, answer.headers["Location"])
    assert client.delete(answer.headers["Location"]).status_code == 204
    assert files(client) == []


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("call.wav", "call"),
        ("../../etc/passwd", "passwd"),
        ("C:\\sounds\\my call.flac", "my call"),
        ("a\nb\x00.wav", "ab"),
        ("..", "recording"),
        ("", "recording"),
        ("x" * 999 + ".wav", "x" * 120),
    ],
)
def test_a_clients_name_is_a_name_and_no_path(name: str, called: str) -> None:
    assert upload.stem(name) == called


def flac_that_lies(seconds: float) -> bytes:
    """A FLAC whose header does not say how long it is."""
    data = bytearray(sound(seconds, "FLAC"))
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    return bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recording", "status", "message"),
    [
        (b"", 422, "no sound"),
        (b"this is a letter, and no sound", 422, "no sound"),
        (sound(2)[:-9000], 422, "cut short"),
        (sound(2, "FLAC")[:-9000], 422, "cut short"),
        (sound(0), 422, "no sound"),
        (sound(300, "FLAC"), 413, "longer than 1 minutes"),
        (flac_that_lies(300), 413, "longer than 1 minutes"),
        (b"#EXTM3U\n#EXTINF:9,\n/etc/passwd\n#EXT-X-ENDLIST\n", 422, "no sound"),
        (b"ffconcat version 1.0\nfile jobs.sqlite\n", 422, "no sound"),
        (b"PK\x03\x04" + bytes(3000), 422, "no sound"),
    ],
)
def test_what_is_no_recording_is_refused(
    client: TestClient, recording: bytes, status: int, message: str
) -> None:
    refused(send(client, recording), status, message)
    assert files(client) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"speakers": "0"}, "speakers"),
        ({"speakers": "two"}, "speakers"),
        ({"corrector": "magic"}, "corrector"),
        ({"correct": "perhaps"}, "correct"),
        ({"spaekers": "2"}, "spaekers"),
        ({"channels": "both"}, "channels"),
        ({"min_speakers": "3", "max_speakers": "2"}, "3 are more than max-speakers, 2"),
    ],
)
def test_wrong_options_of_a_recording(
    client: TestClient, options: dict[str, str], message: str
) -> None:
    refused(send(client, sound(1), **options), 422, message)
    assert files(client) == []


PART = '--x\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("audio/wav", sound(1), 415),
        ("", sound(1), 415),
        ("multipart/form-data", b"", 400),
        ("multipart/form-data; boundary=x", b"", 400),
        ("multipart/form-data; boundary=x", b"--y\r\n\r\n", 400),
        ("multipart/form-data; boundary=x", PART.format("a", "", "1").encode() + b"--x--", 400),
        (
            "multipart/form-data; boundary=x",
            PART.format("recording", "; filename=a", "RIFF").encode(),
            400,
        ),
        (
            "multipart/form-data; boundary=x",
            2 * PART.format("recording", "; filename=a", "RIFF").encode() + b"--x--",
            400,
        ),
        (
            "multipart/form-data; boundary=x",
            PART.format("speakers", "", "2" * 2000).encode() + b"--x--",
            422,
        ),
    ],
)
def test_broken_forms(client: TestClient, kind: str, body: bytes, status: int) -> None:
    headers = {"Content-Type": kind} if kind else {}
    refused(client.post("/v1/transcribe", content=body, headers=headers), status)
    assert files(client) == []


# --- transcripts that are none ----------------------------------------------------------------

HELLO = talk("hello")[0]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "no body"),
        (b"{", 400, "not JSON"),
        (b"\xfa[]", 400, "UTF-8"),
        (b"[" * 100_000, 400, "nested too deep"),
        (b'[{"start_time": ' + b"9" * 5000 + b"}]", 400, "number too long"),
        (b"{}", 422, "JSON list"),
        (b"[1]", 422, "entry 1"),
        (b"[{}]", 422, "'session_id' is missing"),
        (json.dumps([HELLO, HELLO | {"end_time": -1}]).encode(), 422, "entry 2: 'end_time'"),
        (json.dumps([HELLO | {"start_time": float("nan")}]).encode(), 422, "start_time"),
        (json.dumps([HELLO | {"speaker_scores": {"A": 2}}]).encode(), 422, "speaker_scores"),
        (json.dumps([HELLO | {"words": 7}]).encode(), 422, "'words' must be a string"),
        (
            json.dumps([HELLO]).replace("0.25", "0.25, " + '"k":' + "[" * 200 + "]" * 200).encode(),
            422,
            "nested deeper",
        ),
    ],
)
def test_what_is_no_transcript_is_refused(
    client: TestClient, body: bytes, status: int, message: str
) -> None:
    refused(post(client, body), status, message)


def test_wrong_requests(client: TestClient) -> None:
    body = words.text_of([HELLO])
    for headers in ({"Content-Type": "image/png"}, {}):
        refused(client.post("/v1/correct", content=body, headers=headers), 415)
    for kind in ("text/vtt", "text/plain", "application/x-subrip"):
        for given_so in (body, "[]"):
            answer = client.post("/v1/correct", content=given_so, headers={"Content-Type": kind})
            refused(answer, 422, "send it as application/json")
    for query in ({"corrector": "voice"}, {"wait": "perhaps"}, {"corector": "hmm"}):
        refused(post(client, [HELLO], **query), 422, next(iter(query)))
    refused(client.get("/v1/jobs/../../etc/passwd"), 404)
    refused(client.get(f"/v1/jobs/{new_id()}"), 404)
    refused(client.get("/v1/correct"), 405)
    refused(client.get("/healthz", headers={"Host": "evil.example"}), 400, "127.0.0.1")


# --- limits and tokens ------------------------------------------------------------------------


def test_tokens(strict: TestClient) -> None:
    for header in ("", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"):
        headers = {"Authorization": header.encode("utf-8")}
        for method, path in [("POST", "/v1/correct"), ("GET", "/v1/jobs/x"), ("GET", "/metrics")]:
            answer = strict.request(method, path, headers=headers)
            refused(answer, 401, "token")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert strict.get("/healthz", headers={"Authorization": ""}).status_code == 200
    job = queued(strict, talk("so"))
    other = {"Authorization": f"Bearer {OTHER}"}
    for method in ("GET", "DELETE"):
        refused(strict.request(method, job, headers=other), 404)
    assert ended(strict, job)["status"] == "done"


def test_sizes_are_limits_while_the_bytes_come(strict: TestClient) -> None:
    read = []

    def endless() -> Iterator[bytes]:
        for index in range(1000):
            read.append(index)
            yield b" " * 1000

    refused(strict.post("/v1/correct", content=endless(), headers=JSON), 413, "5,000 bytes")
    assert strict.post("/v1/correct", content=b" " * 6000, headers=JSON).status_code == 413
    start = PART.format("recording", "; filename=a", "RIFF").encode()
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    body = start[:-2] + b"x" * 6000
    refused(strict.post("/v1/transcribe", content=iter([body]), headers=form), 413, "5,000 bytes")
    refused(send(strict, sound(2)), 413)
    assert files(strict) == []


def test_a_full_queue_says_when_to_come_again(strict: TestClient) -> None:
    running = queued(strict, talk("sleep 0.4"))
    begun(strict, running)
    waiting = [queued(strict, talk("so")) for _ in range(2)]
    for answer in (post(strict, talk("so")), send(strict, sound(0.1))):
        refused(answer, 429, "full")
        assert int(answer.headers["Retry-After"]) > 0
    refused(strict.get("/readyz"), 503, "full")
    assert [ended(strict, job)["status"] for job in [running, *waiting]] == ["done"] * 3
    assert post(strict, talk("so")).status_code == 200


def test_a_job_ends_when_its_time_is_up(strict: TestClient) -> None:
    slow, next_one = queued(strict, talk("sleep 60")), queued(strict, talk("so"))
    assert "longer than 0.05 minutes" in ended(strict, slow)["error"]
    assert ended(strict, next_one)["status"] == "done"


def test_a_worker_that_cannot_begin_says_why(tmp_path: Path) -> None:
    app = create_app(Settings(tmp_path, corrector="cbs"), stand_in.perform, stand_in.load)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        until = time.monotonic() + 20
        while "loaded" in client.get("/readyz").text and time.monotonic() < until:
            time.sleep(0.05)
        refused(client.get("/readyz"), 503, "model tiny: there is none of that name")
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "token"),
        (["--host", "192.0.2.1"], "token"),
        (["--token-file", "missing"], "cannot be read"),
        (["--token-file", "weak"], "token 1"),
        (["--token-file", "empty"], "holds no token"),
        (["--data", "weak"], "cannot be used"),
        (["--host", "no.such.host.invalid", "--token-file", "good"], "--host"),
    ],
)
def test_wrong_starts_are_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEAL_TOKENS", raising=False)
    for name, text in (("weak", "short"), ("empty", "# none\n\n"), ("good", TOKEN)):
        (tmp_path / name).write_text(text)
    assert cli.main(["serve", "--data", "data", "--port", "0", *arguments]) == 2
    line = capsys.readouterr().err
    assert line.startswith("seal: ") and line.count("\n") == 1 and message in line


# --- the table of jobs ------------------------------------------------------------------------


def test_one_folder_has_one_server(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    with pytest.raises(words.SealError, match="in use"):
        Jobs(tmp_path)
    jobs.close()
    Jobs(tmp_path).close()


def test_the_table_keeps_its_promises(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    ids = [
        jobs.add(new_id(), "me", "correct", {"corrector": "hmm"}, "x", max_waiting=9, size=size).id
        for size in (10, 3000, 20, 30)
    ]
    unheard = jobs.add(
        new_id(), "me", "correct", {"corrector": None}, "x", max_waiting=9, awaited=True
    ).id
    with pytest.raises(FullError):
        jobs.add(new_id(), "me", "correct", {"corrector": None}, "x", max_waiting=5)
    assert [job.id for job in jobs.claim()] == [ids[0], *ids[2:]]  # the long one goes alone
    assert jobs.finish(ids[0], b"[]", None) and not jobs.finish(ids[0], b"[1]", None)
    jobs.put_back(ids[2:3])
    (jobs.incoming / "half").write_bytes(b"...")
    (jobs.recordings / "nobody's").write_bytes(b"...")
    jobs.close()
    jobs = Jobs(tmp_path)
    assert jobs.get(unheard, "me") is None  # its client never heard of it
    assert not list(jobs.incoming.iterdir()) and not list(jobs.recordings.iterdir())
    assert [job.id for job in jobs.claim()] == [ids[1]]
    assert [job.id for job in jobs.claim()] == [ids[2]]  # the worker died of it: alone
    assert [job.id for job in jobs.claim()] == [ids[3]]
    assert (jobs.get(ids[0], "you"), jobs.result(ids[0])) == (None, b"[]")
    jobs.expire(days=1)
    assert jobs.get(ids[0], "me")
    jobs.expire(days=0)
    assert jobs.get(ids[0], "me") is None and jobs.get(ids[1], "me")
    jobs.close()


# --- a process of its own ---------------------------------------------------------------------


@contextmanager
def process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], httpx2.Client]]:
    command = [sys.executable, Path(stand_in.__file__), folder]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            address = server.stderr.readline().split()[1]
            with httpx2.Client(base_url=address, timeout=30) as client:
                yield server, client
        finally:
            server.kill()


def workers(server: subprocess.Popen[str]) -> list[str]:
    """The processes that the server has started to work."""
    threads = Path(f"/proc/{server.pid}/task").glob("*/children")
    listed = [pid for children in threads for pid in children.read_text().split()]
    return [pid for pid in listed if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_a_kill_in_the_middle_of_a_job_loses_nothing(tmp_path: Path) -> None:
    given = [talk("sleep 1", "yes"), *(talk(str(i), "so", "it", "is") for i in range(6))]
    with process(tmp_path) as (server, client):
        done = queued(client, talk("yes", "no"))
        assert ended(client, done)["status"] == "done"
        jobs = [queued(client, one) for one in given]
        begun(client, jobs[0])
        children = workers(server)  # what works, and what reads
        assert len(children) == 2
        os.kill(server.pid, signal.SIGKILL)
        server.wait()
        until = time.monotonic() + 5
        while (left := [p for p in children if Path("/proc", p).exists()]) and until > (
            time.monotonic()
        ):
            time.sleep(0.05)
        assert not left  # nobody works on for nobody
    with process(tmp_path) as (server, client):
        for job, one in zip([done, *jobs], [talk("yes", "no"), *given], strict=True):
            assert ended(client, job)["status"] == "done"
            assert client.get(f"{job}/result").text == corrected(one)
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) in (0, -signal.SIGTERM)


@pytest.mark.slow
def test_what_a_person_should_know_of_a_result_is_not_in_the_log(tmp_path: Path) -> None:
    """It names the conversation, which is the client's."""
    with process(tmp_path) as (server, client):
        alone = talk("yes")[0] | {"session_id": "Ann Lee", "speaker_scores": {"A": 1.0}}
        assert ended(client, queued(client, [alone]))["status"] == "done"
        server.send_signal(signal.SIGTERM)
        assert server.wait(20) in (0, -signal.SIGTERM)
        assert server.stderr is not None and "Ann Lee" not in server.stderr.read()


@pytest.mark.slow
def test_who_follows_a_job_does_not_keep_the_server(tmp_path: Path) -> None:
    with process(tmp_path) as (server, client):
        job = queued(client, talk("sleep 20", "yes"))
        begun(client, job)
        with client.stream("GET", f"{job}/events") as answer:
            lines = answer.iter_lines()
            assert next(lines) == "event: progress"
            server.send_signal(signal.SIGTERM)
            began = time.monotonic()
            rest = list(lines)
        assert not any(line.startswith("event: done") for line in rest)
        assert server.wait(20) in (0, -signal.SIGTERM)
        assert time.monotonic() - began < GRACE
        assert server.stderr is not None and "Traceback" not in server.stderr.read()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs /proc")
def test_a_killed_benchmark_leaves_no_server(tmp_path: Path) -> None:
    code = "import sys, time, common.server\n"
    code += "server = common.server.Server(common.server.Path(sys.argv[1]), 'hmm')\n"
    code += "print(server.process.pid, flush=True); time.sleep(60)"
    benchmarks = Path(__file__).parents[1] / "benchmarks"
    command = [sys.executable, "-c", code, tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=benchmarks) as benchmark:
        assert benchmark.stdout is not None
        left = Path("/proc", benchmark.stdout.readline().strip())
        assert (left / "cmdline").read_text().count("serve") == 1
        benchmark.kill()
    until = time.monotonic() + 10
    while left.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not left.exists()


# --- rulings ----------------------------------------------------------------------------------


def test_rulings_come_back_in_the_transcript_and_are_undone(client: TestClient) -> None:
    given = [
        word | {"speaker": "A", "speaker_scores": None} for word in talk("one", "two", "three")
    ]

    def taught(content: Any, **query: Any) -> Any:
        body = words.text_of(content)
        answer = client.post("/v1/teach", content=body, headers=JSON, params=query)
        if answer.status_code != 202:  # else the worker is busy
            return answer
        job = str(answer.headers["Location"])
        return (
            client.get(f"{job}/result") if ended(client, job, 120)["status"] == "done" else answer
        )

    answer = taught(given, set=["w2=B", "1.0-1.3=C"], name="A=Ann")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [word["speaker"] for word in found["transcript"]] == ["Ann", "B", "C"]
    assert found["proposals"] == [] and found["pairs"] == []
    ruled = found["transcript"]
    for _ in range(3):
        ruled = taught(ruled, undo="true").json()["transcript"]
    assert ruled == given
    refused(taught(given, set="later=B"), 422, "is no place")
    refused(taught(given, merge="A"), 422, "is no A=B")
    late = taught(
        given, set="w9=B", wait="false"
    )  # what the words themselves tell comes with the job
    assert "w1 to w3" in ended(client, late.headers["Location"], 120)["error"]


# --- the description --------------------------------------------------------------------------


@pytest.mark.slow
def test_what_openapi_says_is_so(tmp_path: Path) -> None:
    """Drawn requests, right and wrong, get only answers that the description has."""
    with process(tmp_path) as (_, client):
        schema = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
        conforms(schema, str(client.base_url))


@pytest.mark.slow
def test_an_accepted_job_links_to_what_can_be_asked_of_it(tmp_path: Path) -> None:
    with serving(tmp_path, wait=False) as client:
        paths = client.get("/openapi.json").json()["paths"]
    known = {call["operationId"] for path in paths.values() for call in path.values()}
    for path in ("/v1/correct", "/v1/transcribe", "/v1/teach"):
        links = paths[path]["post"]["responses"]["202"]["links"]
        assert len(links) == 4 and {link["operationId"] for link in links.values()} <= known


def conforms(schema: Any, address: str) -> None:
    names = "not_a_server_error status_code_conformance content_type_conformance"
    names += " response_schema_conformance negative_data_rejection"
    checks = schemathesis.checks.CHECKS.get_by_names(names.split())
    for found in schema.get_all_operations():
        operation = found.ok()
        modes = list(schemathesis.GenerationMode)
        for mode in modes if operation.method == "post" else modes[:1]:

            @settings(
                max_examples=3,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def holds(case: Any) -> None:
                answer = case.call(base_url=address)
                case.validate_response(answer, checks=checks)

            holds()
