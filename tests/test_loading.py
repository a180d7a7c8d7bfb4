"""What lies in a model's folder is not run: neither code of its own nor pickled weights."""

import json
from pathlib import Path

import pytest
import torch

from seal.cli import main
from seal.errors import SealError
from seal.llm import loading, model
from tiny import tiny_model


def with_code(folder: Path) -> Path:
    """A model's folder with code of its own, which leaves a file beside it."""
    folder.mkdir()
    config = {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "mine.Mine", "AutoModelForCausalLM": "mine.Mine"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "mine.py").write_text(
        f"open({str(folder.parent / 'sprung')!r}, 'w').close()\nclass Mine: ..."
    )
    return folder


def test_a_models_own_code_is_refused_and_nobody_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(loading.TRUST, raising=False)
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    with pytest.raises(SealError, match="--trust-remote-code") as error:
        model.load(str(with_code(tmp_path / "model")))
    assert "\n" not in str(error.value) and not (tmp_path / "sprung").exists()


def test_a_models_own_code_runs_for_those_who_mean_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(loading.TRUST, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    with pytest.raises((SealError, Exception)):  # its code is no model
        model.load(str(with_code(tmp_path / "model")))
    assert (tmp_path / "sprung").exists()


def test_the_option_reaches_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(loading.TRUST, "0")
    arguments = ["correct", str(tmp_path / "none.json"), "-o", str(tmp_path / "out.json")]
    assert main([*arguments, "--trust-remote-code"]) == 2
    assert loading.os.environ[loading.TRUST] == "1"


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(SealError, match=r"pytorch_model\.bin is a pickle"):
        model.load(str(tmp_path))
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    torch.save({}, adapter / "adapter_model.bin")
    with pytest.raises(SealError, match=r"adapter_model\.bin is a pickle"):
        model.merge(tiny_model().network, adapter)
