"""Correction on every path: the same words come back, with speakers of the recording."""

import copy
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seal import correction
from seal.correction import correct
from seal.correctors import ag_lsec_network, best, cbs, hearing, voice
from seal.correctors import seal as seal_system
from seal.errors import SealError
from seal.words import REASONS, Conversation
from tiny import tiny_model, tiny_network, tiny_pieces

NAMES = ["Ann", "B", "spk:3", "Zoë", "5", "f", "g", "h"]


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    monkeypatch.setattr(seal_system, "load_corrector", lambda *_: (tiny_model(1), {}))
    monkeypatch.setattr(cbs, "_model", lambda *_: tiny_model(1))
    monkeypatch.setattr(ag_lsec_network, "load", lambda *_: (tiny_network(), tiny_pieces))
    monkeypatch.setattr(best, "why_unread", lambda _: None)  # these words are no English
    for corrector in (voice, hearing):
        monkeypatch.setattr(corrector, "recording_of", lambda *_: None)
    for corrector, name in ((voice, "embed_spans"), (hearing, "embed")):
        monkeypatch.setattr(corrector, name, lambda _, heard, *__: voices_of(len(heard)))
    monkeypatch.setattr(correction, "with_scores", lambda words, *_: words)


def voices_of(count):
    return np.random.default_rng(count).normal(size=(count, 8)).astype(np.float32)


@st.composite
def transcripts(draw, most=25):
    names = NAMES[: draw(st.integers(1, 8))]
    words, time = [], 0.0
    for _ in range(draw(st.integers(0, most))):
        time += draw(st.sampled_from([0.0, 0.1, 0.25]))
        word = {
            "session_id": draw(st.sampled_from(["one", "two"])),
            "speaker": draw(st.sampled_from(names)),
            "words": draw(
                st.one_of(st.text(max_size=8), st.sampled_from(["🎉", "—", "", "x" * 200]))
            ),
            "start_time": time,
            "end_time": time,
        }
        if draw(st.booleans()):
            word["speaker_scores"] = {
                name: draw(st.floats(0, 1)) for name in draw(st.sets(st.sampled_from(names)))
            }
        if draw(st.booleans()):
            word["note"] = draw(st.sampled_from([None, [1, 2.50], {"a": "é"}, "…"]))
        words.append(word)
    return words


OPTIONS = [
    {"corrector": "best"},
    {"corrector": "best", "decode": "algorithm1"},
    {"corrector": "ag-lsec"},
    {"corrector": "cbs"},
    {"corrector": "hmm"},
    {"corrector": "best", "audio": "."},
    {"corrector": "voice", "audio": "."},
    {"corrector": "best", "audio": ".", "explain": True},
    {"corrector": "hmm", "explain": True},
] + [
    {"corrector": "seal", "format": format, "condition": condition, "decode": decode}
    for format, condition, decode in itertools.product(
        ("turn", "word"), ("none", "prob", "int", "label"), ("fast", "algorithm1", "tpst")
    )
]


@settings(max_examples=60, deadline=None)
@given(transcripts(), st.sampled_from(OPTIONS), st.sampled_from([None, 0.0, 1.0]))
def test_words_order_times_and_unknown_keys_are_kept(words, options, margin):
    if options.get("decode", "fast") != "fast":
        words = words[:6]
    before = copy.deepcopy(words)
    after = correct(words, margin=margin, **options)
    assert words == before, "the input was touched"
    added = {"first_pass_speaker", "speaker_confidence", *["decided_by"] * ("explain" in options)}
    assert len(after) == len(before)
    for old, new in zip(before, after, strict=True):
        assert {k: v for k, v in new.items() if k not in added} | {"speaker": old["speaker"]} == old
        assert list(new)[: len(old)] == list(old)
        assert new["first_pass_speaker"] == old["speaker"]
        assert 0 <= new["speaker_confidence"] <= 1
        recording = [w for w in before if w["session_id"] == old["session_id"]]
        allowed = {w["speaker"] for w in recording} | {
            s for w in recording for s in w.get("speaker_scores") or {}
        }
        assert new["speaker"] in allowed


@settings(max_examples=25, deadline=None)
@given(transcripts(), st.sampled_from(OPTIONS[:9]))
def test_what_spoke_for_a_change_is_told_where_it_is_asked_for(words, options):
    """In changed words and in no others; and it goes with the next correction."""
    plain = correct(words, **options | {"explain": False})
    told = correct(words, **options | {"explain": True})
    assert [{k: v for k, v in word.items() if k != "decided_by"} for word in told] == plain
    for word in told:
        changed = word["speaker"] != word["first_pass_speaker"]
        assert bool(word.get("decided_by")) == ("decided_by" in word) == changed
        assert set(word.get("decided_by", [])) <= set(REASONS)
    assert correct(told, **options | {"explain": False}) == plain


