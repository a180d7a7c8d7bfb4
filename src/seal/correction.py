"""Correction: a word transcript in, the same words with corrected speakers out.

It joins the parts: score mapper, chunks, prompt, language model, decoder. Words are never
touched: the answer is a copy of the input in which `speaker` may differ, with
`first_pass_speaker` and `speaker_confidence` added. It knows nothing of audio or files.
"""

import json
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from seal.chunks import Chunk, cut
from seal.conditioning import CONDITIONS, TH_LOW, TH_MED, acoustic_label, check_thresholds
from seal.decode import DECODERS, Decoded, Margins
from seal.errors import SealError
from seal.prompt import FORMATS, Prompt, build, order_of_appearance, word_tokens
from seal.words import Word, check, sessions, speakers

SHIPPED = Path(__file__).parent / "weights" / "smollm2-135m-word-label"
"""The adapter of the embedded model, with its card and its margins."""

FLOOR = 0.01
"""A posterior below this counts as this: how little is nothing says nothing."""


def correct(
    words: list[Word],
    *,
    format: str = "word",
    condition: str = "label",
    decode: str = "fast",
    model: str | None = None,
    adapter: str | Path | None = None,
    margin: float | None = None,
    thresholds: tuple[float, float] = (TH_LOW, TH_MED),
    device: str = "cpu",
    progress: Callable[[str, float], None] | None = None,
) -> list[Word]:
    """Correct the speakers of a word transcript, which may hold several conversations.

    `format`, `condition` and `decode` are the paper's choices (III-B, III-C); `decode="fast"`
    gives the labels of `algorithm1`. A word changes only where the model prefers another speaker
    by more than `margin` nats (None: the adapter's own, set on a dev set; 0: the paper's argmax;
    `tpst` knows no margin). `model` is a Hugging Face name or path (None: the embedded one),
    `adapter` a peft adapter's folder (None: the shipped one, or none with another model).
    `progress` is called with ("correction", share done).

    Raises SealError for a damaged transcript, an unknown option, or a model that does not load.
    """
    _check_options(format, condition, decode, margin)
    check_thresholds(thresholds)
    check(words)
    corrected = [dict(word) for word in words]
    recordings = [
        (indices, speakers(words[index] for index in indices)) for _, indices in sessions(words)
    ]
    loaded: tuple[Any, dict[str, Any]] | None = None
    done = 0
    for indices, names in recordings:
        first_pass = [words[index]["speaker"] for index in indices]
        if len(names) == 1:
            chosen, confidence = first_pass, [1.0] * len(indices)
        else:
            loaded = loaded or load_corrector(model, adapter, device)
            language_model, settings = loaded
            labels = [
                acoustic_label(_own_score(words[index]), condition, thresholds) for index in indices
            ]
            margins = [
                _margins(words[index], names, margin, settings, condition if label else "none")
                for index, label in zip(indices, labels, strict=True)
            ]

            def step(share: float, done: int = done, part: int = len(indices)) -> None:
                if progress:
                    progress("correction", (done + share * part) / len(words))

            chosen, confidence = _correct_recording(
                [words[index]["words"] for index in indices],
                first_pass,
                names,
                labels,
                margins,
                (language_model, format, decode),
                step,
            )
        for index, speaker, certain in zip(indices, chosen, confidence, strict=True):
            corrected[index]["first_pass_speaker"] = words[index]["speaker"]
            corrected[index]["speaker"] = speaker
            corrected[index]["speaker_confidence"] = round(certain, 4)
        done += len(indices)
        if progress:
            progress("correction", done / len(words))
    return corrected


def _check_options(format: str, condition: str, decode: str, margin: float | None) -> None:
    for name, value, allowed in (
        ("format", format, FORMATS),
        ("condition", condition, CONDITIONS),
        ("decode", decode, DECODERS),
    ):
        if value not in allowed:
            raise SealError(f"{name}: {value!r} is none of {', '.join(allowed)}")
    if margin is not None and not margin >= 0:
        raise SealError(f"margin: must be 0 nats or more, not {margin}")


def _own_score(word: Word) -> float | None:
    """The posterior of the speaker that the first pass gave the word, if it is there."""
    score = (word.get("speaker_scores") or {}).get(word["speaker"])
    return None if score is None else float(score)


def _margins(
    word: Word, names: Sequence[str], margin: float | None, settings: dict[str, Any], condition: str
) -> list[float]:
    """Nats by which each speaker must be preferred to the first pass's: what was asked for, or the
    adapter's own. Those grow with what the scores say against the change."""
    if margin is not None:
        return [margin] * len(names)
    own = settings.get("margins", {})
    base = float(own.get(condition, own.get("label", 0.0)))
    scores = word.get("speaker_scores") or {}
    score = _own_score(word)
    if condition == "none" or score is None:
        return [base] * len(names)
    weight = float(settings.get("acoustic_weight", 0.0))
    given = max(score, FLOOR)
    return [
        base + weight * max(0.0, math.log(given / max(float(scores.get(name, 0.0)), FLOOR)))
        for name in names
    ]


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


def _correct_recording(
    texts: Sequence[str],
    first_pass: Sequence[str],
    names: Sequence[str],
    labels: Sequence[str],
    margins: Sequence[Sequence[float]],
    how: tuple[Any, str, str],
    progress: Callable[[float], None],
) -> tuple[list[str], list[float]]:
    """Speaker and confidence of each word of one conversation, in time order."""
    language_model, format, decode = how
    tokens = [word_tokens(text, language_model.encode) for text in texts]
    number = {name: place for place, name in enumerate(names)}
    draft = [number[name] for name in first_pass]
    chosen: list[str] = []
    confidence: list[float] = []
    for chunk in cut([len(word) for word in tokens], draft):
        prompt, order = chunk_prompt(
            chunk, tokens, draft, labels, len(names), language_model.encode, format
        )
        local_margins = [
            [row[speaker] for speaker in order] for row in margins[chunk.start : chunk.stop]
        ]
        decoded = decoder(decode)(language_model, prompt, local_margins)
        for word in range(chunk.first - chunk.start, chunk.last - chunk.start):
            local = decoded.speakers[word]
            chosen.append(names[order[local]])
            confidence.append(decoded.posteriors[word][local])
        progress(chunk.last / len(tokens))
    return chosen, confidence


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


def decoder(name: str) -> Callable[[Any, Prompt, Margins], Decoded]:
    """The decoder of that name, one of `seal.decode.DECODERS`."""
    if name == "algorithm1":
        from seal.decode.algorithm1 import algorithm1

        return algorithm1
    if name == "tpst":
        from seal.decode.tpst import tpst

        return tpst
    from seal.decode.fast import fast

    return fast
