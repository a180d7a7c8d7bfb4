"""The real first pass on voiced conversations: real turns in strange voices; and on two readers.

Each speaker gets a voice of LibriSpeech, which speaks (something else) whenever the speaker does;
the real first pass listens to that, finds the number of speakers itself, and its posteriors are
reconciled with the reference's words, as a recogniser gives them. So the diarizer's mistakes are
real, and its scores. Two readers at once are no conversation: a corrector has nothing to do there.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from seal.acoustic.audio import RATE
from seal.acoustic.first_pass import first_pass
from seal.acoustic.reconcile import reconcile
from seal.bench.diarised import matched, transferred
from seal.pipeline import transcribe
from seal.training.mixtures import mix
from seal.training.recogniser import recognised
from seal.words import Word, speakers, turns


def voiced(
    reference: Sequence[Word], voices: Sequence[np.ndarray], rng: np.random.Generator, path: Path
) -> tuple[list[Word], list[str]]:
    """First pass of one conversation, whose sound is written to `path`, and the true speaker of
    each of its words, in the first pass's names. `voices` are samples at RATE, one per person."""
    import soundfile

    names = speakers(reference)
    chosen = rng.permutation(len(voices))
    cast = {name: voices[index] for name, index in zip(names, chosen, strict=False)}
    gains = {name: float(rng.normal(0, 2)) for name in names}  # decibels
    end = max(word["end_time"] for word in reference) + 1
    sound = mix(turns(reference), cast, gains, end, rng)
    sound += rng.normal(0, rng.uniform(0.003, 0.03), len(sound)).astype(np.float32)
    sound *= 0.5 / np.abs(sound).max()
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, RATE)
    heard = recognised(reference, rng)
    words = [
        {key: value for key, value in word.items() if key not in ("speaker", "session_id")}
        for word in heard
    ]
    first = reconcile(words, first_pass(path), reference[0]["session_id"])
    true = [word["speaker"] for word in heard]
    return first, matched(true, [word["speaker"] for word in first])


def readers(
    voices: Sequence[np.ndarray], rng: np.random.Generator, path: Path
) -> tuple[list[Word], list[Word], list[str]]:
    """Two of the voices laid over each other, the sound written to `path`: what a recogniser hears
    of each alone as the reference, the first pass of both, and the true speaker of its words."""
    import soundfile

    pair = [voices[index] for index in rng.permutation(len(voices))[:2]]
    level = 10 ** (rng.uniform(-4, 4) / 20)  # of the second, 4 dB more or less
    both = np.zeros((2, max(map(len, pair))), dtype=np.float32)
    for row, voice, gain in zip(both, pair, (1.0, level), strict=True):
        row[: len(voice)] = 0.07 * gain * voice
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, both.sum(axis=0).clip(-1, 1), RATE)
    told: list[Word] = []
    with TemporaryDirectory() as folder:
        for name, sound in zip("12", both, strict=True):
            alone = Path(folder) / f"{path.stem}.wav"
            soundfile.write(alone, sound.clip(-1, 1), RATE)
            told += [
                {key: word[key] for key in ("session_id", "words", "start_time", "end_time")}
                | {"speaker": name}
                for word in transcribe(alone, correct=False)
            ]
    told.sort(key=lambda word: word["start_time"])
    first = transcribe(path, correct=False)
    return told, first, transferred(told, first)