def test_a_key_of_the_same_name_that_is_not_ours_is_kept():
    words = [
        {"session_id": "a", "speaker": "AB"[n % 2], "words": "yes", "start_time": n}
        | {"end_time": n + 1, "decided_by": ["a committee", {"text": 1}][n % 2]}
        for n in range(6)
    ]
    after = correct(words, corrector="hmm")
    assert [word["decided_by"] for word in after] == [word["decided_by"] for word in words]


def test_the_reasons_are_what_each_adds():
    """B by the text against the scores, B by the scores, B by the voice against the text, and B on
    the path alone."""
    scores = [{"A": 0.9, "B": 0.1}, {"A": 0.2, "B": 0.8}, {"A": 0.6, "B": 0.4}, {}]
    words = [
        {"session_id": "a", "speaker": "A", "words": "yes", "start_time": n, "end_time": n + 1}
        | ({"speaker_scores": row} if row else {})
        for n, row in enumerate(scores)
    ]
    told = Conversation(words, ["A", "B"])
    text = np.log([[0.2, 0.8], [0.15, 0.85], [0.9, 0.1], [0.55, 0.45]])
    both = np.log([[0.2, 0.8], [0.15, 0.85], [0.1, 0.9], [0.55, 0.45]])
    chosen = np.ones(4, dtype=int)
    assert best._reasons(told, chosen, text, None) == [
        ["text"],
        ["scores", "text"],
        ["scores"],
        ["text"],
    ]
    assert best._reasons(told, chosen, text, both)[2] == ["voice"]
    assert best._reasons(told, np.zeros(4, dtype=int), text, both) == [[]] * 4


READING = [{"corrector": "best"}, {"corrector": "ag-lsec"}, {"corrector": "seal", "margin": 0.0}]


@settings(max_examples=30, deadline=None)
@given(transcripts(most=90), st.sampled_from(READING))
def test_conversations_of_a_file_do_not_meet(words, options):
    """Two sessions in one file, which share passes, give what each gives alone."""
    together = correct(words, **options)
    for session in ("one", "two"):
        alone = [word for word in words if word["session_id"] == session]
        same([w for w in together if w["session_id"] == session], correct(alone, **options))


@settings(max_examples=20, deadline=None)
@given(st.lists(transcripts(most=40), max_size=4), st.sampled_from(READING))
def test_transcripts_together_are_as_each_alone(given, options):
    before = copy.deepcopy(given)
    together = correction.correct_many(given, **options)
    assert given == before, "the input was touched"
    assert len(together) == len(given)
    for answer, words in zip(together, given, strict=True):
        same(answer, correct(words, **options))


def same(one, other):
    """But for the last digit of a confidence: sums depend on what is added up together."""
    assert [w | {"speaker_confidence": 0} for w in one] == [
        w | {"speaker_confidence": 0} for w in other
    ]
    confidences = [[word["speaker_confidence"] for word in words] for words in (one, other)]
    assert np.allclose(*confidences, atol=2e-4)


