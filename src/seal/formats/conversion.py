"""From one format to another by way of the words: what the other holds, and what is lost.

It knows formats by what their files say of themselves (`HOLDS`, `NUMBERS`) alone.
"""

from typing import Any

from seal.errors import SealError
from seal.formats.reading import shares
from seal.words import Word, sessions, speakers


def converted(words: list[Word], module: Any, to: str) -> list[Word]:
    """The words as a format can hold them, in time order.

    Text of several words becomes several words, each with its part of the time; speakers become
    numbers where the format has numbers. Raises SealError where there are several conversations
    and the format holds one.
    """
    if to == "words":
        return words
    groups = list(sessions(words))
    if len(groups) > 1 and "conversations" not in module.HOLDS:
        raise SealError(f"{to} holds one conversation, here are {len(groups)}; take seglst or stm")
    ordered = [words[index] for _, indices in groups for index in indices]
    found = [part for word in ordered for part in _parts(word)]
    if not found:
        raise SealError(f"{to}: there are no words to write")
    if module.NUMBERS is not None:
        names = speakers(found)
        if not all(_is_number(name, module.NUMBERS) for name in names):
            number = {name: str(place) for place, name in enumerate(names, module.NUMBERS)}
            found = [_renamed(word, number) for word in found]
    return found


def _is_number(name: str, first: int) -> bool:
    return name.isdecimal() and str(int(name)) == name and int(name) >= first


def _parts(word: Word) -> list[Word]:
    texts = word["words"].split()
    if texts == [word["words"]]:
        return [word]
    times = shares(texts, word["start_time"], word["end_time"]) if texts else []
    return [
        word | {"words": text, "start_time": start, "end_time": end}
        for text, (start, end) in zip(texts, times, strict=True)
    ]


def _renamed(word: Word, number: dict[str, str]) -> Word:
    changed = word | {"speaker": number[word["speaker"]]}
    if word.get("speaker_scores"):
        changed["speaker_scores"] = {
            number[name]: score for name, score in word["speaker_scores"].items()
        }
    return changed


def lost(words: list[Word], module: Any, to: str) -> list[str]:
    """What of the words the format does not hold, in a few words each."""
    holds, found = module.HOLDS, []
    if "words" not in holds and to == "rttm":
        found.append("the words")
    timed = any("times_estimated" not in word for word in words)
    if timed and "word times" not in holds:
        found.append("times of words" if "turn times" in holds else "times")
    if not timed and to != "words" and holds & {"word times", "turn times"}:
        found.append("that its times are estimated")
    if any("asr_confidence" in word for word in words) and "word confidences" not in holds:
        found.append("confidences of words")
    if any(word.get("speaker_scores") for word in words) and "speaker scores" not in holds:
        found.append("scores of speakers")
    names = speakers(words)
    if module.NUMBERS is not None and not all(_is_number(n, module.NUMBERS) for n in names):
        found.append(f"names of speakers ({', '.join(names[:4])}), now numbers")
    return found
