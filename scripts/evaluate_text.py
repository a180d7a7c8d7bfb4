"""Correct simulated first passes of held-out conversations, and count what it did.

python scripts/evaluate_text.py DATA [--set primock57-test] [--words 750] [--sweep]

DATA is the folder with `primock57/` and `ami/` as `seal.corpora` reads them. Prints a Markdown
table: the first pass, and the corrected transcript with and without scores. `--sweep` shows a
range of margins instead, from the posteriors under the first pass's labels (one pass per chunk):
how the shipped margins were set, on the dev sets.
"""

import argparse
import time
from pathlib import Path

import numpy as np

import seal
from seal.chunks import cut
from seal.conditioning import acoustic_label
from seal.corpora import ami, primock57
from seal.corpora.splits import ami_split, first_clip_cut, primock57_split
from seal.correction import FLOOR, chunk_prompt, load_corrector
from seal.decode import posteriors_of
from seal.prompt import word_tokens
from seal.scoring import Score, score
from seal.simulate import draw_severity, simulate
from seal.words import Word, speakers

WEIGHTS = (0.0, 0.25, 0.5, 1.0)
MARGINS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)


def recordings(data: Path, name: str, words: int, seed: int) -> list[tuple]:
    """(reference, first pass, true speakers) of each recording of a set, cut to `words` words."""
    corpus, split = name.split("-")
    if corpus == "primock57":
        loaded = primock57.load(data / "primock57")
        chosen = [loaded[key] for key in sorted(loaded) if primock57_split(key) == split]
    else:
        loaded = ami.load(data / "ami")
        chosen = [first_clip_cut(loaded[key]) for key in sorted(loaded) if ami_split(key) == split]
    result = []
    for index, reference in enumerate(chosen):
        rng = np.random.default_rng([seed, index])
        reference = reference[:words]
        result.append((reference, *simulate(reference, draw_severity(rng), rng)))
    return result


def without_scores(words: list[Word]) -> list[Word]:
    return [{key: word[key] for key in word if key != "speaker_scores"} for word in words]


def row(name: str, first: Score, total: Score, repaired: int, broken: int, seconds: float) -> str:
    relative = (total.delta_cp - first.delta_cp) / first.delta_cp
    return (
        f"| {name} | {100 * total.wer:.2f} | {100 * total.cpwer:.2f} | {100 * total.delta_cp:.2f} "
        f"| {100 * relative:+.1f} % | {100 * total.wder:.2f} | {repaired} | {broken} "
        f"| {seconds:.0f} |"
    )


def evaluate(chosen: list[tuple], adapter: str | None, margin: float | None) -> None:
    print("| system | WER | cpWER | Δcp | relative | WDER | repaired | broken | seconds |")
    print("|---|---|---|---|---|---|---|---|---|")
    first = sum((score(ref, hyp) for ref, hyp, _ in chosen), Score())
    print(row("first pass", first, first, 0, 0, 0), flush=True)
    for name, strip in (("corrected, scores", False), ("corrected, no scores", True)):
        total, repaired, broken, began = Score(), 0, 0, time.perf_counter()
        for reference, transcript, truth in chosen:
            given = without_scores(transcript) if strip else transcript
            answer = seal.correct(given, adapter=adapter, margin=margin)
            total += score(reference, answer)
            for old, new, true in zip(transcript, answer, truth, strict=True):
                repaired += old["speaker"] != true == new["speaker"]
                broken += old["speaker"] == true != new["speaker"]
        print(row(name, first, total, repaired, broken, time.perf_counter() - began), flush=True)


def sweep(chosen: list[tuple], adapter: str | None) -> None:
    """Repaired and broken words by margin and acoustic weight, labels before a word as drafted."""
    model, _ = load_corrector(None, adapter, "cpu")
    for condition, weights in (("label", WEIGHTS), ("none", (0.0,))):
        counts = np.zeros((len(weights), len(MARGINS), 2), dtype=int)
        for _, transcript, truth in chosen:
            names = speakers(transcript)
            draft = [names.index(word["speaker"]) for word in transcript]
            tokens = [word_tokens(word["words"], model.encode) for word in transcript]
            labels = [
                acoustic_label(word["speaker_scores"][word["speaker"]], condition)
                for word in transcript
            ]
            for chunk in cut([len(word) for word in tokens], draft):
                prompt, order = chunk_prompt(
                    chunk, tokens, draft, labels, len(names), model.encode, "word"
                )
                posteriors = np.array(posteriors_of(model, prompt, prompt.draft))
                for word in range(chunk.first, chunk.last):
                    was = prompt.draft[word - chunk.start]
                    row = np.log(posteriors[word - chunk.start] + 1e-12)
                    given = transcript[word]["speaker_scores"]
                    scores = np.maximum([given[name] for name in names], FLOOR)
                    against = np.maximum(0, np.log(scores[draft[word]] / scores))[order]
                    for one, weight in enumerate(weights):
                        gain = row - row[was] - weight * against
                        best = int(gain.argmax())
                        right = names[order[was]] == truth[word]
                        mended = names[order[best]] == truth[word]
                        for other, margin in enumerate(MARGINS):
                            if best != was and gain[best] > margin:
                                counts[one, other] += (mended, right)
        print("\n| scores | weight | " + " | ".join(f"margin {m}" for m in MARGINS) + " |")
        print("|---" * (len(MARGINS) + 2) + "|")
        for weight, line in zip(weights, counts, strict=True):
            cells = " | ".join(f"+{repaired} −{broken}" for repaired, broken in line)
            print(f"| {condition} | {weight} | {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", default="primock57-test")
    parser.add_argument("--words", type=int, default=750, help="words of each recording")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--adapter", default=None)
    parser.add_argument("--margin", type=float, default=None)
    parser.add_argument("--sweep", action="store_true")
    options = parser.parse_args()
    chosen = recordings(options.data, options.set, options.words, options.seed)
    if options.sweep:
        sweep(chosen, options.adapter)
    else:
        evaluate(chosen, options.adapter, options.margin)


if __name__ == "__main__":
    main()
