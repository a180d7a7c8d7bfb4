"""Speaker transfer: DiarizationLM's algorithm, on its own kind of examples and at random."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seal.tpst import best_match, oracle, tpst


def test_labels_follow_the_words_and_take_the_target_s_names():
    source = ["hello", "good", "morning", "hi", "how", "are", "you", "pretty", "good"]
    labels = [1, 1, 1, 2, 2, 2, 2, 1, 1]
    target = ["hello", "morning", "hi", "hey", "are", "you", "be", "good"]
    assert tpst(source, labels, target, list("xxxyyyyy")) == list("xxyyyyxx")


def test_the_match_is_the_best_as_a_whole_and_not_row_by_row():
    assert best_match(np.array([[3, 2, 0], [3, 0, 0]])) == [(0, 1), (1, 0)]
    assert best_match(np.array([[1.0], [2.0], [0.0]])) == [(1, 0)]


def test_a_word_without_a_partner_keeps_its_label():
    assert tpst(["one", "two"], ["a", "b"], ["one", "two", "three"], ["p", "q", "p"]) == list("pqp")


transcripts = st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), max_size=30)


@given(transcripts, transcripts)
def test_the_target_s_words_get_labels_of_the_target(source, target):
    labels = [label for _, label in target]
    result = tpst([w for w, _ in source], [s for _, s in source], [w for w, _ in target], labels)
    assert len(result) == len(target)
    assert set(result) <= set(labels)


@given(transcripts)
def test_a_transcript_s_own_labels_come_back_whatever_they_are_called(words):
    texts, labels = [w for w, _ in words], [label for _, label in words]
    names = ["north", "east", "south", "west"]
    assert tpst(texts, [names[label] for label in labels], texts, labels) == labels


def test_oracle_of_word_transcripts():
    def words(text, labels):
        return [{"words": w, "speaker": s} for w, s in zip(text.split(), labels, strict=True)]

    reference = words("How are you? Fine, thank you.", "AAABBB")
    heard = words("how are you fine thanks you", "112211")
    assert oracle(reference, heard) == list("111222")


def test_more_speakers_than_ten_are_all_kept():
    """Another implementation knows speakers 1 to 10, and gives others the one before them."""
    words = [f"w{i}" for i in range(14)]
    labels = [str(i + 1) for i in range(14)]
    assert tpst(words, labels, words, labels[::-1]) == labels[::-1]


def test_an_answer_that_ends_early_leaves_the_rest_as_it_was():
    words = ["so", "how", "are", "you", "doing", "fine", "thanks"]
    assert tpst(words[:4], list("AABB"), words, list("AAAABBB")) == list("AABBBBB")


def test_a_name_that_the_target_could_have_is_the_same_one():
    words = ["one", "two", "three", "four"]
    assert tpst(words, list("AABB"), words, list("AAAA")) == list("AAAA")
    assert tpst(words, list("AABB"), words, list("AAAA"), "AB") == list("AABB")
    assert tpst(words, list("AACC"), words, list("AAAA"), "ABC") == list("AACC")
    assert tpst(words, list("BBAA"), words, list("AABB"), "ABC") == list(
        "AABB"
    )  # but agreement counts
