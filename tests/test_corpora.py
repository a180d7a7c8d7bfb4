"""Every layout is read to checked word transcripts; what is damaged is refused with its place.

The files are ours, small and in the documented layouts; real corpora are read where they lie.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from layouts import LAYOUTS, laid_out, loader, textgrid_file
from seal import words
from seal.corpora import NAMES, chat, ldc, splits, textgrid
from seal.corpora.reading import spread
from seal.errors import SealError

DATA = Path(__file__).parents[2] / "shared" / "data"


def assert_valid(recordings: dict[str, list[words.Word]]) -> None:
    assert recordings
    for name, transcript in recordings.items():
        assert transcript and words.check(transcript) is transcript
        starts = [word["start_time"] for word in transcript]
        assert starts == sorted(starts)
        for word in transcript:
            assert list(word) == list(words.REQUIRED) and word["session_id"] == name
            assert word["start_time"] <= word["end_time"]
            assert any(map(str.isalnum, word["words"])) and len(word["words"].split()) == 1


def test_every_layout_is_tested() -> None:
    assert set(LAYOUTS) == set(NAMES)


@pytest.mark.parametrize("corpus", NAMES)
def test_a_layout_is_read_to_the_words_it_holds(corpus: str, tmp_path: Path) -> None:
    files, expected = LAYOUTS[corpus]
    recordings = loader(corpus)(laid_out(tmp_path, files))
    assert_valid(recordings)
    found = {
        name: [(w["speaker"], w["words"], round(w["start_time"], 2)) for w in transcript]
        for name, transcript in recordings.items()
    }
    assert list(found) == list(expected)
    for name, transcript in expected.items():
        assert found[name] == sorted(transcript, key=lambda w: w[2])


def mutants(text: str) -> st.SearchStrategy[bytes]:
    """The file cut off, with a piece of garbage in it, or with some bytes left out."""
    data = text.encode()
    places = st.integers(0, len(data))
    garbage = st.binary(min_size=1, max_size=6) | st.sampled_from(
        [b"-1", b"nan", b"1e400", b'"', b"\x15", b"\n", b"<", b"{", b" ", b"9" * 5000, b"\xff\xfe"]
    )
    return (
        places.map(lambda end: data[:end])
        | st.tuples(places, garbage).map(lambda p: data[: p[0]] + p[1] + data[p[0] :])
        | st.tuples(places, places).map(lambda p: data[: min(p)] + data[max(p) :])
        | st.tuples(places, garbage).map(lambda p: data[: p[0]] + p[1] + data[p[0] + len(p[1]) :])
    )


@pytest.mark.parametrize("corpus", NAMES)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_damage_is_refused_in_one_line_or_harmless(
    corpus: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = laid_out(tmp_path_factory.mktemp(corpus), LAYOUTS[corpus][0])
    name = data.draw(st.sampled_from(sorted(LAYOUTS[corpus][0])))
    (folder / name).write_bytes(data.draw(mutants(LAYOUTS[corpus][0][name])))
    try:
        assert_valid(loader(corpus)(folder))
    except SealError as error:
        assert "\n" not in str(error) and str(error).startswith(str(folder))


@pytest.mark.parametrize("corpus", NAMES)
def test_another_folder_is_refused(corpus: str, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("nothing of the kind")
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SealError) as refusal:
            loader(corpus)(folder)
        assert str(refusal.value).startswith(f"{folder}: not ")


@pytest.mark.parametrize(
    ("corpus", "name", "old", "new", "place"),
    [
        ("ami", "words/EN2009z.A.words.xml", '"2.5"', '"-2.5"', "word 'm.words3': not a time"),
        ("ami", "words/EN2009z.A.words.xml", "</nite:root>", "", "damaged XML .*line 11"),
        ("ami", "words/EN2009z.A.words.xml", "ISO-8859-1", "klingon", "damaged XML"),
        ("icsi", "database/Bdb001.dadb", "0.3+0.6", "0.3", "line 2: not a dialogue act"),
        ("icsi", "database/Bdb001.dadb", "0.3+", "nan+", "line 2: not a time in seconds: 'nan'"),
        ("fisher", "p1/data/trans/011/fe_03_01169.txt", "3.00 4.00 A:", "3 A:", "line 4: not 'sta"),
        (
            "fisher",
            "p1/data/bbn_orig/001/rejected/fe_03_00192.trn",
            "-0002",
            "-0003",
            "line 1: 'fe_03_00192-A-0003' is not in the .ana",
        ),
        ("callhome", "transcrpt/evaltest/en_4792.txt", "B1:", "", "line 6: not 'start end A"),
        ("rt03", "data/ctl/eval03.uem", "A 4.0 10.0", "A 4.0", "line 2: not 'session channel st"),
        ("seglst", "call.json", '"A"', "7", "entry 1: 'speaker'"),
        ("seglst", "call.json", "0.12345", "1e300", "entry 2: a time is beyond"),
        ("stm", "a/x.stm", "0.5 0.9 no", "0.5", "line 2: not 'session channel speaker"),
        ("ctm-rttm", "x.ctm", "1.50 0.50 there", "1.50", "line 3: not 'session channel start"),
        ("ctm-rttm", "x.ctm", "y A 0.5", "z A 0.5", "line 6: no RTTM file has the session 'z'"),
        ("ctm-rttm", "x.rttm", "1.55", "late", "line 3: not a time in seconds: 'late'"),
        ("textgrid", "both.TextGrid", "intervals [2]", "interval [2]", "line 19: entry 2 of 2"),
        ("textgrid", "both.TextGrid", "ooTextFile", "ooBinary", "line 1: a TextGrid in Praat's"),
        ("chat", "eng/4065.cha", "@End", "", "line 8: ends without @End"),
        ("chat", "eng/4065.cha", "500_4500", "500", "line 4: damaged times"),
        ("chat", "eng/4065.cha", "*B:\tnever", "B never", "line 8: starts with none of"),
    ],
)
def test_the_message_names_file_and_place(
    corpus: str, name: str, old: str, new: str, place: str, tmp_path: Path
) -> None:
    folder = laid_out(tmp_path, LAYOUTS[corpus][0])
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(SealError, match=place) as refusal:
        loader(corpus)(folder)
    assert f"{folder / name}: " in str(refusal.value)


@pytest.mark.parametrize(
    ("corpus", "name"),
    [
        ("seglst", "call.json"),
        ("stm", "a/x.stm"),
        ("ctm-rttm", "x.ctm"),
        ("textgrid", "both.TextGrid"),
        ("chat", "eng/4065.cha"),
        ("rt03", "data/references/eval03/english/cts/ref.stm"),
    ],
)
def test_a_recording_that_is_there_twice_is_refused(corpus: str, name: str, tmp_path: Path) -> None:
    folder = laid_out(tmp_path, LAYOUTS[corpus][0])
    again = folder / "again" / "english" / "cts" / Path(name).name
    again.parent.mkdir(parents=True)
    again.write_text(LAYOUTS[corpus][0][name], encoding="utf-8")
    with pytest.raises(SealError, match=r"already|same name"):
        loader(corpus)(folder)


@pytest.mark.parametrize("corpus", ["seglst", "stm", "ctm-rttm", "textgrid", "chat"])
def test_a_single_file_is_read_too(corpus: str, tmp_path: Path) -> None:
    files, expected = LAYOUTS[corpus]
    name = next(iter(files))
    recordings = loader(corpus)(laid_out(tmp_path, files) / name)
    assert_valid(recordings)
    assert set(recordings) <= set(expected)


def test_point_tiers_are_passed_over(tmp_path: Path) -> None:
    text = textgrid_file({"Ann": [(0, 1, "one")], "clicks": [], "Bob": [(0, 1, "two")]})
    points = "points: size = 1 \n        points [1]:\n            number = 0.5 \n"
    points += '            mark = "tick" \n'
    text = text.replace("intervals: size = 0 \n", points)
    text = text.replace('"IntervalTier" \n        name = "clicks"', '"TextTier"\n name = "clicks"')
    (tmp_path / "a.TextGrid").write_text(text)
    assert [w["words"] for w in textgrid.load(tmp_path)["a"]] == ["one", "two"]


def test_praat_may_write_utf_16(tmp_path: Path) -> None:
    file = tmp_path / "a.TextGrid"
    file.write_text(textgrid_file({"Zoë": [(0, 1, "déjà")]}), encoding="utf-16")
    assert textgrid.load(file)["a"][0]["words"] == "déjà"


@given(st.lists(st.text("ab'", min_size=1, max_size=9)), st.floats(0, 1e6), st.floats(0, 1e3))
def test_spread_fills_the_span_in_order(texts: list[str], start: float, length: float) -> None:
    found = spread("c", "A", texts, start, start + length)
    assert [word["words"] for word in found] == texts
    times = [time for word in found for time in (word["start_time"], word["end_time"])]
    assert times == sorted(times)
    if found:
        assert times[0] == pytest.approx(start, abs=1e-3)
        assert times[-1] == pytest.approx(start + length, abs=1e-3)


def test_markup_is_not_spoken() -> None:
    assert ldc.spoken_words("[[whistles]] {cough} mm-hmm -- wh- ((  )) @NATO ~FBI ^Ann") == [
        *["mm-hmm", "wh", "NATO", "FBI", "Ann"]
    ]
    assert chat.spoken_words(
        "0is &+fr &*B:yeah goed [: went] [*] +/. www (1.2) don't &{l=reads"
    ) == [*["fr", "goed", "don't"]]


def test_splits_follow_the_public_lists() -> None:
    sizes = {file.stem: len(file.read_text().split()) for file in splits.LISTS.glob("*.txt")}
    assert sizes == {
        "ami_train": 136,
        "ami_dev": 18,
        "ami_test": 16,
        "fisher_test": 172,
        "callhome_dev": 20,
        "callhome_test": 20,
        "rt03_dev": 14,
        "rt03_test": 58,
    }
    for file in splits.LISTS.glob("*.txt"):
        corpus, part = file.stem.split("_")
        for name in file.read_text().split():
            ours = "unused" if name in splits.AMI_UNUSED else part
            assert splits.split(corpus, name) == ours
    assert splits.split("primock57", "day1_consultation05") == "test"
    assert splits.split("primock57", "day4_consultation06") == "dev"
    assert splits.split("cabnc", "KB0RE000") == "dev"
    assert splits.split("cabnc", "KB1RE000") == "train"
    assert splits.split("fisher", "fe_03_00100") == "dev"
    assert splits.split("fisher", "fe_03_00101") == splits.split("icsi", "Bdb001") == "train"
    with pytest.raises(SealError, match="corpus 'timit': there is none"):
        splits.split("timit", "x")


def some_of(corpus: str, pattern: str, tmp_path: Path) -> Path:
    """A folder with a few of the real corpus's files."""
    files = sorted((DATA / corpus).glob(pattern))[:5]
    if not files:
        pytest.skip(f"the real {corpus} is not here")
    for file in files:
        target = tmp_path / file.relative_to(DATA / corpus)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(file)
    return tmp_path


