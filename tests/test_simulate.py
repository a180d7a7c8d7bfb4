"""The simulated first pass: words of the reference, in time order, with a true speaker each."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seal.training.diarise import SECOND, Diarizer, diarised, draw_diarizer
from seal.training.simulate import Severity, draw_severity, simulate
from seal.words import check

QUIET = Severity(0, 0, 0.05, 6.0, 0.1, 0, 0, 0, 0, 0, 0, 0)


def conversation(turns):
    words, time = [], 0.0
    for speaker, length in turns:
        for number in range(length):
            words.append(
                {
                    "session_id": "s",
                    "speaker": speaker,
                    "words": f"w{number}",
                    "start_time": time,
                    "end_time": time + 0.3,
                }
            )
            time += 0.3
        time += 0.5
    return words


turns = st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(1, 8)), max_size=12)


@settings(max_examples=40, deadline=None)
@given(turns, st.integers(0, 10**6), st.sampled_from([1.0, 2.5]))
def test_a_transcript_in_the_contract_s_format_with_the_truth_beside_it(turns, seed, scale):
    reference = conversation(turns)
    rng = np.random.default_rng(seed)
    transcript, truth = simulate(reference, draw_severity(rng, scale), rng)
    check(transcript)
    assert len(transcript) == len(truth) <= len(reference)
    assert [w["start_time"] for w in transcript] == sorted(w["start_time"] for w in transcript)
    names = {word["speaker"] for word in reference}
    for word, true in zip(transcript, truth, strict=True):
        assert {word["speaker"], true} <= names == set(word["speaker_scores"])
        assert word["speaker_scores"][word["speaker"]] == max(word["speaker_scores"].values())
    again = np.random.default_rng(seed)
    assert simulate(reference, draw_severity(again, scale), again) == (transcript, truth)


CLEAR = Diarizer(0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0)


@settings(max_examples=40, deadline=None)
@given(turns, st.integers(0, 10**6), st.sampled_from([1.0, 2.5]))
def test_turns_give_every_word_a_name_of_the_conversation_and_no_scores(turns, seed, scale):
    reference = conversation(turns)
    rng = np.random.default_rng(seed)
    drawn = draw_severity(rng, scale), draw_diarizer(rng, scale)
    words, truth = diarised(reference, *drawn, rng)
    check(words)
    assert len(words) == len(truth) <= len(reference)
    assert [w["start_time"] for w in words] == sorted(w["start_time"] for w in words)
    names = {word["speaker"] for word in reference}
    given = {word["speaker"] for word in words}
    assert len(given - names) <= 1  # one voice at most has a second name
    assert {name.removesuffix(SECOND) for name in given | set(truth)} <= names
    assert not any("speaker_scores" in word for word in words)


def test_a_diarizer_without_faults_is_right():
    reference = conversation([("A", 6), ("B", 3), ("A", 4), ("C", 5)])
    words, truth = diarised(reference, QUIET, CLEAR, np.random.default_rng(0))
    assert [word["speaker"] for word in words] == truth


@pytest.mark.parametrize("seed", range(6))
def test_a_voice_of_two_names_is_called_by_the_one_that_says_more(seed):
    reference = conversation([("A", 6), ("B", 3)] * 20)
    words, truth = diarised(reference, QUIET, replace(CLEAR, split=1), np.random.default_rng(seed))
    second = next(w["speaker"] for w in words if w["speaker"].endswith(SECOND))
    name = second.removesuffix(SECOND)
    given = Counter(word["speaker"] for word in words)
    (called,) = {who for who in truth if who.startswith(name)}
    assert given[called] == max(given[name], given[second])
    wrong = sum(word["speaker"] != who for word, who in zip(words, truth, strict=True))
    assert wrong == min(given[name], given[second])


def test_what_a_diarizer_never_hears_goes_to_the_others():
    reference = conversation([("A", 6), ("B", 1), ("A", 6)] * 10)
    deaf = replace(CLEAR, shortest=0.5, bridge=1.0)
    words, truth = diarised(reference, QUIET, deaf, np.random.default_rng(0))
    missed = sum(word["speaker"] != who for word, who in zip(words, truth, strict=True))
    assert 5 <= missed <= truth.count("B") == 10


def test_a_clear_first_pass_is_right():
    reference = conversation([("A", 6), ("B", 3), ("A", 4), ("C", 5)])
    transcript, truth = simulate(reference, QUIET, np.random.default_rng(0))
    assert len(transcript) == len(reference)
    assert [word["speaker"] for word in transcript] == truth


def test_a_heavier_severity_makes_more_mistakes():
    reference = conversation([("AB"[i % 2], 1 + i % 7) for i in range(60)])

    def wrong(scale):
        rng = np.random.default_rng(1)
        pairs = [simulate(reference, draw_severity(rng, scale), rng) for _ in range(20)]
        return sum(
            w["speaker"] != t for words, truth in pairs for w, t in zip(words, truth, strict=True)
        )

    assert wrong(2.5) > 1.2 * wrong(1.0) > 0
