"""Exact constrained decoding in a few passes, many chunks at once.

The words are forced, so a label vector is the greedy answer if and only if it is a fixed point of
the teacher-forced argmax. Draft with the first pass's labels, verify all decisions in one pass,
keep what comes before the first disagreement, guess the rest again from the same pass (Jacobi),
and repeat. Every pass settles one label at least. Prior art for drafting with the input: Sun et
al., "Instantaneous grammatical error correction with shallow aggressive decoding" (2021); Yang et
al., "Inference with reference" (2023); for Jacobi decoding: Kou et al., "CLLMs" (2024).

What a chunk has left to read after its first pass is short, and a short pass costs nearly as much
as a long one. So chunks go together: each pass reads on in all that are not yet done, and begins
new ones while its budget of tokens allows (continuous batching; Yu et al., "Orca", 2022).
"""

from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor

from seal.llm.decode import Decoded, Margins, choose
from seal.llm.model import LanguageModel
from seal.llm.packed import KVCache, Piece, read
from seal.llm.prompt import Prompt

MAX_TOKENS_PER_PASS = {"cpu": 2048, "cuda": 16_384}
"""By device. On a CPU some ten pieces of chunks, so that each thread has an even share; on an
accelerator, as many as keep it busy."""

MIN_LOOKAHEAD_WORDS = 24
"""Words that a pass verifies in a chunk at least. What stands behind a label that changes is read
in vain."""

WORDS_AFTER_CHANGE = 2
"""A lookahead ends this many words behind a change of the first pass's speaker: most of the labels
that the model changes are near one."""

FOLLOW_NATS = 1.0
"""Added, in the guess for the next pass, to the speaker to whom the word before just changed: the
next word of a turn tends to change with it."""


def fast(model: LanguageModel, prompt: Prompt, margins: Margins) -> Decoded:
    """Decode one chunk; the labels are those of `algorithm1` (near-ties under rounding aside)."""
    return next(decode_many(model, [(prompt, margins)]))


def decode_many(
    model: LanguageModel,
    chunks: Iterable[tuple[Prompt, Margins]],
    max_tokens: int | None = None,
) -> Iterator[Decoded]:
    """Decode chunks, of one recording or many, and give the answers in their order.

    `chunks` are taken as they are needed, so memory does not grow with their number. A pass reads
    `max_tokens` tokens (None: MAX_TOKENS_PER_PASS), or what is left of one chunk.
    """
    if max_tokens is None:
        device = model.network.device.type
        max_tokens = MAX_TOKENS_PER_PASS.get(device, MAX_TOKENS_PER_PASS["cpu"])
    waiting = (_Chunk(prompt, margins) for prompt, margins in chunks)
    following = next(waiting, None)
    begun: list[_Chunk] = []
    while begun or following is not None:
        reading = [chunk for chunk in begun if not chunk.done]
        pieces = [chunk.next_piece() for chunk in reading]
        tokens = sum(len(piece.tokens) for piece in pieces)
        while following is not None:
            piece = following.next_piece()
            tokens += len(piece.tokens)
            if pieces and tokens > max_tokens:
                break
            begun.append(following)
            reading.append(following)
            pieces.append(piece)
            following = next(waiting, None)
        for chunk, logits in zip(reading, read(model.network, pieces), strict=True):
            chunk.verify(logits)
        while begun and begun[0].done:
            yield begun.pop(0).answer()


class _Chunk:
    """A chunk that is being decoded."""

    def __init__(self, prompt: Prompt, margins: Margins) -> None:
        self._prompt = prompt
        self._margins = margins
        self._speakers = [
            _first_guess(draft, row) for draft, row in zip(prompt.draft, margins, strict=True)
        ]  # any guess gives the same answer; a good one is quicker
        self._posteriors: list[list[float]] = []
        self._passes = 0
        self._cache = KVCache()
        self._prefix = prompt.tokens  # tokens to read before the answer's
        self._first = 0  # the word from which on tokens are still to be read
        self.done = False

    def next_piece(self) -> Piece:
        """Return what to read next: up to the last decision within the lookahead."""
        settled = len(self._posteriors)
        end = self._lookahead(settled)
        answer, slots = self._prompt.answer(self._speakers, self._first)
        self._slots = [len(self._prefix) + slot for slot in slots[: end - self._first]]
        open_slots = self._slots[settled - self._first :]
        return Piece(
            self._cache,
            (self._prefix + answer)[: open_slots[-1]],
            [slot - 1 for slot in open_slots],
            [
                self._prompt.allowed_tokens(word, self._speakers[word - 1] if word else None)
                for word in range(settled, end)
            ],
        )

    def _lookahead(self, settled: int) -> int:
        """Return the word before which the next pass ends, counted from the chunk's first."""
        draft = self._prompt.draft
        start = settled + MIN_LOOKAHEAD_WORDS - WORDS_AFTER_CHANGE + 1
        for word in range(start, len(draft) - MIN_LOOKAHEAD_WORDS):
            if draft[word] != draft[word - 1]:
                return word + WORDS_AFTER_CHANGE
        return len(draft)

    def verify(self, logits: Tensor) -> None:
        """Take what the model said of the open decisions [open, K].

        Settle those before the first disagreement, and that one; guess the later ones again.
        """
        self._passes += 1
        guess, draft = list(self._speakers), self._prompt.draft
        for word, row in enumerate(logits, start=len(self._posteriors)):
            choice = draft[word], self._margins[word]
            guess[word], posterior = choose(row, *choice)
            if guess[:word] == self._speakers[:word]:
                self._posteriors.append(posterior)
            elif guess[word - 1] != self._speakers[word - 1] and draft[word] == draft[word - 1]:
                row = row.clone()
                row[guess[word - 1]] += FOLLOW_NATS
                guess[word], _ = choose(row, *choice)
        self.done = len(self._posteriors) == len(guess)
        # Tokens up to the last settled word stand; it follows itself, under its label.
        last = len(self._posteriors) - 1
        self._cache.truncate(self._cache.length - self._slots[-1] + self._slots[last - self._first])
        self._speakers, self._first, self._prefix = guess, last, []
        if self.done:
            self._cache = KVCache()  # it may be long before this answer's turn: free the memory

    def answer(self) -> Decoded:
        """Return the answer of a chunk that is done."""
        return Decoded(self._speakers, self._posteriors, self._passes)


def _first_guess(draft: int, margins: Sequence[float]) -> int:
    """Guess a word's speaker: the first pass's, or one that a margin already prefers."""
    best = min(range(len(margins)), key=margins.__getitem__)
    return best if margins[best] < 0 else draft
