"""How well voices are known again: 50 of 235 enrolled from one recording each, all 235 heard anew.

    python benchmarks/voice_library.py DATA [--cache voices.npz] [--picture curve.png] [--fit]
                                      [--sets SETS]

DATA holds `librispeech_utterances/`: 251 people with one utterance each, 10 with ten. A tenth of
the 251 are for development: the space of `seal.voices.likeness` is learnt from them. The others are
the test. Of their one utterance the first half is enrolled, as it is or with effects; the second
half is heard in a room, over a telephone and with noise (`seal.training.mixtures.effects`). That
stands for another recording, but it was said on the same day at the same microphone. The four
numbers that make probabilities are learnt from other people of the test than those that they judge.

The 10 are reported apart: one utterance is enrolled, and the others of 3 s or more are heard with
effects, by the shipped weights.

With --sets SETS (of `seal bench sets`) the whole chain is measured instead: the voiced calls and
meetings one after the other, by the first pass's own speakers. Names are proposed for each, and
whoever was not known is added. The 10 speak in all of them, in pieces of the same ten utterances.

--fit makes `src/seal/weights/voices/` anew from the development voices. With a cache what was heard
is kept from run to run.
"""

import argparse
import itertools
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from seal import words
from seal.acoustic.audio import RATE, blocks
from seal.training.mixtures import effects, held_out, load_voices
from seal.voices import likeness, proposals
from seal.voices.heard import LEAST, Heard, hear, of_speech
from seal.voices.library import Library
from seal.voices.proposals import SURE

DRAWS = 200
"""Of the people who are enrolled."""

SHORT = 3.0
"""Seconds of the short recordings by which the length is learnt."""

DEV_DRAWS = 2
"""Rooms, telephones and noises of each half of a development voice, beside none."""

FOLDS = 5
"""Parts of the people of the test: a pair is judged by what was learnt from other parts."""

SHRINK = 3.0
"""Of the sphere, in the covariance within people."""

PRIOR = 0.003
"""Of pairs of one voice: that of a decision among some fifty, most of whom are not there."""

Known = dict[tuple[str, str, int, float], Heard]
"""By voice, part, draw and seconds (of `Recording`)."""


class Recording(NamedTuple):
    """What somebody says."""

    voice: str
    part: str
    """`a` is enrolled, `b` is heard; of several utterances their number."""
    draw: int
    """Which room, telephone and noise; 0 is none."""
    seconds: float
    """At most; a key of what is heard."""
    samples: Callable[[], np.ndarray]

    @property
    def key(self) -> str:
        return f"{self.voice}/{self.part}/{self.draw}/{self.seconds:g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--enrolled", type=int, default=50)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--sets", type=Path)
    options = parser.parse_args()
    dev, test, several = recordings(options.data / "librispeech_utterances")
    if options.sets:
        conversations(options.data, options.sets)
        return
    voices = heard(test, options.cache)
    if options.fit:
        fit(heard(dev, options.cache), voices)
    measure(options, voices, heard(several, options.cache))


def recordings(folder: Path) -> tuple[list[Recording], list[Recording], list[Recording]]:
    """Those of the development voices, of the test voices, and of those with several utterances."""
    one = sorted((folder / "librispeech_train-clean-100").rglob("*.flac"))
    names = {path.stem.split("-")[0]: path for path in one}
    development = held_out(names)
    dev, test = [], []
    for name, path in names.items():
        if name in development:
            for part in "ab":
                for draw in range(DEV_DRAWS + 1):
                    dev += [recording(name, path, part, draw, most) for most in (30.0, SHORT)]
        else:
            test += [
                recording(name, path, *which, 30.0) for which in (("a", 0), ("a", 1), ("b", 1))
            ]
    several = [
        recording(path.parent.name, path, path.stem.split("-")[-1], draw, 30.0)
        for path in sorted((folder / "librispeech_test-other").rglob("*.flac"))
        for draw in (0, 1)
    ]
    return dev, test, several


def recording(voice: str, path: Path, part: str, draw: int, most: float) -> Recording:
    def samples() -> np.ndarray:
        whole = np.concatenate(list(blocks(path)))
        half = len(whole) // 2
        spoken = {"a": whole[:half], "b": whole[half:]}.get(part, whole)[: round(most * RATE)]
        if not draw:
            return spoken
        seed = zlib.crc32(f"{path.stem} {part} {draw}".encode())
        return effects(spoken, np.random.default_rng(seed))

    return Recording(voice, part, draw, most, samples)


