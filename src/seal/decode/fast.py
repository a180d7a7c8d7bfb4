"""Exact constrained decoding in a few passes.

The words are forced, so a label vector is the greedy answer if and only if it is a fixed point of
the teacher-forced argmax. Draft with the first pass's labels, read all decisions in one pass, keep
what comes before the first disagreement, guess the rest anew from the same pass (Jacobi), and
repeat. Every pass settles one label at least. Prior art for drafting with the input: Sun et al.,
"Instantaneous grammatical error correction with shallow aggressive decoding" (2021); Yang et al.,
"Inference with reference" (2023); for Jacobi decoding: Kou et al., "CLLMs" (2024).
"""

from collections.abc import Sequence

from seal.decode import Decoded, Margins, choose
from seal.model import LanguageModel
from seal.prompt import Prompt


def fast(model: LanguageModel, prompt: Prompt, margins: Margins) -> Decoded:
    """Decode one chunk; the labels are those of `algorithm1` (near-ties under rounding aside)."""
    context = model.context()
    speakers = [
        _likely(draft, row) for draft, row in zip(prompt.draft, margins, strict=True)
    ]  # any guess gives the same answer; a good one is quicker
    posteriors: list[list[float]] = []
    passes = 0
    lead = prompt.tokens
    first = 0  # the word from which on tokens are still to be read
    while len(posteriors) < len(speakers):
        answer, slots = prompt.answer(speakers, first)
        settled = len(posteriors)
        open_slots = slots[settled - first :]
        logits = context.feed(
            lead + answer[: open_slots[-1]], [len(lead) + slot - 1 for slot in open_slots]
        )
        passes += 1
        guess = list(speakers)
        agreed = True
        for row, word in zip(logits, range(settled, len(speakers)), strict=True):
            previous = speakers[word - 1] if word else None
            guess[word], posterior = choose(row, prompt, word, previous, margins[word])
            if agreed:
                posteriors.append(posterior)
            if agreed and guess[word] != speakers[word]:
                agreed = False
                # Tokens up to this word stand; the word itself follows under its new label.
                kept = len(lead) + slots[word - first]
                first_wrong = word
        if agreed:
            break
        context.keep(context.length - (len(lead) + open_slots[-1]) + kept)
        speakers, first, lead = guess, first_wrong, []
    return Decoded(speakers, posteriors, passes)


def _likely(draft: int, margins: Sequence[float]) -> int:
    """The speaker to guess for a word: the first pass's, or one that a margin already prefers."""
    best = min(range(len(margins)), key=margins.__getitem__)
    return best if margins[best] < 0 else draft
