"""Free generation, then DiarizationLM's transfer: the paper's decoding baseline.

The model writes what it likes, words included; what it wrote is aligned with the real words, and
its labels are transferred to them (`seal.oracle.tpst`). Words come out right by that transfer
alone. Source: Wang et al., "DiarizationLM" (2024), section 3.
"""

from collections.abc import Sequence

from seal.decode import Decoded, Margins, posteriors_of
from seal.model import LanguageModel
from seal.oracle import tpst as transfer
from seal.prompt import Prompt

SLACK = 1.2
"""Generation stops when the answer is this many times as long as the draft."""


def tpst(model: LanguageModel, prompt: Prompt, margins: Margins) -> Decoded:
    """Decode one chunk by greedy free generation. `margins` do not apply, and are not read.

    The posteriors are the model's own at the labels that came out.
    """
    written = _generate(model, prompt)
    texts, labels = _parse(model, prompt, written)
    words = [model.decode(word).strip() for word in prompt.words]
    speakers = transfer(texts, labels, words, prompt.draft)
    posteriors = posteriors_of(model, prompt, speakers)
    return Decoded(speakers, posteriors, len(written) + 2)


def _generate(model: LanguageModel, prompt: Prompt) -> list[int]:
    longest = int(SLACK * len(prompt.answer(prompt.draft)[0])) + 8
    context = model.context()
    written: list[int] = []
    logits = context.feed(prompt.tokens, [len(prompt.tokens) - 1])[0]
    while len(written) < longest:
        token = int(logits.argmax())
        if token == model.end:
            break
        written.append(token)
        logits = context.feed([token], [0])[0]
    return written


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
