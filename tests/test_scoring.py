"""`score` equals meeteval, does not care for speakers' names, and adds up to a micro average."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seal import scoring
from seal.errors import SealError
from seal.scoring import Score, alignment, score
from seal.unspaced import Unit
from seal.words import Word, read, write

meeteval_wer = pytest.importorskip("meeteval.wer")

# Few words and times, so that matches, repeats, ties and overlaps are common.
VOCABULARY = [
    "yes",
    "no",
    "the",
    "a",
    "well-known",
    "Don’t",
    "?",
    "Right,",
    "émile",
    "3.5",
    "35",
    "की",
    "का,",
    "มา\u00a0มี",
    "你好，",
    "好ok",
    "🙂",
    "",
    "\ud800",
]


def transcripts(session_id: str = "call", most_speakers: int = 4) -> st.SearchStrategy[list[Word]]:
    word = st.builds(
        lambda speaker, text, start, length: {
            "session_id": session_id,
            "speaker": f"speaker {speaker}",
            "words": text,
            "start_time": start,
            "end_time": start + length,
        },
        st.integers(0, most_speakers - 1),
        st.sampled_from(VOCABULARY),
        st.integers(0, 20).map(lambda tick: tick / 4),
        st.sampled_from([0.0, 0.3]),
    )
    return st.lists(word, max_size=15)


def tokens(words: list[Word], unit: str = "auto") -> list[tuple[str, str]]:
    """An independent writing of the normalisation, for this vocabulary only."""
    spelled = {"well-known": "well known", "Don’t": "don't", "Right,": "right", "का,": "का"}
    spelled |= {"你好，": "你好"}
    if unit == "auto":
        spelled |= {"你好，": "你 好", "好ok": "好 ok", "มา\u00a0มี": "ม า ม ี"}
    for silent in ("?", "🙂", "", "\ud800"):
        spelled[silent] = ""
    ordered = sorted(words, key=lambda word: word["start_time"])
    return [
        (piece, word["speaker"])
        for word in ordered
        for text in spelled.get(word["words"], word["words"]).split()
        for piece in (text if unit == "character" else [text])
    ]


@settings(deadline=None, max_examples=150)
@given(
    transcripts(most_speakers=3),
    transcripts(most_speakers=5),
    st.sampled_from(["auto", "word", "character"]),
)
def test_equals_meeteval(reference: list[Word], hypothesis: list[Word], unit: Unit) -> None:
    ours = score(reference, hypothesis, unit=unit)
    sides = []
    for side in (tokens(reference, unit), tokens(hypothesis, unit)):
        speakers = {speaker for _, speaker in side} | {"never speaks"}
        sides.append({s: " ".join(w for w, who in side if who == s) for s in sorted(speakers)})
    theirs = meeteval_wer.cp_word_error_rate(*sides, reference_sort=False, hypothesis_sort=False)
    assert (ours.cp_errors, ours.words) == (theirs.errors, theirs.length)
    texts = [" ".join(w for w, _ in tokens(side, unit)) for side in (reference, hypothesis)]
    assert ours.errors == meeteval_wer.siso_word_error_rate(*texts).errors
    assert 0 <= ours.misattributed <= ours.aligned <= ours.words


@settings(deadline=None, max_examples=60)
@given(transcripts(), st.lists(st.booleans(), min_size=15, max_size=15), transcripts())
def test_how_a_tool_cuts_a_script_without_spaces_does_not_matter(
    drawn: list[Word], cut: list[bool], hypothesis: list[Word]
) -> None:
    """Sentences, words or characters: the same are counted, each with its speaker."""
    reference = [one | {"words": "".join("你好吗我是"[: 1 + i % 5])} for i, one in enumerate(drawn)]
    parted = [
        one | {"words": part}
        for one, apart in zip(reference, cut, strict=False)
        for part in (one["words"] if apart else [one["words"]])
    ]
    assert score(parted, hypothesis) == score(reference, hypothesis)
    assert score(parted, hypothesis).characters == sum(len(one["words"]) for one in parted)
    assert score(reference, parted).cp_errors == 0


@settings(deadline=None, max_examples=60)
@given(transcripts(), transcripts(), st.permutations(["x", "speaker 0", "y", "z"]))
def test_names_of_speakers_do_not_matter(
    reference: list[Word], hypothesis: list[Word], names: list[str]
) -> None:
    renamed = [{**w, "speaker": names[int(w["speaker"][-1])]} for w in hypothesis]
    assert score(reference, renamed) == score(reference, hypothesis)


@settings(deadline=None, max_examples=60)
@given(transcripts("one"), transcripts("one"), transcripts("two"), transcripts("two"))
def test_files_add_up(ref1: list[Word], hyp1: list[Word], ref2: list[Word], hyp2: list[Word]):
    summed = score(ref1, hyp1) + score(ref2, hyp2)
    # A side without any word of a session is no partner to it within one file.
    if bool(ref1) == bool(hyp1) and bool(ref2) == bool(hyp2):
        assert score(ref1 + ref2, hyp2 + hyp1) == summed
    if summed.words:
        assert summed.wer == summed.errors / summed.words
        assert summed.delta_cp == pytest.approx(summed.cpwer - summed.wer)


@settings(deadline=None, max_examples=60)
@given(transcripts())
def test_identity_is_faultless(words: list[Word]) -> None:
    same = score(words, words)
    assert (same.wer, same.cpwer, same.delta_cp, same.wder) == (0, 0, 0, 0)


def word(speaker: str, text: str, start: float, session_id: str = "call") -> Word:
    return {
        "session_id": session_id,
        "speaker": speaker,
        "words": text,
        "start_time": start,
        "end_time": start + 0.5,
    }


def test_wder_counts_the_wrong_speakers_of_aligned_words() -> None:
    reference = [word("A" if i < 6 else "B", f"w{i}", i) for i in range(10)]
    # One word of B's is given to A's counterpart, one is misheard, one is lost, one is made up.
    hypothesis = [word("1" if i < 7 else "2", f"w{i}", i) for i in range(9)]
    hypothesis[1]["words"] = "misheard"
    hypothesis.append(word("2", "extra", 20))
    hypothesis.append(word("1", "more", 21))
    result = score(reference, hypothesis)
    assert (result.words, result.errors) == (10, 3)  # misheard, extra for w9, more
    assert (result.aligned, result.misattributed) == (10, 1)
    assert result.wder == 0.1


def test_merging_two_speakers_costs_the_smaller_one() -> None:
    reference = [word("A", "a", 0), word("A", "b", 1), word("A", "c", 2), word("B", "d", 3)]
    merged = [{**w, "speaker": "X"} for w in reference]
    result = score(reference, merged)
    assert (result.wer, result.cpwer, result.wder) == (0, 2 / 4, 1 / 4)


def test_segments_of_a_reference_may_be_whole_turns() -> None:
    turns = [word("A", "Well, hello there!", 0), word("B", "hi", 2)]
    words = [word("1", t, i / 2) for i, t in enumerate(["well", "hello", "there"])]
    result = score(turns, [*words, word("2", "Hi.", 2)])
    assert result == Score(words=4, aligned=4)


def test_silence_on_one_side() -> None:
    words = [word("A", "two words", 0), word("B", "...", 1)]
    assert score(words, []) == Score(words=2, errors=2, cp_errors=2)
    assert score([], words) == Score(words=0, errors=2, cp_errors=2)
    assert score([], []).wer == 0
    assert score([], words).cpwer == float("inf")


def test_a_session_without_its_partner_is_named() -> None:
    both = [word("A", "x", 0, "first")]
    with pytest.raises(SealError, match="'second' is in the reference but not in the hypothesis"):
        score([*both, word("A", "y", 0, "second")], both)
    with pytest.raises(SealError, match="'second' is in the hypothesis but not in the reference"):
        score(both, [*both, word("A", "y", 0, "second")])


def test_too_many_speakers_are_refused_in_one_line() -> None:
    crowd = [word(f"s{i}", "x", i) for i in range(21)]
    with pytest.raises(SealError, match="21 speakers in the reference"):
        score(crowd, crowd[:3])


def test_meetevals_own_command_runs_and_counts_the_same_words(tmp_path: Path) -> None:
    pytest.importorskip("simplejson", reason="set up before it was required")
    said = [word("A", "hello", 0), word("A", "की", 1), word("B", "3.5", 2), word("B", "yes", 3)]
    for name, spoken in (("ref", said), ("hyp", [*said[:3], word("A", "no", 3)])):
        write(spoken, tmp_path / f"{name}.json")
    files = ["-r", tmp_path / "ref.json", "-h", tmp_path / "hyp.json"]
    out = ["--average-out", tmp_path / "average.json", "--per-reco-out", tmp_path / "each.json"]
    command = [sys.executable, "-m", "meeteval.wer", "cpwer", *files, *out]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    counted = json.loads((tmp_path / "average.json").read_text())
    ours = score(read(tmp_path / "ref.json"), read(tmp_path / "hyp.json"))
    assert (counted["errors"], counted["length"]) == (ours.cp_errors, ours.words) == (2, 4)


# --- long transcripts -------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(*[st.lists(st.sampled_from("abcd"), max_size=40)] * 2, st.integers(1, 60))
def test_an_alignment_in_parts_has_as_few_errors(left: list[str], right: list[str], cells: int):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "MAX_CELLS", 0)
        patch.setattr(alignment, "PART_CELLS", cells)
        pairs = list(alignment.aligned_pairs(left, right))
    for side, words in enumerate((left, right)):
        assert [p[side] for p in pairs if p[side] is not None] == list(range(len(words)))
    errors = sum(a is None or b is None or left[a] != right[b] for a, b in pairs)
    assert errors == meeteval_wer.siso_word_error_rate(" ".join(left), " ".join(right)).errors


def test_the_tables_of_an_alignment_do_not_grow_with_the_transcript(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = []

    def watched(left: list[int], right: list[int], gap: int) -> list[tuple[int, int]]:
        tables.append(len(left) * len(right))
        return aligned(left, right, gap)

    aligned = alignment.align
    monkeypatch.setattr(alignment, "align", watched)
    monkeypatch.setattr(alignment, "MAX_CELLS", 10_000)
    monkeypatch.setattr(alignment, "PART_CELLS", 2_000)
    for length in (500, 1_000):
        tables.clear()
        spoken = [f"w{index * index % 97}" for index in range(length)]
        assert len(list(alignment.aligned_pairs(spoken, spoken[5:]))) == length
        assert max(tables) <= 2_000 and len(tables) >= length * length // 2_000 // 50


def test_di_cpwer_is_left_out_where_its_tables_would_be_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoken = [word("AB"[index % 2], f"w{index}", index) for index in range(20)]
    assert score(spoken, spoken, timed=True).di_cp_errors == 0
    monkeypatch.setattr(scoring, "MAX_DI_BYTES", 1_000)
    found = score(spoken, spoken, timed=True)
    assert (found.di_cp_errors, found.tcp_errors) == (None, 0)


# --- time -------------------------------------------------------------------------------------


def turn(speaker: str, start: float, end: float, session_id: str = "call") -> Word:
    return {**word(speaker, "x", start, session_id), "end_time": end}


def test_der_counts_seconds_of_wrong_speakers() -> None:
    reference = [turn("A", 0, 4), turn("B", 3, 6), turn("A", 10, 12)]
    same = [{**w, "speaker": {"A": "2", "B": "1"}[w["speaker"]]} for w in reference]
    assert score(reference, same, turns=True).der == 0
    # One second missed, one too much, and B's last two seconds are A's.
    hypothesis = [turn("1", 1, 4), turn("2", 3, 4), turn("1", 4, 6), turn("1", 10, 13)]
    found = score(reference, hypothesis, turns=True)
    assert (found.der_seconds, found.speech) == (pytest.approx(4), pytest.approx(9))
    assert found.der == pytest.approx(4 / 9)
    assert score(reference, [], turns=True).der == 1
    assert score(reference, hypothesis).der is None


def test_der_joins_words_into_turns_and_adds_up() -> None:
    reference = [turn("A", 0, 1), turn("A", 1.2, 2), turn("A", 4, 5)]
    found = score(reference, [turn("x", 0, 2)], turns=True)
    assert (found.der_seconds, found.speech) == (pytest.approx(1), pytest.approx(3))
    other = [{**w, "session_id": "other"} for w in reference]
    both = score(reference + other, [turn("x", 0, 2), turn("y", 0, 2, "other")], turns=True)
    assert both == found + found


def test_a_session_that_is_missing_is_named() -> None:
    """It said "give both the same session_id" where there was nothing to be renamed."""

    def said(*sessions: str) -> list[dict]:
        more = {"speaker": "A", "words": "yes", "start_time": 0, "end_time": 1}
        return [{"session_id": session} | more for session in sessions]

    for reference, hypothesis, told in (
        (said("a", "b"), said("a"), r"^session 'b' is in the reference but not in the hypothesis$"),
        (said("a"), said(*"abcdef"), r"sessions 'b', 'c', 'd' and 2 more are in the hypothesis"),
        (said("a"), said("b"), r"'a' is in the reference alone, 'b' in .* the same session_id"),
    ):
        with pytest.raises(SealError, match=told):
            score(reference, hypothesis)
