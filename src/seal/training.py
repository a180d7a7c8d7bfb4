"""Learning to correct: a LoRA run over chunks with a simulated first pass.

Each chunk is an excerpt of a reference conversation, corrupted by `simulate`; the model reads the
corrupted chunk, and the loss is taken on its speaker labels alone, among the recording's speakers.
Chunk number i of a run depends on the seed and on i only, so a run that was killed goes on as if
it had not been. It knows nothing of audio, nor of decoding.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seal import chunks, model
from seal.conditioning import acoustic_label
from seal.errors import SealError
from seal.prompt import NAMES, Encode, Prompt, build, order_of_appearance, word_tokens
from seal.simulate import Corpora, draw_excerpt, draw_severity, from_start, simulate
from seal.words import Word, speakers, write_text

EXCERPT = 150
"""Reference words around a chunk that are simulated with it."""


@dataclass(frozen=True)
class Example:
    """A chunk to learn from: its prompt, and the true speaker (a local number) of each word."""

    prompt: Prompt
    oracle: list[int]


@dataclass(frozen=True)
class Recipe:
    """What a training run does."""

    chunks: int = 5000
    batch: int = 4
    format: str = "word"
    condition: str = "label"
    rank: int = 16
    first_layer: int = 10
    """Layers below are left as they are and need no gradient."""
    rate: float = 5e-4
    unlabelled: float = 0.35
    """Share of chunks without acoustic labels, so that transcripts without scores work too."""
    heavy: float = 1.5
    """Severity at the start; it falls to 1, as met in use, by three quarters of the run."""
    scrambled: float = 0.2
    """Share of chunks, at the start, whose draft is scrambled at random and bears no acoustic
    labels: there only the words tell. It falls to 0 by half of the run."""
    seed: int = 0


def severity_scale(recipe: Recipe, progress: float) -> float:
    """How bad the simulated first pass is at `progress` in [0, 1] of the run."""
    return 1 + (recipe.heavy - 1) * max(0.0, 1 - progress / 0.75)


def example(
    corpora: Corpora,
    encode: Encode,
    recipe: Recipe,
    index: int,
) -> Example:
    """Chunk number `index` of a run. `corpora` are (weight, recordings); recordings are in time
    order. Chunks with mistakes in them teach most: most of those without are drawn again."""
    rng = np.random.default_rng([recipe.seed, index])
    scale = severity_scale(recipe, index / recipe.chunks)
    while True:
        excerpt = from_start(draw_excerpt(corpora, EXCERPT, rng))
        transcript, truth = simulate(excerpt, draw_severity(rng, scale), rng)
        size = chunks.SIZE if rng.random() < 0.85 else int(rng.integers(4, chunks.SIZE))
        begin = int(rng.integers(max(1, len(transcript) - size)))
        transcript, truth = transcript[begin : begin + size], truth[begin : begin + size]
        wrong = any(word["speaker"] != true for word, true in zip(transcript, truth, strict=True))
        if transcript and (wrong or rng.random() < 0.15):
            condition = "none" if rng.random() < recipe.unlabelled else recipe.condition
            if rng.random() < recipe.scrambled * (1 - 2 * index / recipe.chunks):
                condition = "none"
                _scramble(transcript, truth, rng)
            return _encode(transcript, truth, condition, recipe.format, encode, rng)


def _scramble(transcript: list[Word], truth: list[str], rng: np.random.Generator) -> None:
    """Replace the draft by the truth with a random share of random speakers in it."""
    names = speakers(transcript)
    share = rng.uniform(0.05, 0.45)
    for word, true in zip(transcript, truth, strict=True):
        word["speaker"] = names[rng.integers(len(names))] if rng.random() < share else true


def _encode(
    transcript: list[Word],
    truth: list[str],
    condition: str,
    format: str,
    encode: Encode,
    rng: np.random.Generator,
) -> Example:
    names = speakers(transcript)
    number = {name: index for index, name in enumerate(names)}
    order = order_of_appearance([number[word["speaker"]] for word in transcript], len(names))
    if rng.random() < 0.5:
        # Names are permuted, so that none of them comes to mean anything.
        order = [order[place] for place in rng.permutation(len(order))]
    local = {names[speaker]: place for place, speaker in enumerate(order[: len(NAMES)])}
    prompt = build(
        [word_tokens(word["words"], encode) for word in transcript],
        [acoustic_label(w["speaker_scores"][w["speaker"]], condition) for w in transcript],
        [local[word["speaker"]] for word in transcript],
        len(local),
        encode,
        format,
    )
    return Example(prompt, [local[true] for true in truth])


def loss(network: Any, batch: Sequence[Example]) -> tuple[Any, int]:
    """Sum of the labels' cross-entropy over a batch (nats), and the number of labels."""
    import torch

    rows, places, targets, allowed, texts = [], [], [], [], []
    for row, item in enumerate(batch):
        answer, slots = item.prompt.answer(item.oracle)
        texts.append(item.prompt.tokens + answer)
        previous = None
        for word, slot in enumerate(slots):
            rows.append(row)
            places.append(len(item.prompt.tokens) + slot - 1)
            targets.append(item.oracle[word])
            allowed.append(item.prompt.options(word, previous))
            previous = item.oracle[word]
    longest, widest = max(map(len, texts)), max(map(len, allowed))
    device = network.device
    tokens = torch.tensor([text + [0] * (longest - len(text)) for text in texts], device=device)
    logits = model.slot_logits(
        network, tokens, (torch.tensor(rows, device=device), torch.tensor(places, device=device))
    )
    options = torch.tensor([ids + [ids[0]] * (widest - len(ids)) for ids in allowed], device=device)
    absent = torch.tensor(
        [[k >= len(ids) for k in range(widest)] for ids in allowed], device=device
    )
    chosen = logits.float().gather(1, options).masked_fill(absent, float("-inf"))
    target = torch.tensor(targets, device=device)
    return torch.nn.functional.cross_entropy(chosen, target, reduction="sum"), len(targets)


