"""The score mapper: the paper's classes, with their edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seal.errors import SealError
from seal.llm.conditioning import acoustic_label, check_thresholds, word_score


@pytest.mark.parametrize(
    ("score", "label"),
    [(0.0, "Low"), (0.5, "Low"), (0.5001, "Med"), (0.8, "Med"), (0.8001, "High"), (1.0, "High")],
)
def test_labels_at_the_paper_s_thresholds(score, label):
    assert acoustic_label(score, "label") == label


def test_ten_integer_classes():
    scores = (0.0, 0.099, 0.1, 0.55, 0.999, 1.0)
    assert [acoustic_label(s, "int") for s in scores] == ["0", "0", "1", "5", "9", "9"]


def test_raw_probabilities_and_none():
    assert acoustic_label(0.934, "prob") == "0.93"
    assert acoustic_label(0.934, "none") == acoustic_label(None, "label") == ""


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_labels_rise_with_the_score(score, low, med):
    low, med = sorted((low, med))
    label = acoustic_label(score, "label", (low, med))
    assert label == ("High" if score > med else "Med" if score > low else "Low")


@pytest.mark.parametrize("pair", [(0.8, 0.5), (-0.1, 0.5), (0.5, 1.1), (float("nan"), 0.5)])
def test_thresholds_out_of_order_are_refused(pair):
    with pytest.raises(SealError):
        check_thresholds(pair)


@pytest.mark.parametrize(
    ("scores", "posterior", "lead"),
    [
        ({"A": 0.9, "B": 0.85}, 0.9, 0.05),
        ({"A": 0.9, "B": 0.1, "C": 0.3}, 0.9, 0.6),
        ({"A": 0.2, "B": 0.7}, 0.2, 0.0),
        ({"A": 0.7}, 0.7, 0.7),
        ({"B": 0.7}, None, None),
        ({}, None, None),
        (None, None, None),
    ],
)
def test_a_word_s_score_is_its_posterior_or_its_lead(scores, posterior, lead):
    word = {"speaker": "A", "speaker_scores": scores}
    assert word_score(word) == posterior
    assert word_score(word, "lead") == (None if lead is None else pytest.approx(lead))
