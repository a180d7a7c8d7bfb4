"""The best path is the best of all paths, and the text that is not read is not changed by."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seal.correction import correct
from seal.correctors import ag_lsec_network
from seal.correctors.path import best, costs, islands, kinds, sentence_ends
from seal.correctors.unread import is_english, is_talk, share_at_once
from seal.errors import Notice
from tiny import tiny_network, tiny_pieces

NATS = st.integers(-8, 8).map(lambda value: value / 4)


@given(st.data())
def test_no_path_is_better(data):
    count, speakers = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))
    gain = np.array([[data.draw(NATS) for _ in range(speakers)] for _ in range(count)])
    cost = np.array([abs(data.draw(NATS)) for _ in range(count)])

    def worth(path):
        steps = gain[np.arange(count), list(path)].sum()
        return steps - sum(cost[i] for i in range(1, count) if path[i] != path[i - 1])

    most = max(map(worth, itertools.product(range(speakers), repeat=count)))
    assert worth(best(gain, cost)) == most
    several = best(np.stack([gain, -gain]), np.stack([cost, cost]))
    assert (several[0] == best(gain, cost)).all() and (several[1] == best(-gain, cost)).all()


def said(text, **more):
    return [
        {
            "session_id": "call",
            "speaker": "AB"[place % 2],
            "words": one,
            "start_time": place * 0.5,
            "end_time": place * 0.5 + 0.4,
        }
        | more
        for place, one in enumerate(text.split())
    ]


def test_a_change_costs_by_what_was_written_before_it():
    nats = {"end": 0.1, "mark": 0.2, "inside": 0.4, "plain": 0.8}
    words = said('So, I went. "Home?" Yes —')
    assert costs(words, True, nats).tolist()[1:] == [0.2, 0.4, 0.1, 0.1, 0.4]
    assert set(costs(words, False, nats)[1:]) == {0.8}
    assert costs(words[:1], True, {}).tolist() == [0.0]


def test_sentences_end_where_it_is_written_so():
    assert sentence_ends(said('So, I went. "Home?" Yes, home')) == {2, 3}
    assert sentence_ends(said("so i went home yes home")) == frozenset()


def test_an_island_is_a_word_or_two_inside_a_sentence():
    words = said("that was actually his idea. Mine, no. And yours was the other one")
    written = kinds(words, punctuated=True)
    for labels, count in {
        "AAABAAAAAAAAA": 1,  # his
        "AABBAAAAAAAAA": 1,
        "ABBBAAAAAAAAA": 0,  # three words are no island
        "AAAAABAAAAAAA": 0,  # a sentence begins with it
        "AAACBAAAAAAAA": 0,  # between two others
        "ABABAAAAAAAAA": 3,  # so is the word between two
    }.items():
        assert islands(written, labels) == count, labels


ENGLISH = "yeah and then I went there you know but it was not so good"
OTHERS = {
    "German": "ja das war in der Stadt also ich weiß nicht so genau was du meinst",
    "Dutch": "ik weet niet wat je bedoelt maar we hebben het in de stad gezien",
    "Japanese": "そう です ね",
    "Chinese": "我 不 知道 你 在 说 什么",
    "Hindi": "हाँ मैं कल वहाँ गया था",
    "Russian": "да я не знаю",
}


def test_english_is_told_from_other_languages():
    assert is_english(said(ENGLISH)) and is_english(said("okay")) and is_english([])
    assert is_english(said("🎉 —"))
    for name, text in OTHERS.items():
        assert not is_english(said(text)), name
    assert not is_english(said(ENGLISH, language="de"))
    assert is_english(said(OTHERS["Dutch"], language="en-GB"))


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_read_is_not_changed(name, monkeypatch):
    monkeypatch.setattr(ag_lsec_network, "load", lambda *_: (tiny_network(), tiny_pieces))
    words = said(OTHERS[name])
    with pytest.warns(Notice, match="call: not in English"):
        corrected = correct(words)
    assert [word["speaker"] for word in corrected] == [word["speaker"] for word in words]


BOOK = """the rain had fallen upon the roofs of the village since dawn and behind the mill the river
carried branches and leaves towards the sea while an old man in a grey coat stood at the window and
counted the boats that had come home before the storm"""


def test_what_is_read_aloud_is_told_from_talk(monkeypatch):
    monkeypatch.setattr(ag_lsec_network, "load", lambda *_: (tiny_network(), tiny_pieces))
    assert (
        is_talk(said(ENGLISH * 3)) and is_talk(said("the rain fell upon the roofs")) and is_talk([])
    )
    assert not is_talk(said(BOOK))
    with pytest.warns(Notice, match="call: not the words of people who talk"):
        corrected = correct(said(BOOK))
    assert [word["speaker"] for word in corrected] == [word["speaker"] for word in said(BOOK)]


def test_people_who_speak_at_once_are_not_sorted_by_their_text(monkeypatch):
    monkeypatch.setattr(ag_lsec_network, "load", lambda *_: (tiny_network(), tiny_pieces))
    words = [word | {"speaker_scores": {"A": 0.9, "B": 0.8}} for word in said(ENGLISH)]
    turns = [word | {"speaker_scores": {"A": 0.9, "B": 0.1}} for word in said(ENGLISH)]
    assert share_at_once(words) == 1.0 and share_at_once(turns + words[:1]) < 0.1
    assert share_at_once(said(ENGLISH)) == 0.0
    with pytest.warns(Notice, match="call: people speak at once"):
        corrected = correct(words)
    assert [word["speaker"] for word in corrected] == [word["speaker"] for word in words]
