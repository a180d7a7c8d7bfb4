"""IBM Watson: the words in `results`, their speakers by time in a list of its own.

A label's `confidence` is in the speaker, and becomes the scores. A word without a label gets one
where the file is written. An asynchronous job's answer is the same inside its one result.
"""

from typing import Any

from seal.errors import SealError
from seal.exact_json import dumps
from seal.formats import turns
from seal.formats.document import Edit, Path
from seal.formats.reading import Entry, Original, Source, objects, original, seconds, share
from seal.words import Word

HOLDS = {"word times", "word confidences", "speaker scores"}
NUMBERS = 0


def recognise(name: str, content: Any) -> bool:
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, list) or not results or not isinstance(results[0], dict):
        return False
    if isinstance(results[0].get("results"), list):
        return recognise(name, results[0])
    best = results[0].get("alternatives")
    first = best[0] if isinstance(best, list) and best else None
    return "speaker_labels" in content or (isinstance(first, dict) and "timestamps" in first)


def read(source: Source) -> Original:
    root, name = source.json.root, str(source.path)
    above: Path = ()
    if isinstance((objects(root["results"], f"{name}: results") or [{}])[0].get("results"), list):
        if len(root["results"]) > 1:
            raise SealError(f"{name}: results of several recordings; give each a file of its own")
        root, above = root["results"][0], ("results", 0)
    stamps: list[tuple[str, Any, Any, Any]] = []
    for number, result in enumerate(objects(root["results"], f"{name}: results")):
        place = f"{name}: result {number + 1}"
        best = (objects(result.get("alternatives"), place) or [{}])[0]
        certain = best.get("word_confidence") or []
        for position, stamp in enumerate(best.get("timestamps") or []):
            if not isinstance(stamp, list) or len(stamp) != 3 or not isinstance(stamp[0], str):
                raise SealError(f"{place}: timestamp {position + 1}: not [word, from, to]")
            own = certain[position] if position < len(certain) else None
            stamps.append((*stamp, own[1] if isinstance(own, list) and len(own) == 2 else None))
    labels = objects(root.get("speaker_labels"), f"{name}: speaker_labels")
    found = turns.matched(
        [(str(label.get("from")), str(label.get("to"))) for label in labels],
        [(str(start), str(end)) for _, start, end, _ in stamps],
    )
    entries = []
    for number, ((text, start, end, confidence), at) in enumerate(
        zip(stamps, found, strict=True), start=1
    ):
        place = f"{name}: word {number}"
        label = {} if at is None else labels[at]
        entries.append(
            Entry(
                text,
                seconds(start, place),
                seconds(end, place),
                label.get("speaker"),
                place=at,
                confidence=share(confidence, place),
                certainty=share(label.get("confidence"), place),
            )
        )
    return original(source, entries, kept=above)


def write(original: Original, words: list[Word]) -> str:
    edit, path = Edit(original.source.json), (*original.kept, "speaker_labels")
    before = original.source.json.at(original.kept).get("speaker_labels") or []
    added = []
    for index, (at, new) in enumerate(zip(original.places, original.changes(words), strict=True)):
        word = words[index]
        value = original.value(word["speaker"])
        if at is None:
            label = {"from": word["start_time"], "to": word["end_time"], "speaker": value}
            added.append((original.places[:index], label))
        elif new:
            edit.put((*path, at, "speaker"), value)
    if not added:
        return edit.text()
    # Whoever had no label gets one after that of the word before.
    after = [dict(label) for label in before]
    for at, new, word in zip(original.places, original.changes(words), words, strict=True):
        if at is not None and new:
            after[at]["speaker"] = original.value(word["speaker"])
    for places, label in reversed(added):
        earlier = [at for at in places if at is not None]
        after.insert(earlier[-1] + 1 if earlier else 0, label)
    edit = Edit(original.source.json)
    edit.put(path, after)
    return edit.text()


def new(words: list[Word]) -> str:
    results = []
    for turn in turns.grouped(words):
        best: dict[str, Any] = {
            "transcript": turns.said(turn) + " ",
            "timestamps": [[w["words"], w["start_time"], w["end_time"]] for w in turn],
        }
        if all("asr_confidence" in word for word in turn):
            best["word_confidence"] = [[w["words"], w["asr_confidence"]] for w in turn]
        results.append({"final": True, "alternatives": [best]})
    labels = []
    for word in words:
        label = {
            "from": word["start_time"],
            "to": word["end_time"],
            "speaker": int(word["speaker"]),
            "final": True,
        }
        if word.get("speaker_scores"):
            label["confidence"] = word["speaker_scores"].get(word["speaker"], 0.0)
        labels.append(label)
    return dumps({"result_index": 0, "results": results, "speaker_labels": labels})
