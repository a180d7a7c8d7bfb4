"""Make short calls in other languages: scripts/voice_languages.py KOKORO -o FOLDER

What is said is invented: benchmarks/languages/*.txt, the same talk in seven languages, by two
voices of Kokoro-82M each. A line is: speaker, seconds after the latest end of all before it (below
zero: they overlap), text, and behind a | how it is read, where espeak-ng does not know (kana,
pinyin). FOLDER gets XX.wav and XX.json, the words with their speakers; times of turns are exact,
those of words in them are shared out by letters. KOKORO is the folder that scripts/make_demo.py
describes.
"""

import argparse
import re
import subprocess
import unicodedata
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile
from scipy.signal import resample_poly

from make_demo import KOKORO_RATE, RATE, SILENCE, sound, telephone, vocabulary
from seal import words
from seal.parsing import split_time

SCRIPTS = Path(__file__).parent.parent / "benchmarks" / "languages"
ESPEAK = {"es": "es", "fr": "fr-fr", "it": "it", "pt": "pt-br", "hi": "hi", "ja": "ja"}
LONGEST = 400  # of Kokoro's tokens in one pass
LEVEL = -20.0  # dBFS of what is voiced
CLAUSE = re.compile(r"[^.,!?;:。，、！？।]+[.,!?;:。，、！？।]*")
MARKS = str.maketrans("。，、！？।", ".,,!?.")
TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
INITIALS = {
    **{"zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t"},
    **{"t": "tʰ", "n": "n", "l": "l", "g": "k", "k": "kʰ", "h": "x", "j": "ʨ", "q": "ʨʰ"},
    **{"x": "ɕ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ", "s": "s"},
}
FINALS = {
    **{"a": "a", "ai": "ai", "an": "an", "ang": "aŋ", "ao": "au", "e": "ɤ", "ei": "ei"},
    **{"en": "ən", "eng": "əŋ", "er": "aɚ", "i": "i", "ia": "ja", "ian": "jɛn", "iang": "jaŋ"},
    **{"iao": "jau", "ie": "je", "in": "in", "ing": "iŋ", "iong": "jʊŋ", "iu": "jou", "o": "wo"},
    **{"ong": "ʊŋ", "ou": "ou", "u": "u", "ua": "wa", "uai": "wai", "uan": "wan", "uang": "waŋ"},
    **{"ui": "wei", "un": "wən", "uo": "wo", "v": "y", "van": "ɥɛn", "ve": "ɥe", "vn": "yn"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description="Make conversations in other languages.")
    parser.add_argument("kokoro", type=Path, help="folder with network, symbols and voices")
    parser.add_argument("-o", "--output", type=Path, required=True, help="where the files go")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    for script in sorted(SCRIPTS.glob("*.txt")):
        samples, reference = make(script, options.kokoro)
        soundfile.write(options.output / f"{script.stem}.wav", samples, RATE, subtype="PCM_16")
        words.write(reference, options.output / f"{script.stem}.json")
        print(script.stem, f"{len(samples) / RATE:.0f} s, {len(reference)} words", flush=True)


def make(script: Path, kokoro: Path) -> tuple[np.ndarray, list[words.Word]]:
    """The samples at RATE, and the words in time order."""
    rng = np.random.default_rng(1)
    head, *lines = script.read_text(encoding="utf-8").splitlines()
    voices = dict(zip("AB", head.split(), strict=True))
    reference: list[words.Word] = []
    spoken: list[tuple[int, np.ndarray]] = []
    end = 0.0
    for line in lines:
        speaker, gap, rest = line.split(maxsplit=2)
        text, _, reading = rest.partition("|")
        samples = speak(script.stem, reading or text, voices[speaker], kokoro)
        start = max(0.0, end + float(gap))
        stop = start + len(samples) / RATE
        texts = units(text)
        for one, (first, last) in zip(texts, split_time(texts, start, stop), strict=True):
            word = {"session_id": script.stem, "speaker": speaker, "words": one}
            times = {"start_time": round(first, 3), "end_time": round(last, 3)}
            reference.append(word | times | {"language": script.stem})
        spoken.append((round(start * RATE), samples))
        end = max(end, stop)
    mix = np.zeros(round((end + 0.5) * RATE))
    for position, samples in spoken:
        mix[position:][: len(samples)] += samples
    reference.sort(key=lambda word: word["start_time"])
    return telephone(mix, rng), reference


def units(text: str) -> list[str]:
    """Words as Whisper would give them: between spaces, and letter by letter where there are none.
    A mark goes with what is before it."""
    if not re.search("[\u3040-\u30ff\u4e00-\u9fff]", text):
        found: list[str] = []
        for piece in text.split():
            if found and not any(map(str.isalnum, piece)):
                found[-1] += " " + piece
            else:
                found.append(piece)
        return [piece.replace(" ", "") for piece in found]
    return re.findall(r"\w\W*", text)


def speak(language: str, text: str, voice: str, kokoro: Path) -> np.ndarray:
    """Samples at RATE without the silence at their ends."""
    numbers = vocabulary(kokoro)
    symbols = pinyin(text) if language == "zh" else espeak(language, text)
    tokens = tuple(numbers[symbol] for symbol in symbols if symbol in numbers)[:LONGEST]
    pace = float(np.random.default_rng(crc32(text.encode())).uniform(1.0, 1.1))
    samples, _ = sound(tokens, pace, voice, kokoro)
    level = np.sqrt(np.convolve(samples**2, np.ones(240) / 240, "same"))
    heard = np.flatnonzero(level > SILENCE * level.max())
    samples = resample_poly(samples[heard[0] : heard[-1] + 1], RATE, KOKORO_RATE)
    voiced = samples[np.abs(samples) > 0.01]
    return samples * 10 ** (LEVEL / 20) / np.sqrt(np.mean(voiced**2))


def espeak(language: str, text: str) -> str:
    parts = []
    for clause in CLAUSE.findall(text):
        marks = "".join(sign for sign in clause.translate(MARKS) if sign in ".,!?;:")
        command = ["espeak-ng", "-q", "--ipa", "-v", ESPEAK[language], clause]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        sounds = " ".join(re.sub(r"\(.*?\)", "", out).split())
        if sounds:
            parts.append(unicodedata.normalize("NFC", sounds) + marks)
    return " ".join(parts)


def pinyin(text: str) -> str:
    """Pinyin with numbers for tones in Kokoro's symbols."""
    found = []
    for piece in re.findall(r"[a-z]+[1-5]|[。，！？]", text):
        if piece in MARKS_OF_CHINESE:
            found.append(piece.translate(MARKS))
            continue
        sounds, tone = piece[:-1], TONES[piece[-1]]
        sounds = {"yi": "i", "wu": "u", "yu": "v", "you": "iu", "ye": "ie", "wo": "uo"}.get(
            sounds, sounds
        )
        sounds = re.sub("^y(?=[aeiou])", "i", re.sub("^w(?=[aeiou])", "u", sounds))
        sounds = sounds.replace("iin", "in").replace("uen", "un").replace("uei", "ui")
        first = next((one for one in INITIALS if sounds.startswith(one)), "")
        last = sounds[len(first) :]
        if last == "i" and first in ("zh", "ch", "sh", "r", "z", "c", "s"):
            vowel = "ɨ"
        else:
            if first in ("j", "q", "x") and last.startswith("u"):
                last = "v" + last[1:]
            vowel = FINALS[last]
        found.append(INITIALS.get(first, "") + vowel + tone)
    return "".join(found)


MARKS_OF_CHINESE = "。，！？"


if __name__ == "__main__":
    main()
