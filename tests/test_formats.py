"""What another tool wrote comes back as it was, but for the speakers; and no word is ever lost."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from seal import formats, words

SAMPLES = Path(__file__).parent / "samples"
FILES = sorted(p.name for p in SAMPLES.iterdir() if p.suffix != ".rttm")
WITH_HOLES = ("whisperx-holes.json",)


def test_every_format_has_a_sample_that_is_recognised() -> None:
    found = {formats.load(SAMPLES / name).format for name in FILES}
    assert found | {"words", "rttm"} == set(formats.FORMATS)


@pytest.mark.parametrize("name", FILES)
def test_unchanged_words_give_the_same_bytes(name: str, tmp_path: Path) -> None:
    transcript = formats.load(SAMPLES / name)
    transcript.save(transcript.words, tmp_path / name)
    for suffix in (transcript.path.suffix, ".rttm"):
        before = (SAMPLES / name).with_suffix(suffix)
        if before.exists() and name not in WITH_HOLES:
            assert (tmp_path / name).with_suffix(suffix).read_bytes() == before.read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_words_are_a_word_transcript_of_two_speakers(name: str) -> None:
    found = formats.read(SAMPLES / name)
    assert words.check(found) is found and len(found) > 15
    assert len(words.speakers(found)) == 2
    starts = [word["start_time"] for word in found]
    assert starts == sorted(starts)
    assert all(word["words"].split() == [word["words"]] for word in found)


def shown(found: list[words.Word]) -> list[tuple]:
    """Who says what, and when to a hundredth of a second: cut turns round their times."""
    return [(w["session_id"], w["speaker"], w["words"]) for w in found]


def same_times(one: list[words.Word], other: list[words.Word]) -> bool:
    return all(
        abs(a[key] - b[key]) < 0.02
        for a, b in zip(one, other, strict=True)
        for key in ("start_time", "end_time")
    )


def changed(found: list[words.Word], seed: int, share: float = 0.3) -> list[words.Word]:
    dice = random.Random(seed)
    names = {
        session: [n for n in words.speakers(found[i] for i in indices)]
        for session, indices in words.sessions(found)
    }
    return [
        word | {"speaker": dice.choice(names[word["session_id"]])}
        if dice.random() < share
        else word
        for word in found
    ]


@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("name", FILES)
def test_other_speakers_are_read_again_and_nothing_else_differs(
    name: str, share: float, tmp_path: Path
) -> None:
    transcript = formats.load(SAMPLES / name)
    for seed in range(6):
        after = changed(transcript.words, seed, share)
        transcript.save(after, tmp_path / name)
        again = formats.load(tmp_path / name, transcript.format)
        assert shown(again.words) == shown(after)
        assert same_times(again.words, after)
        # And back: the words still know where they stand.
        again.save(transcript.words, tmp_path / name)
        back = formats.load(tmp_path / name, transcript.format)
        assert shown(back.words) == shown(transcript.words)


def leaves(value: Any, path: tuple = ()) -> dict[tuple, Any]:
    if isinstance(value, dict):
        return {p: v for key, item in value.items() for p, v in leaves(item, (*path, key)).items()}
    if isinstance(value, list):
        return {p: v for at, item in enumerate(value) for p, v in leaves(item, (*path, at)).items()}
    return {path: value}


SPEAKER_KEYS = {"speaker", "speaker_label", "speakerTag", "speaker_tag", "speakerLabel", "hyp_spk"}


@pytest.mark.parametrize("name", [n for n in FILES if n.endswith(".json")])
def test_one_speaker_for_all_changes_speakers_only(name: str, tmp_path: Path) -> None:
    """No turn is split then, so that the JSON has the same shape, and one kind of key differs."""
    transcript = formats.load(SAMPLES / name)
    who = {s: transcript.words[i[0]]["speaker"] for s, i in words.sessions(transcript.words)}
    transcript.save(
        [w | {"speaker": who[w["session_id"]]} for w in transcript.words], tmp_path / name
    )
    before = leaves(json.loads((SAMPLES / name).read_bytes()))
    after = leaves(json.loads((tmp_path / name).read_bytes()))
    derived = {"transcript", "hyp_diarized_text"}
    for path in before.keys() | after.keys():
        if before.get(path) != after.get(path) and path[-1] not in derived:
            assert path[-1] in SPEAKER_KEYS
            if path in before and before[path] is not None:
                assert type(after[path]) is type(before[path])
