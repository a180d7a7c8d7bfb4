"""Exact constrained decoding in a few passes, many chunks at once.

The words are forced, so a label vector is the greedy answer if and only if it is a fixed point of
the teacher-forced argmax. Draft with the first pass's labels, read all decisions in one pass, keep
what comes before the first disagreement, guess the rest anew from the same pass (Jacobi), and
repeat. Every pass settles one label at least. Prior art for drafting with the input: Sun et al.,
"Instantaneous grammatical error correction with shallow aggressive decoding" (2021); Yang et al.,
"Inference with reference" (2023); for Jacobi decoding: Kou et al., "CLLMs" (2024).

What a chunk has left to read after its first pass is short, and a short pass costs nearly as much
as a long one. So chunks go together: each pass reads on in all that are not yet done, and begins
new ones while there is room (continuous batching; Yu et al., "Orca", 2022).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from seal.llm.decode import Decoded, Margins, choose
from seal.llm.model import LanguageModel
from seal.llm.packed import Piece, Text, read
from seal.llm.prompt import Prompt

ROOM = {"cpu": 2048, "cuda": 16_384}
"""Tokens that a pass takes: some ten pieces of chunks, so that each thread has an even share; on an
accelerator, as many as keep it busy."""

AHEAD = 24
"""Words to look ahead at least. What stands behind a label that changes is read in vain."""

TURN = 2
"""Words behind a change of the first pass's speaker, near which most changed labels are: a look
ahead ends so far behind one."""

FOLLOW = 1.0
"""Nats that speak for the next word of a turn, too, changing if the word before it just changed:
a guess for the next pass, no more."""


def fast(model: LanguageModel, prompt: Prompt, margins: Margins) -> Decoded:
    """Decode one chunk; the labels are those of `algorithm1` (near-ties under rounding aside)."""
    return next(decode_many(model, [(prompt, margins)]))


def decode_many(
    model: LanguageModel, chunks: Iterable[tuple[Prompt, Margins]], room: int | None = None
) -> Iterator[Decoded]:
    """Decode chunks, of one recording or many, and give the answers in their order.

    `chunks` are taken as they are needed, so memory does not grow with their number. A pass reads
    `room` tokens at most, or what is left of one chunk.
    """
    if room is None:
        room = ROOM.get(model.network.device.type, ROOM["cpu"])
    waiting = (_Chunk(prompt, margins) for prompt, margins in chunks)
    following = next(waiting, None)
    begun: list[_Chunk] = []
    while begun or following is not None:
        asking = [chunk for chunk in begun if not chunk.done]
        pieces = [chunk.piece() for chunk in asking]
        taken = sum(len(piece.tokens) for piece in pieces)
        while following is not None:
            piece = following.piece()
            taken += len(piece.tokens)
            if pieces and taken > room:
                break
            begun.append(following)
            asking.append(following)
            pieces.append(piece)
            following = next(waiting, None)
        for chunk, logits in zip(asking, read(model.network, pieces), strict=True):
            chunk.judge(logits)
        while begun and begun[0].done:
            yield begun.pop(0).answer()


class _Chunk:
    """A chunk that is being decoded."""

    def __init__(self, prompt: Prompt, margins: Margins) -> None:
        self._prompt = prompt
        self._margins = margins
        self._speakers = [
            _likely(draft, row) for draft, row in zip(prompt.draft, margins, strict=True)
        ]  # any guess gives the same answer; a good one is quicker
        self._posteriors: list[list[float]] = []
        self._passes = 0
        self._text = Text()
        self._lead = prompt.tokens
        self._first = 0  # the word from which on tokens are still to be read
        self.done = False

    def piece(self) -> Piece:
        """What is to be read next: up to the last decision that is worth a look yet."""
        settled = len(self._posteriors)
        end = self._outlook(settled)
        answer, slots = self._prompt.answer(self._speakers, self._first)
        self._slots = [len(self._lead) + slot for slot in slots[: end - self._first]]
        open_slots = self._slots[settled - self._first :]
        return Piece(
            self._text,
            (self._lead + answer)[: open_slots[-1]],
            [slot - 1 for slot in open_slots],
            [
                self._prompt.options(word, self._speakers[word - 1] if word else None)
                for word in range(settled, end)
            ],
        )

    def _outlook(self, settled: int) -> int:
        """How many words to look at next, counted from the chunk's first."""
        draft = self._prompt.draft
        for word in range(settled + AHEAD - TURN + 1, len(draft) - AHEAD):
            if draft[word] != draft[word - 1]:
                return word + TURN
        return len(draft)

    def judge(self, logits: Any) -> None:
        """Take what the model said of the open decisions [open, K]: settle those before the first
        disagreement, and that one; guess the later ones anew."""
        self._passes += 1
        guess, draft = list(self._speakers), self._prompt.draft
        for word, row in enumerate(logits, start=len(self._posteriors)):
            choice = draft[word], self._margins[word]
            guess[word], posterior = choose(row, *choice)
            if guess[:word] == self._speakers[:word]:
                self._posteriors.append(posterior)
            elif guess[word - 1] != self._speakers[word - 1] and draft[word] == draft[word - 1]:
                row = row.clone()
                row[guess[word - 1]] += FOLLOW
                guess[word], _ = choose(row, *choice)
        self.done = len(self._posteriors) == len(guess)
        # Tokens up to the last settled word stand; it follows itself, under its label.
        last = len(self._posteriors) - 1
        self._text.keep(self._text.length - self._slots[-1] + self._slots[last - self._first])
        self._speakers, self._first, self._lead = guess, last, []
        if self.done:
            self._text = Text()  # others may be long before their answers are given

    def answer(self) -> Decoded:
        """The answer, once it is done."""
        return Decoded(self._speakers, self._posteriors, self._passes)


def _likely(draft: int, margins: Sequence[float]) -> int:
    """The speaker to guess for a word: the first pass's, or one that a margin already prefers."""
    best = min(range(len(margins)), key=margins.__getitem__)
    return best if margins[best] < 0 else draft
