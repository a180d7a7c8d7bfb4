"""What follows from rulings: no certain word moves, nothing goes to a speaker of whom no word was
ruled, a voice goes where its ruled words are, and what settles most is asked first."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seal import rulings
from seal.teaching import decision, lesson, names, pairs, places, questions
from seal.teaching.stretches import spans, stretches
from seal.teaching.study import Study, unread, voice_groups
from seal.words import Conversation, Word


def talk(turns: list[tuple[str, str]], pause: float = 0.0) -> list[Word]:
    found, time = [], 0.0
    for speaker, text in turns:
        for word in text.split():
            found.append(
                {
                    "session_id": "call",
                    "speaker": speaker,
                    "words": word,
                    "start_time": round(time, 2),
                    "end_time": round(time + 0.4, 2),
                    "speaker_confidence": 0.9,
                }
            )
            time += 0.4
        time += pause
    return found


def heard(labels: str, voices: str, count: int = 4, size: int = 16, seed: int = 0) -> Study:
    """A study in which each letter of `labels` is a stretch of so many words under that name, and
    the letter of `voices` at its place says whose voice it is; the text says nothing."""
    words = talk([(name, "word " * count) for name in labels], pause=0.4)
    rng = np.random.default_rng(seed)
    own = {who: vector for who, vector in zip("abcdef", np.eye(size), strict=False)}
    vectors = np.stack([own[who] + 0.12 * rng.normal(size=size) for who in voices])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = [(count * place, count * place + count) for place in range(len(labels))]
    seconds = np.full(len(labels), 1.6)
    said = list(dict.fromkeys(labels))
    gain = np.zeros((len(words), len(said)))
    for index, word in enumerate(words):
        gain[index] -= 2.0
        gain[index, said.index(word["speaker"])] = 0.0
    cost = np.full(len(words), 1.0)
    spoken = [word["speaker"] for word in words]
    groups = voice_groups(vectors, seconds)
    return Study(words, said, spoken, gain, cost, found, seconds, vectors, groups)


def stretch(study: Study, place: int, name: str) -> dict[int, str]:
    return dict.fromkeys(range(*study.found[place]), name)


def speakers(study: Study, ruled: dict[int, str], **more: Any) -> str:
    """The first word's speaker of each stretch once the rulings are followed."""
    found = decision.decide(study, ruled, **more)
    labels = [
        ruled.get(i, found[i].speaker if i in found else n) for i, n in enumerate(study.labels)
    ]
    return "".join(labels[first] for first, _ in study.found)


def test_a_cluster_that_was_one_too_many_goes_where_a_word_of_it_was_ruled() -> None:
    study = heard("ABACABCAB" * 2, "abaaabaab" * 2)
    assert speakers(study, stretch(study, 3, "A")) == "ABAAABAAB" * 2
    assert speakers(study, {}) == "ABACABCAB" * 2


def test_somebody_new_gets_the_words_of_that_voice() -> None:
    study = heard("ABAAABAAB" * 2, "abacabcab" * 2)
    assert speakers(study, stretch(study, 3, "new")).replace("new", "N") == "ABANABNAB" * 2


def test_one_odd_word_does_not_turn_a_voice_over() -> None:
    """A stretch that the reference gives to somebody else, though it sounds like its cluster."""
    study = heard("ABABABAB" * 2, "abababab" * 2)
    assert speakers(study, stretch(study, 2, "B")) == "ABBBABAB" + "ABABABAB"


def test_a_ruled_word_of_no_voice_says_nothing_of_its_speakers_voice() -> None:
    """The machine has two names for one voice; a short word of another is ruled to be one of them.
    That settles nothing of the voice."""
    study = heard("ABACABCAB" * 2 + "A", "abaaabaab" * 2 + "c")
    spoken = study.spoken.copy()
    spoken[18] = 0.3
    study.__dict__["spoken"] = spoken
    assert speakers(study, stretch(study, 18, "C")) == "ABACABCAB" * 2 + "C"


def test_a_merge_moves_all_words_and_nothing_else() -> None:
    study = heard("ABCABC", "abcabc")
    found = decision.decide(study, {}, {"C": "A"})
    assert {study.labels[i] for i in found} == {"C"} and len(found) == 8
    assert {each.speaker for each in found.values()} == {"A"}


