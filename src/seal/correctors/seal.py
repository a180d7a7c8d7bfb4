"""The paper's SEAL: score mapper, chunks, prompt, language model and constrained decoding.

Other correctors may push: `decode_chunks` takes a margin for every word and speaker, and lets the
caller say which chunks are worth the model's time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from seal import weights
from seal.correctors import Labels, Options, base_margin, read_settings
from seal.llm.chunks import Chunk, cut
from seal.llm.conditioning import TH_LOW, TH_MED, acoustic_label, word_score
from seal.llm.decode import Decoded, Margins
from seal.llm.decode.algorithm1 import algorithm1
from seal.llm.decode.fast import decode_many
from seal.llm.model import LanguageModel, load
from seal.llm.prompt import Encode, Prompt, build, order_of_appearance, word_tokens
from seal.progress import Progress
from seal.words import Conversation

SHIPPED = weights.FOLDER / "smollm2-135m-word-label"
"""The adapter of the embedded model, with its card and its margins."""


def label(
    conversations: Sequence[Conversation], options: Options, progress: Progress
) -> list[Labels]:
    """Return the labels that constrained decoding gives, chunk by chunk."""
    _, settings = loaded(options)
    margins = [
        [[base_margin(word, options, settings)] * len(one.names) for word in one.words]
        for one in conversations
    ]
    labels = []
    for answers in decode_chunks(conversations, options, margins, progress):
        speakers: list[int] = []
        confidence: list[float] = []
        for answer in answers:
            speakers += answer.speakers
            confidence += [
                row[speaker]
                for row, speaker in zip(answer.posteriors, answer.speakers, strict=True)
            ]
        labels.append(Labels(speakers, confidence))
    return labels


@dataclass(frozen=True)
class Answer:
    """What a chunk decides of its words `first` to `last` - 1."""

    first: int
    last: int
    speakers: list[int]
    """The speaker of each, by index among the recording's."""
    posteriors: list[list[float]]
    """The model's posterior of each of the recording's speakers, at each word."""


def decode_chunks(
    conversations: Sequence[Conversation],
    options: Options,
    margins: Sequence[Margins],
    progress: Progress,
    wanted: Callable[[int, int, int], bool] = lambda index, first, last: True,
) -> list[list[Answer]]:
    """Decode the chunks of each conversation, or those of them that are `wanted`.

    `margins` [W][K], for each conversation, are the nats by which the model must prefer each of the
    speakers to the first pass's. `wanted` is asked with the conversation's index and the (first,
    last) words that the chunk decides. Chunks share passes, whosever they are.
    """
    language_model, settings = loaded(options)
    thresholds = options.thresholds or settings.get("thresholds", (TH_LOW, TH_MED))
    score_kind = settings.get("score", "posterior")
    asked: list[tuple[int, Chunk, list[int]]] = []
    total = sum(len(one.words) for one in conversations)

    def prompts() -> Iterator[tuple[Prompt, Margins]]:
        for index, one in enumerate(conversations):
            labels = [
                acoustic_label(word_score(word, score_kind), options.condition, thresholds)
                for word in one.words
            ]
            tokens = [word_tokens(word["words"], language_model.encode) for word in one.words]
            draft = one.draft()
            for chunk in cut([len(word) for word in tokens], draft):
                if not wanted(index, chunk.first, chunk.last):
                    continue
                prompt, order = chunk_prompt(
                    chunk,
                    tokens,
                    draft,
                    labels,
                    len(one.names),
                    language_model.encode,
                    options.format,
                )
                asked.append((index, chunk, order))
                # Words behind the last decided one are shown; only free generation writes them.
                stop = chunk.stop if options.decode == "tpst" else chunk.last
                rows = margins[index][chunk.start : stop]
                yield (
                    prompt.up_to(stop - chunk.start),
                    [[row[speaker] for speaker in order] for row in rows],
                )

    answers: list[list[Answer]] = [[] for _ in conversations]
    words_before = np.cumsum([0, *(len(one.words) for one in conversations)])
    decode = decoder(options.decode)
    for position, decoded in enumerate(decode(language_model, prompts())):
        # Chunks are asked for ahead of their answers, which come in the same order.
        index, chunk, order = asked[position]
        answers[index].append(_answer(chunk, decoded, order, len(conversations[index].names)))
        progress((int(words_before[index]) + chunk.last) / total)
    return answers


def _answer(chunk: Chunk, decoded: Decoded, order: Sequence[int], count: int) -> Answer:
    """Turn a chunk's local speakers into the recording's `count` ones."""
    decided = slice(chunk.first - chunk.start, chunk.last - chunk.start)
    rows = []
    for local in decoded.posteriors[decided]:
        row = [0.0] * count
        for speaker, value in zip(order, local, strict=True):
            row[speaker] = value
        rows.append(row)
    speakers = [order[local_speaker] for local_speaker in decoded.speakers[decided]]
    return Answer(chunk.first, chunk.last, speakers, rows)


def prepare(options: Options) -> None:
    """Load the model, so that a mistake shows at once."""
    loaded(options)


def loaded(options: Options) -> tuple[LanguageModel, dict[str, Any]]:
    """Return what `load_corrector` gives for the options."""
    return load_corrector(options.model, options.adapter, options.device, options.precision)


@lru_cache(maxsize=1)
def load_corrector(
    model: str | None, adapter: str | Path | None, device: str, precision: str | None = None
) -> tuple[LanguageModel, dict[str, Any]]:
    """Load the language model with its adapter, and the adapter's settings (its `seal.json`).

    `precision` None is float32 on the CPU, bfloat16 elsewhere.
    """
    if adapter is None and model is None:
        adapter = SHIPPED
    settings: dict[str, Any] = {}
    if adapter is not None and (Path(adapter) / "seal.json").is_file():
        settings = read_settings(Path(adapter) / "seal.json")
    if precision is None:
        precision = "float32" if device == "cpu" else "bfloat16"
    return load(model, adapter, device, precision), settings


def chunk_prompt(
    chunk: Chunk,
    tokens: Sequence[list[int]],
    draft: Sequence[int],
    labels: Sequence[str],
    count: int,
    encode: Encode,
    format: str,
) -> tuple[Prompt, list[int]]:
    """Build the prompt of one chunk, and list which of the recording's speakers its local ones are.

    `tokens`, first-pass speakers (`draft`) and acoustic `labels` are those of the recording's
    words, of `count` speakers.
    """
    span = slice(chunk.start, chunk.stop)
    order = order_of_appearance(draft[span], count)
    local = {speaker: index for index, speaker in enumerate(order)}
    prompt = build(
        tokens[span],
        labels[span],
        [local[speaker] for speaker in draft[span]],
        len(order),
        encode,
        format,
    )
    return prompt, order


def decoder(
    name: str,
) -> Callable[[LanguageModel, Iterable[tuple[Prompt, Margins]]], Iterator[Decoded]]:
    """Return the decoder of that name, one of `seal.llm.decode.DECODERS`, for a run of chunks."""
    if name == "fast":
        return decode_many
    one = algorithm1
    if name == "tpst":
        from seal.llm.decode.tpst import tpst  # its alignment is of the extra `score`

        one = tpst
    return lambda model, chunks: (one(model, *chunk) for chunk in chunks)
