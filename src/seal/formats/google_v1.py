"""Google Speech-to-Text v1: `results`, whose last one has all words again with a `speakerTag`.

Tags of 0 are none. Where the last result alone has tags, it alone is read; otherwise all are. Names
may be those of the API (`startTime`) or of its Python client (`start_time`).
"""

from typing import Any

from seal.exact_json import dumps
from seal.formats.document import Edit, Path
from seal.formats.reading import Entry, Original, Source, objects, original, seconds, share, text_at
from seal.formats.turns import said
from seal.words import Word

HOLDS = {"word times", "word confidences"}
NUMBERS = 1
STARTS = ("startTime", "start_time", "startOffset", "start_offset")
ENDS = ("endTime", "end_time", "endOffset", "end_offset")
TAGS = ("speakerTag", "speaker_tag")
LABELS = ("speakerLabel", "speaker_label")


def recognise(name: str, content: Any) -> bool:
    return bool(keys_of(content).intersection(STARTS[:2] + TAGS))


def keys_of(content: Any) -> set[str]:
    """The keys of the first words of each result, if these are such results."""
    try:
        results = content.get("response", content)["results"]
        best = [r["alternatives"][0] for r in results if r.get("alternatives")]
        return {key for one in best for word in (one.get("words") or [])[:1] for key in word}
    except (AttributeError, KeyError, TypeError, IndexError):
        return set()


def read(source: Source) -> Original:
    root = source.json.root
    above: Path = () if "results" in root else ("response",)  # of a finished operation
    results = objects(source.json.at(above)["results"], f"{source.path}: results")
    found: list[list[Entry]] = []
    for number, result in enumerate(results):
        place = f"{source.path}: result {number + 1}"
        best = (objects(result.get("alternatives"), place) or [{}])[0]
        found.append([])
        for position, word in enumerate(objects(best.get("words"), f"{place}: words")):
            at = f"{place}: word {position + 1}"
            end = _time(word, ENDS, at)
            start = _time(word, STARTS, at)
            path: Path = (*above, "results", number, "alternatives", 0, "words", position)
            found[-1].append(
                Entry(
                    text_at(word, ("word",), at),
                    0.0 if start is None and end is not None else start,  # 0 is left out
                    end,
                    _speaker(word),
                    place=path,
                    segment=number,
                    confidence=share(word.get("confidence"), at),
                )
            )
    tagged = [any(entry.speaker is not None for entry in entries) for entries in found]
    if len(found) > 1 and tagged[-1] and not any(tagged[:-1]):
        found = found[-1:]
    return original(source, [entry for entries in found for entry in entries])


def _time(word: dict, keys: tuple[str, ...], place: str) -> float | None:
    value = next((word[key] for key in keys if word.get(key) is not None), None)
    if isinstance(value, dict):
        whole = seconds(value.get("seconds", 0), place) or 0.0
        return whole + (seconds(value.get("nanos", 0), place, 1e-9) or 0.0)
    return seconds(value, place)


def _speaker(word: dict) -> Any:
    return next((word[key] for key in LABELS + TAGS if word.get(key)), None)


def write(original: Original, words: list[Word]) -> str:
    document = original.source.json
    edit = Edit(document)
    for path, word, new in zip(original.places, words, original.changes(words), strict=True):
        if new:
            known = document.at(path)
            keys = [key for key in LABELS + TAGS if key in known] or [_key(original)]
            for key in keys:
                name = word["speaker"]
                number = key in TAGS and name.isdecimal()
                edit.put((*path, key), int(name) if number else name)
    return edit.text()


def _key(original: Original) -> str:
    """What the other words call their speaker."""
    paths = zip(original.places, original.holes, strict=True)
    known = next(original.source.json.at(path) for path, hole in paths if not hole)
    return next(key for key in LABELS + TAGS if key in known)


def new(words: list[Word]) -> str:
    own = [new_word(word, "startTime", "endTime") for word in words]
    for entry, word in zip(own, words, strict=True):
        entry["speakerTag"] = int(word["speaker"])
    best = {"transcript": said(words), "words": own}
    return dumps({"results": [{"alternatives": [best]}]})


def new_word(word: Word, start: str, end: str) -> dict[str, Any]:
    """A word as the API has it, without its speaker."""
    entry: dict[str, Any] = {"word": word["words"]}
    for key, time in ((start, word["start_time"]), (end, word["end_time"])):
        entry[key] = f"{time:.3f}".rstrip("0").rstrip(".") + "s"
    if "asr_confidence" in word:
        entry["confidence"] = word["asr_confidence"]
    return entry
