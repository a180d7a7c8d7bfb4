"""Memory and seconds of `seal correct` and `seal transcribe` on ever longer inputs, and their plot.

    python benchmarks/measure_memory.py correct DATA memory.jsonl --words 64 1000 10000 100000
    python benchmarks/measure_memory.py correct DATA memory.jsonl --words 4000 --speakers 4 8 16
    python benchmarks/measure_memory.py transcribe DATA/ami_clips memory.jsonl --minutes 10 60 600
    python benchmarks/measure_memory.py draw memory.jsonl -o docs/reports/memory.png

Each run is a process of its own, whose resident memory (its children's included) is looked at
four times a second (Linux only); a line per run is added to memory.jsonl, so that long runs can be
made one by one. The transcripts are held-out consultations with simulated first passes, one after
the other as one conversation of two, or with `--speakers` turn by turn of so many; the recordings
are stretches of the clips, drawn from a seed:
`--talk` is the share that comes from clips in which somebody talks, the rest from the silent ones.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import cycle, product
from pathlib import Path

from common.clips import of_session, recordings_of
from seal.acoustic import audio
from seal.bench.held_out import recordings
from seal.words import Word, read, write

EVERY = 0.25  # seconds between two looks
POINTS = 400  # looks that are kept of a run
STRETCH = (5.0, 30.0)  # seconds of a clip at once
TALK = 20  # words from which somebody talks in a clip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    correct = commands.add_parser("correct")
    correct.add_argument("data", type=Path)
    correct.add_argument("log", type=Path)
    correct.add_argument("--words", type=int, nargs="+", default=[64, 1000, 10_000, 100_000])
    correct.add_argument("--speakers", type=int, nargs="+", default=[2])
    transcribe = commands.add_parser("transcribe")
    transcribe.add_argument("clips", type=Path)
    transcribe.add_argument("log", type=Path)
    transcribe.add_argument("--minutes", type=float, nargs="+", default=[10, 60, 600])
    transcribe.add_argument("--talk", type=float, default=1.0)
    transcribe.add_argument("--seed", type=int, default=0)
    draws = commands.add_parser("draw")
    draws.add_argument("log", type=Path)
    draws.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    if options.command == "draw":
        draw([json.loads(line) for line in options.log.read_text().splitlines()], options.output)
        return
    with tempfile.TemporaryDirectory() as scratch:
        if options.command == "correct":
            parts = [found for _, found, _ in recordings(options.data, "primock57-unread", 5000, 1)]
            for count, number in product(options.words, options.speakers):
                path = Path(scratch) / f"{count}-{number}.json"
                words = one_after_another(parts, count)
                write(words if number == 2 else spread(words, number), path)
                note(options.log, "correct", path, {"words": count, "speakers": number})
        else:
            for minutes in options.minutes:
                path = Path(scratch) / f"{minutes:g}.flac"
                record(options.clips, path, minutes * 60, options.talk, options.seed)
                note(options.log, "transcribe", path, {"minutes": minutes, "talk": options.talk})
                path.unlink()


def one_after_another(parts: list[list[Word]], count: int) -> list[Word]:
    """The first `count` words of conversations that follow each other, again and again."""
    words: list[Word] = []
    begin = 0.0
    for part in cycle(parts):
        for word in part:
            start, end = (round(begin + word[key], 3) for key in ("start_time", "end_time"))
            words.append({**word, "session_id": "long", "start_time": start, "end_time": end})
        begin = max(word["end_time"] for word in words) + 1.0
        if len(words) >= count:
            return words[:count]


def spread(words: list[Word], number: int) -> list[Word]:
    """The same words with `number` speakers, who take turns one after the other; what was the other
    speaker's score is the next one's."""
    turn, last = -1, None
    answer: list[Word] = []
    for word in words:
        turn += word["speaker"] != last
        last = word["speaker"]
        names = [f"s{turn % number}", f"s{(turn + 1) % number}"]
        scores = word["speaker_scores"]
        both = [scores.get(last, 0.0), max((s for n, s in scores.items() if n != last), default=0)]
        answer.append(
            {**word, "speaker": names[0], "speaker_scores": dict(zip(names, both, strict=True))}
        )
    return answer


def record(clips: Path, path: Path, seconds: float, talk: float, seed: int) -> None:
    """Write stretches of the clips, drawn at random, to a FLAC file of that many seconds."""
    import numpy as np
    import soundfile

    reference = read(clips / "reference.seglst.json")
    spoken, silent = [], []
    for clip in recordings_of(clips):
        some = len(of_session(reference, clip.stem)) >= TALK
        (spoken if some else silent).append(np.concatenate(list(audio.blocks(clip))))
    rng = np.random.default_rng(seed)
    left = round(seconds * audio.RATE)
    with soundfile.SoundFile(path, "w", audio.RATE, 1) as file:
        while left:
            among = spoken if rng.random() < talk else silent
            clip = among[rng.integers(len(among))]
            length = min(left, len(clip), round(rng.uniform(*STRETCH) * audio.RATE))
            first = rng.integers(len(clip) - length + 1)
            file.write(clip[first : first + length])
            left -= length


def note(log: Path, command: str, path: Path, what: dict) -> None:
    """Run the command on a file and add what it took to the log; say it, too."""
    output = path.with_suffix(".out.json")
    seconds, looks = watched([sys.executable, "-m", "seal", command, str(path), "-o", str(output)])
    answer = read(output)
    heard = len({name for word in answer for name in word.get("speaker_scores") or {}})
    line = {"command": command, **what, "seconds": round(seconds, 1)}
    line |= {"peak": max(megabytes for _, megabytes in looks)}
    line |= {"answer": len(answer), "heard": heard}
    print(line, flush=True)
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line | {"looks": thinned(looks)}) + "\n")


def watched(command: list[str]) -> tuple[float, list[tuple[float, float]]]:
    """Seconds that a command takes, and its memory along the way: (seconds, megabytes)."""
    began = time.perf_counter()
    process = subprocess.Popen(command)
    looks = []
    while True:
        try:
            process.wait(EVERY)
            break
        except subprocess.TimeoutExpired:
            looks.append((round(time.perf_counter() - began, 2), resident(process.pid)))
    if process.returncode:
        raise SystemExit(f"exit status {process.returncode}: {' '.join(command)}")
    return time.perf_counter() - began, looks


def resident(pid: int) -> float:
    """Megabytes in memory of a process and its children; 0 if it has gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        lists = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return 0.0
    own = next((line for line in status.splitlines() if line.startswith("VmRSS")), "0 0")
    children = {int(child) for text in lists for child in text.split()}
    return round(int(own.split()[1]) / 1024 + sum(map(resident, children)), 1)


