"""Training EEND on simulated conversations: windows of their audio, and who speaks when.

Each example depends on the seed and its index alone, so a run that was killed goes on as if it
had not been. It knows nothing of words beyond their times.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seal.acoustic.arrays import Floats
from seal.acoustic.audio import RATE
from seal.acoustic.eend import STEP, EendNetwork, features, pit_loss, save
from seal.acoustic.segmentation import SPEAKERS, WINDOW
from seal.training.mixtures import Turns, effects, mix
from seal.training.run import Report, Run

SECONDS = WINDOW / RATE


@dataclass(frozen=True)
class EendRecipe:
    """What a training run does."""

    steps: int = 4000
    batch: int = 16
    """Windows of 10 s in a step."""
    rate: float = 1e-3
    seed: int = 0


def example(
    conversations: Sequence[Turns],
    voices: dict[str, Floats],
    seed: Sequence[int],
) -> tuple[Floats, Floats]:
    """Samples [WINDOW] and activity [frames, SPEAKERS] of one window of a conversation.

    Where more than SPEAKERS speak in a window, those who speak least are left out of it.
    """
    rng = np.random.default_rng(list(seed))
    while True:
        turns = conversations[int(rng.integers(len(conversations)))]
        begin = rng.uniform(0, max(turns[-1][0], 0.1)) - rng.uniform(0, SECONDS)
        here = [
            (start - begin, end - begin, name)
            for start, end, name in turns
            if end > begin and start < begin + SECONDS
        ]
        if here or rng.random() < 0.02:  # silence is rare, but is heard of
            break
    talk: dict[str, float] = {}
    for start, end, name in here:
        talk[name] = talk.get(name, 0.0) + min(end, SECONDS) - max(start, 0.0)
    names = sorted(talk, key=lambda name: -talk[name])[:SPEAKERS]
    here = [turn for turn in here if turn[2] in names]
    chosen = rng.choice(sorted(voices), len(names), replace=False)
    cast = {name: voices[voice] for name, voice in zip(names, chosen, strict=True)}
    gains = {name: float(rng.normal(0, 3)) for name in names}
    return effects(mix(here, cast, gains, SECONDS, rng), rng), activity(here, names)


def activity(turns: Turns, names: Sequence[str]) -> Floats:
    """Who speaks in each frame of a window: 1 where a speaker fills half of it or more."""
    fine = np.zeros((round(SECONDS / STEP) * 10, SPEAKERS), dtype=np.float32)
    for start, end, name in turns:
        first, last = (round(max(t, 0.0) / STEP * 10) for t in (start, end))
        fine[first:last, names.index(name)] = 1
    return (fine.reshape(-1, 10, SPEAKERS).mean(axis=1) >= 0.5).astype(np.float32)


def train(
    conversations: Sequence[Turns],
    voices: dict[str, Floats],
    output: str | Path,
    recipe: EendRecipe,
    device: str = "cpu",
    report: Report | None = None,
    measure: Callable[[EendNetwork], dict[str, float]] | None = None,
    checkpoint_every: int = 200,
) -> None:
    """Train into the folder `output`, going on from the checkpoint there, if any.

    `conversations` are turns in order of their starts, `voices` those that may speak. `report`
    gets a dict per step; `measure` is called at every checkpoint and its dict joins the log.
    """
    run = Run(
        output, {"first pass": "eend"} | asdict(recipe), recipe.steps, checkpoint_every, report
    )
    torch.manual_seed(recipe.seed)
    network = EendNetwork().to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, betas=(0.9, 0.98))

    def batch(step: int) -> list[Floats]:
        """Samples [batch, WINDOW] and activity [batch, frames, SPEAKERS] of a step."""
        seeds = [[recipe.seed, step, index] for index in range(recipe.batch)]
        examples = [example(conversations, voices, seed) for seed in seeds]
        return [np.stack(part) for part in zip(*examples, strict=True)]

    first = run.resume(network.load_state_dict, optimiser)
    began = time.perf_counter()
    for step, examples in enumerate(_ahead(batch, range(first, recipe.steps)), first):
        torch.manual_seed(recipe.seed * 1_000_003 + step)  # dropout, the same after a resume
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * min(1.0, (step + 1) / 200) * (1 - step / recipe.steps)
        samples, spoken = (torch.from_numpy(part).to(device) for part in examples)
        network.train()
        loss = pit_loss(network(features(samples)), spoken)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        more: dict[str, Any] = {
            "seconds": round(time.perf_counter() - began, 2),
            "tokens": spoken.shape[0] * spoken.shape[1],
        }
        due = run.due(step + 1)
        if due and measure:
            more["measure"] = measure(network.eval())
        run.record(step + 1, loss.item(), **more)
        if due:
            save(network, output)
            run.save(step + 1, network.state_dict(), optimiser)
        began = time.perf_counter()


def _ahead(make: Callable[[int], Any], steps: range) -> Iterator[Any]:
    """What `make` gives for each step, made while the step before it is learnt from."""
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(make, steps.start) if steps else None
        for step in steps:
            assert coming is not None
            made = coming.result()
            coming = maker.submit(make, step + 1) if step + 1 < steps.stop else None
            yield made


def error_rate(network: EendNetwork, examples: Sequence[tuple[Floats, Floats]]) -> float:
    """Misses, false alarms and confusions of frames, as a share of the speech (a frame-wise DER
    without a collar), speakers matched window by window. For a look while training; what is
    reported comes from scoring whole recordings."""
    wrong, speech = 0.0, 0.0
    with torch.inference_mode():
        for samples, true in examples:
            found = network(features(torch.from_numpy(samples)[None]))[0].sigmoid().numpy() > 0.5
            best = min(
                sum(_frame_errors(found[:, list(order)], true > 0.5))
                for order in permutations(range(SPEAKERS))
            )
            wrong += best
            speech += float(true.sum())
    return wrong / max(speech, 1.0)


def _frame_errors(found: np.ndarray, true: np.ndarray) -> list[float]:
    """Per frame: the larger number of speakers, less those that are right."""
    right = (found & true).sum(axis=1)
    return (np.maximum(found.sum(axis=1), true.sum(axis=1)) - right).tolist()
