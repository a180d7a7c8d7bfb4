"""The server's voice libraries: off unless enabled, one for each token, filled by consent alone."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient

import stand_in
from seal import words
from seal.server.app import create_app
from seal.server.auth import owner_of
from seal.server.settings import Settings
from test_server import OTHER, TOKEN, ended, serving, talk


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "data"


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    app = create_app(
        Settings(folder, (TOKEN, OTHER), "hmm", voices=True), stand_in.perform, stand_in.load
    )
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with TestClient(app, base_url="http://127.0.0.1", headers=headers) as client:
        yield client


def sound() -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(16_000), 16_000, format="WAV")
    return file.getvalue()


def send(client: TestClient, address: str, token: str = TOKEN, **fields: Any) -> Any:
    fields.setdefault("transcript", words.text_of(talk("one", "two", "three")))
    given = {key: value for key, value in fields.items() if value is not None}
    files = {"recording": ("call.wav", sound())}
    headers = {"Authorization": f"Bearer {token}"}
    return client.post(address, data=given, files=files, headers=headers)


def result(client: TestClient, answer: Any, token: str = TOKEN) -> Any:
    assert answer.status_code == 202, answer.text
    headers = {"Authorization": f"Bearer {token}"}
    client.headers.update(headers)
    try:
        view = ended(client, answer.headers["Location"])
        assert view["status"] == "done", view
        return client.get(f"{answer.headers['Location']}/result").json()
    finally:
        client.headers.update({"Authorization": f"Bearer {TOKEN}"})


def test_a_server_without_them_has_no_voices(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        assert client.get("/v1/voices").status_code == 404
        assert send(client, "/v1/voices").status_code == 404
        assert "/v1/voices" not in client.get("/openapi.json").json()["paths"]
    assert not (tmp_path / "data" / "voices").exists()


def test_a_token_remembers_proposes_renames_merges_and_forgets(
    client: TestClient, folder: Path
) -> None:
    assert client.get("/v1/voices").json() == []
    assert not (folder / "voices").exists()
    for name, speaker in (("Ann Lee", "A"), ("Bo", "B")):
        kept = result(
            client, send(client, "/v1/voices", name=name, speaker=speaker, consent="true")
        )
        assert kept["name"] == name and kept["seconds"] == 20.0
    assert [each["name"] for each in client.get("/v1/voices").json()] == ["Ann Lee", "Bo"]
    assert "vector" not in client.get("/v1/voices").text

    found = result(client, send(client, "/v1/voices/propose"))
    assert {each["speaker"]: each["name"] for each in found} == {"A": "Ann Lee", "B": "Bo"}
    stranger = words.text_of([words.without_scores(talk("one")[0]) | {"speaker": "X"}])
    found = result(client, send(client, "/v1/voices/propose", transcript=stranger))
    assert [(each["speaker"], each["name"]) for each in found] == [("X", None)]

    assert client.get("/v1/voices", headers={"Authorization": f"Bearer {OTHER}"}).json() == []
    library = folder / "voices" / f"{owner_of(TOKEN)}.json"
    assert list((folder / "voices").iterdir()) == [library]
    assert library.stat().st_mode & 0o777 == 0o600

    changed = client.post("/v1/voices/rename", params={"name": "Bo", "to": "Bob"})
    assert changed.status_code == 204
    refused = client.post("/v1/voices/rename", params={"name": "Bo", "to": "Bert"})
    assert refused.status_code == 422 and "Bo" in refused.json()["error"]
    merged = client.post("/v1/voices/merge", params={"name": "Bob", "into": "Ann Lee"})
    assert merged.status_code == 204
    assert len(client.get("/v1/voices").json()[0]["samples"]) == 2
    assert client.delete("/v1/voices", params={"name": "Ann Lee"}).status_code == 204
    assert client.get("/v1/voices").json() == []
    assert json.loads(library.read_text())["voices"] == []
    assert not any((folder / "recordings").iterdir())


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"name": "Ann", "speaker": "A"}, 422, "consent"),
        ({"name": "Ann", "speaker": "A", "consent": "no"}, 422, "consent"),
        ({"speaker": "A", "consent": "true"}, 422, "name"),
        ({"name": "Ann", "speaker": "A", "consent": "true", "transcript": None}, 422, "transcript"),
        ({"name": "Ann", "speaker": "A", "consent": "true", "transcript": "{"}, 422, "transcript"),
    ],
)
def test_what_is_not_whole_is_refused_and_leaves_nothing(
    client: TestClient, folder: Path, fields: dict[str, Any], status: int, told: str
) -> None:
    answer = send(client, "/v1/voices", **fields)
    assert answer.status_code == status and told in answer.json()["error"]
    assert not any((folder / "incoming").iterdir())
    assert client.get("/v1/voices").json() == []


def test_a_speaker_who_is_not_there_is_one_line(client: TestClient) -> None:
    answer = send(client, "/v1/voices", name="Ann", speaker="Z", consent="true")
    view = ended(client, answer.headers["Location"])
    assert view["status"] == "failed" and "'Z'" in view["error"]
    assert client.get("/v1/voices").json() == []


def test_the_same_job_done_twice_remembers_once(client: TestClient) -> None:
    """A worker that is killed after the file was written does the job again."""
    for _ in range(2):
        result(
            client, send(client, "/v1/voices", OTHER, name="Cy", speaker="A", consent="true"), OTHER
        )
    headers = {"Authorization": f"Bearer {OTHER}"}
    assert len(client.get("/v1/voices", headers=headers).json()[0]["samples"]) == 1
