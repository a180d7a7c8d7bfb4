"""The embedded model with the shipped adapter, on the words of the demo call."""

import json
import shutil
from functools import partial
from importlib.resources import files

import numpy as np
import pytest
import torch

import seal
import seal.correction
from seal.correctors import ag_lsec_network
from seal.correctors.seal import load_corrector
from seal.errors import SealError
from seal.llm.conditioning import acoustic_label
from seal.llm.decode import TIE_NATS
from seal.llm.decode.algorithm1 import algorithm1
from seal.llm.decode.fast import fast
from seal.llm.prompt import build, word_tokens
from seal.training.simulate import draw_severity, simulate

pytestmark = pytest.mark.models

REFERENCE = seal.read(str(files("seal") / "demo" / "reference.json"))


@pytest.fixture(scope="module")
def first_pass():
    rng = np.random.default_rng(7)
    return simulate(REFERENCE, draw_severity(rng, 2.0), rng)[0]


@pytest.mark.skipif(torch.cuda.is_available(), reason="the device is there")
@pytest.mark.parametrize("corrector", ["best", "seal", "ag-lsec"])
def test_a_device_that_is_not_there_is_told(first_pass, corrector):
    for ask in (seal.correction.prepare, partial(seal.correct, first_pass)):
        with pytest.raises(SealError, match="device cuda: cannot be used"):
            ask(corrector=corrector, device="cuda")


@pytest.mark.parametrize(("format", "condition"), [("word", "label"), ("turn", "none")])
def test_fast_is_algorithm_1(first_pass, format, condition):
    model, _ = load_corrector(None, None, "cpu")
    for start in (10, 80):
        words = first_pass[start : start + 24]
        prompt = build(
            [word_tokens(word["words"], model.encode) for word in words],
            [acoustic_label(w["speaker_scores"][w["speaker"]], condition) for w in words],
            [sorted(words[0]["speaker_scores"]).index(word["speaker"]) for word in words],
            2,
            model.encode,
            format,
        )
        margins = [[0.0, 0.0]] * len(words)
        slow, quick = algorithm1(model, prompt, margins), fast(model, prompt, margins)
        for word, (one, other) in enumerate(zip(slow.speakers, quick.speakers, strict=True)):
            if one != other:
                row = np.log(slow.posteriors[word])
                assert abs(abs(row[one] - row[other]) - TIE_NATS) < TIE_NATS, (
                    "no tie: the labels differ"
                )
                break
        # The adapter has not learnt the turn format: there it follows no draft, and how many
        # passes that takes is no promise.
        assert quick.passes < slow.passes / (5 if format == "word" else 1)


def test_a_whole_call_keeps_its_words(first_pass):
    answer = seal.correct(first_pass)
    assert [w["words"] for w in answer] == [w["words"] for w in first_pass]
    assert {w["speaker"] for w in answer} <= {w["speaker"] for w in REFERENCE}


def test_a_word_of_many_tokens_and_words_that_are_no_words():
    texts = ["Hello,", "donaudampfschifffahrts" * 12, "🎉", "—", "", "yes!"]
    words = [
        {
            "session_id": "s",
            "speaker": "AB"[i % 2],
            "words": text,
            "start_time": i,
            "end_time": i + 0.5,
        }
        for i, text in enumerate(texts)
    ]
    assert [w["words"] for w in seal.correct(words)] == texts


def test_weights_of_ones_own_are_those_that_judge(first_pass, tmp_path):
    """A run's folder, with the margins that `seal tune` wrote beside the weights."""
    shutil.copytree(ag_lsec_network.SHIPPED, tmp_path / "run")
    shipped = seal.correct(first_pass, corrector="ag-lsec")
    assert [w["speaker"] for w in shipped] != [w["speaker"] for w in first_pass]
    assert seal.correct(first_pass, corrector="ag-lsec", adapter=tmp_path / "run") == shipped
    shutil.copytree(ag_lsec_network.SHIPPED, tmp_path / "other")
    settings = {"margins": {"scores": 99.0, "no_scores": 99.0}}
    (tmp_path / "other" / "seal.json").write_text(json.dumps(settings))
    kept = seal.correct(first_pass, corrector="ag-lsec", adapter=tmp_path / "other")
    assert [w["speaker"] for w in kept] == [w["speaker"] for w in first_pass]
    with pytest.raises(SealError, match="no weights of AG-LSEC"):
        seal.correct(first_pass, corrector="ag-lsec", adapter=tmp_path)
