"""Contextual beam search: a plain language model says who is likely to say the next word.

After the paper's [23] (Park et al., "Enhancing speaker diarization with large language models: a
contextual beam search approach", ICASSP 2024): no training, no draft to read. Along the words,
hypotheses of who has spoken so far are kept in a beam; each word's speaker adds the acoustic
log-posterior and, with a weight, the model's: how much likelier label and word are after that
history than with the other speakers' labels. Where ours differs: one language model and no n-gram,
our own prompt and chunks, and the posterior of a first pass without scores is a constant.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from seal.correctors import Labels, Options, lengths
from seal.llm.chunks import cut
from seal.llm.conditioning import word_score
from seal.llm.model import LanguageModel, load
from seal.llm.prompt import label_tokens, order_of_appearance, word_tokens
from seal.progress import Progress, split
from seal.words import Conversation, Word

BEAM_WIDTH = 4
"""Hypotheses in the beam."""

LM_WEIGHT = 0.5
"""Factor on the language model's log-posterior, which is added to the acoustic one."""

UNSCORED_POSTERIOR = 0.9
"""Posterior of the first pass's speaker where there are no scores."""

MIN_POSTERIOR = 0.01
"""Smaller scores count as this, so that their logarithms stay finite."""


def label(
    conversations: Sequence[Conversation], options: Options, progress: Progress
) -> list[Labels]:
    """Return the speakers of the best hypothesis of each chunk."""
    model = _model(options.model, options.device)
    return [
        _label(model, one, report)
        for one, report in zip(conversations, split(progress, lengths(conversations)), strict=True)
    ]


def _label(model: LanguageModel, conversation: Conversation, progress: Progress) -> Labels:
    words, names, draft = conversation.words, conversation.names, conversation.draft()
    acoustic = np.array([acoustic_row(word, names) for word in words])
    tokens = [word_tokens(word["words"], model.encode) for word in words]
    speakers: list[int] = []
    confidence: list[float] = []
    for chunk in cut([len(word) for word in tokens], draft):
        order = order_of_appearance(draft[chunk.start : chunk.stop], len(names))
        span = slice(chunk.start, chunk.stop)
        path, posteriors = search(model, tokens[span], acoustic[span][:, order])
        decided = slice(chunk.first - chunk.start, chunk.last - chunk.start)
        speakers += [order[local_speaker] for local_speaker in path[decided]]
        confidence += posteriors[decided]
        progress(chunk.last / len(words))
    return Labels(speakers, confidence)


def acoustic_row(word: Word, names: Sequence[str]) -> list[float]:
    """Return the speakers' K log-posteriors by the first pass alone, for one word."""
    if word_score(word) is None:
        rest = (1 - UNSCORED_POSTERIOR) / max(1, len(names) - 1)
        row = np.array([UNSCORED_POSTERIOR if name == word["speaker"] else rest for name in names])
    else:
        scores = word["speaker_scores"]
        row = np.array([max(float(scores.get(name, 0.0)), MIN_POSTERIOR) for name in names])
    return np.log(row / row.sum()).tolist()


def search(
    model: LanguageModel,
    words: Sequence[list[int]],
    acoustic: np.ndarray,
    beam: int = BEAM_WIDTH,
    weight: float = LM_WEIGHT,
) -> tuple[list[int], list[float]]:
    """Find the best path through a chunk of W words and K speakers, and its speakers' posteriors.

    `words` are tokens, `acoustic` log-posteriors [W, K]. With a `beam` of K to the power of W - 1
    or more the search is exhaustive.
    """
    count = acoustic.shape[1]
    labels = label_tokens(model.encode, count)
    branches = model.branches()
    last = branches.feed([model.encode("Transcript:")])[:, -1].log_softmax(-1)
    scores, paths = np.zeros(1), [()]
    posteriors: list[tuple[float, ...]] = [()]
    for word, acoustic_log in zip(words, acoustic, strict=True):
        parents = np.repeat(np.arange(len(paths)), count)
        branches.fork(parents.tolist())
        logs = branches.feed([[labels[k], *word] for _ in paths for k in range(count)])
        logs = logs.log_softmax(-1)
        text_log = last[:, labels].reshape(-1).double().numpy()
        for index, token in enumerate(word):
            text_log = text_log + logs[:, index, token].double().numpy()
        text_log = text_log.reshape(-1, count)
        text_log = text_log - np.logaddexp.reduce(text_log, axis=1, keepdims=True)
        local = acoustic_log[None] + weight * text_log
        total = (scores[:, None] + local).reshape(-1)
        best = np.argsort(-total, kind="stable")[:beam]
        share = np.exp(local - np.logaddexp.reduce(local, axis=1, keepdims=True)).reshape(-1)
        posteriors = [(*posteriors[parents[i]], float(share[i])) for i in best]
        paths = [(*paths[parents[i]], int(i % count)) for i in best]
        scores = total[best]
        branches.fork(best.tolist())
        last = logs[best.tolist(), -1]
    return list(paths[0]), list(posteriors[0])


@lru_cache(maxsize=1)
def _model(name: str | None, device: str) -> LanguageModel:
    return load(name, None, device)
