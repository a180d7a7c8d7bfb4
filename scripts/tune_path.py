"""Margins, costs of a change of speaker and calibration of the default, on the development sets.

python scripts/tune_path.py SETS [--weights FOLDER] [--words 1500] [--worth 2]

SETS is what `seal bench sets` made. Every recording is read by the network once, as it is, without
scores and without punctuation; then each number in turn takes the value that is best with the
others as they are: words repaired less --worth times the words broken (several are tried one after
the other), as a share of the wrong ones, the mean over the sets. What is printed goes into
`weights/best.json`.
"""

import argparse
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seal.bench.sets import read_set
from seal.corpora.splits import DEV_SETS, LEARNT
from seal.correctors import ag_lsec_network, best, path, trigrams
from seal.correctors.ag_lsec_features import is_punctuated
from seal.training.diarise import diarised, draw_diarizer
from seal.training.simulate import draw_severity, simulate
from seal.words import Conversation, Word, normalise, read, speakers, without_scores

TRIED = {
    "fit": (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3),
    "scores": (0.0, 0.3, 0.6, 0.9, 1.2, 1.6, 2.0, 2.5),
    "no_scores": (0.0, 0.3, 0.6, 0.9, 1.2, 1.6, 2.0, 2.5, 3.0),
    "end": (0.0, 0.1, 0.2, 0.4, 0.6, 0.9),
    "mark": (0.0, 0.2, 0.4, 0.7, 1.0, 1.4, 2.0),
    "inside": (0.0, 0.2, 0.4, 0.7, 1.0, 1.4, 2.0, 2.8),
    "plain": (0.0, 0.1, 0.2, 0.4, 0.6, 0.9, 1.3),
}

FIRST = {
    "fit": 0.1,
    "scores": 0.6,
    "no_scores": 0.9,
    "end": 0.0,
    "mark": 0.4,
    "inside": 0.7,
    "plain": 0.4,
}

ROUNDS = 3

CALLS = "turns, calls"

LOOKED_AT = "monologues at once"
"""Nothing is chosen by it but what `correctors.unread` has."""


@dataclass
class Recording:
    """A recording in one of its guises, and what the network says of it."""

    guise: str
    words: list[Word]
    rows: np.ndarray
    """Log-posteriors [W, K]."""
    fit: np.ndarray
    """How well each word fits into what each speaker is saying, nats [W, K]."""
    draft: np.ndarray
    true: np.ndarray
    """-1 where the speaker is none of the first pass's."""


class Padded:
    """All recordings side by side, so that a path is found through all of them at once."""

    def __init__(self, recordings: list[Recording]) -> None:
        self.recordings = recordings
        words = max(len(one.words) for one in recordings)
        names = max(one.rows.shape[1] for one in recordings)
        shape = (len(recordings), words)
        self.lead = np.full((*shape, names), -1e6)
        self.lead[:, :, 0] = 0.0
        self.fit = np.zeros(self.lead.shape)
        self.draft, self.true = np.zeros(shape, int), np.full(shape, -1)
        self.scored = np.zeros(shape, bool)
        self.kind = np.full(shape, "plain", dtype=object)
        for row, one in enumerate(recordings):
            count, known = one.rows.shape
            places = np.arange(count)
            self.lead[row, :count, :known] = one.rows - one.rows[places, one.draft][:, None]
            self.fit[row, :count, :known] = one.fit - one.fit[places, one.draft][:, None]
            self.draft[row, :count], self.true[row, :count] = one.draft, one.true
            self.scored[row, :count] = [bool(word.get("speaker_scores")) for word in one.words]
            self.kind[row, :count] = path.kinds(one.words, is_punctuated(one.words))

    def labels(self, numbers: dict[str, float]) -> np.ndarray:
        margins = np.where(self.scored, numbers["scores"], numbers["no_scores"])
        weight = np.where(self.scored, 0.0, numbers["fit"])[..., None]
        gain = self.lead + weight * self.fit - margins[..., None]
        np.put_along_axis(gain, self.draft[..., None], 0.0, -1)
        cost = np.zeros(self.draft.shape)
        for kind in ("end", "mark", "inside", "plain"):
            cost[self.kind == kind] = numbers[kind]
        return path.best(gain, cost)

    def islands(self, row: int, labels: np.ndarray) -> int:
        count = len(self.recordings[row].words)
        return path.islands(self.kind[row, :count], labels[:count])

    def counts(self, numbers: dict[str, float]) -> dict[str, np.ndarray]:
        """Words wrong before, repaired and broken, and recordings harmed, by guise."""
        labels, known = self.labels(numbers), self.true >= 0
        was, now = (self.draft != self.true) & known, (labels != self.true) & known
        repaired, broken = (was & ~now).sum(1), (now & ~was).sum(1)
        each = np.stack([was.sum(1), repaired, broken, broken > repaired], axis=1)
        sums: dict[str, np.ndarray] = {}
        for one, found in zip(self.recordings, each, strict=True):
            sums[one.guise] = sums.get(one.guise, 0) + found
        return sums