def heard(found: list[Recording], cache: Path | None) -> Known:
    """The voice of each recording that is one."""
    known: dict[str, np.ndarray] = {}
    if cache is not None and cache.is_file():
        with np.load(cache) as file:
            known = dict(file)
    answer = {}
    for count, each in enumerate(found, start=1):
        if each.key not in known:
            voice = of_speech(each.samples())
            known[each.key] = np.append(voice.vector, voice.seconds) if voice else np.zeros(0)
            if cache is not None and (count % 50 == 0 or count == len(found)):
                np.savez(cache, **known)
                print(f"heard {count} of {len(found)}", flush=True)
        row = known[each.key]
        if len(row):
            own = Heard(row[:-1].astype(np.float32), float(row[-1]))
            answer[(each.voice, each.part, each.draw, each.seconds)] = own
    return answer


def fit(dev: Known, test: Known) -> None:
    """Learn the weights, and save them: the space from the development voices, the logistic from
    the others, in that space."""
    mean, whitening = space(dev)
    weights = likeness.Weights(mean, whitening, np.zeros(4))
    found = [pairs(test, weights, draw) for draw in (0, 1)]
    rows = np.concatenate([each.features.reshape(-1, 4) for each in found])
    same = np.concatenate([each.same.ravel() for each in found])
    likeness.FILE.parent.mkdir(exist_ok=True)
    half = {"mean": mean.astype(np.float16), "whitening": whitening.astype(np.float16)}
    np.savez(likeness.FILE, logistic=regression(rows, same).astype(np.float32), **half)
    likeness.load.cache_clear()


def space(voices: Known) -> tuple[np.ndarray, np.ndarray]:
    """The mean of people, and what whitens the covariance within them, shrunk to a sphere."""
    of: dict[str, list[np.ndarray]] = defaultdict(list)
    for key, each in voices.items():
        of[key[0]].append(each.vector)
    means = {name: np.mean(own, axis=0) for name, own in of.items()}
    within = np.concatenate([np.stack(own) - means[name] for name, own in of.items()])
    covariance = within.T @ within / len(within)
    covariance += SHRINK * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    whitening = np.linalg.cholesky(np.linalg.inv(covariance))
    return np.mean(list(means.values()), axis=0), whitening / np.abs(whitening).max()


class Pairs(NamedTuple):
    """Each who is enrolled, with each who is heard."""

    names: list[str]
    features: np.ndarray
    """[heard, enrolled, 4]"""

    @property
    def same(self) -> np.ndarray:
        return np.eye(len(self.names), dtype=bool)


def pairs(voices: Known, weights: likeness.Weights, draw: int) -> Pairs:
    """The second halves, heard by the first ones as they are (0), or with effects as well (1)."""
    one = {key[0]: each for key, each in voices.items() if key[1:3] == ("a", draw)}
    two = {key[0]: each for key, each in voices.items() if key[1:3] == ("b", 1)}
    names = [name for name in one if name in two and min(one[name][1], two[name][1]) >= LEAST]
    enrolled = likeness.placed(np.stack([one[name].vector for name in names]), weights)
    later = likeness.placed(np.stack([two[name].vector for name in names]), weights)
    first, second = (np.array([of[name].seconds for name in names]) for of in (one, two))
    return Pairs(names, likeness.features(later @ enrolled.T, first[None], second[:, None]))


def ratios_of(found: Pairs, learnt: list[Pairs]) -> np.ndarray:
    """[heard, enrolled] log likelihood ratios, each by a logistic that was learnt from neither of
    the two: the people are in FOLDS parts, and of each two parts the other ones teach."""
    parts = np.array([int(zlib.crc32(name.encode()) % FOLDS) for name in found.names])
    ratios = np.zeros(found.features.shape[:2])
    for one, two in itertools.combinations_with_replacement(range(FOLDS), 2):
        rows, same = [], []
        for each in learnt:
            others = [zlib.crc32(name.encode()) % FOLDS not in (one, two) for name in each.names]
            rows.append(each.features[np.ix_(others, others)].reshape(-1, 4))
            same.append(each.same[np.ix_(others, others)].ravel())
        weights = regression(np.concatenate(rows), np.concatenate(same))
        for heard_in, enrolled_in in {(one, two), (two, one)}:
            place = np.ix_(parts == heard_in, parts == enrolled_in)
            ratios[place] = found.features[place] @ weights
    return ratios


