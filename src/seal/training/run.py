"""A training run's folder: the checkpoint that it goes on from, its log, and its curve.

`log.jsonl` has a line per step, `checkpoint.pt` what is needed to go on, `curve.png` shows the
log. A run that was killed goes on from its checkpoint, with the log cut to it, so that the curve
is the one of a run that was never stopped. It knows nothing of what is learnt.
"""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from seal.errors import SealError
from seal.files import write_text

SMOOTH = 50
"""Steps that a point of the drawn curve is the mean of."""

LENGTHS = ("steps", "chunks", "minutes")
"""Settings that say how long a run is: a longer one may go on from a shorter one."""

Report = Callable[[dict[str, Any]], None]
"""Gets a dict per step: step, steps, loss, seconds, tokens, and what else the log has."""


class Run:
    """The folder of a run of `steps` steps; a checkpoint is due `every` so many, and at the end.

    `steps` is 0 where nobody knows how many there will be (training by the clock): then the run
    itself says when a checkpoint is due.
    """

    def __init__(
        self,
        folder: str | Path,
        settings: dict[str, Any],
        steps: int,
        every: int,
        report: Report | None = None,
    ) -> None:
        """`settings` are what the run depends on, in plain values; LENGTHS among them may grow."""
        self.folder = Path(folder)
        self._settings = settings
        self.steps = steps
        self._every = every
        self._report = report
        self.before: dict[str, float] = {}
        """What `save` was given of a run that is resumed, beside steps and weights."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def resume(self, load: Callable[[dict[str, Tensor]], Any], optimiser: Optimizer) -> int:
        """Steps done: 0 at the start of a run; else the weights that `save` was given last go to
        `load`, and the optimiser gets its state back. Raises SealError where the run there was
        begun with other settings."""
        checkpoint, log = self.folder / "checkpoint.pt", self.folder / "log.jsonl"
        if not checkpoint.is_file():
            log.unlink(missing_ok=True)
            return 0
        state: dict[str, Any] = torch.load(checkpoint, weights_only=True, map_location="cpu")
        self._check(state.get("settings", {}))
        kept = log.read_text().splitlines(keepends=True)[: state["step"]] if log.is_file() else []
        write_text("".join(kept), log)
        load(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        self.before = state.get("more", {})
        return int(state["step"])

    def _check(self, before: dict[str, Any]) -> None:
        """Are the settings those that the run was begun with?"""
        for name in before:
            if name not in LENGTHS and before[name] != (now := self._settings.get(name)):
                raise SealError(
                    f"{self.folder}: holds a run with {name} {before[name]}, not {now}; name "
                    "another folder, or go on as it was begun"
                )

    def due(self, done: int) -> bool:
        """Is a checkpoint due when `done` steps are done?"""
        return done % self._every == 0 or done == self.steps

    def record(self, done: int, loss: float, **more: Any) -> None:
        """Log and report a step. Raises SealError if its loss is no number any more."""
        if not math.isfinite(loss):
            raise SealError(f"{self.folder}: the loss is no number any more at step {done}")
        line = {"step": done, "loss": round(loss, 4)} | more
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        if self._report:
            self._report(line | {"steps": self.steps})

    def save(
        self, done: int, weights: dict[str, Tensor], optimiser: Optimizer, **more: float
    ) -> None:
        """Keep a checkpoint after `done` steps, and numbers beside it, whole or not at all."""
        scratch = self.folder / "checkpoint.tmp"
        state = {"step": done, "network": weights, "optimiser": optimiser.state_dict()}
        state |= {"settings": self._settings, "more": more}
        torch.save(state, scratch)
        scratch.replace(self.folder / "checkpoint.pt")
        self.draw()

    def draw(self) -> None:
        """Draw curve.png from the log: the loss, smoothed, and what was measured along the way. It
        is left out where there is no matplotlib."""
        try:
            import matplotlib

            matplotlib.use("Agg")
            from matplotlib import pyplot
        except ImportError:
            return

        log = self.folder / "log.jsonl"
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
        if not lines:
            return
        steps, losses = [line["step"] for line in lines], [line["loss"] for line in lines]
        span = max(1, min(SMOOTH, len(losses) // 4))
        smooth = [
            sum(losses[max(0, index - span + 1) : index + 1]) / min(index + 1, span)
            for index in range(len(losses))
        ]
        figure, axis = pyplot.subplots(figsize=(8, 4.5))
        axis.plot(steps, losses, color="0.85", linewidth=0.5)
        axis.plot(steps, smooth, label=f"loss, mean of {span} steps")
        axis.set(xlabel="step", ylabel="nats per label", ylim=(0, 2.5 * max(smooth[span - 1 :])))
        measured = [line for line in lines if "measure" in line]
        if measured:
            right = axis.twinx()
            for name in measured[0]["measure"]:
                points = [(line["step"], line["measure"][name]) for line in measured]
                right.plot(*zip(*points, strict=True), marker="o", label=name)
            right.legend(loc="upper right")
        axis.legend(loc="upper left")
        figure.tight_layout()
        figure.savefig(self.folder / "curve.png", dpi=100)
        pyplot.close(figure)