def train(
    corpora: Corpora,
    output: str | Path,
    recipe: Recipe,
    base: str | None = None,
    start: str | Path | None = None,
    report: Callable[[dict[str, Any]], None] | None = None,
    checkpoint_every: int = 25,
) -> None:
    """Train an adapter into the folder `output`, going on from the checkpoint there, if any.

    A new run may begin with the weights of another one, in the folder `start`. `report` gets a
    dict per step (step, chunks, loss in nats per label, seconds); the same goes to `log.jsonl`.
    The adapter is saved in float16, by peft.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    language_model = model.load(base)
    layers = language_model.network.config.num_hidden_layers
    network = get_peft_model(
        language_model.network,
        LoraConfig(
            r=recipe.rank,
            lora_alpha=2 * recipe.rank,
            target_modules=model.linear_names(language_model.network),
            layers_to_transform=list(range(recipe.first_layer, layers)),
            task_type="CAUSAL_LM",
        ),
    )
    network.peft_config["default"].base_model_name_or_path = base or model.EMBEDDED
    inner = network.get_base_model()
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=0.0, betas=(0.9, 0.98))
    steps = -(-recipe.chunks // recipe.batch)
    done = _resume(output, network, optimiser, start)
    for step, batch in _batches(corpora, language_model.encode, recipe, done, steps):
        began = time.perf_counter()
        rate = recipe.rate * min(1.0, (step + 1) / 20) * (1 - step / steps)
        for group in optimiser.param_groups:
            group["lr"] = rate
        with model.quick():
            total, labels = loss(inner, batch)
        (total / labels).backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        line = {
            "step": step + 1,
            "chunks": (step + 1) * recipe.batch,
            "loss": round(total.item() / labels, 4),
            "seconds": round(time.perf_counter() - began, 2),
        }
        if not np.isfinite(line["loss"]):
            raise SealError(f"{output}: the loss is no number any more at step {step + 1}")
        with (output / "log.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        if report:
            report(line | {"steps": steps})
        if (step + 1) % checkpoint_every == 0 or step + 1 == steps:
            _save(output, network, optimiser, step + 1)


def _batches(
    corpora: Corpora,
    encode: Encode,
    recipe: Recipe,
    start: int,
    steps: int,
) -> Iterator[tuple[int, list[Example]]]:
    for step in range(start, steps):
        indices = range(step * recipe.batch, (step + 1) * recipe.batch)
        yield step, [example(corpora, encode, recipe, index) for index in indices]


def _save(output: Path, network: Any, optimiser: Any, step: int) -> None:
    import torch
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    state = {"step": step, "optimiser": optimiser.state_dict()}
    state["weights"] = get_peft_model_state_dict(network)
    torch.save(state, output / "checkpoint.tmp")
    (output / "checkpoint.tmp").replace(output / "checkpoint.pt")
    network.peft_config["default"].save_pretrained(str(output))
    half = {name: tensor.half().contiguous() for name, tensor in state["weights"].items()}
    save_file(half, output / "adapter_model.safetensors")


def _resume(output: Path, network: Any, optimiser: Any, start: str | Path | None) -> int:
    import torch
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    if not (output / "checkpoint.pt").is_file():
        if start is not None:
            set_peft_model_state_dict(network, load_file(Path(start) / "adapter_model.safetensors"))
        return 0
    state = torch.load(output / "checkpoint.pt", weights_only=True)
    set_peft_model_state_dict(network, state["weights"])
    optimiser.load_state_dict(state["optimiser"])
    log = output / "log.jsonl"
    kept = log.read_text().splitlines(keepends=True)[: state["step"]] if log.is_file() else []
    write_text("".join(kept), log)
    return int(state["step"])