def regression(rows: np.ndarray, same: np.ndarray) -> np.ndarray:
    """The logistic that gives log likelihood ratios, best where decisions fall in a library: PRIOR
    of the pairs count as those of one voice."""
    from scipy.optimize import minimize

    offset = np.log(PRIOR / (1 - PRIOR))
    sign = np.where(same, 1.0, -1.0)
    mass = np.where(same, PRIOR / same.sum(), (1 - PRIOR) / (~same).sum())

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        wrong = -sign * (rows @ weights + offset)
        slope = -sign * mass / (1 + np.exp(-wrong))
        cost = mass @ np.logaddexp(0.0, wrong) + 1e-7 * weights @ weights
        return 1000 * cost, 1000 * (rows.T @ slope + 2e-7 * weights)

    return np.asarray(minimize(loss, np.zeros(4), jac=True, method="BFGS").x)


def measure(options: argparse.Namespace, test: Known, several: Known) -> None:
    """Print how often names are right, and draw the curve."""
    weights, rng = likeness.load(), np.random.default_rng(0)
    learnt = [pairs(test | halves(several), weights, draw) for draw in (0, 1)]
    curves = {}
    for found, how in zip(
        learnt, ("enrolled as recorded", "enrolled with effects, too"), strict=True
    ):
        ratios, count = ratios_of(found, learnt), len(found.names)
        draws = [rng.permutation(count)[: options.enrolled] for _ in range(DRAWS)]
        judged = [judge(ratios[:, each], np.arange(count), each) for each in draws]
        curves[how] = np.concatenate(judged)
        show(f"{count} people, {options.enrolled} of them {how}", curves[how])
    one = {key[0]: each for key, each in test.items() if key[1:3] == ("a", 0)}
    ten(options.enrolled, one, several, rng)
    if options.picture:
        draw_curves(options.picture, curves)


def halves(several: Known) -> Known:
    """The longest utterance of those with several as the one that is enrolled, and the next one as
    the one that is heard."""
    longest: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for (name, part, draw, _), each in several.items():
        if draw == 0:
            longest[name].append((-each.seconds, part))
    found = {}
    for (name, part, draw, most), each in several.items():
        place = [number for _, number in sorted(longest[name])].index(part)
        if place == 0 or (place == 1 and draw == 1):
            found[(name, "ab"[place], draw, most)] = each
    return found


def ten(count: int, one: dict[str, Heard], several: Known, rng: np.random.Generator) -> None:
    """The same of those with several recordings, of which the first is enrolled, by the shipped
    weights: these were learnt from others."""
    first: dict[str, Heard] = {}
    for key, each in several.items():
        if key[2] == 0 and each.seconds >= LEAST:
            first.setdefault(key[0], each)
    later = [
        (key[0], each)
        for key, each in several.items()
        if key[2] == 1 and each.seconds >= max(LEAST, 3.0) and key[1] != "0000"
    ]
    everybody = [*first, *one]
    known = [(each.vector, each.seconds) for each in (*first.values(), *one.values())]
    ratios = np.stack([likeness.log_ratios(known, *each) for _, each in later])
    of = np.array([everybody.index(name) for name, _ in later])
    rest = [len(first) + rng.permutation(len(one)) for _ in range(DRAWS)]
    own = np.arange(len(first))
    with_them = [np.concatenate([own, each[: count - len(own)]]) for each in rest]
    title = f"{len(first)} people with several recordings, enrolled from one, and 40 others"
    show(title, np.concatenate([judge(ratios[:, each], of, each) for each in with_them]))
    judged = [judge(ratios[:, each], of, each) for each in (each[:count] for each in rest)]
    show(f"the same {len(later)} recordings, {count} others enrolled", np.concatenate(judged))