def thinned(looks: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most POINTS of the looks, each the highest of its stretch."""
    size = -(-len(looks) // POINTS)
    stretches = (looks[first : first + size] for first in range(0, len(looks), size))
    return [max(stretch, key=lambda look: look[1]) for stretch in stretches]


def draw(lines: list[dict], output: Path) -> None:
    """Four panels: memory along a run, for recordings; peaks and seconds against words; seconds
    against speakers."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    keys = ("command", "words", "speakers", "minutes")
    last = {tuple(line.get(key) for key in keys): line for line in lines}
    corrected = [line for line in last.values() if line["command"] == "correct"]
    texts = sorted((x for x in corrected if x["speakers"] == 2), key=lambda x: x["words"])
    crowded = {x["words"] for x in corrected if x["speakers"] > 2}
    crowds = sorted((x for x in corrected if x["words"] in crowded), key=lambda x: x["speakers"])
    sounds = sorted(
        (line for line in last.values() if line["command"] == "transcribe"),
        key=lambda x: x["minutes"],
    )
    figure, ((along, memory), (cost, crowd)) = pyplot.subplots(2, 2, figsize=(11, 8))
    for line in sounds:
        done = [100 * second / line["seconds"] for second, _ in line["looks"]]
        hours = line["minutes"] / 60
        name = f"{hours:g} h" if hours >= 1 else f"{line['minutes']:g} min"
        if line["talk"] < 1:
            name += f", {line['talk']:.0%} of it talk"
        along.plot(done, [megabytes for _, megabytes in line["looks"]], label=name)
    along.set(title="seal transcribe", xlabel="% of the run's time", ylabel="MB in memory")
    words = [line["words"] for line in texts]
    memory.plot(words, [line["peak"] for line in texts], marker="o")
    memory.set(title="seal correct", xlabel="words", ylabel="MB in memory at most", xscale="log")
    cost.plot(words, [line["seconds"] for line in texts], marker="o")
    cost.set(title="seal correct", xlabel="words", ylabel="seconds", xscale="log", yscale="log")
    crowd.plot([x["speakers"] for x in crowds], [x["seconds"] for x in crowds], marker="o")
    crowd.set(title="seal correct", xlabel="speakers", ylabel="seconds", ylim=(0, None))
    if crowds:
        crowd.set_title(f"seal correct, {crowds[0]['words']:,} words")
    for axis in (along, memory):
        axis.axhline(2048, color="0.6", linestyle="--", linewidth=1, label="2 GB")
        axis.set_ylim(0, 2200)
        axis.legend(loc="upper left", bbox_to_anchor=(0, 0.9))
    figure.tight_layout()
    figure.savefig(output, dpi=100)


if __name__ == "__main__":
    main()
