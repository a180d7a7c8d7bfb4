"""Time `fast` against `algorithm1` on real words with the embedded model, and against the floor.

python scripts/bench_decode.py DATA [--words 1000] [--format word]

Takes the first words of held-out PriMock57 consultations with a simulated first pass, and decodes
their chunks with `fast` (all together, as `seal correct` does), one by one with `fast`, and with
`algorithm1`. Prints the ratio of times, the passes per chunk, whether all labels are identical, and
the floor: the arithmetic of reading each prompt and answer once, at the rate of this machine's
matrix products.
"""

import argparse
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from evaluate_text import recordings
from seal.chunks import cut
from seal.conditioning import acoustic_label, word_score
from seal.decode.algorithm1 import algorithm1
from seal.decode.fast import decode_many, fast
from seal.model import LanguageModel
from seal.prompt import Prompt, word_tokens
from seal.systems.seal import chunk_prompt, load_corrector
from seal.words import speakers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--words", type=int, default=1000)
    parser.add_argument("--format", default="word", choices=["turn", "word"])
    parser.add_argument("--margin", type=float, default=0.0)
    parser.add_argument("--no-algorithm1", action="store_true", help="fast alone")
    options = parser.parse_args()
    model, settings = load_corrector(None, None, "cpu")
    asked = [
        (prompt, [[options.margin] * len(prompt.labels)] * len(prompt.words))
        for prompt in prompts(options.data, model, settings["score"], options.words, options.format)
    ]
    words = sum(len(prompt.words) for prompt, _ in asked)
    print(f"words {words}, chunks {len(asked)}, format {options.format}")

    next(decode_many(model, asked[:1]))
    began = time.perf_counter()
    together = list(decode_many(model, asked))
    seconds = time.perf_counter() - began
    rate = matrix_rate(model)
    floor = sum(arithmetic(model, prompt) for prompt, _ in asked) / rate
    print(f"fast, chunks together {seconds:.1f} s, {words / seconds:.0f} words a second")
    print(
        f"floor {floor:.1f} s at {rate / 1e9:.0f} GFLOP/s; fast is {seconds / floor:.2f} times that"
    )
    passes = [answer.passes for answer in together]
    print(f"passes per chunk: mean {statistics.mean(passes):.2f}, most {max(passes)}")
    if options.no_algorithm1:
        return
    times, ratios, differ = [0.0, 0.0], [], 0
    for (prompt, margins), answer in zip(asked, together, strict=True):
        spent = []
        for decode in (fast, algorithm1):
            began = time.perf_counter()
            lone = decode(model, prompt, margins)
            spent.append(time.perf_counter() - began)
            differ += sum(a != b for a, b in zip(answer.speakers, lone.speakers, strict=True))
        times = [total + new for total, new in zip(times, spent, strict=True)]
        ratios.append(spent[1] / spent[0])
    print(f"fast, one by one {times[0]:.1f} s, algorithm1 {times[1]:.1f} s")
    alone = statistics.median(ratios)
    print(f"algorithm1 to fast: {times[1] / seconds:.1f} together, {alone:.1f} one by one (median)")
    print("labels identical" if not differ else f"labels differ at {differ} places")


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


def arithmetic(model: LanguageModel, prompt: Prompt) -> float:
    """Floating-point operations of one pass over a prompt and its answer, output layer and
    attention's own products included as far as they are needed."""
    config = model.network.config
    _answer, slots = prompt.answer(prompt.draft)
    length = len(prompt.tokens) + slots[-1]
    layers = model.network.get_decoder().layers
    weights = sum(p.numel() for p in layers.parameters() if p.dim() == 2)
    width = config.num_attention_heads * config.head_dim
    attention = 2 * length * length * width * config.num_hidden_layers  # half of it is masked
    return 2.0 * weights * length + attention


def matrix_rate(model: LanguageModel) -> float:
    """Operations per second of this machine's best product of a layer's size, the median of 15."""
    config = model.network.config
    left = torch.randn(512, config.hidden_size)
    right = torch.randn(config.intermediate_size, config.hidden_size)
    seconds = []
    with torch.inference_mode():
        for _ in range(15):
            began = time.perf_counter()
            for _ in range(10):
                torch.nn.functional.linear(left, right)
            seconds.append((time.perf_counter() - began) / 10)
    return 2.0 * left.numel() * right.shape[0] / statistics.median(seconds)


if __name__ == "__main__":
    main()
