"""How like the real first pass is the simulated one? python scripts/calibrate_simulator.py DATA OUT

DATA holds `ami_clips/`, `libri2mix/` and `ami/`. The real first pass runs over the ten clips and
the mixtures; the simulated one over the same mixtures (utterance times spread over the words) and
over AMI's development meetings. Compared are the words that the ASR got right: how sure the first
pass is where it is right and where it is wrong, how often it is wrong by place, and how long runs
of wrong words are. OUT gets calibration.png, and calibration.json with the real words' figures;
a table goes to stdout. Clips in which the number of voices is wrong are left out: that is another
mistake than those that are simulated.
"""

import argparse
import json
from itertools import groupby
from pathlib import Path

import numpy as np

from seal.bench.positions import PLACES, places
from seal.bench.sets import read_set
from seal.corpora import ami
from seal.corpora.splits import ami_split, first_clip_cut
from seal.tpst import aligned, oracle
from seal.training.simulate import draw_severity, simulate
from seal.words import Word, normalise, read

Judged = list[tuple[str, bool, float]]
"""(place, right, score of the speaker given) of the words of a recording, in order."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--voiced", type=Path, nargs="*", default=[], help="voice_conversations.py")
    parser.add_argument("--draws", type=int, default=8, help="simulated passes of each recording")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    cache = options.out / "calibration.json"
    if not cache.is_file():
        real = {
            "AMI": real_clips(options.data / "ami_clips"),
            "Libri2Mix": real_mixtures(options.data / "libri2mix"),
        }
        cache.write_text(json.dumps(real), encoding="utf-8")
    real = json.loads(cache.read_text(encoding="utf-8"))
    meetings = ami.load(options.data / "ami")
    dev = [first_clip_cut(meetings[k])[:600] for k in sorted(meetings) if ami_split(k) == "dev"]
    mixed = [spread(read(p)) for p in sorted((options.data / "libri2mix/seglst").iterdir())]
    simulated = {"AMI": drawn(dev, options.draws), "Libri2Mix": drawn(mixed, options.draws)}
    for folder in options.voiced:
        made = read_set(folder)
        real[folder.name] = [
            judge(one.reference, one.first, one.true, [True] * len(one.first)) for one in made
        ]
        simulated[folder.name] = drawn([one.reference for one in made], options.draws)
    table(real, simulated)
    plot(real, simulated, options.out / "calibration.png")


def real_clips(folder: Path) -> list[Judged]:
    reference = read(folder / "reference.seglst.json")
    names = sorted({w["session_id"] for w in reference})
    found = []
    for path in sorted(folder.glob("*.wav")):
        # one of the references' names bears a tilde
        name = path.stem if path.stem in names else None
        truth = sorted(
            (w for w in reference if w["session_id"] == name), key=lambda w: w["start_time"]
        )
        found.append(real_pass(path, truth))
    return [judged for judged in found if judged]


def real_mixtures(folder: Path) -> list[Judged]:
    found = [
        real_pass(folder / "flac" / f"{path.name.split('.')[0]}.flac", spread(read(path)))
        for path in sorted((folder / "seglst").iterdir())
    ]
    return [judged for judged in found if judged]


def real_pass(path: Path, truth: list[Word]) -> Judged:
    """The judged words of a recording; none where the number of speakers is wrong."""
    import seal

    first = seal.transcribe(path, correct=False)
    if not first or len(first[0]["speaker_scores"]) != len({w["speaker"] for w in truth}):
        print(f"{path.stem}: left out", flush=True)
        return []
    indices = aligned(
        [normalise(w["words"]) for w in truth], [normalise(w["words"]) for w in first]
    )
    heard = [
        index is not None and normalise(truth[index]["words"]) == normalise(word["words"])
        for index, word in zip(indices, first, strict=True)
    ]
    return judge(truth, first, oracle(truth, first), heard)


def drawn(references: list[list[Word]], draws: int) -> list[Judged]:
    found = []
    for index, reference in enumerate(references):
        for draw in range(draws):
            rng = np.random.default_rng([7, index, draw])
            first, truth = simulate(reference, draw_severity(rng), rng)
            found.append(judge(reference, first, truth, [True] * len(first)))
    return found


def judge(truth: list[Word], first: list[Word], right: list[str], heard: list[bool]) -> Judged:
    found: Judged = []
    for word, name, known, place in zip(first, right, heard, places(truth, first), strict=True):
        if known:
            score = float(word["speaker_scores"][word["speaker"]])
            found.append((place, word["speaker"] == name, score))
    return found


def spread(segments: list[Word]) -> list[Word]:
    """Utterances as words, by the length of each."""
    found: list[Word] = []
    for segment in segments:
        texts = segment["words"].split()
        sizes = np.array([len(text) + 1 for text in texts], dtype=float)
        length = segment["end_time"] - segment["start_time"]
        ends = segment["start_time"] + length * sizes.cumsum() / sizes.sum()
        start = segment["start_time"]
        for text, end in zip(texts, ends, strict=True):
            found.append(segment | {"words": text, "start_time": start, "end_time": float(end)})
            start = float(end)
    return sorted(found, key=lambda word: word["start_time"])


def runs(recordings: list[Judged]) -> np.ndarray:
    return np.array(
        [
            len(list(group))
            for words in recordings
            for right, group in groupby(words, key=lambda word: word[1])
            if not right
        ]
    )


def scores(recordings: list[Judged], right: bool) -> np.ndarray:
    return np.array([score for words in recordings for _, r, score in words if r == right])


def shares(recordings: list[Judged], place: str) -> tuple[float, float, int]:
    """Share of the words that stand in that place, share of those that are wrong, their number."""
    rights = [right for words in recordings for here, right, _ in words if here == place]
    total = sum(map(len, recordings))
    return len(rights) / max(total, 1), 1 - float(np.mean(rights or [1])), len(rights)


def table(real: dict, simulated: dict) -> None:
    for corpus in real:
        print(f"\n| {corpus} | real | simulated |\n|---|---|---|")
        for place in PLACES:
            cells = [shares(which[corpus], place) for which in (real, simulated)]
            shown = [f"{s:.1%} of words, {w:.1%} wrong ({n})" for s, w, n in cells]
            print(f"| {place} | " + " | ".join(shown) + " |")
        for title, right in (("score where right", True), ("score where wrong", False)):
            cells = [
                "quartiles {:.2f} {:.2f} {:.2f} (n {})".format(
                    *np.quantile(values, [0.25, 0.5, 0.75]), len(values)
                )
                if len(values := scores(which[corpus], right))
                else "none"
                for which in (real, simulated)
            ]
            print(f"| {title} | " + " | ".join(cells) + " |")
        cells = [
            f"{(lengths == 1).mean():.0%} of one word, mean {lengths.mean():.1f}"
            for which in (real, simulated)
            if len(lengths := runs(which[corpus]))
        ]
        print("| runs of wrong words | " + " | ".join(cells) + " |")


def plot(real: dict, simulated: dict, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(real), 4, figsize=(15, 3.2 * len(real)), squeeze=False)
    bins = np.linspace(0, 1, 11)
    for row, corpus in zip(axes, real, strict=True):
        for which, label, shift in ((real, "real", -0.2), (simulated, "simulated", 0.2)):
            for axis, right in ((row[0], True), (row[1], False)):
                values = scores(which[corpus], right)
                counts, _ = np.histogram(values, bins)
                axis.bar(
                    bins[:-1] + 0.05 + shift / 10, counts / max(len(values), 1), 0.04, label=label
                )
                axis.set_title(f"{corpus}: score where {'right' if right else 'wrong'}")
            wrong = [shares(which[corpus], place)[1] for place in PLACES]
            row[2].bar(np.arange(len(PLACES)) + shift, wrong, 0.4, label=label)
            lengths = np.minimum(runs(which[corpus]), 8)
            share = np.bincount(lengths, minlength=9)[1:] / max(len(lengths), 1)
            row[3].bar(np.arange(1, 9) + shift, share, 0.4, label=label)
        row[2].set_xticks(range(len(PLACES)), PLACES, fontsize=8)
        row[2].set_title(f"{corpus}: share of words wrong, by place")
        row[3].set_title(f"{corpus}: length of runs of wrong words (8: 8 or more)")
        row[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
