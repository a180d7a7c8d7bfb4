"""Azure Speech's batch transcription: `recognizedPhrases` with a speaker each, times in ticks.

A phrase is a speaker's: it is split where the speaker changes, each of its hypotheses (`nBest`) by
its words' times, and their texts (`lexical`, `display`) beside them. The words are those of the
first hypothesis; without them the phrase's time is shared out among those of `display`.
"""

from difflib import SequenceMatcher
from functools import partial
from itertools import accumulate
from typing import Any

from seal.exact_json import dumps
from seal.formats import turns
from seal.formats.document import Edit, Path
from seal.formats.reading import (
    Entry,
    Original,
    Source,
    in_time_order,
    objects,
    original,
    seconds,
    share,
    text_at,
)
from seal.parsing import split_time
from seal.words import Word, normalise

HOLDS = {"word times", "word confidences"}
NUMBERS = 1
TICK = 1e-7
TEXTS = ("lexical", "itn", "maskedITN", "display")


def recognise(name: str, content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("recognizedPhrases"), list)


def read(source: Source) -> Original:
    entries: list[Entry] = []
    phrases = objects(source.json.root["recognizedPhrases"], f"{source.path}")
    for number, phrase in enumerate(phrases):
        place = f"{source.path}: phrase {number + 1}"
        best = (objects(phrase.get("nBest"), place) or [{}])[0]
        speaker = phrase.get("speaker", best.get("speaker"))
        words = objects(best.get("words"), f"{place}: words")
        for position, word in enumerate(words):
            at = f"{place}: word {position + 1}"
            start, end = span(word, at)
            text = text_at(word, ("word",), at)
            sure = share(word.get("confidence"), at)
            entries.append(Entry(text, start, end, speaker, number, number, sure))
        if not words:
            texts = text_at(best, ("display", "lexical"), place).split() if best else []
            entries += spread(texts, *span(phrase, place), speaker, number)
    return original(source, by_channel(entries, phrases))


def by_channel(entries: list[Entry], phrases: list[dict]) -> list[Entry]:
    """The words of phrases, whose channel is their speaker if there are several and none other."""
    if len({phrase.get("channel") for phrase in phrases} - {None}) < 2:
        return entries
    for entry in entries:
        if entry.speaker is None:
            entry.speaker = phrases[entry.segment].get("channel")
    return in_time_order(entries)


def span(item: dict, place: str) -> tuple[float | None, float | None]:
    """Start and end, from ticks."""
    start = seconds(item.get("offsetInTicks"), place, TICK)
    length = seconds(item.get("durationInTicks"), place, TICK)
    return start, None if start is None or length is None else round(start + length, 7)


def spread(
    texts: list[str], start: float | None, end: float | None, speaker: Any, number: int
) -> list[Entry]:
    """The words of a phrase that has no times of theirs."""
    times: list[Any] = [(None, None)] * len(texts)
    if texts and start is not None and end is not None:
        times = split_time(texts, start, end)
    return [
        Entry(text, first, last, speaker, number, number, estimated=True)
        for text, (first, last) in zip(texts, times, strict=True)
    ]


def write(original: Original, words: list[Word]) -> str:
    document = original.source.json
    edit = Edit(document)
    changed = original.changes(words)
    parts: dict[int, list[int]] = {}
    for index, number in enumerate(original.places):
        parts.setdefault(number, []).append(index)
    for number, own in parts.items():
        path: Path = ("recognizedPhrases", number)
        values = [original.value(words[index]["speaker"]) for index in own]
        piece = partial(_piece, [words[index] for index in own])
        touched = [changed[index] for index in own]
        phrase = document.at(path)
        if "speaker" not in phrase and "speaker" in phrase["nBest"][0] and len(set(values)) == 1:
            if any(touched):
                edit.put((*path, "nBest", 0, "speaker"), values[0])
            continue
        turns.rewrite(edit, path, "speaker", values, touched, piece)
    return edit.text()


