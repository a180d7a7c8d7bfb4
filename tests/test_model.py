"""The embedded model: made once, safe under two processes, and read piece by piece as in one go."""

import json
import os
import subprocess
import sys

import pytest

from seal.errors import SealError
from seal.llm import embedded, model
from tiny import encode, tiny_model


def test_reading_in_pieces_and_cutting_back_changes_nothing():
    tokens = encode("Draft:A so it goesB yes\nFinal:")
    whole = tiny_model().context().feed(tokens, range(len(tokens)))
    context = tiny_model().context()
    context.feed(tokens[:4], [3])
    context.feed([*tokens[4:9], 7, 7, 7], [0])
    context.truncate(9)
    assert context.length == 9
    pieces = context.feed(tokens[9:], range(len(tokens) - 9))
    assert pieces.sub(whole[9:]).abs().max() < 1e-5


def test_a_model_or_adapter_that_is_not_there(tmp_path):
    for call in (
        lambda: model.load(str(tmp_path)),
        lambda: model.merge(tiny_model().network, tmp_path),
    ):
        with pytest.raises(SealError) as error:
            call()
        assert "\n" not in str(error.value)
        assert str(tmp_path) in str(error.value)


@pytest.mark.slow
def test_two_processes_convert_at_once_and_both_get_the_model(tmp_path):
    """The conversion is replaced by a slow stand-in; what is tested is who wins."""
    code = (
        "import time; from pathlib import Path; from seal.llm import embedded\n"
        "def convert(gguf, folder):\n"
        "    (folder / 'a').write_text('x'); time.sleep(0.5); (folder / 'b').write_text('y')\n"
        "embedded.convert = convert\n"
        "folder = embedded.embedded_folder()\n"
        "print(sorted(p.name for p in folder.iterdir()))"
    )
    env = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    runs = [
        subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [run.communicate(timeout=60)[0].strip() for run in runs] == [
        "['a', 'b', 'seal-files.json']"
    ] * 2
    assert len(list((tmp_path / "seal").iterdir())) == 1


def test_an_adapter_of_another_model_is_told(tmp_path):
    config = {"base_model_name_or_path": "mistralai/Mistral-7B-Instruct-v0.2"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(SealError, match=r"is of the model mistralai/Mistral-7B-.*--model"):
        model.load(None, tmp_path)


@pytest.fixture
def converted(tmp_path, monkeypatch):
    """The folder of the embedded model, and how often it was made by a quick stand-in."""
    made = []

    def convert(gguf, folder):
        made.append(folder)
        (folder / "model.safetensors").write_bytes(b"weights" * 1000)
        (folder / "config.json").write_text("{}")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(embedded, "convert", convert)
    return embedded.embedded_folder(), made


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "older"])
def test_a_damaged_conversion_is_made_again(converted, damage, capsys):
    folder, made = converted
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    if damage == "cut":
        weights.write_bytes(whole[:-1])
    elif damage == "changed":
        weights.write_bytes(b"W" + whole[1:])
    elif damage == "gone":
        weights.unlink()
    else:  # made by a version that took no notes
        (folder / embedded.NOTES).unlink()
    assert embedded.embedded_folder() == folder and len(made) == 2
    assert weights.read_bytes() == whole
    assert capsys.readouterr().err.count("is damaged") == (damage != "older")
    assert len(list(folder.parent.iterdir())) == 1


def test_a_whole_conversion_is_hashed_only_where_it_was_touched(converted, monkeypatch):
    folder, made = converted
    hashed = []
    real = embedded._hash
    monkeypatch.setattr(embedded, "_hash", lambda path: hashed.append(path.name) or real(path))
    embedded.embedded_folder()
    assert hashed == []
    os.utime(folder / "model.safetensors", (1, 1))  # a copy without its times
    embedded.embedded_folder()
    embedded.embedded_folder()
    assert hashed == ["model.safetensors"] and len(made) == 1


@pytest.mark.parametrize("given", ["", "cache"])
def test_the_current_folder_is_no_cache(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", given)
    monkeypatch.setenv("HOME", "")
    assert embedded.cache_folder().is_absolute()
    assert tmp_path not in embedded.cache_folder().parents


def test_a_user_without_name_and_home_is_told(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 987_654)
    with pytest.raises(SealError, match="XDG_CACHE_HOME"):
        embedded.cache_folder()
