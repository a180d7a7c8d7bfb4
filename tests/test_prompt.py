"""Prompts: the two formats, literally, and words that are always shown as something."""

from hypothesis import given
from hypothesis import strategies as st

from seal.llm.prompt import MAX_TOKENS_PER_WORD, build, order_of_appearance, shown, word_tokens
from tiny import decode, encode

TEXTS = ["Hello,", "you", "there?", "Yes."]
DRAFT = [0, 0, 0, 1]


def text_of(format, acoustic):
    words = [word_tokens(text, encode) for text in TEXTS]
    prompt = build(words, acoustic, DRAFT, 2, encode, format)
    return decode(prompt.tokens), decode(prompt.answer(DRAFT)[0])


def test_word_format():
    prompt, answer = text_of("word", ["High", "High", "Low", "Med"])
    assert prompt == "Draft:A High helloA High youA Low thereB Med yes\nFinal:"
    assert answer == "A helloA youA thereB yes"


def test_turn_format():
    prompt, answer = text_of("turn", ["High", "High", "Low", "Med"])
    assert prompt == "Draft:A High hello High you Low thereB Med yes\nFinal:"
    assert answer == "A hello you thereB yes"


def test_without_acoustic_labels():
    assert text_of("turn", [""] * 4)[0] == "Draft:A hello you thereB yes\nFinal:"


@given(st.text())
def test_every_word_is_shown_as_something(text):
    assert 1 <= len(word_tokens(text, encode)) <= MAX_TOKENS_PER_WORD
    assert not any(letter.isspace() and letter != " " for letter in shown(text))


@given(st.lists(st.integers(0, 40), max_size=64), st.integers(41, 60))
def test_speakers_are_named_in_order_of_appearance(draft, count):
    order = order_of_appearance(draft, count)
    assert len(order) == len(set(order)) == 26
    seen = list(dict.fromkeys(draft))
    assert order[: len(seen)] == seen[:26]