@settings(deadline=None, max_examples=20)
@given(st.data())
def test_certain_words_stay_and_nothing_goes_to_whom_nobody_named(data: st.DataObject) -> None:
    count = data.draw(st.integers(4, 14))
    labels = data.draw(st.text("ABC", min_size=count, max_size=count))
    voices = data.draw(st.text("abcd", min_size=count, max_size=count))
    study = heard(labels, voices, count=data.draw(st.integers(1, 4)))
    ruled: dict[int, str] = {}
    for place in data.draw(st.lists(st.integers(0, count - 1), max_size=4, unique=True)):
        ruled |= stretch(study, place, data.draw(st.sampled_from(["A", "B", "C", "new"])))
    found = decision.decide(study, ruled)
    assert not found.keys() & ruled.keys()
    by_voice = {each.speaker for each in found.values() if each.why == "voice"}
    assert by_voice <= set(ruled.values())
    assert all(0 <= each.confidence <= 1 for each in found.values())
    if not ruled:
        assert not found
    now = list(study.labels)
    for one in decision.proposals(study, now, ruled):
        assert all(now[i] == one.before != one.after for i in one.indices)
    confidence = [0.9] * len(now)
    for asked in questions.questions(study, now, confidence, ruled):
        assert not any(index in ruled for index in range(asked.first, asked.after))


def test_what_settles_most_is_asked_first() -> None:
    study = heard("ABACABCAB" * 3, "abaaabaab" * 3)
    found = questions.questions(study, study.labels, [0.9] * len(study.labels), {})
    answer = dict.fromkeys(range(found[0].first, found[0].after), "A")
    assert {study.labels[i] for i in answer} <= {"A", "C"} and found[0].settles > 12
    assert speakers(study, answer) == "ABAAABAAB" * 3


def test_nobody_is_asked_whether_most_of_a_speakers_words_are_somebody_elses() -> None:
    """A few of A's words sound like B. Those are in question, and not all the others."""
    study = heard("AB" * 6 + "AAA", "ab" * 6 + "bbb")
    found = questions.questions(study, study.labels, [0.95] * len(study.labels), {})
    likely = {study.stretch_of[one.first]: dict(one.likely) for one in found}
    homes = [answers for place, answers in likely.items() if place < 12]
    assert homes and all(answers.get(questions.SOMEBODY, 0) < 0.5 for answers in homes)
    odd = [answers for place, answers in likely.items() if place >= 12]
    assert odd and all(answers["B"] > 0.5 for answers in odd)


def test_text_alone_decides_the_neighbours_of_a_ruled_word() -> None:
    words = talk([("A", "so how are you doing today then")])
    gain = np.zeros((7, 2))
    gain[:, 1] = [-9, -9, 0.2, 0.2, 0.2, 0.2, -9]
    study = Study(words, ["A", "B"], ["A"] * 7, gain, np.full(7, 2.0), [(0, 7)], np.array([2.8]))
    found = decision.decide(study, {3: "B"})
    assert set(found) == {2, 4, 5} and {each.why for each in found.values()} == {"text"}


def test_voices_that_are_one_and_one_that_is_two_are_proposed() -> None:
    study = heard("ABCABCABC" * 3, "aabaabaac" * 3)
    found = pairs.pairs(study, study.labels)
    assert {frozenset((one.one, one.other)) for one in found} == {frozenset("AB"), frozenset("C")}
    assert all(study.labels[one.first[0]] == one.one for one in found)


def test_accepted_words_are_one_act_that_a_person_can_undo() -> None:
    study = heard("ABACABCAB" * 2, "abaaabaab" * 2)
    start = [dict(word) for word in study.words]
    known = lesson.Lesson(tuple(range(len(start))), study)
    ruled = rulings.rule(start, range(*study.found[3]), "A")
    found = lesson.proposals(known, ruled)
    assert [(one.before, one.after, len(one.indices)) for one in found] == [("C", "A", 12)]
    after = lesson.accept(ruled, found)
    assert [w["words"] for w in after] == [w["words"] for w in start]
    assert lesson.proposals(known, after) == []
    assert rulings.machine(after) == study.labels
    assert not any(rulings.is_certain(after[i]) for one in found for i in one.indices)
    assert rulings.undo(after) == ruled and rulings.undo(rulings.undo(after)) == start
    view = lesson.view(known, ruled)
    assert view["proposals"][0]["words"] == [i for one in found for i in one.indices]


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from(["a b", "a. b", "a"])), max_size=9)
)
def test_stretches_hold_every_word_once_and_one_speaker(turns: list[tuple[str, str]]) -> None:
    words = talk(turns)
    labels = [word["speaker"] for word in words]
    found = stretches(words, labels)
    assert [i for span in found for i in range(*span)] == list(range(len(words)))
    for (first, after), (start, end) in zip(found, spans(words, labels, found), strict=True):
        assert len(set(labels[first:after])) == 1
        assert start <= words[first]["start_time"] and end >= words[after - 1]["end_time"]


