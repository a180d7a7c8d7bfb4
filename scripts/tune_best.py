"""Weight of the language model and margins of the default, by Δcp on the development sets.

python scripts/tune_best.py DATA [--words 1500] [--meeting-words 500] [--no-llm]

DATA holds `primock57/` and `ami/`. The encoder's log-posteriors are computed once, the language
model's once per chunk with the encoder's labels before each word; then every weight and margin is
tried on both. What is best here wants a look with `evaluate_text.py`, which decodes for real.
"""

import argparse
from pathlib import Path

import numpy as np

from evaluate_text import recordings, without_scores
from seal.chunks import cut
from seal.conditioning import acoustic_label
from seal.decode import posteriors_of
from seal.prompt import word_tokens
from seal.scoring import Score, score
from seal.systems import ag_lsec, numbers, own_score
from seal.systems.seal import chunk_prompt, load_corrector
from seal.words import speakers

WEIGHTS = (0.0, 0.25, 0.5, 1.0)
MARGINS = (0.0, 0.3, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0)


def llm_log_posteriors(words: list, names: list[str], before: list[int]) -> np.ndarray:
    """Log-posteriors [W, K] of the shipped adapter when the labels before a word are `before`."""
    model, _ = load_corrector(None, None, "cpu")
    draft = numbers(words, names)
    tokens = [word_tokens(word["words"], model.encode) for word in words]
    labels = [acoustic_label(own_score(word), "label") for word in words]
    result = np.zeros((len(words), len(names)))
    for chunk in cut([len(word) for word in tokens], draft):
        prompt, order = chunk_prompt(chunk, tokens, draft, labels, len(names), model.encode, "word")
        local = {speaker: place for place, speaker in enumerate(order)}
        forced = [local[speaker] for speaker in before[chunk.start : chunk.stop]]
        rows = np.log(np.maximum(posteriors_of(model, prompt, forced), 1e-9))
        judged = slice(chunk.first - chunk.start, chunk.last - chunk.start)
        result[chunk.first : chunk.last, order] = rows[judged]
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--words", type=int, default=1500)
    parser.add_argument("--meeting-words", type=int, default=500)
    parser.add_argument("--no-llm", action="store_true")
    options = parser.parse_args()
    for name, size in (("primock57-dev", options.words), ("ami-dev", options.meeting_words)):
        chosen = recordings(options.data, name, size, 1)
        first = sum((score(reference, given) for reference, given, _ in chosen), Score())
        print(f"\n{name}: first pass Δcp {100 * first.delta_cp:.2f}")
        for title, strip in (("scores", False), ("no scores", True)):
            cached = []
            for reference, transcript, truth in chosen:
                words = without_scores(transcript) if strip else transcript
                names = speakers(transcript)
                encoder = ag_lsec.log_posteriors(words, names, "cpu", lambda share: None)
                llm = np.zeros_like(encoder)
                if not options.no_llm:
                    llm = llm_log_posteriors(words, names, encoder.argmax(axis=1).tolist())
                cached.append((reference, words, truth, names, encoder, llm))
            print(f"\n| {title}, weight | " + " | ".join(f"margin {m}" for m in MARGINS) + " |")
            print("|---" * (len(MARGINS) + 1) + "|")
            for weight in WEIGHTS[: 1 if options.no_llm else None]:
                cells = [cell(cached, weight, margin, first) for margin in MARGINS]
                print(f"| {weight} | " + " | ".join(cells) + " |", flush=True)
            if not options.no_llm:
                cells = [cell(cached, None, margin, first) for margin in MARGINS]
                print("| llm alone | " + " | ".join(cells) + " |", flush=True)


def cell(cached: list, weight: float | None, margin: float, first: Score) -> str:
    """Relative Δcp, repaired and broken words of one weight (None: the LLM alone) and margin."""
    total, repaired, broken = Score(), 0, 0
    for reference, words, truth, names, encoder, llm in cached:
        together = llm if weight is None else encoder + weight * llm
        draft = np.array(numbers(words, names))
        gain = together - together[np.arange(len(words)), draft][:, None]
        chosen = np.where(gain.max(axis=1) > margin, gain.argmax(axis=1), draft)
        answer = [
            word | {"speaker": names[place]} for word, place in zip(words, chosen, strict=True)
        ]
        total += score(reference, answer)
        for old, new, true in zip(words, answer, truth, strict=True):
            repaired += old["speaker"] != true == new["speaker"]
            broken += old["speaker"] == true != new["speaker"]
    return f"{100 * (total.delta_cp / first.delta_cp - 1):+.1f} % (+{repaired} −{broken})"


if __name__ == "__main__":
    main()
