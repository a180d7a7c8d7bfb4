"""Contextual beam search: with room for all paths it finds what trying them all finds."""

from functools import cache
from itertools import product

import numpy as np
import pytest
import torch

from seal.correctors.cbs import acoustic_row, search
from seal.llm.prompt import label_tokens, word_tokens
from tiny import tiny_model


def exhaustive(model, words, acoustic):
    """A function of the weight: the best path by scoring each one on its own, from its whole text.
    What the model says of a text is asked for once, however many paths begin with it."""
    count = acoustic.shape[1]
    labels = label_tokens(model.encode, count)
    lead = model.encode("Transcript:")

    @cache
    def said(text, tail):
        tokens = torch.tensor([[*text, *tail]])
        with torch.inference_mode():
            logits = model.network(tokens).logits[0].float().log_softmax(-1)
        return sum(float(logits[len(text) + i - 1, token]) for i, token in enumerate(tail))

    def best_path(weight):
        best, chosen = -np.inf, None
        for path in product(range(count), repeat=len(words)):
            text, total = tuple(lead), 0.0
            for word, heard, speaker in zip(words, acoustic, path, strict=True):
                tails = [(labels[k], *word) for k in range(count)]
                logs = np.array([said(text, tail) for tail in tails])
                total += heard[speaker] + weight * (logs - np.logaddexp.reduce(logs))[speaker]
                text += tails[speaker]
            if total > best:
                best, chosen = total, path
        return list(chosen)

    return best_path


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_beam_of_all_paths_is_exhaustive_search(seed, count):
    model = tiny_model(seed)
    rng = np.random.default_rng(seed)
    words = [word_tokens(text, model.encode) for text in ("so", "well", "no", "ok")]
    acoustic = np.log(rng.dirichlet(np.ones(count), len(words)))
    best_path = exhaustive(model, words, acoustic)
    for weight in (0.0, 0.5, 2.0):
        path, posteriors = search(model, words, acoustic, beam=count**3, weight=weight)
        assert path == best_path(weight)
        assert all(0 <= value <= 1 for value in posteriors)
    path, _ = search(model, words, acoustic, beam=1, weight=0.0)
    assert path == acoustic.argmax(axis=1).tolist()  # no weight: the scores decide


def test_without_scores_the_first_pass_is_trusted_alike_everywhere():
    word = {"speaker": "B", "words": "so"}
    assert np.exp(acoustic_row(word, ["A", "B", "C"])) == pytest.approx([0.05, 0.9, 0.05])
    scored = word | {"speaker_scores": {"A": 0.6, "B": 0.2}}
    assert np.exp(acoustic_row(scored, ["A", "B"])) == pytest.approx([0.75, 0.25])
