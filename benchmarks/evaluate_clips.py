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
import tempfile
import time
from pathlib import Path

from common.clips import of_session, recordings_of
from common.der import Clip, der, found_turns, true_turns
from seal.acoustic import audio
from seal.acoustic.asr import recognise
from seal.acoustic.first_pass import first_pass
from seal.acoustic.reconcile import reconcile
from seal.scoring import Score, score
from seal.words import Word, read


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
    clips: list[Clip] = []
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


if __name__ == "__main__":
    main()
