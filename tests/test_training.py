"""Training: the loss is on the labels, it falls, and a run that was stopped goes on as it was."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from seal.errors import SealError
from seal.formats.rttm import Turns
from seal.llm import model
from seal.training.adapter import loss, train
from seal.training.examples import PRESETS, AdapterRecipe, example
from seal.training.first_passes import Diarised
from tiny import CORPORA, encode, tiny_model

RECIPE = AdapterRecipe(
    chunks=16, batch=2, rank=4, first_layer=1, rate=5e-3, scrambled=0.0, teacher=0.0
)


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


def test_real_first_passes_are_a_share_of_those_without_scores():
    """And nothing changes where there are none, or where all words have scores."""
    real = [
        Diarised(told, Turns([(w["start_time"], w["end_time"], w["speaker"]) for w in told]))
        for _, recordings in CORPORA
        for told in recordings
    ]
    bare = replace(RECIPE, shapes=("word-none",), unlabelled=0.0, turns=1.0, clean=1.0)

    def drawn(recipe, found=()):
        return [example(CORPORA, encode, recipe, index, real=found) for index in range(12)]

    every = replace(bare, real=1.0)
    assert drawn(every) == drawn(bare) != drawn(every, real)
    wrong = [
        a != b
        for item in drawn(every, real)
        for a, b in zip(item.oracle, item.prompt.draft, strict=True)
    ]
    assert sum(wrong) < 0.3 * len(wrong)  # of turns that are the truth, overlap alone is left
    scored = replace(every, shapes=("word-label",))
    assert drawn(scored, real) == drawn(scored)


def test_the_loss_is_the_mean_surprise_at_the_targets():
    """The batched, padded loss equals the posteriors that decoding would see after those labels."""
    from seal.llm.decode import posteriors_of

    language_model = tiny_model(3, torch.float32)
    batch = [example(CORPORA, encode, replace(RECIPE, doubted=1.0), i) for i in range(6)]
    assert any(item.before != item.oracle for item in batch)
    total, labels = loss(language_model.network, batch)
    expected = 0.0
    for item in batch:
        rows = posteriors_of(language_model, item.prompt, item.before)
        expected -= sum(np.log(row[true]) for row, true in zip(rows, item.oracle, strict=True))
    assert labels == sum(len(item.oracle) for item in batch)
    assert total.item() == pytest.approx(expected, rel=1e-3)


def test_the_words_and_the_end_join_the_loss_where_asked_for():
    """The same pass gives the mean surprise at the words, at the true labels, and at the end."""
    language_model = tiny_model(3, torch.float32)
    batch = [
        example(CORPORA, encode, replace(RECIPE, shapes=(shape,), doubted=0.0), i)
        for i, shape in enumerate(["word-label", "turn-none", "turn-int"])
    ]
    alone, labels = loss(language_model.network, batch)
    both, _ = loss(language_model.network, batch, 0.5, language_model.eos)
    surprises = []
    for item in batch:
        answer = item.prompt.answer(item.before)[0]
        start = len(item.prompt.tokens) - 1
        logits = language_model.context().feed(
            item.prompt.tokens + answer, range(start, start + len(answer) + 1)
        )
        rows = logits.log_softmax(dim=1)
        surprises += [
            -rows[place, token].item() for place, token in enumerate([*answer, language_model.eos])
        ]
    assert both.item() - alone.item() == pytest.approx(0.5 * labels * np.mean(surprises), rel=1e-3)


@pytest.mark.slow
def test_a_run_meets_all_its_shapes(tmp_path):
    recipe = replace(RECIPE, shapes=("word-label", "turn-prob"), chunks=40, unlabelled=0.3)
    met = {example(CORPORA, encode, recipe, i).shape for i in range(40)}
    assert met == {"word-label", "turn-prob", "word-none", "turn-none"}
    train(CORPORA, tmp_path, replace(recipe, chunks=4, spoken=1.0))
    settings = json.loads((tmp_path / "seal.json").read_text())
    assert settings == {"shapes": sorted(met), "score": "lead"}


def test_labels_before_a_word_are_the_truth_or_a_mistake_among_few():
    """Without doubt they are the truth; with it, most still are, and all are speakers' numbers."""
    sure, doubted = (
        [example(CORPORA, encode, replace(RECIPE, doubted=share), i) for i in range(40)]
        for share in (0.0, 1.0)
    )
    assert all(item.before == item.oracle for item in sure)
    shown = [(b, o) for item in doubted for b, o in zip(item.before, item.oracle, strict=True)]
    assert 0.005 < np.mean([b != o for b, o in shown]) < 0.2
    assert {b for b, _ in shown} <= {0, 1}


def test_a_teacher_shares_in_the_targets():
    def teacher(words, names):
        return np.log(np.tile([0.25, 0.75], (len(words), 1)))

    recipe = replace(RECIPE, teacher=0.4)
    item = example(CORPORA, encode, recipe, 3, teacher)
    for row, true in zip(item.targets, item.oracle, strict=True):
        assert sum(row) == pytest.approx(1)
        assert row[true] in (pytest.approx(0.6 + 0.4 * 0.25), pytest.approx(0.6 + 0.4 * 0.75))


@pytest.mark.slow
def test_gradients_of_several_batches_add_up_to_a_step(tmp_path):
    recipe = replace(RECIPE, batch=2, accumulation=4)
    train(CORPORA, tmp_path, recipe)
    assert len(losses(tmp_path)) == 2


@pytest.mark.slow
def test_the_papers_recipe_trains_a_small_model(tmp_path):
    """As far as it goes without CUDA: every choice of the preset but its model and its 4 bits."""
    recipe = replace(PRESETS["paper"], base=None, chunks=20, first_layer=0)
    assert recipe.batch * recipe.accumulation == 20
    assert recipe.four_bits
    train(CORPORA, tmp_path, recipe)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["r"] == 64
    assert len(losses(tmp_path)) == 1
    assert (tmp_path / "curve.png").stat().st_size > 1000


@pytest.mark.slow
@pytest.mark.parametrize("format", ["word", "turn"])
@pytest.mark.parametrize("condition", ["none", "prob", "int", "label"])
def test_every_format_and_condition_trains(format, condition, tmp_path):
    recipe = AdapterRecipe(
        chunks=4, batch=2, rank=2, first_layer=1, shapes=(f"{format}-{condition}",), teacher=0.0
    )
    train(CORPORA, tmp_path, recipe)
    assert np.isfinite(losses(tmp_path)).all()


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_adapter_can_be_merged_and_changes_the_model(tmp_path):
    train(CORPORA, tmp_path / "run", RECIPE)
    tokens = torch.tensor([encode("Draft:A so")])
    before = tiny_model(3, torch.float32).network(tokens).logits
    tiny_model.cache_clear()
    merged = model.merge(tiny_model(3, torch.float32).network, tmp_path / "run")
    assert not torch.allclose(before, merged(tokens).logits)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"seed": 1}, "seed 0, not 1"),
        ({"shapes": ("turn-none",)}, "shapes"),
        ({"rank": 2}, "rank 4"),
    ],
)
def test_a_run_goes_on_as_it_was_begun_or_not_at_all(other, told, tmp_path):
    recipe = AdapterRecipe(chunks=2, batch=2, rank=4, first_layer=1, teacher=0.0)
    train(CORPORA, tmp_path, recipe)
    with pytest.raises(SealError, match=told):
        train(CORPORA, tmp_path, replace(recipe, chunks=4, **other))
    train(CORPORA, tmp_path, replace(recipe, chunks=4))  # but it may be longer
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2
