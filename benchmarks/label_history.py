"""What an adapter makes of the labels before a word: the true ones, the draft's, its own.

python benchmarks/label_history.py DATA [--adapter FOLDER] [--chunks 36]

Chunks of development consultations with a simulated first pass. For each kind of labels before the
words: nats per label at the truth, and words repaired and broken by margin. An adapter that is good
behind true labels alone has learnt to go on with the speaker before, not to read.
"""

import argparse
import math
from pathlib import Path

from seal.corpora import primock57
from seal.corpora.splits import primock57_split
from seal.correctors.seal import load_corrector
from seal.llm.decode import posteriors_of
from seal.llm.decode.fast import fast
from seal.training.examples import AdapterRecipe, example

MARGINS = (0.0, 0.5, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--adapter", type=Path, help="else the shipped one")
    parser.add_argument("--chunks", type=int, default=36)
    parser.add_argument("--seed", type=int, default=77)
    options = parser.parse_args()
    model, settings = load_corrector(None, options.adapter, "cpu")
    loaded = primock57.load(options.data / "primock57")
    held = [loaded[name] for name in sorted(loaded) if primock57_split(name) == "dev"]
    recipe = AdapterRecipe(
        chunks=10**6,
        score=settings.get("score", "posterior"),
        clean=1.0,
        unlabelled=0.0,
        scrambled=0.0,
        heavy=1.0,
        doubted=0.0,
        teacher=0.0,
        seed=options.seed,
    )
    drawn = [example([(1.0, held)], model.encode, recipe, i) for i in range(options.chunks)]
    print("| labels before | wrong | of | nats | " + " | ".join(f"margin {m}" for m in MARGINS))
    print("|---|---|---|---|" + "---|" * len(MARGINS))
    for kind in ("the true ones", "the draft's", "its own"):
        nats, words, wrong = 0.0, 0, 0
        changed = {margin: [0, 0] for margin in MARGINS}
        for item in drawn:
            draft, true = item.prompt.draft, item.oracle
            count = len(item.prompt.labels)
            if kind == "its own":
                for margin in MARGINS:
                    found = fast(model, item.prompt, [[margin] * count] * len(draft))
                    tally(changed[margin], draft, true, found.speakers)
                rows = found.posteriors
            else:
                before = true if kind == "the true ones" else draft
                rows = posteriors_of(model, item.prompt, before)
                for margin in MARGINS:
                    picked = [
                        choose(row, first, margin) for row, first in zip(rows, draft, strict=True)
                    ]
                    tally(changed[margin], draft, true, picked)
            nats -= sum(math.log(max(row[who], 1e-9)) for row, who in zip(rows, true, strict=True))
            words += len(true)
            wrong += sum(first != who for first, who in zip(draft, true, strict=True))
        cells = " | ".join(f"+{repaired} −{broken}" for repaired, broken in changed.values())
        print(f"| {kind} | {wrong} | {words} | {nats / words:.3f} | {cells} |", flush=True)


def choose(row: list[float], draft: int, margin: float) -> int:
    """The likeliest speaker, if it is `margin` nats ahead of the draft's."""
    best = max(range(len(row)), key=row.__getitem__)
    return best if math.log(max(row[best], 1e-9) / max(row[draft], 1e-9)) > margin else draft


def tally(counts: list[int], draft: list[int], true: list[int], found: list[int]) -> None:
    """Add the words repaired and broken to `counts`."""
    for first, who, now in zip(draft, true, found, strict=True):
        counts[0] += now == who != first
        counts[1] += first == who != now


if __name__ == "__main__":
    main()
