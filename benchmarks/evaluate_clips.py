"""WER, cpWER, Δcp, DER, seconds and memory of the whole chain over a folder of recordings.

    python benchmarks/evaluate_clips.py DATA/ami_clips > table.md

The folder holds NAME.wav (or .flac) and reference.seglst.json, whose session_ids are the names.
With `--minutes M` the recordings are joined, again and again, to one of M minutes, and only its
time and memory are measured: a voice is in one part only, so a score would mean little.
DER wants the package spy-der (pip install spy-der; it compiles); its columns are empty without.
"""

import argparse
import itertools
import json
import resource
import sys
import tempfile
import time
import unicodedata
from pathlib import Path

from seal.acoustic import audio
from seal.acoustic.asr import recognise
from seal.acoustic.first_pass import first_pass
from seal.acoustic.posteriors import Posteriors
from seal.acoustic.reconcile import reconcile, smooth
from seal.scoring import Score, score
from seal.words import Word, read, turns

Turn = tuple[str, float, float]

SPEAKS = 0.5  # posterior from which the first pass says that a speaker speaks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--no-correct", action="store_true", help="stop after the first pass")
    parser.add_argument("--speakers", type=int, help="fix the number of speakers")
    parser.add_argument("--json", type=Path, help="write all words to this file as well")
    parser.add_argument("--minutes", type=float, help="join the recordings to one so long")
    options = parser.parse_args()
    if options.minutes:
        joined(options.folder, options.minutes)
        return

    reference = read(options.folder / "reference.seglst.json")
    recordings = recordings_of(options.folder)
    stages: dict[str, float] = {}
    before, after = Score(), Score()
    clips: list[tuple[str, list[Turn], list[Turn], float]] = []
    words: list[Word] = []
    print("| clip | seconds | speakers (true) | WER | cpWER | Δcp | Δcp corrected |")
    print("|---|---|---|---|---|---|---|")
    for path in recordings:
        truth = of_session(reference, path.stem)
        seconds = sum(len(block) for block in audio.blocks(path)) / audio.RATE
        heard = timed(stages, "ASR", recognise, path)
        posteriors = timed(stages, "first pass", first_pass, path, options.speakers)
        first = timed(stages, "reconciliation", reconcile, heard, posteriors, path.stem)
        mine = score(truth, first)
        before += mine
        shown = ""
        if not options.no_correct:
            from seal.correction import correct

            first = timed(stages, "correction", correct, first, audio=path)
            corrected = score(truth, first)
            after += corrected
            shown = f"{corrected.delta_cp:.1%}"
        words += first
        clips.append((path.stem, true_turns(truth), found_turns(posteriors), seconds))
        print(
            f"| {path.stem} | {seconds:.0f} | {posteriors.frames.shape[1]}"
            f" ({len({w['speaker'] for w in truth})}) | {mine.wer:.1%} | {mine.cpwer:.1%}"
            f" | {mine.delta_cp:.1%} | {shown} |",
            flush=True,
        )
    total = sum(seconds for *_, seconds in clips)
    print(f"\n{len(recordings)} recordings, {total:.0f} s, {before.words} words.\n")
    print("| | WER | cpWER | Δcp | DER | DER, collar 0.25 s |")
    print("|---|---|---|---|---|---|")
    ders = " | ".join(der(clips, collar) for collar in (0.0, 0.25))
    print(
        f"| first pass | {before.wer:.1%} | {before.cpwer:.1%} | {before.delta_cp:.1%} | {ders} |"
    )
    if not options.no_correct:
        print(f"| corrected | {after.wer:.1%} | {after.cpwer:.1%} | {after.delta_cp:.1%} | | |")
    print_costs(stages, total)
    if options.json:
        options.json.write_text(json.dumps(words, indent=0), encoding="utf-8")


def recordings_of(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix in (".wav", ".flac"))


