"""The embedded model: made once, safe under two processes, and read piece by piece as in one go."""

import json
import os
import subprocess
import sys

import pytest

from seal.errors import SealError
from seal.llm import model
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
        "import time; from pathlib import Path; from seal.llm import model\n"
        "def convert(gguf, folder):\n"
        "    (folder / 'a').write_text('x'); time.sleep(0.5); (folder / 'b').write_text('y')\n"
        "model._convert = convert\n"
        "folder = model.embedded_folder()\n"
        "print(sorted(p.name for p in folder.iterdir()))"
    )
    env = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    runs = [
        subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [run.communicate(timeout=60)[0].strip() for run in runs] == ["['a', 'b']"] * 2
    assert len(list((tmp_path / "seal").iterdir())) == 1


def test_an_adapter_of_another_model_is_told(tmp_path):
    config = {"base_model_name_or_path": "mistralai/Mistral-7B-Instruct-v0.2"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(SealError, match=r"is of the model mistralai/Mistral-7B-.*--model"):
        model.load(None, tmp_path)
