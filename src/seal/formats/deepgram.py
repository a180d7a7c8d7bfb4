"""Deepgram: the words of `results.channels`, and its `utterances` and `paragraphs`.

Where there are several channels, each is a side of one call; but where each has speakers of its
own, a conversation. `speaker_confidence` becomes the
scores. Utterances and paragraphs are split where the speaker changes; a paragraph's sentences go
with their words, and the paragraphs' text (`Speaker 0: …`) is written anew where they changed.
"""

import uuid
from typing import Any

from seal.errors import SealError
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
    runs,
    seconds,
    share,
    text_at,
)
from seal.unspaced import joined
from seal.words import Word

HOLDS = {"word times", "word confidences", "speaker scores"}
NUMBERS = 0
KEYS = ("punctuated_word", "word")
FEW = 0.05
"""The part of words that may have no speaker where channels have speakers of their own."""


def recognise(name: str, content: Any) -> bool:
    results = content.get("results") if isinstance(content, dict) else None
    return isinstance(results, dict) and isinstance(results.get("channels"), list)


def read(source: Source) -> Original:
    name = str(source.path)
    channels = objects(source.json.root["results"]["channels"], f"{name}: channels")
    entries = []
    for channel, content in enumerate(channels):
        place = f"{name}: channel {channel}"
        best = (objects(content.get("alternatives"), f"{place}: alternatives") or [{}])[0]
        for number, word in enumerate(objects(best.get("words"), f"{place}: words")):
            at = f"{place}: word {number + 1}"
            entries.append(
                Entry(
                    text_at(word, KEYS, at),
                    seconds(word.get("start"), at),
                    seconds(word.get("end"), at),
                    word.get("speaker"),
                    place=(channel, number),
                    segment=channel,
                    confidence=share(word.get("confidence"), at),
                    certainty=share(word.get("speaker_confidence"), at),
                    session_id=f"{source.path.stem}-{channel}" if len(channels) > 1 else None,
                )
            )
    if len(channels) > 1 and _sides(entries):
        for entry in entries:
            entry.speaker = entry.place[0] if entry.speaker is None else entry.speaker
            entry.session_id = None
        entries = in_time_order(entries)
    return original(source, entries)


def _sides(entries: list[Entry]) -> bool:
    """Whether each channel is a side of one call: words without a speaker have their channel's.

    Where (nearly) all words have speakers, those were counted in each channel, from 0; or they are
    of a call whose words were given to the other side, and the first channel has no 0 of its own.
    """
    nobodys = sum(entry.speaker is None for entry in entries)
    if nobodys > FEW * len(entries):
        return True
    first = [entry for entry in entries if entry.place[0] == 0] or entries
    return all(entry.speaker != 0 for entry in first)


def write(original: Original, words: list[Word]) -> str:
    document, name = original.source.json, str(original.source.path)
    edit = Edit(document)
    changed = original.changes(words)
    values = [original.value(word["speaker"]) for word in words]
    # A call whose channels were its speakers: once one is named, all turns name theirs.
    name_all = any(changed) and any(
        "speaker" not in document.at(_word_path(*place)) for place in original.places
    )
    parts: dict[int, list[int]] = {}
    keys = []
    for index, (channel, number) in enumerate(original.places):
        parts.setdefault(channel, []).append(index)
        path = _word_path(channel, number)
        keys.append((channel, *_key(document.at(path))))
        if changed[index]:
            edit.put((*path, "speaker"), values[index])
    utterances = objects(document.root["results"].get("utterances"), f"{name}: utterances")
    flat = [
        (number, position, (turn.get("channel", 0), *_key(word)))
        for number, turn in enumerate(utterances)
        for position, word in enumerate(objects(turn.get("words"), f"{name}: utterances: words"))
    ]
    found: dict[int, list[int]] = {}
    where = turns.matched(keys, (key for _, _, key in flat))
    for (number, _, _), place in zip(flat, where, strict=True):
        if place is None:
            raise SealError(f"{name}: utterance {number + 1}: has a word that no channel has")
        found.setdefault(number, []).append(place)
    for number, own in found.items():
        _utterance(edit, number, [values[i] for i in own], [changed[i] for i in own], name_all)
    for part, inside in parts.items():
        if name_all or any(changed[index] for index in inside):
            path = ("results", "channels", part, "alternatives", 0, "paragraphs")
            own_words, own_values = [words[i] for i in inside], [values[i] for i in inside]
            own_changed = [changed[i] for i in inside]
            _paragraphs(edit, path, own_words, own_values, own_changed, name_all)
    return edit.text()


def _word_path(channel: int, number: int) -> Path:
    return ("results", "channels", channel, "alternatives", 0, "words", number)


def _key(word: dict) -> tuple:
    return str(word.get("word")), str(word.get("start")), str(word.get("end"))