def test_progress_goes_from_nothing_to_all_over_all_conversations():
    words = [
        {"session_id": str(n // 6), "speaker": "AB"[n % 2], "words": "yes", "start_time": n / 4}
        | {"end_time": n / 4}
        for n in range(30)
    ]
    for options in OPTIONS[:9]:
        told = []
        correct(words, progress=lambda stage, share, told=told: told.append(share), **options)
        assert told == sorted(told) and told[0] >= 0 and told[-1] == 1.0, options


@settings(max_examples=10, deadline=None)
@given(transcripts(), st.sampled_from(OPTIONS))
def test_correcting_twice_is_correcting_once(words, options):
    once = correct(words, **options)
    assert correct(once, **options) == once
    other = correct(words, corrector="hmm", margin=0.0)
    assert correct(other, **options) == once


@settings(max_examples=10, deadline=None)
@given(transcripts(), st.sampled_from(OPTIONS), st.data())
def test_what_a_person_has_decided_stays(words, options, data):
    decided = [
        word | {"reviewed": True, "speaker": data.draw(st.sampled_from(NAMES))}
        if data.draw(st.booleans())
        else word
        for word in correct(words, corrector="hmm", margin=0.0)
    ]
    for before, after in zip(decided, correct(decided, **options), strict=True):
        assert after["first_pass_speaker"] == before["first_pass_speaker"]
        if before.get("reviewed"):
            assert after == before


def test_a_first_pass_speaker_of_another_kind_is_refused():
    word = {"session_id": "s", "speaker": "A", "words": "a", "start_time": 0.0, "end_time": 1.0}
    with pytest.raises(SealError, match="entry 2: 'first_pass_speaker'"):
        correct([word, word | {"first_pass_speaker": None, "speaker": "B"}])


@settings(max_examples=20, deadline=None)
@given(transcripts(most=80), st.permutations(NAMES))
def test_renaming_the_speakers_renames_the_answer(words, names):
    """Speakers are named by order of appearance: what they are called elsewhere does not matter."""
    new = dict(zip(NAMES, names, strict=True))

    def rename(word):
        word = word | {"speaker": new[word["speaker"]]}
        for key in ("speaker_scores",):
            if word.get(key) is not None:
                word[key] = {new[name]: score for name, score in word[key].items()}
        if "first_pass_speaker" in word:
            word["first_pass_speaker"] = new[word["first_pass_speaker"]]
        return word

    assert correct([rename(word) for word in words]) == [rename(word) for word in correct(words)]


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(transcripts(most=40), st.sampled_from([0.3, 1.0]), st.sampled_from([0.0, 1.0]))
def test_fast_and_algorithm_1_agree_beside_the_encoder(words, weight, margin):
    margins = {"scores": margin, "no_scores": margin}
    own = best.settings() | {"weight": weight, "margins": margins, "reach": 1e9}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(best, "settings", lambda: own)
        slow = correct(words, corrector="best", decode="algorithm1")
        assert correct(words, corrector="best") == slow


def test_other_choices_of_the_papers_are_the_papers_system():
    """What the default was not tuned with is SEAL alone, and best says that it cannot."""
    words = [word("AB"[i % 3 == 0], f"w{i}", i / 5) for i in range(30)]
    for options in ({"format": "turn"}, {"condition": "none"}, {"decode": "tpst"}):
        assert correct(words, **options) == correct(words, corrector="seal", **options)
        with pytest.raises(SealError, match="corrector"):
            correct(words, corrector="best", **options)


def test_the_hmm_takes_back_a_lone_doubtful_word():
    scores = [0.9] * 5 + [0.4] + [0.9] * 5 + [0.1] * 6
    words = [
        word("A" if score > 0.5 else "B", start=i / 2, speaker_scores={"A": score, "B": 1 - score})
        for i, score in enumerate(scores)
    ]
    found = "".join(w["speaker"] for w in correct(words, corrector="hmm"))
    assert found == "A" * 11 + "B" * 6


def word(speaker="A", text="yes", start=0.0, **more):
    return {
        "session_id": "s",
        "speaker": speaker,
        "words": text,
        "start_time": start,
        "end_time": start + 0.1,
    } | more


def test_a_large_margin_changes_nothing():
    words = [word("AB"[i % 2], f"w{i}", i / 5) for i in range(150)]
    assert [w["speaker"] for w in correct(words, margin=1e9)] == [w["speaker"] for w in words]


def test_a_speaker_may_occur_in_the_scores_alone():
    words = [word("A", f"w{i}", i / 5, speaker_scores={"A": 0.2, "C": 0.8}) for i in range(40)]
    assert {w["speaker"] for w in correct(words, corrector="seal")} == {"A", "C"}


def test_one_speaker_needs_no_model(monkeypatch):
    monkeypatch.setattr(seal_system, "load_corrector", lambda *_: pytest.fail("model was loaded"))
    monkeypatch.setattr(cbs, "_model", lambda *_: tiny_model(1))
    monkeypatch.setattr(ag_lsec_network, "load", lambda *_: pytest.fail("encoder was loaded"))
    assert correct([]) == []
    assert correct([word()])[0]["speaker_confidence"] == 1.0


def test_more_speakers_than_names():
    words = [word(f"s{i % 40}", f"w{i}", i / 5) for i in range(120)]
    assert len(correct(words)) == 120


@pytest.mark.parametrize(
    "options",
    [{"format": "line"}, {"corrector": "x"}, {"condition": "x"}, {"decode": "beam"},
     {"margin": -1.0}, {"margin": float("nan")}, {"thresholds": (0.9, 0.1)}],
)  # fmt: skip
def test_unknown_options_are_refused_in_one_line(options):
    with pytest.raises(SealError) as error:
        correct([word()], **options)
    assert "\n" not in str(error.value)


def test_progress_reaches_the_end():
    seen = []
    correct(
        [word("AB"[i % 3 == 0], start=i / 2) for i in range(130)],
        progress=lambda stage, share: seen.append((stage, share)),
    )
    assert seen == sorted(seen)
    assert seen[-1] == ("correction", 1.0)
