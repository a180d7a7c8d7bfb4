"""The prompt: a chunk of labelled words as tokens, and the shapes that its answer may take.

Two transcript formats (paper, III-B and Fig. 2). `word`: every word stands behind its speaker
label and its acoustic label, and the answer gives every word behind its corrected speaker label.
`turn`: speaker labels only where the speaker changes. The words of the answer are fixed; what is
open is one speaker per word, and each choice is a single token, in both formats. This file knows
an `encode` function, not the model that reads the tokens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from seal.errors import SealError
from seal.words import normalise

Format = Literal["turn", "word"]
TRANSCRIPT_FORMATS: tuple[str, ...] = get_args(Format)

NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Speakers within a chunk, in order of appearance. Words are lower case: no label is a word."""

MAX_TOKENS_PER_WORD = 64
"""Of a longer word the model is shown the beginning."""

Encode = Callable[[str], list[int]]
"""Text to tokens, without special ones."""


@dataclass(frozen=True)
class Prompt:
    """A chunk in tokens. Speakers are numbers 0 to K - 1, local to the chunk."""

    tokens: list[int]
    """What the model is given before its answer."""
    words: list[list[int]]
    """The tokens of each of the W words."""
    labels: list[int]
    """The token of each of the K speakers."""
    draft: list[int]
    """The first pass's speaker of each word."""
    turn: bool
    """Labels only where the speaker changes."""

    def up_to(self, count: int) -> "Prompt":
        """Return the same prompt with only its first `count` words to answer for.

        What an answer says of them does not depend on the rest of it.
        """
        return replace(self, words=self.words[:count], draft=self.draft[:count])

    def allowed_tokens(self, word: int, previous: int | None) -> list[int]:
        """Return the K allowed next tokens before `word`, one per speaker, after `previous` spoke.

        In the turn format "the same speaker goes on" is said by the word's own first token.
        """
        tokens = list(self.labels)
        if self.turn and previous is not None:
            tokens[previous] = self.words[word][0]
        return tokens

    def emit(self, word: int, speaker: int, previous: int | None) -> list[int]:
        """Return the tokens of `word` when `speaker` says it after `previous`."""
        if self.turn and speaker == previous:
            return self.words[word]
        return [self.labels[speaker], *self.words[word]]

    def answer(self, speakers: Sequence[int], start: int = 0) -> tuple[list[int], list[int]]:
        """Return the answer's tokens from word `start` on, and the slots in them.

        A slot is the index, in those tokens, of the token that chooses a word's speaker: one for
        each word.
        """
        tokens: list[int] = []
        slots: list[int] = []
        previous = speakers[start - 1] if start else None
        for word in range(start, len(speakers)):
            slots.append(len(tokens))
            tokens += self.emit(word, speakers[word], previous)
            previous = speakers[word]
        return tokens, slots


def shown(text: str) -> str:
    """Return a word as the model sees it: normalised, and never empty."""
    return normalise(text) or "".join(text.split()).lower() or "-"


def word_tokens(text: str, encode: Encode) -> list[int]:
    """Encode one word. Words are encoded one by one, each with its leading space."""
    return encode(" " + shown(text))[:MAX_TOKENS_PER_WORD]


def label_tokens(encode: Encode, count: int) -> list[int]:
    """Return one token for each of the first `count` speaker names."""
    tokens = []
    for name in NAMES[:count]:
        single = [ids[0] for ids in (encode(" " + name), encode(name)) if len(ids) == 1]
        if not single:
            raise SealError(f"model: its tokenizer has no single token for the label {name!r}")
        tokens.append(single[0])
    return tokens


def order_of_appearance(speakers: Sequence[int], count: int) -> list[int]:
    """List the recording's `count` speakers in the order in which a chunk names them.

    Those who speak in the chunk come first; there are as many names as letters.
    """
    return list(dict.fromkeys([*speakers, *range(count)]))[: len(NAMES)]


def build(
    words: Sequence[list[int]],
    acoustic: Sequence[str],
    draft: Sequence[int],
    count: int,
    encode: Encode,
    format: str = "word",
) -> Prompt:
    """Build the prompt of a chunk.

    `words` are the words' tokens, `acoustic` their acoustic labels ("" for none), `draft` their
    first-pass speakers as local numbers below `count`.
    """
    if format not in TRANSCRIPT_FORMATS:
        raise SealError(f"format: {format!r} is none of {', '.join(TRANSCRIPT_FORMATS)}")
    turn = format == "turn"
    labels = label_tokens(encode, count)
    shown_labels = {text: encode(" " + text) for text in set(acoustic) if text}
    tokens = encode("Draft:")
    for index, (word, text, speaker) in enumerate(zip(words, acoustic, draft, strict=True)):
        if not turn or index == 0 or speaker != draft[index - 1]:
            tokens.append(labels[speaker])
        tokens += shown_labels.get(text, [])
        tokens += word
    tokens += encode("\nFinal:")
    return Prompt(tokens, list(words), labels, list(draft), turn)
