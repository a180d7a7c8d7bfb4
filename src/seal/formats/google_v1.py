"""Google Speech-to-Text v1: `results`, whose last one has all words again with a `speakerTag`.

Tags of 0 are none. Where the last result alone has tags, it alone is read; otherwise all are. Names
may be those of the API (`startTime`) or of its Python client (`start_time`). Results of several
channels are the sides of a call.
"""

from typing import Any

from seal.exact_json import dumps
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
from seal.formats.turns import said
from seal.words import Word

HOLDS = {"word times", "word confidences"}
NUMBERS = 1
STARTS = ("startTime", "start_time", "startOffset", "start_offset")
ENDS = ("endTime", "end_time", "endOffset", "end_offset")
TAGS = ("speakerTag", "speaker_tag")
LABELS = ("speakerLabel", "speaker_label")
CHANNELS = ("channelTag", "channel_tag")


def recognise(name: str, content: Any) -> bool:
    return bool(keys_of(content).intersection(STARTS[:2] + TAGS))


def keys_of(content: Any) -> set[str]:
    """The keys of the first words of each result, if these are such results."""
    try:
        places = _groups(content)
        results = [result for path, _ in places for result in _at(content, path)]
        best = [r["alternatives"][0] for r in results if r.get("alternatives")]
        return {key for one in best for word in (one.get("words") or [])[:1] for key in word}
    except (AttributeError, KeyError, TypeError, IndexError):
        return set()


def _groups(root: Any) -> list[tuple[Path, str | None]]:
    """Where the lists of results are: one, perhaps of a finished operation; or one a recording, by
    the name of its file, which is then the conversation's."""
    above: Path = () if "results" in root else ("response",)
    results = _at(root, above)["results"]
    if not isinstance(results, dict):
        return [((*above, "results"), None)]
    found: list[tuple[Path, str | None]] = []
    for name, content in results.items():
        path: Path = (*above, "results", name)
        for key in ("inlineResult", "inline_result"):
            path = (*path, key) if key in content else path
        session = name.rsplit("/", 1)[-1].rsplit(".", 1)[0] if len(results) > 1 else None
        found.append(((*path, "transcript", "results"), session))
    return found


def _at(root: Any, path: Path) -> Any:
    for step in path:
        root = root[step]
    return root


def read(source: Source) -> Original:
    root = source.json.root
    entries = []
    for path, session in _groups(root):
        results = objects(source.json.at(path), f"{source.path}: results")
        own = _results(source, path, results)
        for entry in own:
            entry.session_id = session
        entries += own
    return original(source, entries)


def _results(source: Source, above: Path, results: list[dict]) -> list[Entry]:
    found: list[list[Entry]] = []
    for number, result in enumerate(results):
        place = f"{source.path}: result {number + 1}"
        best = (objects(result.get("alternatives"), place) or [{}])[0]
        found.append([])
        for position, word in enumerate(objects(best.get("words"), f"{place}: words")):
            at = f"{place}: word {position + 1}"
            end = _time(word, ENDS, at)
            start = _time(word, STARTS, at)
            path: Path = (*above, number, "alternatives", 0, "words", position)
            found[-1].append(
                Entry(
                    text_at(word, ("word",), at),
                    0.0 if start is None and end is not None else start,  # 0 is left out
                    end,
                    _speaker(word),
                    place=path,
                    segment=(*above, number),
                    confidence=share(word.get("confidence"), at),
                )
            )
    channels = [next((r[key] for key in CHANNELS if r.get(key)), None) for r in results]
    if len(set(channels) - {None}) > 1:  # two sides of a call, each with a channel
        for own, channel in zip(found, channels, strict=True):
            for entry in own:
                entry.speaker = channel if entry.speaker is None else entry.speaker
        return in_time_order([entry for entries in found for entry in entries])
    tagged = [any(entry.speaker is not None for entry in entries) for entries in found]
    if len(found) > 1 and tagged[-1] and not any(tagged[:-1]):
        found = found[-1:]
    return [entry for entries in found for entry in entries]


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
    name_of = None
    for path, word, new in zip(original.places, words, original.changes(words), strict=True):
        if new:
            known = document.at(path)
            name_of = name_of or _key(original)
            keys = [key for key in LABELS + TAGS if key in known] or [name_of]
            for key in keys:
                name = word["speaker"]
                number = key in TAGS and name.isdecimal()
                edit.put((*path, key), int(name) if number else name)
    return edit.text()


def _key(original: Original) -> str:
    """What the other words call their speaker; where all have their channel's, what they would."""
    words = [original.source.json.at(path) for path in original.places]
    known = next((key for word in words for key in LABELS + TAGS if key in word), None)
    if known is not None:
        return known
    snake = any(key in words[0] for key in ("start_time", "end_time", "start_offset"))
    keys = TAGS if any(key in words[0] for key in (*STARTS[:2], *ENDS[:2])) else LABELS
    return keys[1 if snake else 0]


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
