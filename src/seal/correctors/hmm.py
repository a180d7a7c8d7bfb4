"""A hidden Markov model over the words' scores: the cheapest rival, which reads no text.

The speaker of a word is the state, its score the emission, and a change of speaker costs a fixed
number of nats; Viterbi finds the best path. A corrector that does not leave it far behind is not
reading the words.
"""

from collections.abc import Sequence

import numpy as np

from seal.correctors import Labels, Options
from seal.llm.conditioning import word_score
from seal.progress import Progress
from seal.words import Conversation

SWITCH = 1.5
"""Nats that a change of speaker costs, if `--margin` names none: tuned on the dev sets under an
earlier simulated first pass. On real diarizers it does harm (`docs/reports/results.md`)."""

FLOOR = 0.01
UNSCORED = 0.1
"""The score of every speaker but the first pass's where there are no scores."""


def label(
    conversations: Sequence[Conversation], options: Options, progress: Progress
) -> list[Labels]:
    """The Viterbi path. The confidence is the score itself, normalised over the speakers."""
    cost = SWITCH if options.margin is None else options.margin
    answers = [_path(np.log(_scores(one)), cost) for one in conversations]
    progress(1.0)
    return answers


def _path(emission: np.ndarray, cost: float) -> Labels:
    count, speakers = emission.shape
    best = emission[0]
    back = np.zeros(emission.shape, dtype=int)
    for index in range(1, count):
        moved = int(best.argmax())
        stays = best >= best[moved] - cost
        back[index] = np.where(stays, np.arange(speakers), moved)
        best = np.where(stays, best, best[moved] - cost) + emission[index]
    path = [int(best.argmax())]
    for index in range(count - 1, 0, -1):
        path.append(int(back[index, path[-1]]))
    path.reverse()
    posterior = np.exp(emission) / np.exp(emission).sum(axis=1, keepdims=True)
    return Labels(path, posterior[np.arange(count), path].tolist())


def _scores(conversation: Conversation) -> np.ndarray:
    names = conversation.names
    rows = []
    for word, speaker in zip(conversation.words, conversation.draft(), strict=True):
        if word_score(word) is not None:
            rows.append([float(word["speaker_scores"].get(name, 0.0)) for name in names])
        else:
            rows.append([1.0 if index == speaker else UNSCORED for index in range(len(names))])
    return np.clip(np.array(rows), FLOOR, 1.0)