@pytest.mark.parametrize(
    ("layout", "corpus", "pattern"),
    [
        ("ami", "ami", "words/ES2003a.*"),
        ("icsi", "icsi", "database/Bdb001.dadb"),
        ("primock57", "primock57", "transcripts/day1_consultation01_*"),
        ("textgrid", "primock57", "transcripts/day1_consultation01_*"),
        ("seglst", "libri2mix", "seglst/*.json"),
        ("seglst", "ami_clips", "*.json"),
    ],
)
def test_real_files_are_read(layout: str, corpus: str, pattern: str, tmp_path: Path) -> None:
    recordings = loader(layout)(some_of(corpus, pattern, tmp_path))
    assert_valid(recordings)
    for transcript in recordings.values():
        assert len(transcript) > 1 and 3 < transcript[-1]["end_time"] < 1e4
        if layout == "ami":
            assert max(w["end_time"] - w["start_time"] for w in transcript) < 1.21
            assert not any("_" in w["words"] for w in transcript)


def test_words_of_the_real_mixtures_stay_inside_their_turns(tmp_path: Path) -> None:
    """A CTM made of the mixtures' references gets most speakers back from the real RTTM."""
    folder = some_of("libri2mix", "rttm/*.rttm", tmp_path)
    some_of("libri2mix", "seglst/*.json", tmp_path)
    references = loader("seglst")(folder)
    lines = [
        f"{name} 1 {w['start_time']:.3f} {w['end_time'] - w['start_time']:.3f} {w['words']}\n"
        for name, transcript in references.items()
        for w in transcript
    ]
    (folder / "all.ctm").write_text("".join(lines))
    found = loader("ctm-rttm")(folder)
    assert_valid(found)
    pairs = [
        (a["speaker"], b["speaker"])
        for name, transcript in references.items()
        for a, b in zip(transcript, found[name], strict=True)
    ]
    assert sum(a == b for a, b in pairs) > len(pairs) / 2
