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

MAX_LENGTH_RATIO = 1.2
"""Generation stops when the answer is this many times as long as the draft."""

LOOKAHEAD_TOKENS = 24
"""Tokens of the draft that are read along."""

SEARCH_TOKENS = 40
"""Tokens of the draft in which a token that is not the next one is looked for."""


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


def generate(
    model: LanguageModel, prompt: Prompt, lookahead: int = LOOKAHEAD_TOKENS
) -> tuple[list[int], int]:
    """Generate greedily; return the tokens and the number of passes that they took.

    With a `lookahead` of 0 tokens it reads one token per pass, and gives the same.
    """
    max_tokens = int(MAX_LENGTH_RATIO * len(prompt.answer(prompt.draft)[0])) + 8
    context = model.context()
    written: list[int] = []
    unread = list(prompt.tokens)
    passes = 0
    while True:
        guess = _draft_after(prompt, written)[:lookahead]
        first = len(unread) - 1
        logits = context.feed(unread + guess, list(range(first, first + len(guess) + 1)))
        passes += 1
        agreed = 0
        for row in logits:
            token = int(row.argmax())
            if token == model.eos or len(written) == max_tokens:
                return written, passes
            written.append(token)
            if agreed == len(guess) or token != guess[agreed]:
                break
            agreed += 1
        context.truncate(context.length - len(guess) + agreed)
        unread = written[-1:]


def _draft_after(prompt: Prompt, written: Sequence[int]) -> list[int]:
    """Return the draft's tokens after what was written, or none where that left the draft."""
    names = {token: speaker for speaker, token in enumerate(prompt.labels)}
    flat = [token for word in prompt.words for token in word]
    index, speaker, lost = 0, None, False  # `index` counts the tokens of words
    for token in written:
        if token in names:
            speaker = names[token]
            continue
        near = flat[index : index + SEARCH_TOKENS]
        lost = token not in near
        if not lost:
            index += near.index(token) + 1
    if lost:
        return []
    labelled = bool(written) and written[-1] in names
    tokens: list[int] = []
    begin = 0
    for word, draft in zip(prompt.words, prompt.draft, strict=True):
        if begin + len(word) > index:
            if begin >= index and not labelled and not (prompt.turn and draft == speaker):
                tokens.append(prompt.labels[draft])
                speaker = draft
            tokens += word[max(0, index - begin) :]
            labelled = False
        begin += len(word)
    return tokens


def _parse(
    model: LanguageModel, prompt: Prompt, written: Sequence[int]
) -> tuple[list[str], list[int]]:
    """Return the words that were written and the speaker of each; text before any label is lost."""
    names = {token: speaker for speaker, token in enumerate(prompt.labels)}
    texts: list[str] = []
    labels: list[int] = []
    speaker = None
    piece: list[int] = []
    for token in [*written, None]:
        if token is not None and token not in names:
            piece.append(token)
            continue
        if speaker is not None:
            words = model.decode(piece).split()
            texts += words
            labels += [speaker] * len(words)
        piece = []
        speaker = None if token is None else names[token]
    return texts, labels
