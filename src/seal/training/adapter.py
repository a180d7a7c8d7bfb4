"""Learning to correct: a LoRA run over chunks with a simulated first pass.

The model reads packed chunks (`drawing.py`), and the loss is taken on their speaker labels alone,
among the recording's speakers. A run is as long as so many chunks, or as so many minutes, and the
learning rate falls to nought by its end. A run that was killed goes on from its last checkpoint. It
knows nothing of audio, nor of decoding.
"""

import gc
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW

from seal.correctors import ag_lsec_network
from seal.files import write_bytes, write_text
from seal.llm import model
from seal.llm.prompt import TRANSCRIPT_FORMATS
from seal.training import packing
from seal.training.arrays import pack
from seal.training.attention import apart
from seal.training.drawing import packs
from seal.training.examples import AdapterRecipe, ChunkExample, Teacher, trained_shapes
from seal.training.first_passes import Diarised
from seal.training.learner import Learners, processes
from seal.training.lora import Adapter, read_state
from seal.training.run import Report, Run
from seal.training.shards import write_shards
from seal.training.simulate import Corpora
from seal.words import Conversation, Word

WARM_UP = 20
"""Steps until the learning rate is whole."""

SAVE_SECONDS = 60.0
"""Between two checkpoints of a run by the clock."""

READ_SECONDS = 2.0
"""Between two looks at the losses on a GPU: each waits until it has done what it was given."""


def loss(
    network: Any, batch: Sequence[ChunkExample], spoken: float = 0.0, end: int | None = None
) -> tuple[Tensor, int]:
    """Sum of the labels' cross-entropy over a batch (nats), and the number of labels.

    With the weight `spoken`, the mean surprise at the words' own tokens, and at the token `end`
    after them, joins each label's.
    """
    row = pack(batch, TRANSCRIPT_FORMATS if spoken else (), end)
    return packing.loss(network, row, apart, network.dtype, spoken), len(row.slots)


class Clock:
    """How far a run is: by chunks, or by the time since it was begun, stops left out."""

    def __init__(self, recipe: AdapterRecipe) -> None:
        self._recipe = recipe
        self._began = time.perf_counter()
        self.chunks = 0
        """Chunks learnt from."""
        self.reserve = 0.0
        """Seconds at the end that are needed for the last checkpoint."""
        self._longest = 0.0

    def resume(self, chunks: int, seconds: float) -> None:
        """Go on after so many chunks, which took so long."""
        self.chunks = chunks
        self._began -= seconds

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self._began

    def progress(self) -> float:
        """The share of the run that is done, in [0, 1]."""
        if not self._recipe.minutes:
            return min(1.0, self.chunks / self._recipe.chunks)
        usable = 60 * self._recipe.minutes - self.reserve
        return min(1.0, self.seconds / max(usable, 1e-9))

    def step_took(self, seconds: float) -> None:
        """Expect the next to take as long, or nearly as long as the longest of late."""
        self._longest = max(seconds, 0.8 * self._longest)

    def over(self) -> bool:
        """Is there no time for another step, or no chunk left?"""
        if not self._recipe.minutes:
            return self.chunks >= self._recipe.chunks
        return self.seconds + self._longest + self.reserve >= 60 * self._recipe.minutes


class _Done(NamedTuple):
    """A step whose loss may still be on its way."""

    number: int
    nats: Tensor
    labels: int
    tokens: int
    chunks: int
    rate: float
    at: float
    """Seconds of the run."""