def conversations(data: Path, sets: Path) -> None:
    """Name the speakers of the voiced sets, and add those who are new, from one to the next."""
    voices = sorted(load_voices(data / "librispeech_utterances" / "librispeech_test-other"))
    library = Library(Path("memory"))
    seen: Counter[str] = Counter()
    for name in ("voiced-calls", "voiced-meetings"):
        for path in sorted((sets / name / "first").glob("*.json")):
            first, reference = words.read(path), words.read(sets / name / "reference" / path.name)
            cast = np.random.default_rng(zlib.crc32(f"voiced {path.stem}".encode()))
            chosen = cast.permutation(len(voices))
            persons = dict(zip(words.speakers(reference), chosen, strict=False))
            true = {
                speaker: voices[persons[who]] for speaker, who in matched(first, reference).items()
            }
            sounds = hear(first, sets / name / "audio" / f"{path.stem}.flac")
            known = {voice.name for voice in library.voices}
            for each in proposals.matched(path.stem, words.speakers(first), sounds, library):
                who = true.get(each.speaker)
                if who is None or not each.seconds:
                    seen["too little speech, or nobody's"] += 1
                    continue
                kind = "known" if who in known else "new"
                right = each.name == who if who in known else each.name is None
                seen[f"{kind}, {'right' if right else 'wrong' if each.name else 'unknown'}"] += 1
                if who not in known and each.speaker in sounds:
                    library.add(who, *sounds[each.speaker])
            print(path.stem, dict(seen), flush=True)


def matched(first: list[words.Word], reference: list[words.Word]) -> dict[str, str]:
    """The person that each of the first pass's speakers is, by the time in which both speak."""
    turns, together = words.turns(reference), Counter[tuple[str, str]]()
    for word in first:
        for start, end, who in turns:
            shared = min(end, word["end_time"]) - max(start, word["start_time"])
            if shared > 0:
                together[word["speaker"], who] += shared
    best: dict[str, str] = {}
    for (speaker, who), _ in together.most_common():
        if speaker not in best and who not in best.values():
            best[speaker] = who
    return best


def judge(ratios: np.ndarray, of: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(probability of the likeliest name, whether it is right, whether somebody was enrolled) of
    each that is heard, against those enrolled."""
    chances = np.stack([likeness.posterior(row) for row in ratios])
    best = chances.argmax(axis=1)
    right = chosen[best] == of
    return np.stack([chances.max(axis=1), right, np.isin(of, chosen)], axis=1)


def rates(judged: np.ndarray, sure: float) -> tuple[float, float, float, float]:
    """Precision, recall, the share of known people who get another's name, and the share of unknown
    ones who get any."""
    named = judged[:, 0] >= sure
    right, known = judged[:, 1] == 1, judged[:, 2] == 1
    precision = (named & right).sum() / max(1, named.sum())
    recall = (named & right).sum() / max(1, known.sum())
    wrong = (named & ~right & known).sum() / max(1, known.sum())
    return precision, recall, wrong, (named & ~known).sum() / max(1, (~known).sum())


def show(title: str, judged: np.ndarray) -> None:
    print(f"\n{title}\n")
    print("| named from | precision | recall | known, wrong name | unknown, named |")
    print("|---|---|---|---|---|")
    for sure in (0.5, 0.8, 0.9, 0.95, 0.98, 0.99):
        mark = " (proposed)" if sure == SURE else ""
        cells = " | ".join(f"{rate:.2%}" for rate in rates(judged, sure))
        print(f"| {sure:g}{mark} | {cells} |")
    bins = np.array([0.5, 0.8, 0.9, 0.95, 0.99, 1.0001])
    for low, high in itertools.pairwise(bins):
        inside = (judged[:, 0] >= low) & (judged[:, 0] < high)
        if inside.sum():
            mean, right = judged[inside, 0].mean(), judged[inside, 1].mean()
            print(f"  said {mean:.3f}, right {right:.3f} ({inside.sum()} names)")


def draw_curves(path: Path, curves: dict[str, np.ndarray]) -> None:
    """Precision over recall."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    grid = 1 / (1 + np.exp(-np.linspace(-3, 14, 200)))
    figure, axes = pyplot.subplots(figsize=(6, 4), dpi=110)
    for how, judged in curves.items():
        curve = 100 * np.array([rates(judged, sure)[:2] for sure in grid])
        (line,) = axes.plot(curve[:, 1], curve[:, 0], label=how)
        precision, recall, _, _ = rates(judged, SURE)
        axes.plot([100 * recall], [100 * precision], "o", color=line.get_color())
    axes.set(xlabel="recall, %", ylabel="precision, %", xlim=(50, 100), ylim=(85, 100.3))
    axes.set_title(f"Names of known voices; the dots are at {SURE:g}", fontsize=10)
    axes.legend(loc="lower left")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    main()