def test_names_are_heard_with_their_place() -> None:
    words = talk(
        [
            ("A", "Good morning, this is Helen at the parcel desk."),
            ("B", "Hi Helen, my name is Tom."),
            ("A", "Thanks, Tom. This is great. I'm sorry. It's Monday."),
        ]
    )
    found = names.called(words)
    assert [(one.speaker, one.name, one.heard) for one in found] == [
        ("A", "Helen", 2),
        ("B", "Tom", 2),
    ]
    assert found[0].quote.startswith("Good morning, this is Helen")
    assert words[found[1].place]["words"] == "Tom."
    assert (
        names.called(talk([("A", "hello. Hello there"), ("B", "thank you. Thank you Again")])) == []
    )


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("w2", [1]),
        ("w2-w3", [1, 2]),
        ("0.5", [1]),
        ("0:00.4-0:00.9", [1]),
        ("0:00:00-0:00:02", [0, 1, 2, 3, 4]),
    ],
)
def test_places_are_times_or_numbers(place: str, found: list[int]) -> None:
    words = talk([("A", "one two three four five")])
    assert places.indices_at(words, range(5), places.parse(f"{place}=B")) == found


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_many_rulings_at_once_are_those_one_by_one(data: st.DataObject) -> None:
    words = talk([("A", "one two three"), ("B", "four five six"), ("A", "seven")], pause=0.3)
    for word in words:  # long ones, which others begin within
        word["end_time"] += data.draw(st.sampled_from([0.0, 0.0, 2.0]))
    times = st.floats(0, 4).map(lambda time: f"{time:.2f}")
    place = st.one_of(times, st.tuples(times, times).map(lambda two: "-".join(sorted(two))))
    texts = data.draw(st.lists(st.tuples(place, st.sampled_from("ABC")), max_size=4))
    wanted = [places.parse(f"{text}={name}") for text, name in texts]
    singly, whole = words, True
    for each in wanted:
        start, end = (*map(float, each.place.split("-")), None)[:2]
        if end is None:
            beside = [max(w["start_time"] - start, start - w["end_time"], 0.0) for w in words]
            expected = [beside.index(min(beside))] if min(beside) <= 1.0 else []
        else:
            middles = [(w["start_time"] + w["end_time"]) / 2 for w in words]
            expected = [i for i, middle in enumerate(middles) if start <= middle <= end]
        whole = whole and bool(expected)
        if expected:
            assert places.indices_at(words, range(7), each) == expected
            singly = rulings.rule(singly, expected, each.speaker, at="now")
    if whole:
        at_once = rulings.rule_all(
            words,
            [(places.indices_at(words, range(7), one), one.speaker) for one in wanted],
            at="now",
        )
        assert at_once == singly


def test_two_who_speak_at_once_say_nothing_of_a_voice() -> None:
    """Half of a stretch is ruled to be somebody's who has no other words: a person who accepts all
    that follows must not lose a speaker's words by it."""
    study = heard("AB" * 10 + "AA", "ab" * 10 + "cc")
    first, after = study.found[4]
    ruled = dict.fromkeys(range(first, first + 2), "new") | dict.fromkeys(
        range(first + 2, after), "A"
    )
    assert not decision.decide(study, ruled)
    for each in range(first, after):  # all of it, but its words overlap
        study.words[each]["end_time"] = study.words[after - 1]["end_time"]
    assert not decision.decide(study, dict.fromkeys(range(first, after), "new"))


def test_what_most_of_a_voice_says_goes_to_nobody_new_for_one_ruling() -> None:
    labels, voices = "ABAB" * 4 + "AA", "abab" * 4 + "cc"
    study = heard(labels, voices)
    assert speakers(study, stretch(study, 0, "new")).replace("new", "N") == "N" + labels[1:]
    several = {i: "new" for place in (0, 2, 4) for i in stretch(study, place, "new")}
    assert speakers(study, several).replace("new", "N") == "NBNB" * 4 + "AA"


def test_a_speaker_does_not_follow_another_whose_voice_was_confirmed() -> None:
    """Two people whose voices are taken for one: that a word is A's says nothing of B's."""
    study = heard("ABAB" * 5, "aaaa" * 5)
    assert study.vectors is not None
    study.vectors[1::2, 1] += 0.6  # B's is like A's by 0.85
    study.vectors[:] /= np.linalg.norm(study.vectors, axis=1, keepdims=True)
    study = replace(study, groups=np.zeros(20, dtype=np.int64))
    assert speakers(study, stretch(study, 0, "A")) == "ABAB" * 5


def test_text_that_is_not_read_moves_no_neighbour() -> None:
    words = talk([("A", "ja gut so dann bis morgen")])
    gain, cost = unread(Conversation(words, ["A", "B", "C"]))
    study = Study(words, ["A", "B", "C"], ["A"] * 6, gain, cost, [(0, 6)], np.array([2.4]))
    assert decision.decide(study, {2: "B", 4: "new"}) == {}
