"""Time `fast` against `algorithm1` on real words with the embedded model, and against the floor.

python benchmarks/bench_decode.py DATA [--words 1000] [--format word] [--precision int8]

Takes the first words of held-out PriMock57 consultations with a simulated first pass, and decodes
their chunks with `fast` (all together, as `seal correct` does), one by one with `fast`, and with
`algorithm1`. Prints the ratio of times, the passes per chunk, whether all labels are identical, and
the floor: the arithmetic of reading each prompt and answer once, at the rate of the model's own
matrix products in that precision.
"""

import argparse
import statistics
import time
from pathlib import Path

import torch

from common.prompts import prompts, transcripts
from seal.correctors.seal import load_corrector
from seal.llm.decode.algorithm1 import algorithm1
from seal.llm.decode.fast import decode_many, fast
from seal.llm.model import LanguageModel
from seal.llm.precision import PRECISIONS
from seal.llm.prompt import Prompt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--words", type=int, default=1000)
    parser.add_argument("--format", default="word", choices=["turn", "word"])
    parser.add_argument("--margin", type=float, default=0.0)
    parser.add_argument("--precision", default="float32", choices=PRECISIONS)
    parser.add_argument("--no-algorithm1", action="store_true", help="fast alone")
    options = parser.parse_args()
    model, settings = load_corrector(None, None, "cpu", options.precision)
    asked = [
        (prompt, [[options.margin] * len(prompt.labels)] * len(prompt.words))
        for prompt in prompts(options.data, model, settings["score"], options.words, options.format)
    ]
    words = sum(map(len, transcripts(options.data, options.words)))
    shown = sum(len(prompt.words) for prompt, _ in asked)
    print(f"words {words}, {shown} with overlaps, chunks {len(asked)}, format {options.format}")

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


def arithmetic(model: LanguageModel, prompt: Prompt) -> float:
    """Floating-point operations of one pass over a prompt and its answer, attention's own products
    included as far as they are needed."""
    config = model.network.config
    _answer, slots = prompt.answer(prompt.draft)
    length = len(prompt.tokens) + slots[-1]
    inside = config.num_attention_heads * config.head_dim
    beside = config.num_key_value_heads * config.head_dim
    weights = config.hidden_size * (2 * inside + 2 * beside + 3 * config.intermediate_size)
    attention = 2 * length * length * inside  # half of it is masked
    return config.num_hidden_layers * (2.0 * weights * length + attention)


def matrix_rate(model: LanguageModel) -> float:
    """Operations per second of the model's widest linear map on 512 tokens, the median of 15."""
    config = model.network.config
    linear = model.network.get_decoder().layers[0].mlp.up_proj
    left = torch.randn(512, config.hidden_size)
    seconds = []
    with torch.inference_mode():
        linear(left)
        for _ in range(15):
            began = time.perf_counter()
            for _ in range(10):
                linear(left)
            seconds.append((time.perf_counter() - began) / 10)
    return 2.0 * left.numel() * config.intermediate_size / statistics.median(seconds)


if __name__ == "__main__":
    main()
