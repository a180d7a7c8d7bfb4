"""AG-LSEC: any number of speakers, whatever they are called, and a network that can learn."""

import json
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seal.correctors import ag_lsec_network
from seal.correctors.ag_lsec_features import WINDOW, habits, window
from seal.correctors.ag_lsec_network import log_posteriors, spans
from seal.formats.rttm import Turns
from seal.training import ag_lsec
from seal.training.ag_lsec import AgLsecRecipe, batch, loss, punctuated, train
from seal.training.first_passes import Diarised, real_first_pass
from seal.training.trigrams import halves
from seal.words import Conversation
from tiny import CORPORA, tiny_encoder, tiny_network
from tiny import tiny_pieces as encode

NAMES = ["Ann", "B", "spk:3", "Zoë", "5", "f", "g", "h"]


@st.composite
def conversations(draw, most=40):
    names = NAMES[: draw(st.integers(2, 8))]
    words, time = [], 0.0
    for _ in range(draw(st.integers(1, most))):
        time += draw(st.sampled_from([0.0, 0.2, 3.0]))
        word = {
            "session_id": "s",
            "speaker": draw(st.sampled_from(names)),
            "words": draw(st.sampled_from(["yes", "no", "🎉", "", "well then"])),
            "start_time": time,
            "end_time": time + 0.2,
        }
        if draw(st.booleans()):
            word["speaker_scores"] = {
                name: draw(st.floats(0, 1)) for name in draw(st.sets(st.sampled_from(names)))
            }
        words.append(word)
    return words, names