def guises(words: list[Word]) -> Iterator[tuple[str, list[Word]]]:
    """The recording as it is, without scores and without punctuation."""
    yield "", words
    if any(word.get("speaker_scores") for word in words):
        yield ", no scores", [without_scores(word) for word in words]
    if is_punctuated(words):
        yield ", plain", [without_scores(w) | {"words": normalise(w["words"])} for w in words]


def first_passes(sets: Path, most: int) -> Iterator[tuple[str, list[Word], list[str]]]:
    """Set, words and true speakers of each recording; the calls under simulated diarizers' turns,
    too, since there is no real diarizer's development set of them."""
    for name in DEV_SETS:
        for one in read_set(sets / name):
            if one.name in LEARNT:
                continue
            yield name, one.first[:most], one.true[:most]
    calls = sorted((sets / "simulated-calls-dev" / "reference").glob("*.json"))
    for number, file in enumerate(calls):
        for draw in range(4):
            rng = np.random.default_rng([number, draw])
            told = read(file)[:most]
            yield CALLS, *diarised(told, draw_severity(rng), draw_diarizer(rng), rng)
    spoken = [
        m for file in sorted(sets.glob("*-dev/reference/*.json")) for m in monologues(read(file))
    ]
    for number, (one, other) in enumerate(zip(spoken[:80:2], spoken[1:80:2], strict=True)):
        rng = np.random.default_rng([2, number])
        both = [word | {"speaker": "A"} for word in one] + [
            word | {"speaker": "B"} for word in other
        ]
        both.sort(key=lambda word: word["start_time"])
        yield LOOKED_AT, *simulate(both, draw_severity(rng), rng)


