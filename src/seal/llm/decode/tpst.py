"""Free generation, then DiarizationLM's transfer: the paper's decoding baseline.

The model writes what it likes, words included; what it wrote is aligned with the real words, and
its labels are transferred to them (`seal.tpst.tpst`). Words come out right by that transfer
alone. Source: Wang et al., "DiarizationLM" (2024), section 3. Most of what a model writes is the
draft again, so the draft's next words are read along with each token, and as many are taken as the
model would have written itself: greedy generation in fewer passes (Sun et al., 2021).
"""

from collections.abc import Sequence

from seal.llm.decode import Decoded, Margins, posteriors_of
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt
from seal.tpst import tpst as transfer

SLACK = 1.2
"""Generation stops when the answer is this many times as long as the draft."""

AHEAD = 24
"""Tokens of the draft that are read along."""

REACH = 40
"""Tokens of the draft in which a strange token is looked for."""


def tpst(model: LanguageModel, prompt: Prompt, margins: Margins) -> Decoded:
    """Decode one chunk by greedy free generation. `margins` do not apply, and are not read.

    The posteriors are the model's own at the labels that came out.
    """
    written, passes = generate(model, prompt)
    texts, labels = _parse(model, prompt, written)
    words = [model.decode(word).strip() for word in prompt.words]
    speakers = transfer(texts, labels, words, prompt.draft, range(len(prompt.labels)))
    posteriors = posteriors_of(model, prompt, speakers)
    return Decoded(speakers, posteriors, passes + 1)


def generate(model: LanguageModel, prompt: Prompt, ahead: int = AHEAD) -> tuple[list[int], int]:
    """The tokens that greedy generation gives, and the passes that it took.

    With `ahead` of 0 it reads one token per pass, and gives the same.
    """
    longest = int(SLACK * len(prompt.answer(prompt.draft)[0])) + 8
    context = model.context()
    written: list[int] = []
    given = list(prompt.tokens)
    passes = 0
    while True:
        guess = _draft_after(prompt, written)[:ahead]
        first = len(given) - 1
        logits = context.feed(given + guess, list(range(first, first + len(guess) + 1)))
        passes += 1
        agreed = 0
        for row in logits:
            token = int(row.argmax())
            if token == model.end or len(written) == longest:
                return written, passes
            written.append(token)
            if agreed == len(guess) or token != guess[agreed]:
                break
            agreed += 1
        context.keep(context.length - len(guess) + agreed)
        given = written[-1:]


def _draft_after(prompt: Prompt, written: Sequence[int]) -> list[int]:
    """How the draft goes on after what was written: nothing where its place is lost."""
    names = {token: speaker for speaker, token in enumerate(prompt.labels)}
    flat = [token for word in prompt.words for token in word]
    place, speaker, lost = 0, None, False
    for token in written:
        if token in names:
            speaker = names[token]
            continue
        near = flat[place : place + REACH]
        lost = token not in near
        if not lost:
            place += near.index(token) + 1
    if lost:
        return []
    labelled = bool(written) and written[-1] in names
    tokens: list[int] = []
    begin = 0
    for word, draft in zip(prompt.words, prompt.draft, strict=True):
        if begin + len(word) > place:
            if begin >= place and not labelled and not (prompt.turn and draft == speaker):
                tokens.append(prompt.labels[draft])
                speaker = draft
            tokens += word[max(0, place - begin) :]
            labelled = False
        begin += len(word)
    return tokens


def _parse(
    model: LanguageModel, prompt: Prompt, written: Sequence[int]
) -> tuple[list[str], list[int]]:
    """The words that were written and the speaker of each; what stands before any label is lost."""
    number = {token: speaker for speaker, token in enumerate(prompt.labels)}
    texts: list[str] = []
    labels: list[int] = []
    speaker = None
    piece: list[int] = []
    for token in [*written, None]:
        if token is not None and token not in number:
            piece.append(token)
            continue
        if speaker is not None:
            found = model.decode(piece).split()
            texts += found
            labels += [speaker] * len(found)
        piece = []
        speaker = None if token is None else number[token]
    return texts, labels
