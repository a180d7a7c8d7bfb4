"""Make the demo call from its script: python scripts/make_demo.py [FOLDER]

Two synthetic voices of flite (Debian package `flite`, wanted only here) speak
src/seal/demo/script.txt; the lines are laid over each other where the script says so, filtered to
the telephone's band and mixed with a little noise. The word times of reference.json are the
durations with which flite itself laid out its phones. The same script gives the same files.
"""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import butter, resample_poly, sosfiltfilt

from seal import words

RATE = 8_000
VOICES = {  # flite voice, how long its phones are drawn, level in dBFS
    "A": ("slt", 0.92, -18.0),
    "B": ("rms", 0.86, -20.0),
}
NOISE = -54.0  # dBFS
VOWELS = (
    "aa",
    "ae",
    "ah",
    "ao",
    "aw",
    "ax",
    "ay",
    "eh",
    "er",
    "ey",
    "ih",
    "iy",
    "ow",
    "oy",
    "uh",
    "uw",
)


@dataclass
class Line:
    speaker: str
    gap: float
    text: str


def main() -> None:
    demo = Path(__file__).parent.parent / "src" / "seal" / "demo"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else demo
    lines = read_script(demo / "script.txt")
    reference: list[words.Word] = []
    spoken: list[tuple[int, np.ndarray]] = []
    end = 0.0
    for line in lines:
        samples, timed = speak(line)
        # Flite begins and ends with silence: the script counts from word to word.
        first, last = timed[0][1], timed[-1][2]
        offset = max(0.0, end + line.gap) - first
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
    words.write(reference, folder / "reference.json")
    soundfile.write(folder / "call.flac", telephone(mix), RATE, subtype="PCM_16")


def read_script(path: Path) -> list[Line]:
    rows = [row for row in path.read_text().splitlines() if row and not row.startswith("#")]
    return [Line(s, float(gap), text) for s, gap, text in (row.split(maxsplit=2) for row in rows)]


def speak(line: Line) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
    """Samples at RATE, and (word, start, end) in seconds."""
    voice, stretch, level = VOICES[line.speaker]
    options = ["-voice", voice, "--setf", f"duration_stretch={stretch}"]
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        out = flite(*options, "-psdur", "-t", line.text, "-o", file.name)
        samples, rate = soundfile.read(file.name)
    phones = [(name, float(stop)) for name, stop in (item.split(":") for item in out.split())]
    samples = resample_poly(samples, RATE, rate)
    voiced = samples[np.abs(samples) > 0.01]
    samples *= 10 ** (level / 20) / np.sqrt(np.mean(voiced**2))
    return samples, word_times(line.text.split(), phones, options)


def word_times(
    texts: list[str], phones: list[tuple[str, float]], options: list[str]
) -> list[tuple[str, float, float]]:
    """Which of the line's phones belong to which word: matched to the words spoken one by one."""
    owners, alone = [], []
    for index, text in enumerate(texts):
        own = [p for p in flite(*options, "-ps", "-t", text, "-o", "none").split() if p != "pau"]
        alone += own
        owners += [index] * len(own)
    starts = [0.0, *(stop for _, stop in phones)]
    heard = [(name, starts[i], stop) for i, (name, stop) in enumerate(phones) if name != "pau"]
    matched = match([name for name, _, _ in heard], alone)
    timed = []
    for index, group in groupby(zip(matched, heard, strict=True), key=lambda m: owners[m[0]]):
        times = [(start, stop) for _, (_, start, stop) in group]
        timed.append((texts[index], times[0][0], times[-1][1]))
    if [text for text, _, _ in timed] != texts:
        raise SystemExit(f"the phones of {' '.join(texts)!r} do not fit its words")
    return timed


def match(heard: list[str], alone: list[str]) -> list[int]:
    """For each phone of the line the index of its like in `alone`, by the cheapest alignment."""

    def unlike(one: str, other: str) -> float:
        return 0.0 if one == other else 0.4 if (one in VOWELS) == (other in VOWELS) else 1.5

    cost = np.full((len(heard) + 1, len(alone) + 1), np.inf)
    cost[0] = np.arange(len(alone) + 1)
    for i, one in enumerate(heard, start=1):
        cost[i, 0] = i
        for j, other in enumerate(alone, start=1):
            cost[i, j] = min(
                cost[i - 1, j - 1] + unlike(one, other), cost[i - 1, j] + 1, cost[i, j - 1] + 1
            )
    found = []
    i, j = len(heard), len(alone)
    while i:
        if j and cost[i, j] == cost[i - 1, j - 1] + unlike(heard[i - 1], alone[j - 1]):
            found.append(j - 1)
            i, j = i - 1, j - 1
        elif j and cost[i, j] == cost[i, j - 1] + 1:
            j -= 1
        else:
            found.append(max(0, j - 1))
            i -= 1
    return found[::-1]


def telephone(samples: np.ndarray) -> np.ndarray:
    band = butter(4, [250, 3500], "bandpass", fs=RATE, output="sos")
    noise = np.random.default_rng(7).standard_normal(len(samples)) * 10 ** (NOISE / 20)
    return np.clip(sosfiltfilt(band, samples + noise), -1, 1)


def flite(*arguments: str) -> str:
    return subprocess.run(
        ["flite", *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
