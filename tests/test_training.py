"""Training: the loss is on the labels, it falls, and a run that was stopped goes on as it was."""

import json

import numpy as np
import pytest
import torch

from seal import model
from seal.training import Recipe, example, loss, train
from tiny import CORPORA, encode, tiny_model

RECIPE = Recipe(chunks=16, batch=2, rank=4, first_layer=1, rate=5e-3, scrambled=0.0)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    def load(*_):
        tiny_model.cache_clear()
        return tiny_model(3, torch.float32)

    monkeypatch.setattr(model, "load", load)


def losses(folder):
    return [json.loads(line)["loss"] for line in (folder / "log.jsonl").open()]


def test_examples_depend_on_seed_and_number_alone():
    one, again = (example(CORPORA, encode, RECIPE, 5) for _ in range(2))
    assert one == again != example(CORPORA, encode, RECIPE, 6)
    assert len(one.oracle) == len(one.prompt.words)


def test_the_loss_is_the_mean_surprise_at_the_labels():
    """The batched, padded loss equals the posteriors that decoding would see."""
    from seal.decode import posteriors_of

    language_model = tiny_model(3, torch.float32)
    batch = [example(CORPORA, encode, RECIPE, i) for i in range(4)]
    total, labels = loss(language_model.network, batch)
    expected = 0.0
    for item in batch:
        rows = posteriors_of(language_model, item.prompt, item.oracle)
        expected -= sum(np.log(row[true]) for row, true in zip(rows, item.oracle, strict=True))
    assert labels == sum(len(item.oracle) for item in batch)
    assert total.item() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("format", ["word", "turn"])
@pytest.mark.parametrize("condition", ["none", "prob", "int", "label"])
def test_every_format_and_condition_trains(format, condition, tmp_path):
    recipe = Recipe(chunks=4, batch=2, rank=2, first_layer=1, format=format, condition=condition)
    train(CORPORA, tmp_path, recipe)
    assert np.isfinite(losses(tmp_path)).all()


def test_a_resumed_run_gives_the_same_curve(tmp_path):
    train(CORPORA, tmp_path / "whole", RECIPE, checkpoint_every=3)

    class Stop(Exception):
        pass

    def stop(line):
        if line["step"] == 5:
            raise Stop

    with pytest.raises(Stop):
        train(CORPORA, tmp_path / "parts", RECIPE, report=stop, checkpoint_every=3)
    train(CORPORA, tmp_path / "parts", RECIPE, checkpoint_every=3)
    whole, parts = losses(tmp_path / "whole"), losses(tmp_path / "parts")
    assert len(whole) == 8
    assert parts == whole


def test_the_adapter_can_be_merged_and_changes_the_model(tmp_path):
    train(CORPORA, tmp_path / "run", RECIPE)
    tokens = torch.tensor([encode("Draft:A so")])
    before = tiny_model(3, torch.float32).network(tokens).logits
    tiny_model.cache_clear()
    merged = model.merge(tiny_model(3, torch.float32).network, tmp_path / "run")
    assert not torch.allclose(before, merged(tokens).logits)
