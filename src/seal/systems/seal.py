"""The paper's SEAL: score mapper, chunks, prompt, language model and constrained decoding.

Other systems may push: `decode_chunks` takes a margin for every word and speaker, and a say in
which chunks are worth the model's time.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from seal.chunks import Chunk, cut
from seal.conditioning import TH_LOW, TH_MED, acoustic_label, word_score
from seal.decode import Decoded, Margins
from seal.errors import SealError
from seal.model import LanguageModel
from seal.prompt import Prompt, build, order_of_appearance, word_tokens
from seal.systems import Labels, Options, Progress, base_margin, numbers
from seal.words import Word

SHIPPED = Path(__file__).parents[1] / "weights" / "smollm2-135m-word-label"
"""The adapter of the embedded model, with its card and its margins."""


def label(
    words: Sequence[Word], names: Sequence[str], options: Options, progress: Progress
) -> Labels:
    """The labels that constrained decoding gives, chunk by chunk."""
    _, settings = load_corrector(options.model, options.adapter, options.device)
    margins = [[base_margin(word, options, settings)] * len(names) for word in words]
    chosen: list[int] = []
    confidence: list[float] = []
    for answer in decode_chunks(words, names, options, margins, progress):
        chosen += answer.speakers
        confidence += [
            row[speaker] for row, speaker in zip(answer.posteriors, answer.speakers, strict=True)
        ]
    return Labels(chosen, confidence)


@dataclass(frozen=True)
class Answer:
    """The words `first` to `last` - 1 that a chunk judges: their speakers (places among the
    recording's), and the model's posterior of each of the recording's speakers."""

    first: int
    last: int
    speakers: list[int]
    posteriors: list[list[float]]


def decode_chunks(
    words: Sequence[Word],
    names: Sequence[str],
    options: Options,
    margins: Margins,
    progress: Progress,
    wanted: Callable[[int, int], bool] = lambda first, last: True,
) -> list[Answer]:
    """Decode the chunks of one conversation, those whose words (first, last) are `wanted`.

    `margins` [W][K] are the nats by which the model must prefer each of the recording's speakers
    to the first pass's.
    """
    language_model, settings = load_corrector(options.model, options.adapter, options.device)
    low, med = options.thresholds or settings.get("thresholds", (TH_LOW, TH_MED))
    kind = settings.get("score", "posterior")
    labels = [
        acoustic_label(word_score(word, kind), options.condition, (low, med)) for word in words
    ]
    tokens = [word_tokens(word["words"], language_model.encode) for word in words]
    draft = numbers(words, names)
    chunks = [
        chunk
        for chunk in cut([len(word) for word in tokens], draft)
        if wanted(chunk.first, chunk.last)
    ]
    orders: list[list[int]] = []

    def asked() -> Iterator[tuple[Prompt, Margins]]:
        for chunk in chunks:
            prompt, order = chunk_prompt(
                chunk, tokens, draft, labels, len(names), language_model.encode, options.format
            )
            orders.append(order)
            span = slice(chunk.start, chunk.stop)
            yield prompt, [[row[speaker] for speaker in order] for row in margins[span]]

    answers = []
    decoded = decoder(options.decode)(language_model, asked())
    for place, (chunk, answer) in enumerate(zip(chunks, decoded, strict=True)):
        answers.append(_answer(chunk, answer, orders[place], len(names)))
        progress(chunk.last / len(words))
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


@lru_cache(maxsize=1)
def load_corrector(
    model: str | None, adapter: str | Path | None, device: str
) -> tuple[Any, dict[str, Any]]:
    """The language model with its adapter, and the adapter's settings (`seal.json` beside it)."""
    from seal.model import load

    if adapter is None and model is None:
        adapter = SHIPPED
    settings: dict[str, Any] = {}
    if adapter is not None and (Path(adapter) / "seal.json").is_file():
        file = Path(adapter) / "seal.json"
        try:
            settings = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise SealError(f"{file}: not JSON ({error})") from None
    return load(model, adapter, device), settings


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
    """The decoder of that name, one of `seal.decode.DECODERS`, for any number of chunks."""
    if name == "fast":
        from seal.decode.fast import decode_many

        return decode_many
    one: Any = getattr(import_module(f"seal.decode.{name}"), name)
    return lambda model, chunks: (one(model, *chunk) for chunk in chunks)
