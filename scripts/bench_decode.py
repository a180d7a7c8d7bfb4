"""Time `fast` against `algorithm1` on real words with the embedded model.

python scripts/bench_decode.py DATA [--words 1000] [--format word]

Takes the first words of held-out PriMock57 consultations with a simulated first pass, decodes
every chunk with both, in turn, and prints the ratio of times, the passes per chunk, and whether
all labels are identical.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from evaluate_text import recordings
from seal.chunks import cut
from seal.conditioning import acoustic_label, word_score
from seal.decode.algorithm1 import algorithm1
from seal.decode.fast import fast
from seal.model import LanguageModel
from seal.prompt import Prompt, word_tokens
from seal.systems.seal import chunk_prompt, load_corrector
from seal.words import speakers


def prompts(
    data: Path, model: LanguageModel, score: str, words: int, format: str
) -> Iterator[Prompt]:
    """The prompts of the chunks in the set's first `words` words; `score` names the word score."""
    left = words
    for _, transcript, _ in recordings(data, "primock57-test", 250, seed=1):
        transcript, left = transcript[:left], left - len(transcript[:left])
        if not transcript:
            break
        names = speakers(transcript)
        draft = [names.index(word["speaker"]) for word in transcript]
        tokens = [word_tokens(word["words"], model.encode) for word in transcript]
        labels = [acoustic_label(word_score(word, score), "label") for word in transcript]
        for chunk in cut([len(word) for word in tokens], draft):
            yield chunk_prompt(chunk, tokens, draft, labels, len(names), model.encode, format)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--words", type=int, default=1000)
    parser.add_argument("--format", default="word", choices=["turn", "word"])
    parser.add_argument("--margin", type=float, default=0.0)
    options = parser.parse_args()
    model, settings = load_corrector(None, None, "cpu")
    ratios, times, passes, differ, judged = [], [0.0, 0.0], [], 0, 0
    for prompt in prompts(options.data, model, settings["score"], options.words, options.format):
        margins = [[options.margin] * len(prompt.labels)] * len(prompt.words)
        answers, spent = [], []
        for decode in (fast, algorithm1):
            began = time.perf_counter()
            answers.append(decode(model, prompt, margins))
            spent.append(time.perf_counter() - began)
        times = [total + new for total, new in zip(times, spent, strict=True)]
        ratios.append(spent[1] / spent[0])
        passes.append(answers[0].passes)
        judged += len(prompt.words)
        differ += sum(a != b for a, b in zip(answers[0].speakers, answers[1].speakers, strict=True))
    print(f"words {judged}, chunks {len(ratios)}, format {options.format}")
    print(f"fast {times[0]:.1f} s, algorithm1 {times[1]:.1f} s, ratio {times[1] / times[0]:.1f}")
    print(f"ratio per chunk, median {statistics.median(ratios):.1f}")
    print(f"passes per chunk: mean {statistics.mean(passes):.2f}, most {max(passes)}")
    print("labels identical" if not differ else f"labels differ at {differ} words")


if __name__ == "__main__":
    main()
