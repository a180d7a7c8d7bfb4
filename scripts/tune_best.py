"""Weight of the language model and margins of the default, by Δcp on the development sets.

python scripts/tune_best.py DATA [--words 1500] [--meeting-words 500] [--no-llm] [--plot PNG]

DATA holds `primock57/` and `ami/`. The encoder's log-posteriors are computed once, the language
model's once per chunk with the encoder's labels before each word; then every weight and margin is
tried on both. What is best here wants a look with `evaluate_text.py`, which decodes for real.
`--plot` draws the encoder's repaired against its broken words, by margin.
"""

import argparse
from pathlib import Path

import numpy as np

from seal.bench.held_out import recordings
from seal.correctors import ag_lsec
from seal.correctors.seal import chunk_prompt, load_corrector
from seal.llm.chunks import cut
from seal.llm.conditioning import acoustic_label, word_score
from seal.llm.decode import posteriors_of
from seal.llm.prompt import word_tokens
from seal.scoring import Score, score
from seal.words import Conversation, speakers, without_scores

WEIGHTS = (0.0, 0.25, 0.5, 1.0)
MARGINS = (0.0, 0.3, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0)


def llm_log_posteriors(words: list, names: list[str], before: list[int]) -> np.ndarray:
    """Log-posteriors [W, K] of the shipped adapter when the labels before a word are `before`."""
    model, settings = load_corrector(None, None, "cpu")
    draft = Conversation(words, names).draft()
    tokens = [word_tokens(word["words"], model.encode) for word in words]
    labels = [acoustic_label(word_score(word, settings["score"]), "label") for word in words]
    result = np.zeros((len(words), len(names)))
    for chunk in cut([len(word) for word in tokens], draft):
        prompt, order = chunk_prompt(chunk, tokens, draft, labels, len(names), model.encode, "word")
        local = {speaker: index for index, speaker in enumerate(order)}
        forced = [local[speaker] for speaker in before[chunk.start : chunk.stop]]
        rows = np.log(np.maximum(posteriors_of(model, prompt, forced), 1e-9))
        decided = slice(chunk.first - chunk.start, chunk.last - chunk.start)
        result[chunk.first : chunk.last, order] = rows[decided]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--words", type=int, default=1500)
    parser.add_argument("--meeting-words", type=int, default=500)
    parser.add_argument("--no-llm", action="store_true")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    curves: dict[str, list[tuple[float, float, float]]] = {}
    for name, size in (("primock57-dev", options.words), ("ami-dev", options.meeting_words)):
        chosen = recordings(options.data, name, size, 1)
        first = sum((score(reference, given) for reference, given, _ in chosen), Score())
        print(f"\n{name}: first pass Δcp {100 * first.delta_cp:.2f}")
        for title, strip in (("scores", False), ("no scores", True)):
            cached = []
            for reference, transcript, truth in chosen:
                words = [without_scores(word) for word in transcript] if strip else transcript
                names = speakers(transcript)
                [encoder] = ag_lsec.log_posteriors(
                    [Conversation(words, names)], "cpu", lambda share: None
                )
                llm = np.zeros_like(encoder)
                if not options.no_llm:
                    llm = llm_log_posteriors(words, names, encoder.argmax(axis=1).tolist())
                cached.append((reference, words, truth, names, encoder, llm))
            print(f"\n| {title}, weight | " + " | ".join(f"margin {m}" for m in MARGINS) + " |")
            print("|---" * (len(MARGINS) + 1) + "|")
            for weight in WEIGHTS[: 1 if options.no_llm else None]:
                tried = [outcome(cached, weight, margin) for margin in MARGINS]
                cells = [cell(*found, first) for found in tried]
                if weight == 0.0:
                    curves[f"{name}, {title}"] = [
                        (margin, repaired, broken)
                        for margin, (_, repaired, broken) in zip(MARGINS, tried, strict=True)
                    ]
                print(f"| {weight} | " + " | ".join(cells) + " |", flush=True)
            if not options.no_llm:
                cells = [cell(*outcome(cached, None, margin), first) for margin in MARGINS]
                print("| llm alone | " + " | ".join(cells) + " |", flush=True)
    if options.plot:
        draw(curves, options.plot)


def outcome(cached: list, weight: float | None, margin: float) -> tuple[Score, int, int]:
    """Score, repaired and broken words of one weight (None: the LLM alone) and margin."""
    total, repaired, broken = Score(), 0, 0
    for reference, words, truth, names, encoder, llm in cached:
        together = llm if weight is None else encoder + weight * llm
        draft = np.array(Conversation(words, names).draft())
        gain = together - together[np.arange(len(words)), draft][:, None]
        chosen = np.where(gain.max(axis=1) > margin, gain.argmax(axis=1), draft)
        answer = [
            word | {"speaker": names[speaker]} for word, speaker in zip(words, chosen, strict=True)
        ]
        total += score(reference, answer)
        for old, new, true in zip(words, answer, truth, strict=True):
            repaired += old["speaker"] != true == new["speaker"]
            broken += old["speaker"] == true != new["speaker"]
    return total, repaired, broken


def cell(total: Score, repaired: int, broken: int, first: Score) -> str:
    return f"{100 * (total.delta_cp / first.delta_cp - 1):+.1f} % (+{repaired} −{broken})"


def draw(curves: dict[str, list[tuple[float, float, float]]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(8, 5))
    for name, points in curves.items():
        axis.plot([b for *_, b in points], [r for _, r, _ in points], marker="o", label=name)
        for margin, repaired, broken in points[::2]:
            axis.annotate(f" {margin}", (broken, repaired), fontsize=8)
    furthest = max(broken for points in curves.values() for *_, broken in points)
    for odds in (2, 5):
        axis.plot([0, furthest], [0, odds * furthest], ":", color="0.6")
        axis.annotate(f"{odds} : 1", (furthest, odds * furthest), color="0.4", annotation_clip=True)
    axis.set(xlabel="words broken", ylabel="words repaired", title="by margin (nats)")
    axis.set_ylim(0, 1.1 * max(repaired for points in curves.values() for _, repaired, _ in points))
    axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