def train(
    corpora: Corpora,
    output: str | Path,
    recipe: AdapterRecipe,
    base: str | None = None,
    start: str | Path | None = None,
    device: str = "cpu",
    report: Report | None = None,
    checkpoint_every: int = 25,
    workers: int | None = None,
    shards: Path | None = None,
    found: Sequence[Diarised] = (),
) -> None:
    """Train an adapter into the folder `output`, going on from the checkpoint there, if any.

    `base` is the model's name or path (None: the recipe's); a new run may begin with the adapter
    in the folder `start`. `found` are recordings under real diarizers, for `recipe.real`. `report`
    gets a dict per step (step, chunks, loss in nats per label, seconds, tokens); the same goes to
    `log.jsonl`. The adapter is saved in float16, as peft does; with every checkpoint also in small
    files in the folder `shards`. `workers` processes draw the chunks; None is all cores but one on
    a GPU, and on a CPU none, for it is the slower part. By the clock (`recipe.minutes`) a
    checkpoint is due every minute, else every `checkpoint_every` steps, and loading and saving
    count as time.
    """
    clock = Clock(recipe)
    base = base or recipe.base
    steps = 0
    if not recipe.minutes and not recipe.tokens:
        steps = -(-recipe.chunks // (recipe.batch * recipe.accumulation))
    settings = {"corrector": "seal", "model": base or model.EMBEDDED} | asdict(recipe)
    run = Run(output, settings, steps, checkpoint_every, report)
    torch.manual_seed(recipe.seed)
    load = partial(model.load_to_train, base, device, recipe.four_bits)
    language_model = load()
    network = language_model.network
    adapter = Adapter(network, recipe.rank, recipe.first_layer)
    on_gpu = device.startswith("cuda")
    optimiser = AdamW(
        adapter.weights(), lr=recipe.rate, weight_decay=0.0, betas=(0.9, 0.98), fused=True
    )
    keeper = _Keeper(run, adapter, optimiser, recipe, base or model.EMBEDDED, clock, shards)
    step = run.resume(adapter.load, optimiser)
    if step:
        clock.resume(int(run.before.get("chunks", step)), run.before.get("seconds", 0.0))
    elif start is not None:
        adapter.load(read_state(Path(start)), f"adapter {start}")
    if workers is None:
        workers = max(1, (os.cpu_count() or 2) - 1) if on_gpu else 0
    drawn = packs(
        corpora,
        language_model.encode,
        recipe,
        step * recipe.accumulation,
        clock.progress,
        workers,
        _teacher if recipe.teacher else None,
        language_model.eos if recipe.spoken else None,
        found,
    )
    learn = Learners(network, adapter, device, recipe, load, processes(device, recipe))
    if recipe.minutes and not clock.over():
        keeper.save(step)  # says how long it takes
    waiting: list[_Done] = []
    gc.freeze()  # a corpus is millions of objects, which need not be looked at again
    last = clock.seconds
    try:
        while not clock.over():
            rate = recipe.rate * min(1.0, (step + 1) / WARM_UP) * (1 - clock.progress())
            for group in optimiser.param_groups:
                group["lr"] = rate
            rows = [next(drawn) for _ in range(recipe.accumulation)]
            nats = learn.gradients(rows)
            torch.nn.utils.clip_grad_norm_(adapter.weights(), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
            step += 1
            clock.chunks += sum(row.chunks for row in rows)
            now = clock.seconds
            labels, tokens = (sum(len(r.slots) for r in rows), sum(len(r.tokens) for r in rows))
            waiting.append(_Done(step, nats, labels, tokens, clock.chunks, rate, now))
            if not on_gpu or now - waiting[0].at > READ_SECONDS:
                last = _record(run, clock, waiting, last)
            if run.due(step) if not recipe.minutes else clock.seconds - keeper.at > SAVE_SECONDS:
                last = _record(run, clock, waiting, last)
                keeper.save(step)
        _record(run, clock, waiting, last)
        if keeper.step != step or step == 0:
            keeper.save(step)
    finally:
        gc.unfreeze()
        learn.close()
        drawn.close()
        adapter.end()


def _record(run: Run, clock: Clock, waiting: list[_Done], last: float) -> float:
    """Log the steps whose losses are waiting. Returns the time of the last one, in seconds of the
    run, `last` being that of the one before them."""
    if not waiting:
        return last
    values = torch.stack([one.nats for one in waiting]).tolist()  # waits for the device
    # What was given to a GPU is done now: the time since `last` is shared by the steps.
    each = (clock.seconds - last) / len(waiting)
    clock.step_took(each)
    for one, nats in zip(waiting, values, strict=True):
        before = one.chunks
        run.record(
            one.number,
            nats / one.labels,
            chunks=before,
            seconds=round(each, 3),
            tokens=one.tokens,
            tokens_per_second=round(one.tokens / max(each, 1e-9)),
            rate=float(f"{one.rate:.3g}"),
            minutes=round(one.at / 60, 3),
            progress=round(clock.progress(), 4),
        )
    waiting.clear()
    return clock.seconds


def _teacher() -> Teacher:
    """The shipped AG-LSEC."""
    network, encode = ag_lsec_network.load()

    def teach(words: list[Word], names: list[str]) -> np.ndarray:
        return ag_lsec_network.log_posteriors(network, encode, [Conversation(words, names)])[0]

    return teach


class _Keeper:
    """What writes a run's checkpoints and its adapter."""

    def __init__(
        self,
        run: Run,
        adapter: Adapter,
        optimiser: AdamW,
        recipe: AdapterRecipe,
        base: str,
        clock: Clock,
        shards: Path | None,
    ) -> None:
        self._run, self._adapter, self._optimiser, self._clock = run, adapter, optimiser, clock
        self._shards = shards
        settings = {"shapes": trained_shapes(recipe), "score": recipe.score}
        self._texts = {
            "adapter_config.json": adapter.config(base),
            "seal.json": json.dumps(settings, indent=2) + "\n",
        }
        self.at = 0.0
        """When it last saved, in seconds of the run."""
        self.step = -1
        """Which step that was after."""

    def save(self, step: int) -> None:
        """Save the adapter and the checkpoint after `step` steps."""
        from safetensors.torch import save

        began = time.perf_counter()
        state = self._adapter.state()
        if self._shards is not None:
            write_shards(state, self._texts, step, self._shards)
            log = self._run.folder / "log.jsonl"
            if log.is_file():
                write_bytes(log.read_bytes(), self._shards / "log.jsonl")
        half = {name: part.half().cpu().contiguous() for name, part in state.items()}
        write_bytes(save(half), self._run.folder / "adapter_model.safetensors")
        for name, text in self._texts.items():
            write_text(text, self._run.folder / name)
        # Last: a run that is killed before does this step again.
        whole = {name: part.cpu().clone() for name, part in state.items()}
        self._run.save(
            step, whole, self._optimiser, chunks=self._clock.chunks, seconds=self._clock.seconds
        )
        took = time.perf_counter() - began
        self._clock.reserve = max(self._clock.reserve, 1.5 * took)
        self.at, self.step = self._clock.seconds, step
