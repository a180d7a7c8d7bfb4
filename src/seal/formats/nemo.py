"""NeMo's transcript of a session: `words` with a speaker each, and its `sentences`.

Sentences have their words under `sentence` or, as NeMo writes them itself, under `text`.
`speaker_softmax`, where it is, has the scores of speaker_0, speaker_1 and so on, and is taken as it
is. Sentences are split where the speaker changes.
"""

from typing import Any

from seal.exact_json import dumps
from seal.formats import turns
from seal.formats.document import Edit
from seal.formats.reading import Entry, Original, Source, objects, original, seconds, share, text_at
from seal.words import Word, speakers

HOLDS = {"word times", "speaker scores"}
NUMBERS = None
TIMES = ("start_time", "end_time")
NAMES = ("speaker", "speaker_label")


def recognise(name: str, content: Any) -> bool:
    words = content.get("words") if isinstance(content, dict) else None
    first = words[0] if isinstance(words, list) and words else None
    # Whisper's own JSON has a list of words, too, but none with speakers.
    return isinstance(first, dict) and "word" in first and "segments" not in content


def read(source: Source) -> Original:
    entries = []
    session = source.json.root.get("session_id")
    session = session if isinstance(session, str) and session.strip() else None
    for number, word in enumerate(objects(source.json.root["words"], f"{source.path}: words")):
        place = f"{source.path}: word {number + 1}"
        entries.append(
            Entry(
                text_at(word, ("word",), place),
                seconds(word.get("start_time", word.get("start")), place),
                seconds(word.get("end_time", word.get("end")), place),
                word.get(_key(word)),
                place=number,
                scores=_scores(word, place),
                session_id=session,
            )
        )
    return original(source, entries)


def _key(word: dict) -> str:
    """What it calls its speaker: older versions have labels."""
    return next((key for key in NAMES if key in word), NAMES[0])


def _scores(word: dict, place: str) -> dict[str, float] | None:
    softmax = word.get("speaker_softmax")
    if not isinstance(softmax, list):
        return None
    speaker = word.get(_key(word))
    stem = "" if isinstance(speaker, int) else str(speaker or "speaker_0").rstrip("0123456789")
    scores = [share(score, place) for score in softmax]
    return {f"{stem}{number}": score for number, score in enumerate(scores) if score is not None}


def write(original: Original, words: list[Word]) -> str:
    document = original.source.json
    edit = Edit(document)
    changed = original.changes(words)
    values = [original.value(word["speaker"]) for word in words]
    for number, (value, new) in enumerate(zip(values, changed, strict=True)):
        if new:
            edit.put(("words", number, _key(document.root["words"][number])), value)
    sentences = objects(document.root.get("sentences"), f"{document.name}: sentences")
    if sentences:
        text = "text" if "text" in sentences[0] else "sentence"
        turns.rewrite_texts(edit, ("sentences",), (text, *TIMES), words, changed, values)
    return edit.text()


def lost(words: list[Word]) -> list[str]:
    """A softmax has speaker_0 first: only speakers of such names can have one."""
    scored = any(word.get("speaker_scores") for word in words)
    return ["scores of speakers that are not speaker_0, …"] if scored and not _names(words) else []


def _names(words: list[Word]) -> list[str]:
    """speaker_0 and so on, where that is what all are called."""
    names = set(speakers(words))
    ordered = [f"speaker_{number}" for number in range(len(names))]
    return ordered if set(ordered) == names else []


def new(words: list[Word]) -> str:
    names = speakers(words)
    ordered = _names(words)
    own = []
    for word in words:
        entry = {
            "word": word["words"],
            "start_time": word["start_time"],
            "end_time": word["end_time"],
            "speaker": word["speaker"],
        }
        if word.get("speaker_scores") and ordered:
            scores = word["speaker_scores"]
            entry["speaker_softmax"] = [scores.get(name, 0.0) for name in ordered]
        own.append(entry)
    sentences = [
        {
            "sentence": turns.said(turn),
            "start_time": turn[0]["start_time"],
            "end_time": turn[-1]["end_time"],
            "speaker": turn[0]["speaker"],
        }
        for turn in turns.grouped(words)
    ]
    return dumps(
        {
            "status": "success",
            "session_id": turns.session(words),
            "transcription": turns.said(words),
            "speaker_count": len(names),
            "words": own,
            "sentences": sentences,
        }
    )