def joined(folder: Path, minutes: float) -> None:
    """Transcribe one long recording made of the short ones; print seconds per stage and memory."""
    import soundfile

    import seal

    ends: dict[str, float] = {}
    began = time.perf_counter()

    def progress(stage: str, share: float) -> None:
        ends[stage] = time.perf_counter() - began

    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "long.wav"
        written = 0
        with soundfile.SoundFile(path, "w", audio.RATE, 1) as file:
            for recording in itertools.cycle(recordings_of(folder)):
                for block in audio.blocks(recording):
                    file.write(block)
                    written += len(block)
                if written >= minutes * 60 * audio.RATE:
                    break
        words = seal.transcribe(path, progress=progress)
    total = written / audio.RATE
    changed = sum(word["speaker"] != word["first_pass_speaker"] for word in words)
    speakers = len(words[0]["speaker_scores"]) if words else 0
    print(f"{total:.0f} s, {len(words)} words, {speakers} speakers, {changed} words changed.")
    heard = max(ends["asr"], ends["first pass"])
    stages = {"ASR beside first pass": heard, "correction": ends["correction"] - heard}
    print_costs(stages | {"in all": time.perf_counter() - began}, total)


def print_costs(stages: dict[str, float], total: float) -> None:
    """Seconds of each stage, also as a multiple of the `total` seconds of sound; peak memory."""
    print("\n| stage | seconds | times real time |\n|---|---|---|")
    for stage, spent in stages.items():
        print(f"| {stage} | {spent:.1f} | {spent / max(total, 1e-9):.2f} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nPeak memory {peak:.0f} MB.")


def timed(stages: dict[str, float], stage: str, function, *arguments, **options):
    """The function's result; the seconds that it took are added to its stage."""
    begin = time.perf_counter()
    result = function(*arguments, **options)
    stages[stage] = stages.get(stage, 0.0) + time.perf_counter() - begin
    return result


def of_session(reference: list[Word], name: str) -> list[Word]:
    """The reference words of a clip, in time order.

    Where no session bears the name, one that differs by accents alone is taken, with a note: one
    of the AMI references is spelt with a tilde.
    """
    names = {word["session_id"] for word in reference}
    found = name if name in names else next((n for n in sorted(names) if plain(n) == name), None)
    if found != name:
        note = "no reference" if found is None else f"reference taken from session {found!r}"
        print(f"{name}: {note}", file=sys.stderr)
    words = [{**w, "session_id": name} for w in reference if w["session_id"] == found]
    return sorted(words, key=lambda word: word["start_time"])


def plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def true_turns(words: list[Word]) -> list[Turn]:
    """Segments of the reference, those of no length aside."""
    return [(speaker, start, end) for start, end, speaker in turns(words) if end > start]


def found_turns(posteriors: Posteriors) -> list[Turn]:
    """Segments of the first pass: runs of median-filtered posteriors of SPEAKS or more."""
    import numpy as np

    found: list[Turn] = []
    frames = smooth(posteriors.frames)
    for speaker in range(frames.shape[1]):
        edges = np.flatnonzero(np.diff(frames[:, speaker] >= SPEAKS, prepend=False, append=False))
        for begin, end in edges.reshape(-1, 2):
            left = posteriors.start + (begin - 0.5) * posteriors.step
            right = posteriors.start + (end - 0.5) * posteriors.step
            found.append((str(speaker), float(max(left, 0.0)), float(right)))
    return found


def der(clips: list[tuple[str, list[Turn], list[Turn], float]], collar: float) -> str:
    """Diarization error rate of all clips; '' without spyder."""
    found = der_parts(clips, collar)
    return f"{found.der:.1%}" if found else ""


def der_parts(clips: list[tuple[str, list[Turn], list[Turn], float]], collar: float):
    """spyder's der, miss, falarm and conf of all clips, overlapped speech counted; None without
    spyder. A clip is its name, the true turns, those found, and its seconds."""
    try:
        from spyder import DER
    except ImportError:
        print("DER: left out; pip install spy-der", file=sys.stderr)
        return None
    clips = [clip for clip in clips if clip[1]]
    return DER(
        {name: true for name, true, _, _ in clips},
        {name: found for name, _, found, _ in clips},
        uem={name: [(0.0, seconds)] for name, _, _, seconds in clips},
        collar=collar,
    )["Overall"]


if __name__ == "__main__":
    main()
