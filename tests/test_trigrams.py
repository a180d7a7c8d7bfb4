"""The trigram model: probabilities, halves that have not read each other, and what fits where."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seal.correctors import trigrams
from seal.correctors.trigrams import EDGE, PAUSE, UNKNOWN, fits
from seal.training.trigrams import counted, half, halves
from seal.words import normalise
from tiny import CORPORA

RECORDINGS = [words for _, recordings in CORPORA for words in recordings]


def spoken(text: str, who: str, start: float = 0.0, step: float = 0.3) -> list[dict]:
    return [
        {
            "session_id": "s",
            "speaker": who,
            "words": word,
            "start_time": start + step * n,
            "end_time": start + step * n + 0.2,
        }
        for n, word in enumerate(text.split())
    ]


TAUGHT = counted(
    [spoken("we could paint the kitchen green", "A")] * 3 + [spoken("no I hate that", "B")] * 3
)


def test_it_is_a_distribution_after_any_two_words():
    model = counted(RECORDINGS)
    size = len(model.single)
    for one, other in ((EDGE, EDGE), (UNKNOWN, 2), (2, 3), (EDGE, 3)):
        every = np.arange(size)
        logs = model.logs(np.full(size, one), np.full(size, other), every)
        # What was seen once is left out and goes to pairs and single words.
        assert np.isclose(np.exp(logs).sum(), 1, atol=1e-3)


def test_a_file_holds_it(tmp_path):
    model = counted(RECORDINGS)
    trigrams.save(model, tmp_path / "trigrams.npz")
    again = trigrams.load(tmp_path / "trigrams.npz")
    assert again.vocabulary == model.vocabulary
    for name in ("keys2", "contexts", "keys3"):
        assert np.array_equal(getattr(again, name), getattr(model, name))
    for name in ("single", "left2", "seen2", "left3", "seen3"):
        assert np.allclose(getattr(again, name), getattr(model, name), atol=1e-3)


def test_two_who_talk_at_once_are_told_apart():
    """Their words stand mixed, each by its time; the sentence that a word betters is its own."""
    mixed = spoken("we could paint the kitchen green", "A") + spoken("no I hate that", "B", 0.15)
    mixed.sort(key=lambda word: word["start_time"])
    true = np.array([word["speaker"] == "B" for word in mixed]).astype(int)
    found = fits(TAUGHT, mixed, ["A", "B"])
    assert (found.argmax(axis=1) == true).all()
    wrong = [dict(word) for word in mixed]
    wrong[4]["speaker"] = "AB"[1 - true[4]]
    assert fits(TAUGHT, wrong, ["A", "B"])[4].argmax() == true[4]


def test_each_half_has_not_read_itself():
    names = [f"talk-{n}" for n in range(40)]
    talks = [
        [w | {"session_id": name} for w in spoken(f"word{n} said", "A")]
        for n, name in enumerate(names)
    ]
    talks = [talk + talk for talk in talks]
    models = halves(talks)
    assert {half(name) for name in names} == {0, 1}
    for n, name in enumerate(names):
        assert f"word{n}" not in models[half(name)].vocabulary
        assert f"word{n}" in models[1 - half(name)].vocabulary


@st.composite
def conversations(draw):
    words, time = [], 0.0
    for _ in range(draw(st.integers(1, 25))):
        time += draw(st.sampled_from([0.0, 0.2, 0.7, 3.0]))
        text = draw(
            st.sampled_from(["we", "could", "paint", "no", "i", "hate", "that", "never", "…"])
        )
        words += spoken(text, draw(st.sampled_from("ABC")), time)
    return words


@settings(max_examples=100, deadline=None)
@given(conversations())
def test_it_is_what_a_plain_loop_finds(words):
    names = ["A", "B", "C"]
    found = fits(TAUGHT, words, names)
    for index in range(len(words)):
        for column, name in enumerate(names):
            assert np.isclose(found[index, column], plainly(words, index, name), atol=1e-3)


def plainly(words: list[dict], index: int, name: str) -> float:
    """The nats that the word adds to the speaker's utterance, by looking at it with and without."""

    def number(word: dict) -> int:
        return TAUGHT.vocabulary.get(normalise(word["words"]), UNKNOWN)

    def log(*three: int) -> float:
        return float(TAUGHT.logs(*(np.array([one]) for one in three))[0])

    def near(one: dict, other: dict) -> bool:
        return bool(other["start_time"] - one["end_time"] <= PAUSE)

    before = [w for w in words[:index] if w["speaker"] == name][-2:]
    after = [w for w in words[index + 1 :] if w["speaker"] == name][:2]
    word = words[index]
    left = [EDGE, EDGE]
    for one, other in zip(reversed(before), [word, *reversed(before)], strict=False):
        if not near(one, other):
            break
        left = [*left, 0][: len(left)]
        left = [left[1], number(one)] if left == [EDGE, EDGE] else [number(one), left[1]]
    right: list[int] = []
    for one, other in zip(after, [word, *after], strict=False):
        if not near(other, one):
            break
        right.append(number(one))
    two, one = left
    following = right[0] if right else EDGE
    having = log(two, one, number(word)) + log(one, number(word), following)
    if len(right) > 1:
        having += log(number(word), right[0], right[1])
    if before and after and near(before[-1], after[0]):
        lacking = log(two, one, following)
        lacking += log(one, right[0], right[1]) if len(right) > 1 else 0.0
    else:
        lacking = log(two, one, EDGE) if one != EDGE else 0.0
        if right:
            lacking += log(EDGE, EDGE, right[0])
        if len(right) > 1:
            lacking += log(EDGE, right[0], right[1])
    return float(np.clip(having - lacking, -trigrams.MOST, trigrams.MOST))
