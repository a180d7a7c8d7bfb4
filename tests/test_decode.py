"""Decoding keeps its promises: `fast` is Algorithm 1, and words are never the model's to choose."""

import math
from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seal.llm.decode import TIE_NATS, posteriors_of
from seal.llm.decode.algorithm1 import algorithm1
from seal.llm.decode.fast import decode_many, fast
from seal.llm.decode.tpst import generate, tpst
from seal.llm.prompt import build, word_tokens
from tiny import encode, tiny_model


@st.composite
def prompts(draw, most_words=14):
    """A random chunk: 1 to 8 speakers, words of 1 to 6 tokens, any draft, margins or none."""
    count = draw(st.integers(1, 8))
    texts = draw(
        st.lists(st.text("abcxyz'7é", min_size=1, max_size=5), min_size=1, max_size=most_words)
    )
    words = [word_tokens(text, encode)[: draw(st.integers(1, 6))] for text in texts]
    speakers = [draw(st.integers(0, count - 1)) for _ in words]
    acoustic = [draw(st.sampled_from(["", "Low", "Med", "High", "7", "0.93"])) for _ in words]
    margin = st.sampled_from([0.0, 0.0, 0.5, 2.0])
    margins = [[draw(margin) for _ in range(count)] for _ in words]
    format = draw(st.sampled_from(["turn", "word"]))
    return build(words, acoustic, speakers, count, encode, format), margins


@st.composite
def chunks(draw, most_words=14):
    """A random chunk, and a random model."""
    return *draw(prompts(most_words)), tiny_model(draw(st.integers(0, 5)))


@settings(max_examples=60, deadline=None)
@given(chunks())
def test_fast_is_algorithm_1(case):
    prompt, margins, model = case
    slow, quick = algorithm1(model, prompt, margins), fast(model, prompt, margins)
    assert quick.speakers == slow.speakers
    for mine, theirs in zip(quick.posteriors, slow.posteriors, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-6)
    assert quick.passes <= len(prompt.words)


@settings(max_examples=30, deadline=None)
@given(chunks(), st.data())
def test_what_is_said_of_the_first_words_does_not_depend_on_the_rest(case, data):
    prompt, margins, model = case
    count = data.draw(st.integers(1, len(prompt.words)))
    for decode in (algorithm1, fast):
        whole = decode(model, prompt, margins)
        first = decode(model, prompt.up_to(count), margins[:count])
        assert first.speakers == whole.speakers[:count]
        for mine, theirs in zip(first.posteriors, whole.posteriors, strict=False):
            assert mine == pytest.approx(theirs, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.lists(prompts(8), max_size=6), st.integers(0, 5), st.integers(1, 400), st.integers(2, 4))
def test_chunks_that_are_read_together_are_decoded_as_if_alone(asked, seed, max_tokens, ahead):
    """Whatever stands beside a chunk in a pass, however many tokens a pass takes, and however far
    it looks ahead."""
    model = tiny_model(seed)
    with patch("seal.llm.decode.fast.MIN_LOOKAHEAD_WORDS", ahead):
        together = list(decode_many(model, iter(asked), max_tokens))
    assert len(together) == len(asked)
    for (prompt, margins), answer in zip(asked, together, strict=True):
        alone = algorithm1(model, prompt, margins)
        assert answer.speakers == alone.speakers
        for mine, theirs in zip(answer.posteriors, alone.posteriors, strict=True):
            assert mine == pytest.approx(theirs, abs=1e-6)


def test_chunks_are_taken_as_they_are_needed():
    """The first answer comes before the last chunk is asked for: memory stays the same."""
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield (
                build([word_tokens("so", encode)] * 3, [""] * 3, [0] * 3, 2, encode),
                [[0.0] * 2] * 3,
            )

    answers = decode_many(tiny_model(), endless(), max_tokens=100)
    for _ in range(5):
        next(answers)
    assert len(taken) < 20


