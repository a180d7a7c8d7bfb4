"""The paper's SEAL: score mapper, chunks, prompt, language model and constrained decoding.

Other systems may push: `decode_chunks` takes a margin for every word and speaker, and a say in
which chunks are worth the model's time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from seal import weights
from seal.correctors import Labels, Options, base_margin, read_settings
from seal.llm.chunks import Chunk, cut
from seal.llm.conditioning import TH_LOW, TH_MED, acoustic_label, word_score
from seal.llm.decode import Decoded, Margins
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt, build, order_of_appearance, word_tokens
from seal.progress import Progress
from seal.words import Conversation

SHIPPED = weights.FOLDER / "smollm2-135m-word-label"
"""The adapter of the embedded model, with its card and its margins."""


def label(
    conversations: Sequence[Conversation], options: Options, progress: Progress
) -> list[Labels]:
    """The labels that constrained decoding gives, chunk by chunk."""
    _, settings = loaded(options)
    margins = [
        [[base_margin(word, options, settings)] * len(one.names) for word in one.words]
        for one in conversations
    ]
    answers = []
    for found in decode_chunks(conversations, options, margins, progress):
        chosen: list[int] = []
        confidence: list[float] = []
        for answer in found:
            chosen += answer.speakers
            confidence += [
                row[speaker]
                for row, speaker in zip(answer.posteriors, answer.speakers, strict=True)
            ]
        answers.append(Labels(chosen, confidence))
    return answers


@dataclass(frozen=True)
class Answer:
    """The words `first` to `last` - 1 that a chunk judges: their speakers (places among the
    recording's), and the model's posterior of each of the recording's speakers."""

    first: int
    last: int
    speakers: list[int]
    posteriors: list[list[float]]


def decode_chunks(
    conversations: Sequence[Conversation],
    options: Options,
    margins: Sequence[Margins],
    progress: Progress,
    wanted: Callable[[int, int, int], bool] = lambda number, first, last: True,
) -> list[list[Answer]]:
    """Decode the chunks of each conversation, those that are `wanted`: which conversation, and the
    (first, last) words that the chunk judges. Chunks share passes, whosever they are.

    `margins` [W][K], for each conversation, are the nats by which the model must prefer each of the
    speakers to the first pass's.
    """
    language_model, settings = loaded(options)
    thresholds = options.thresholds or settings.get("thresholds", (TH_LOW, TH_MED))
    kind = settings.get("score", "posterior")
    asked: list[tuple[int, Chunk, list[int]]] = []
    total = sum(len(one.words) for one in conversations)

    def prompts() -> Iterator[tuple[Prompt, Margins]]:
        for number, one in enumerate(conversations):
            labels = [
                acoustic_label(word_score(word, kind), options.condition, thresholds)
                for word in one.words
            ]
            tokens = [word_tokens(word["words"], language_model.encode) for word in one.words]
            draft = one.draft()
            for chunk in cut([len(word) for word in tokens], draft):
                if not wanted(number, chunk.first, chunk.last):
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
                asked.append((number, chunk, order))
                # Words behind the last that is judged are shown. Free generation writes them, too.
                stop = chunk.stop if options.decode == "tpst" else chunk.last
                rows = margins[number][chunk.start : stop]
                yield (
                    prompt.up_to(stop - chunk.start),
                    [[row[speaker] for speaker in order] for row in rows],
                )

    answers: list[list[Answer]] = [[] for _ in conversations]
    before = np.cumsum([0, *(len(one.words) for one in conversations)])
    for place, answer in enumerate(decoder(options.decode)(language_model, prompts())):
        number, chunk, order = asked[place]
        answers[number].append(_answer(chunk, answer, order, len(conversations[number].names)))
        progress((int(before[number]) + chunk.last) / total)
    return answers


def _answer(chunk: Chunk, decoded: Decoded, order: Sequence[int], count: int) -> Answer:
    judged = slice(chunk.first - chunk.start, chunk.last - chunk.start)
    rows = []
    for local in decoded.posteriors[judged]:
        row = [0.0] * count
        for speaker, value in zip(order, local, strict=True):
            row[speaker] = value
        rows.append(row)
    speakers = [order[place] for place in decoded.speakers[judged]]
    return Answer(chunk.first, chunk.last, speakers, rows)


def prepare(options: Options) -> None:
    """Load the model, so that a mistake shows at once."""
    loaded(options)


def loaded(options: Options) -> tuple[Any, dict[str, Any]]:
    """What `load_corrector` gives for the options."""
    return load_corrector(options.model, options.adapter, options.device, options.precision)


@lru_cache(maxsize=1)
def load_corrector(
    model: str | None, adapter: str | Path | None, device: str, precision: str | None = None
) -> tuple[Any, dict[str, Any]]:
    """The language model with its adapter, and the adapter's settings (`seal.json` beside it).

    `precision` None is float32 on the CPU, bfloat16 elsewhere.
    """
    from seal.llm.model import load

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
    encode: Callable[[str], list[int]],
    format: str,
) -> tuple[Prompt, list[int]]:
    """The prompt of one chunk, and which of the recording's speakers each local number means."""
    span = slice(chunk.start, chunk.stop)
    order = order_of_appearance(draft[span], count)
    local = {speaker: place for place, speaker in enumerate(order)}
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
    """The decoder of that name, one of `seal.llm.decode.DECODERS`, for any number of chunks."""
    if name == "fast":
        from seal.llm.decode.fast import decode_many

        return decode_many
    one: Any = getattr(import_module(f"seal.llm.decode.{name}"), name)
    return lambda model, chunks: (one(model, *chunk) for chunk in chunks)
