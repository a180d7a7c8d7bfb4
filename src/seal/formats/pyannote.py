"""pyannoteAI's transcription: `wordLevelTranscription`, and the same in `turnLevelTranscription`.

They stand in the job's `output`, or alone. Turns are split where the speaker changes; `diarization`
is of sound, not of words, and stays.
"""

from typing import Any

from seal.exact_json import dumps
from seal.formats import turns
from seal.formats.document import Edit, Path
from seal.formats.reading import Entry, Original, Source, objects, original, seconds, text_at
from seal.words import Word

HOLDS = {"word times"}
NUMBERS = None
WORDS, TURNS = "wordLevelTranscription", "turnLevelTranscription"


def recognise(name: str, content: Any) -> bool:
    return isinstance(content, dict) and any(WORDS in part for part in (content, _output(content)))


def _output(content: dict) -> dict:
    output = content.get("output")
    return output if isinstance(output, dict) else {}


def read(source: Source) -> Original:
    root = source.json.root
    path: Path = () if WORDS in root else ("output",)
    entries = []
    items = objects(source.json.at(path)[WORDS], f"{source.path}: {WORDS}")
    for number, word in enumerate(items):
        place = f"{source.path}: {WORDS}: word {number + 1}"
        entries.append(
            Entry(
                text_at(word, ("text",), place),
                seconds(word.get("start"), place),
                seconds(word.get("end"), place),
                word.get("speaker"),
                place=number,
            )
        )
    return original(source, entries, kept=path)


def write(original: Original, words: list[Word]) -> str:
    document, path = original.source.json, original.kept
    edit = Edit(document)
    changed = original.changes(words)
    values = [original.value(word["speaker"]) for word in words]
    for number, (value, new) in enumerate(zip(values, changed, strict=True)):
        if new:
            edit.put((*path, WORDS, number, "speaker"), value)
    if document.at(path).get(TURNS):
        keys = ("text", "start", "end")
        turns.rewrite_texts(edit, (*path, TURNS), keys, words, changed, values)
    return edit.text()


def new(words: list[Word]) -> str:
    def part(own: list[Word]) -> dict:
        return {
            "start": own[0]["start_time"],
            "end": own[-1]["end_time"],
            "text": turns.said(own),
            "speaker": own[0]["speaker"],
        }

    made = [part(turn) for turn in turns.grouped(words)]
    diarization = [{k: v for k, v in turn.items() if k != "text"} for turn in made]
    output = {"diarization": diarization, WORDS: [part([word]) for word in words], TURNS: made}
    return dumps({"status": "succeeded", "output": output})