def monologues(told: list[Word]) -> Iterator[list[Word]]:
    """What somebody says in 30 words and more without a pause of a second, from the time 0 on: two
    at once are no conversation, and like two people who read."""
    for name in speakers(told):
        own = [word for word in told if word["speaker"] == name]
        ends = [n for n in range(1, len(own)) if own[n]["start_time"] > own[n - 1]["end_time"] + 1]
        for first, last in itertools.pairwise([0, *ends, len(own)]):
            part = own[first : min(last, first + 40)]
            if len(part) >= 30:
                begin = part[0]["start_time"]
                yield [
                    word
                    | {
                        "start_time": word["start_time"] - begin,
                        "end_time": word["end_time"] - begin,
                    }
                    for word in part
                ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--words", type=int, default=1500)
    parser.add_argument("--worth", type=float, nargs="+", default=[2.0])
    options = parser.parse_args()
    network, encode = ag_lsec_network.load(options.weights)
    found = []
    for name, words, told in first_passes(options.sets, options.words):
        names = speakers(words)
        for guise, shown in guises(words):
            conversation = Conversation(shown, names)
            rows = ag_lsec_network.log_posteriors(network, encode, [conversation])[0]
            true = np.array([names.index(who) if who in names else -1 for who in told])
            draft = np.array(conversation.draft())
            fit = trigrams.fits(network.trigrams, shown, names)
            found.append(Recording(name + guise, shown, rows, fit, draft, true))
    dev = Padded(found)
    for broken_counts in options.worth:
        numbers = tuned(dev, broken_counts)
        print(f"\nA broken word counts {broken_counts:g}: {json.dumps(numbers)}\n")
        table(dev, numbers)
    shipped = best.settings()
    numbers = shipped["margins"] | shipped["changes"] | {"fit": shipped["fit"]}
    print(f"\nShipped: {json.dumps(numbers)}\n")
    table(dev, numbers)
    print("\nWrong, repaired, broken, harmed by the weight of the trigrams, the rest as shipped:")
    for weight in TRIED["fit"]:
        sums = dev.counts(numbers | {"fit": weight})
        print(weight, {guise: sums[guise].tolist() for guise in (DEV_SETS[0], CALLS)})
    for scored in (True, False):
        print(
            "temperature", "scores" if scored else "no scores", temperatures(dev, numbers, scored)
        )


def tuned(dev: Padded, broken_counts: float) -> dict[str, float]:
    numbers = dict(FIRST)
    for _ in range(ROUNDS):
        for key, values in TRIED.items():
            tried = {value: worth(dev, numbers | {key: value}, broken_counts) for value in values}
            numbers[key] = max(tried, key=tried.__getitem__)
            print(key, {value: round(gain, 4) for value, gain in tried.items()}, flush=True)
    return numbers


def worth(dev: Padded, numbers: dict[str, float], broken_counts: float) -> float:
    sums = {g: found for g, found in dev.counts(numbers).items() if not g.startswith(LOOKED_AT)}
    return float(np.mean([(r - broken_counts * b) / max(w, 1) for w, r, b, _ in sums.values()]))


def table(dev: Padded, numbers: dict[str, float]) -> None:
    head = ("set", "wrong", "repaired", "broken", "harmed", "of", "islands before", "after")
    print("| " + " | ".join((*head, "argmax: repaired", "broken", "harmed")) + " |")
    print("|---" * (len(head) + 3) + "|")
    bare, labels = dev.counts(dict.fromkeys(TRIED, 0.0)), dev.labels(numbers)
    for guise, found in dev.counts(numbers).items():
        rows = [row for row, one in enumerate(dev.recordings) if one.guise == guise]
        isles = [sum(dev.islands(row, side[row]) for row in rows) for side in (dev.draft, labels)]
        cells = (guise, *found, len(rows), *isles, *bare[guise][1:])
        print("| " + " | ".join(map(str, cells)) + " |")


def temperatures(dev: Padded, numbers: dict[str, float], scored: bool) -> dict[float, float]:
    """Expected calibration error at some temperatures, over the words of a condition."""
    every = dev.labels(numbers)
    found = {}
    for power in (0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2):
        sure, right = [], []
        for one, labels in zip(dev.recordings, every, strict=True):
            if bool(one.words[0].get("speaker_scores")) == scored:
                rows = power * (one.rows + (not scored) * numbers["fit"] * one.fit)
                labels = labels[: len(one.words)]
                rows -= np.logaddexp.reduce(rows, axis=1, keepdims=True)
                sure.append(np.exp(rows[np.arange(len(labels)), labels]))
                right.append(labels == one.true)
        found[power] = round(calibration(np.concatenate(sure), np.concatenate(right)), 4)
    return found


def calibration(sure: np.ndarray, right: np.ndarray) -> float:
    bins = np.minimum((sure * 10).astype(int), 9)
    return float(
        sum(
            abs(sure[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean()
            for one in np.unique(bins)
        )
    )


if __name__ == "__main__":
    main()