def _piece(words: list[Word], phrase: dict, first: int, last: int, value: Any) -> dict:
    starts = list(accumulate((word["start_time"] for word in words), max))
    low = starts[first] if first else -1.0
    high = starts[last] if last < len(words) else float("inf")
    start, end = span(phrase, "phrase")
    begin = start if first == 0 or start is None else words[first]["start_time"]
    stop = end if last == len(words) or end is None else words[last - 1]["end_time"]
    shares = (first / len(words), last / len(words))
    best = phrase["nBest"]
    part = phrase | {"nBest": [_best(b, (low, high), shares, value) for b in best]}
    if best[0].get("words"):  # words that begin together are told apart by their places alone
        part["nBest"][0]["words"] = best[0]["words"][first:last]
    if "speaker" in phrase or not any("speaker" in b for b in part["nBest"]):
        part["speaker"] = value
    return part | ticks(phrase, begin, stop)


def ticks(item: dict, start: float | None, end: float | None) -> dict:
    """The time of a phrase, in those of its fields that it has."""
    if start is None or end is None:
        return {}
    fields: dict[str, Any] = {
        "offset": f"PT{round(start, 7):g}S",
        "duration": f"PT{round(end - start, 7):g}S",
        "offsetInTicks": round(start / TICK),
        "durationInTicks": round((end - start) / TICK),
    }
    return {key: value for key, value in fields.items() if key in item}


def _best(best: dict, time: tuple[float, float], part_of: tuple[float, float], value: Any) -> dict:
    """The part of a hypothesis whose words start in `time`, [low, high) seconds.

    Without words of its own, it has `part_of` its text.
    """
    low, high = time
    part = dict(best)
    if "speaker" in best:
        part["speaker"] = value
    words = best.get("words") or []
    starts = [span(word, "word")[0] or 0.0 for word in words]
    first = sum(start < low for start in starts)
    last = sum(start < high for start in starts)
    for key in ("words", "displayWords"):
        if isinstance(best.get(key), list):
            times = [span(word, "word")[0] or 0.0 for word in best[key]]
            own = zip(best[key], times, strict=True)
            part[key] = [word for word, start in own if low <= start < high]
    texts = [word.get("word", "") for word in words]
    for key in TEXTS:
        if isinstance(best.get(key), str):
            tokens = best[key].split()
            if words and len(tokens) != len(texts) and turns.placed(best[key], texts):
                part[key] = turns.part(best[key], texts, first, last)
                continue
            cuts = [round(side * len(tokens)) for side in part_of]
            if words:
                cuts = [place_in(texts, tokens, at) for at in (first, last)]
            part[key] = " ".join(tokens[cuts[0] : cuts[1]])
    return part


def place_in(words: list[str], tokens: list[str], at: int) -> int:
    """Where in the written text the word number `at` of the spoken one begins."""
    if at >= len(words):
        return len(tokens)
    if len(words) == len(tokens) or at == 0:
        return at
    spoken, written = ([normalise(text) for text in side] for side in (words, tokens))
    matcher = SequenceMatcher(None, spoken, written, autojunk=False)
    for one, other, size in matcher.get_matching_blocks():
        if one + size > at or size == 0:
            return other + max(at - one, 0)
    return len(tokens)


def new(words: list[Word]) -> str:
    phrases = []
    for turn in turns.grouped(words):
        text = turns.said(turn)
        own = []
        for word in turn:
            entry = {"word": word["words"], **_time(word["start_time"], word["end_time"])}
            if "asr_confidence" in word:
                entry["confidence"] = word["asr_confidence"]
            own.append(entry)
        phrases.append(
            {
                "recognitionStatus": "Success",
                "channel": 0,
                "speaker": int(turn[0]["speaker"]),
                **_time(turn[0]["start_time"], turn[-1]["end_time"]),
                "nBest": [{"lexical": text, "display": text, "words": own}],
            }
        )
    return dumps({"recognizedPhrases": phrases})


def _time(start: float, end: float) -> dict:
    keys = ("offset", "duration", "offsetInTicks", "durationInTicks")
    return ticks(dict.fromkeys(keys), start, end)