def _utterance(
    edit: Edit, number: int, values: list[Any], changed: list[bool], name_all: bool
) -> None:
    path: Path = ("results", "utterances", number)
    nobodys = name_all and "speaker" not in edit.document.at(path)

    def piece(turn: dict, first: int, last: int, value: Any) -> dict:
        inside = [word | {"speaker": value} for word in turn["words"][first:last]]
        texts = [text_at(word, KEYS, "word") for word in turn["words"]]
        part = {
            "start": turn["start"] if first == 0 else inside[0]["start"],
            "end": turn["end"] if last == len(values) else inside[-1]["end"],
            "transcript": turns.part(str(turn.get("transcript", "")), texts, first, last),
            "words": inside,
            "speaker": value,
        }
        if first and "id" in turn:  # two utterances may not have one id
            part["id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{turn['id']} {first}"))
        return turn | part

    turns.rewrite(edit, path, "speaker", values, [nobodys or any(changed)], piece)
    if len(set(values)) == 1:
        for position in range(len(values)):
            if changed[position]:
                edit.put((*path, "words", position, "speaker"), values[position])


def _paragraphs(
    edit: Edit,
    path: Path,
    words: list[Word],
    values: list[Any],
    changed: list[bool],
    name_all: bool,
) -> None:
    """Paragraphs have no words of their own: those of `num_words`, one after another. `name_all`:
    those without a speaker get one."""
    best = edit.document.at(path[:-1])
    holder = best.get("paragraphs")
    if not isinstance(holder, dict) or not isinstance(holder.get("paragraphs"), list):
        return
    before = objects(holder["paragraphs"], f"{edit.document.name}: paragraphs")
    for number, paragraph in enumerate(before, start=1):
        place = f"{edit.document.name}: paragraph {number}: sentences"
        for sentence in objects(paragraph.get("sentences"), place):
            text_at(sentence, ("text",), place)
    if sum(paragraph.get("num_words", 0) for paragraph in before) != len(words):
        return
    after: list[dict] = []
    done = 0
    for number, paragraph in enumerate(before):
        count = paragraph["num_words"]
        inside, own = words[done : done + count], values[done : done + count]
        touched = any(changed[done : done + count]) or (name_all and "speaker" not in paragraph)
        done += count
        parts = list(runs(own)) if touched else []
        if len(parts) == 1 and (name_all or "speaker" in paragraph):
            edit.put((*path, "paragraphs", number, "speaker"), own[0])
            after.append(paragraph | {"speaker": own[0]})
        elif len(parts) > 1:
            pieces = [_paragraph(paragraph, inside, *part) for part in parts]
            edit.split((*path, "paragraphs", number), pieces)
            after += pieces
        else:
            after.append(paragraph)
    if isinstance(holder.get("transcript"), str) and after != before:
        for labels_always in (False, True):
            if _text(before, labels_always) == holder["transcript"].strip():
                text = holder["transcript"]
                lead = text[: len(text) - len(text.lstrip())]
                trail = text[len(text.rstrip()) :]
                edit.put((*path, "transcript"), lead + _text(after, labels_always) + trail)
                return


def _paragraph(paragraph: dict, words: list[Word], value: Any, first: int, last: int) -> dict:
    """The part of a paragraph: its sentences are cut where the words are."""
    sentences, place = [], 0
    for sentence in objects(paragraph.get("sentences"), "sentences"):
        size = len(turns.tokens(sentence["text"]))
        low, high = max(first - place, 0), min(last - place, size)
        if low < high:
            end = place + high
            sentences.append(
                sentence
                | {
                    "text": turns.cut(sentence["text"], low, high),
                    "start": sentence["start"] if low == 0 else words[place + low]["start_time"],
                    "end": sentence["end"]
                    if high == size
                    else words[min(end, len(words)) - 1]["end_time"],
                }
            )
        place += size
    return paragraph | {
        "sentences": sentences,
        "speaker": value,
        "num_words": last - first,
        "start": paragraph["start"] if first == 0 else words[first]["start_time"],
        "end": paragraph["end"] if last == len(words) else words[last - 1]["end_time"],
    }


def _text(paragraphs: list[dict], always: bool) -> str:
    """The paragraphs as the tool prints them, with a label where the speaker changes, or always."""
    lines, last = [], None
    for paragraph in paragraphs:
        text = joined(sentence["text"] for sentence in paragraph.get("sentences", []))
        speaker = paragraph.get("speaker")
        labelled = speaker is not None and (always or speaker != last)
        lines.append(f"Speaker {speaker}: {text}" if labelled else text)
        last = speaker
    return "\n\n".join(lines)


def new(words: list[Word]) -> str:
    own = []
    for word in words:
        entry = {
            "word": word["words"],
            "start": word["start_time"],
            "end": word["end_time"],
            "speaker": int(word["speaker"]),
        }
        if "asr_confidence" in word:
            entry["confidence"] = word["asr_confidence"]
        if word.get("speaker_scores"):
            entry["speaker_confidence"] = word["speaker_scores"].get(word["speaker"], 0.0)
        own.append(entry)
    best = {"transcript": turns.said(words), "words": own}
    return dumps({"metadata": {"channels": 1}, "results": {"channels": [{"alternatives": [best]}]}})