@settings(max_examples=40, deadline=None)
@given(conversations(), st.permutations(range(8)))
def test_posteriors_are_posteriors_and_names_do_not_matter(conversation, order):
    words, names = conversation
    network = tiny_network()
    answer = log_posteriors(network, encode, [Conversation(words, names)])[0]
    assert answer.shape == (len(words), len(names))
    assert np.allclose(np.exp(answer).sum(axis=1), 1)
    order = [place for place in order if place < len(names)]
    again = log_posteriors(
        network, encode, [Conversation(words, [names[place] for place in order])]
    )[0]
    assert np.allclose(again, answer[:, order], atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(conversations(most=10), conversations(most=40))
def test_a_window_is_read_alike_alone_and_in_a_batch(one, other):
    network = tiny_network()
    windows = [
        window(words, names, [encode(word["words"]) for word in words], habits(words), fit)
        for words, names in (one, other)
        for fit in [np.zeros((len(words), len(names)))]
    ]
    with torch.inference_mode():
        together, _ = network(windows)
        for row, single in enumerate(windows):
            alone, _ = network([single])
            count, length = alone.shape[1:]
            assert torch.allclose(together[row, :count, :length], alone[0], atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(st.lists(conversations(), min_size=1, max_size=8), st.sampled_from([32, 64, 500]))
def test_no_batch_is_larger_than_its_room(several, room):
    network, sizes = tiny_network(), []

    def watched(windows):
        answers = network(windows)
        sizes.append((len(windows), answers[0].shape[2]))
        return answers

    watched.trigrams = None
    with patch.object(ag_lsec_network, "WINDOW_WORDS_PER_BATCH", room):
        log_posteriors(watched, encode, [Conversation(*one) for one in several])
    assert sum(windows for windows, _ in sizes) == len(several)
    assert all(windows == 1 or windows * longest <= room for windows, longest in sizes)


@given(st.integers(1, 2000))
def test_every_word_is_in_a_window_and_none_stands_at_an_edge_only(count):
    seen = np.zeros(count, dtype=int)
    for start, stop in spans(count):
        assert 0 <= start < stop <= count and stop - start <= WINDOW
        seen[start:stop] += 1
    assert (seen >= 1).all() and (seen <= 2).all()


HALVES = halves([words for _, recordings in CORPORA for words in recordings])
RECIPE = AgLsecRecipe(steps=6, excerpts=1, windows=2, length=100)


def test_batches_depend_on_seed_and_number_alone():
    one, again, other = (batch(CORPORA, encode, RECIPE, number, HALVES) for number in (3, 3, 4))
    assert [item.window.pieces for item in one] == [item.window.pieces for item in again]
    assert [item.window.pieces for item in one] != [item.window.pieces for item in other]


def under(told: list[dict], name: str, lag: float) -> Diarised:
    """The recording under a diarizer that hears each turn so many seconds late."""
    found = [(w["start_time"] + lag, w["end_time"] + lag, f"{name}{w['speaker']}") for w in told]
    return Diarised([w | {"speaker": f"{name}{w['speaker']}"} for w in told], Turns(found))


TOLD = [words for _, recordings in CORPORA for words in recordings]


@given(st.integers(0, 300), st.floats(0, 2), st.floats(0, 1))
def test_a_real_first_pass_is_what_the_turns_say(seed, lag, pairs):
    """Its words have the speaker whose turns overlap them, and the truth that they had."""
    rng = np.random.default_rng(seed)
    found = [under(told, "S", lag) for told in TOLD]
    words, true = real_first_pass(found, 60, pairs, RECIPE, rng)
    assert len(words) == len(true) <= 60
    assert all("speaker_scores" not in word for word in words)
    told = next(one for one in found if one.words[0]["session_id"] == words[0]["session_id"])
    assert set(true) | {word["speaker"] for word in words} <= {w["speaker"] for w in told.words}
    assert words == sorted(words, key=lambda word: word["start_time"])
    wrong = sum(word["speaker"] != who for word, who in zip(words, true, strict=True))
    assert wrong <= 0.6 * len(words) if lag < 0.01 else True


def test_real_first_passes_are_a_share_of_a_batch_and_nothing_without_it():
    found = [under(told, "real", 0.3) for told in TOLD]
    recipe = replace(RECIPE, excerpts=20)
    before = batch(CORPORA, encode, recipe, 3, HALVES)
    assert same(before, batch(CORPORA, encode, replace(recipe, real=0.5), 3, HALVES))
    some = batch(CORPORA, encode, replace(recipe, real=0.5), 3, HALVES, found)
    scored = [item.window.features[:, :, 1].any() for item in some]
    assert not same(before, some) and any(scored)
    every = batch(CORPORA, encode, replace(recipe, real=1.0), 3, HALVES, found)
    assert not any(item.window.features[:, :, 1].any() for item in every)


def same(one: list, other: list) -> bool:
    return [item.window.pieces for item in one] == [item.window.pieces for item in other]


def test_an_encoder_without_a_rate_stays_as_it_is(tmp_path, monkeypatch):
    encoder = tiny_encoder()
    before = {name: part.clone() for name, part in encoder.network.state_dict().items()}
    monkeypatch.setattr(ag_lsec, "load_encoder", lambda: encoder)
    train(CORPORA, tmp_path, replace(RECIPE, steps=2, encoder_rate=0.0))
    after = encoder.network.state_dict()
    assert all(torch.equal(part, after[name]) for name, part in before.items())
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["network"]
    assert state["out.weight"].any()


SAID = [
    {"words": text, "speaker": who}
    for text, who in zip(("So", "I", "went.", "Yes", "and", "so"), "AAABAA", strict=True)
]


@given(st.integers(0, 1000), st.booleans())
def test_a_recognisers_marks_leave_the_words(seed, plain):
    true = [word["speaker"] for word in SAID]
    written = punctuated(SAID, true, float(plain), np.random.default_rng(seed))
    bare = [word["words"].strip(".,").lower() for word in SAID]
    assert [word["words"].strip(".,").lower() for word in written] == bare
    if plain:
        assert [word["words"] for word in written] == bare


def test_habits_are_of_the_whole_recording():
    times = {"start_time": 0.0, "end_time": 0.1}
    words = [word | times for word in SAID]
    found = habits(words)
    assert found.punctuated and not habits(words, written=False).punctuated
    assert found.changes == 4 * 2 / 6 and found.islands == 1 / 2 and found.sure == 1.0
    scored = [word | {"speaker_scores": {word["speaker"]: 0.25}} for word in words]
    assert habits(scored).sure == 0.25
    split = [word | times | {"speaker": who} for word, who in zip(SAID, "ABCBAB", strict=True)]
    assert habits(split).partners == {"A": 1.0, "B": 3 / 5, "C": 1.0}
    assert habits(split).shares == {"A": 2 / 6, "B": 3 / 6, "C": 1 / 6}


def test_two_words_of_one_speaker_at_once_are_seen():
    times = [("A", 0.0, 1.0), ("B", 0.5, 1.0), ("A", 2.0, 2.5), ("A", 2.25, 3.25)]
    words = [
        {"session_id": "s", "words": "w", "speaker": who, "start_time": start, "end_time": end}
        for who, start, end in times
    ]
    seen = window(words, ["A", "B"], [[1]] * 4, habits(words), np.zeros((4, 2)))
    assert seen.features[:, :, 18].tolist() == [[0, 1, 0.5, 0.25], [0.5, 0, 0, 0]]


def test_punctuation_is_read_by_those_who_want_it_alone():
    words = [
        {"session_id": "s", "start_time": k * 1.0, "end_time": k + 0.5} | word
        for k, word in enumerate(SAID)
    ]
    plain = [word | {"words": word["words"].lower().strip(".")} for word in words]
    network = tiny_network()

    def read(words, written):
        one = Conversation(words, ["A", "B"])
        lower = [Conversation([w | {"words": w["words"].lower()} for w in words], ["A", "B"])]
        return log_posteriors(network, encode, [one] if written else lower, written=written)[0]

    assert np.array_equal(read(words, False), read(plain, False))
    assert not np.allclose(read(words, True), read(plain, True))


@pytest.mark.slow
def test_it_learns_ten_chunks_by_heart():
    """Text alone gives the speaker away here: the network must come to use it."""
    network = tiny_network()
    recipe = AgLsecRecipe(excerpts=2, windows=5, length=150, hidden=0.0, turns=1.0, spread=2.5)
    examples = batch(CORPORA, encode, recipe, 0, HALVES)
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(120):
        total, words = loss(network, examples)
        losses.append(total.item() / words)
        if losses[-1] < 0.05:
            break
        (total / words).backward()
        optimiser.step()
        optimiser.zero_grad()
    assert losses[-1] < 0.05 < losses[0]


@pytest.mark.slow
def test_a_resumed_run_gives_the_same_curve(tmp_path, monkeypatch):
    monkeypatch.setattr(ag_lsec, "load_encoder", tiny_encoder)

    def losses(folder):
        return [json.loads(line)["loss"] for line in (folder / "log.jsonl").open()]

    train(CORPORA, tmp_path / "whole", RECIPE, checkpoint_every=2)

    class Stop(Exception):
        pass

    def stop(line):
        if line["step"] == 5:
            raise Stop

    with pytest.raises(Stop):
        train(CORPORA, tmp_path / "parts", RECIPE, report=stop, checkpoint_every=2)
    train(CORPORA, tmp_path / "parts", RECIPE, checkpoint_every=2)
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")


def test_what_was_saved_is_what_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(ag_lsec, "load_encoder", tiny_encoder)
    train(CORPORA, tmp_path, RECIPE)
    monkeypatch.setattr(ag_lsec_network, "load_encoder", tiny_encoder)
    loaded, _ = ag_lsec_network.load(tmp_path)
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["network"]
    for name, weight in loaded.state_dict().items():
        assert torch.allclose(weight, state[name], atol=1e-2), name


def test_weights_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(ag_lsec_network.SealError, match="no weights"):
        ag_lsec_network.load(tmp_path)


def test_an_encoder_keeps_its_embeddings():
    encoder = tiny_encoder()
    network = ag_lsec_network.build(encoder)
    frozen = {name for name, weight in network.named_parameters() if not weight.requires_grad}
    assert frozen and all("embeddings" in name for name in frozen)


@pytest.mark.slow
@pytest.mark.parametrize("scored", [True, False], ids=["AG-LSEC", "LSEC"])
def test_ten_windows_can_be_learnt_by_heart(scored):
    turns = 0.0 if scored else 1.0
    recipe = AgLsecRecipe(
        turns=turns, unscored=0.0, winner=0.0, scrambled=0.0, hidden=0.0, length=60
    )
    examples = batch(CORPORA, encode, recipe, 0, HALVES)[:10]
    network = tiny_network()
    optimiser = torch.optim.Adam([w for w in network.parameters() if w.requires_grad], lr=1e-2)
    for _ in range(150):
        total, words = loss(network, examples)
        if total.item() / words < 0.02:
            break
        optimiser.zero_grad()
        (total / words).backward()
        optimiser.step()
    assert total.item() / words < 0.02