@settings(max_examples=30, deadline=None)
@given(chunks())
def test_the_answer_is_the_greedy_one(case):
    """The answer is a fixed point: under its own labels every choice is the best allowed one."""
    prompt, margins, model = case
    answer = fast(model, prompt, margins)
    again = posteriors_of(model, prompt, answer.speakers)
    for word, row in enumerate(again):
        draft = prompt.draft[word]
        gains = [
            math.log(share / row[draft]) - (max(margin, TIE_NATS) if speaker != draft else 0.0)
            for speaker, (share, margin) in enumerate(zip(row, margins[word], strict=True))
        ]
        assert gains[answer.speakers[word]] >= max(gains) - 1e-6


def test_few_passes_on_a_draft_that_the_model_likes():
    """Where the model agrees with the draft, one pass is enough."""
    model = tiny_model()
    words = [word_tokens(text, encode) for text in ["so", "it", "goes", *["on", "and"] * 2, "on"]]
    first = fast(
        model, build(words, [""] * len(words), [0] * len(words), 2, encode), [[50.0] * 2] * 8
    )
    assert first.speakers == [0] * len(words)
    assert first.passes == 1


@settings(max_examples=15, deadline=None)
@given(chunks(most_words=6))
def test_tpst_gives_one_speaker_of_the_chunk_per_word(case):
    prompt, margins, model = case
    answer = tpst(model, prompt, margins)
    assert len(answer.speakers) == len(prompt.words)
    assert set(answer.speakers) <= set(range(len(prompt.labels)))


@settings(max_examples=30, deadline=None)
@given(chunks(most_words=6), st.integers(1, 30))
def test_reading_the_draft_along_changes_nothing_that_is_written(case, ahead):
    prompt, _, model = case
    assert generate(model, prompt, ahead)[0] == generate(model, prompt, 0)[0]


class Scribe:
    """A model that writes a given text, whatever it reads, and then ends."""

    eos = 256

    def __init__(self, prompt, text):
        self.all = [*prompt.tokens, *text, self.eos]

    def context(self):
        return Reader(self.all)


class Reader:
    def __init__(self, all_tokens):
        self.all, self.length = all_tokens, 0

    def feed(self, tokens, logit_indices):
        following = [self.length + index + 1 for index in logit_indices]
        self.length += len(tokens)
        rows = torch.zeros(len(logit_indices), 257)
        for row, index in enumerate(following):
            rows[row, self.all[min(index, len(self.all) - 1)]] = 1.0
        return rows

    def truncate(self, length):
        self.length = length


@settings(max_examples=40, deadline=None)
@given(chunks(), st.data())
def test_an_answer_like_the_draft_is_written_in_few_passes(case, data):
    """As many passes as labels differ, and one for every LOOKAHEAD_TOKENS."""
    prompt, _, _ = case
    count = len(prompt.labels)
    speakers = list(prompt.draft)
    word = data.draw(st.integers(0, len(speakers) - 1))
    speakers[word] = data.draw(st.integers(0, count - 1))
    text, _ = prompt.answer(speakers)
    written, passes = generate(Scribe(prompt, text), prompt)
    assert written == text
    if not prompt.turn:
        assert passes <= 3 + len(text) // 24


@settings(max_examples=60, deadline=None)
@given(chunks(), st.data())
def test_the_answer_holds_the_words_and_nothing_else(case, data):
    """Whatever the labels: taking the labels out of an answer leaves the words, in order."""
    prompt, _, _ = case
    count = len(prompt.labels)
    speakers = [data.draw(st.integers(0, count - 1)) for _ in prompt.words]
    tokens, slots = prompt.answer(speakers)
    left, previous = list(tokens), None
    for slot, speaker in reversed(
        [(s, k) for s, k, p in zip(slots, speakers, [None, *speakers], strict=False)
         if not (prompt.turn and k == p)]
    ):  # fmt: skip
        assert left.pop(slot) == prompt.labels[speaker]
    assert left == [token for word in prompt.words for token in word]
    for word, slot in enumerate(slots):
        assert tokens[slot] == prompt.allowed_tokens(word, previous)[speakers[word]]
        previous = speakers[word]
