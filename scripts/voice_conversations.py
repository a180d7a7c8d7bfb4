"""A real first pass of voiced conversations: python scripts/voice_conversations.py DATA OUT

There are many open conversations with word times, but hardly any of their sound here. So each
speaker gets a voice of LibriSpeech, which speaks (something else) whenever the speaker does; the
real first pass of seal listens to that, and its posteriors are reconciled with the reference's
words, some of them lost or misheard. What results is a second kind of first pass, with a real
diarizer's mistakes at real turns, to calibrate the simulator and to evaluate on.

DATA holds `librispeech_utterances/` and the conversations as `seal.corpora` reads them. OUT gets
first/, oracle/ and reference/, with a NAME.json each, and the sound in audio/; recordings that are
there are skipped.
"""

import argparse
import sys
import zlib
from pathlib import Path

import numpy as np
import soundfile

from seal.acoustic.audio import RATE
from seal.acoustic.first_pass import first_pass
from seal.acoustic.reconcile import reconcile
from seal.bench.held_out import references
from seal.tpst import best_match
from seal.training.mixtures import load_voices, mix
from seal.training.simulate import draw_severity, from_start, recognise
from seal.words import Word, speakers, turns, write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--set", default="primock57-unread")
    parser.add_argument("--words", type=int, default=1000, help="words of each recording")
    options = parser.parse_args()
    voices = list(load_voices(options.data / "librispeech_utterances").values())
    for part in ("first", "oracle", "reference", "audio"):
        (options.out / part).mkdir(parents=True, exist_ok=True)
    for reference in references(options.data, options.set, options.words):
        name = reference[0]["session_id"]
        if (options.out / "first" / f"{name}.json").exists():
            continue
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        reference = from_start(reference)
        audio = options.out / "audio" / f"{name}.flac"
        first, truth = voiced(reference, voices, rng, audio)
        true = [word | {"speaker": who} for word, who in zip(first, truth, strict=True)]
        write(true, options.out / "oracle" / f"{name}.json")
        write(reference, options.out / "reference" / f"{name}.json")
        write(first, options.out / "first" / f"{name}.json")
        wrong = np.mean([w["speaker"] != who for w, who in zip(first, truth, strict=True)])
        print(f"{name}: {len(first)} words, {wrong:.1%} wrong", file=sys.stderr, flush=True)


def voiced(
    reference: list[Word], voices: list[np.ndarray], rng: np.random.Generator, path: Path
) -> tuple[list[Word], list[str]]:
    """First pass and true speakers of one conversation, whose audio is written to `path`."""
    names = speakers(reference)
    cast = {name: voices[i] for name, i in zip(names, rng.permutation(len(voices)), strict=False)}
    loudness = rng.normal(0, 0.5, len(names))
    gains = {name: 4 * level for name, level in zip(names, loudness, strict=True)}
    end = max(word["end_time"] for word in reference) + 1
    samples = mix(turns(reference), cast, gains, end, rng)
    samples += rng.normal(0, rng.uniform(0.003, 0.03), len(samples)).astype(np.float32)
    samples *= 0.5 / np.abs(samples).max()
    soundfile.write(path, samples, RATE)
    posteriors = first_pass(path, len(names))
    heard = recognise(reference, loudness, draw_severity(rng), rng)
    words = [
        {"words": text, "start_time": round(start, 3), "end_time": round(stop, 3)}
        for _, start, stop, text in heard
    ]
    first = reconcile(words, posteriors, reference[0]["session_id"])
    true = [word["speaker"] for word, *_ in heard]
    return first, renamed(true, names, [word["speaker"] for word in first])


def renamed(true: list[str], names: list[str], given: list[str]) -> list[str]:
    """The true speakers in the first pass's names for them, by the assignment that agrees most."""
    letters = [chr(ord("A") + index) for index in range(len(names))]
    agreement = np.zeros((len(names), len(names)))
    for who, letter in zip(true, given, strict=True):
        agreement[names.index(who), letters.index(letter)] += 1
    called = {names[row]: letters[column] for row, column in best_match(agreement)}
    return [called[who] for who in true]


if __name__ == "__main__":
    main()
