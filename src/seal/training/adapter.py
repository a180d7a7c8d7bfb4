"""Learning to correct: a LoRA run over chunks with a simulated first pass.

The model reads a corrupted chunk (`examples.py`), and the loss is taken on its speaker labels
alone, among the recording's speakers. A run that was killed goes on as if it had not been. It knows
nothing of audio, nor of decoding.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from seal.correctors import ag_lsec_network
from seal.files import write_text
from seal.llm import model
from seal.llm.linear import mixed_precision
from seal.llm.prompt import Encode
from seal.training.examples import AdapterRecipe, ChunkExample, Teacher, example, trained_shapes
from seal.training.run import Report, Run
from seal.training.simulate import Corpora
from seal.words import Conversation, Word

POOL = 8
"""Steps whose chunks are drawn together and sorted by length."""


class Slot(NamedTuple):
    """A label to learn: where its logits are, the tokens it may be, and how likely each is."""

    row: int
    position: int
    options: list[int]
    target: list[float]


def loss(
    network: Any, batch: Sequence[ChunkExample], spoken: float = 0.0, end: int | None = None
) -> tuple[Tensor, int]:
    """Sum of the labels' cross-entropy over a batch (nats), and the number of labels.

    With the weight `spoken`, the mean surprise at the words' own tokens, and at the token `end`
    after them, joins each label's.
    """
    texts: list[list[int]] = []
    slots: list[Slot] = []
    said: list[tuple[int, int, int]] = []  # row, position, and the token that follows
    for row, item in enumerate(batch):
        answer, labels = item.prompt.answer(item.before)
        texts.append(item.prompt.tokens + answer)
        start = len(item.prompt.tokens) - 1  # the logits here are those of the answer's first token
        if spoken:
            # A label that is shown but not true is not to be learnt.
            doubtful = {
                label
                for label, shown, true in zip(labels, item.before, item.oracle, strict=True)
                if shown != true
            }
            said += [
                (row, start + offset, token)
                for offset, token in enumerate(answer)
                if offset not in doubtful
            ]
            if end is not None:
                said.append((row, start + len(answer), end))
        previous = None
        for word, label in enumerate(labels):
            allowed = item.prompt.allowed_tokens(word, previous)
            slots.append(Slot(row, start + label, allowed, item.targets[word]))
            previous = item.before[word]
    rows, positions, options, targets = zip(*slots, strict=True)
    longest, widest = max(map(len, texts)), max(map(len, options))
    device = network.device
    tokens = torch.tensor([text + [0] * (longest - len(text)) for text in texts], device=device)
    read_rows = torch.tensor([*rows, *(row for row, *_ in said)], device=device)
    read = torch.tensor([*positions, *(position for _, position, _ in said)], device=device)
    logits = slot_logits(network, tokens, (read_rows, read))
    choices = torch.tensor([ids + [ids[0]] * (widest - len(ids)) for ids in options], device=device)
    absent = torch.tensor(
        [[k >= len(ids) for k in range(widest)] for ids in options], device=device
    )
    wanted = torch.tensor([row + [0.0] * (widest - len(row)) for row in targets], device=device)
    chosen = logits[: len(slots)].float().gather(1, choices).masked_fill(absent, -1e9)
    total = -(wanted * chosen.log_softmax(dim=1)).sum()
    if said:
        following = torch.tensor([token for *_, token in said], device=device)
        surprise = functional.cross_entropy(logits[len(slots) :].float(), following)
        total = total + spoken * surprise * len(slots)
    return total, len(slots)


def train(
    corpora: Corpora,
    output: str | Path,
    recipe: AdapterRecipe,
    base: str | None = None,
    start: str | Path | None = None,
    device: str = "cpu",
    report: Report | None = None,
    checkpoint_every: int = 25,
) -> None:
    """Train an adapter into the folder `output`, going on from the checkpoint there, if any.

    `base` is the model's name or path (None: the recipe's); a new run may begin with the adapter
    in the folder `start`. `report` gets a dict per step (step, chunks, loss in nats per label,
    seconds, tokens); the same goes to `log.jsonl`. The adapter is saved in float16, by peft.
    """
    from peft import LoraConfig, get_peft_model

    base = base or recipe.base
    per_step = recipe.batch * recipe.accumulation
    settings = {"corrector": "seal", "model": base or model.EMBEDDED} | asdict(recipe)
    run = Run(output, settings, -(-recipe.chunks // per_step), checkpoint_every, report)
    torch.manual_seed(recipe.seed)
    language_model = model.load_to_train(base, device, recipe.four_bits)
    layers = language_model.network.config.num_hidden_layers
    network = get_peft_model(
        language_model.network,
        LoraConfig(
            r=recipe.rank,
            lora_alpha=2 * recipe.rank,
            target_modules=linear_names(language_model.network),
            layers_to_transform=list(range(recipe.first_layer, layers)),
            task_type="CAUSAL_LM",
        ),
    )
    network.peft_config["default"].base_model_name_or_path = base or model.EMBEDDED
    inner = network.get_base_model()
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=0.0, betas=(0.9, 0.98))
    done = _resume(run, network, optimiser, start)
    batches = _batches(corpora, language_model.encode, recipe, done, run.steps)
    for step in range(done, run.steps):
        began = time.perf_counter()
        rate = recipe.rate * min(1.0, (step + 1) / 20) * (1 - step / run.steps)
        for group in optimiser.param_groups:
            group["lr"] = rate
        nats, labels, tokens = 0.0, 0, 0
        for batch in next(batches):
            with mixed_precision(device):
                total, count = loss(inner, batch, recipe.spoken, language_model.eos)
            # Labels of a step weigh alike, as nearly as can be said before all are read.
            (total / (recipe.accumulation * count)).backward()
            nats, labels = nats + total.item(), labels + count
            tokens += sum(item.length for item in batch)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        run.record(
            step + 1,
            nats / labels,
            chunks=(step + 1) * per_step,
            seconds=round(time.perf_counter() - began, 2),
            tokens=tokens,
        )
        if run.due(step + 1):
            _save(run, network, optimiser, step + 1, recipe)


def _batches(
    corpora: Corpora, encode: Encode, recipe: AdapterRecipe, start: int, steps: int
) -> Iterator[list[list[ChunkExample]]]:
    """The batches of each step from `start` on. Chunks are drawn for POOL steps at a time and
    dealt out by length, so that little of a batch is padding."""
    taught = _teacher() if recipe.teacher else None
    per_step = recipe.batch * recipe.accumulation
    for pool in range(start // POOL, -(-steps // POOL)):
        indices = range(pool * POOL * per_step, min((pool + 1) * POOL, steps) * per_step)
        drawn = [example(corpora, encode, recipe, index, taught) for index in indices]
        drawn.sort(key=lambda item: item.length)
        batches = [drawn[i : i + recipe.batch] for i in range(0, len(drawn), recipe.batch)]
        np.random.default_rng([recipe.seed, pool, 1]).shuffle(batches)
        for first in range(0, len(batches), recipe.accumulation):
            if pool * POOL + first // recipe.accumulation >= start:
                yield batches[first : first + recipe.accumulation]


def _teacher() -> Teacher:
    """The shipped AG-LSEC."""
    network, encode = ag_lsec_network.load()

    def teach(words: list[Word], names: list[str]) -> np.ndarray:
        return ag_lsec_network.log_posteriors(network, encode, [Conversation(words, names)])[0]

    return teach


def _save(run: Run, network: Any, optimiser: Optimizer, step: int, recipe: AdapterRecipe) -> None:
    from peft import get_peft_model_state_dict

    weights = get_peft_model_state_dict(network, save_embedding_layers=False)
    network.peft_config["default"].save_pretrained(str(run.folder))
    half = {name: tensor.half().contiguous() for name, tensor in weights.items()}
    save_file(half, run.folder / "adapter_model.safetensors")
    settings = {"shapes": trained_shapes(recipe), "score": recipe.score}
    write_text(json.dumps(settings, indent=2) + "\n", run.folder / "seal.json")
    run.save(step, weights, optimiser)  # last: a run that is killed before does this step again


def _resume(run: Run, network: Any, optimiser: Optimizer, start: str | Path | None) -> int:
    from peft import set_peft_model_state_dict

    done = run.resume(partial(set_peft_model_state_dict, network), optimiser)
    if not done and start is not None:
        set_peft_model_state_dict(network, load_file(Path(start) / "adapter_model.safetensors"))
    return done


def slot_logits(network: Any, tokens: Tensor, slots: tuple[Tensor, Tensor]) -> Tensor:
    """Next-token logits at chosen positions, with gradients, for training.

    `tokens` is a long tensor [B, T], padded at the end; `slots` a pair (rows, positions) of long
    tensors [N]. Returns float [N, vocabulary]. Everything else of the output layer is left out.
    """
    hidden = network.get_decoder()(input_ids=tokens, use_cache=False).last_hidden_state
    return network.get_output_embeddings()(hidden[slots])


def linear_names(network: Any) -> list[str]:
    """The names that the linear maps of a network's layers go by (`q_proj`, …), output aside."""
    modules = network.get_decoder().named_modules()
    return sorted({name.rsplit(".", 1)[-1] for name, m in modules if isinstance(m, nn.Linear)})
