"""The options that commands share, each written once, and those of a correction by name.

What may be chosen comes from the lists of `seal.correctors` and its neighbours. Nothing heavy is
imported here, so that `seal --help` answers at once.
"""

import dataclasses
import functools
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from seal.acoustic.containers import STRICT
from seal.correctors import CORRECTORS, Options
from seal.errors import EXTRAS, SealError, need
from seal.llm.conditioning import Condition
from seal.llm.loading import TRUST
from seal.llm.prompt import Format

SEVERAL = "; for several, or a folder, or a glob in quotes, each result is OUT/NAME.json."

Out = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="File for one input; folder (a NAME.json each) for several, or if it ends in '/'.",
    ),
]
Manifest = Annotated[
    Path | None,
    typer.Option("--manifest", metavar="FILE", help="Text file with a path per line: more inputs."),
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        help="Processes for several inputs; each loads the models and has its share of the cores.",
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="ray|ray:ADDRESS",
        help="For several inputs: a Ray cluster on this machine, or the one at ADDRESS (HOST:PORT, "
        "auto; ray://HOST:PORT is a client's port).",
    ),
]
Again = Annotated[
    bool,
    typer.Option(
        "--again",
        help="Redo finished inputs, and overwrite results edited since (a copy stays as .bak).",
    ),
]
Retry = Annotated[
    bool,
    typer.Option("--retry", help="Of several inputs, try again those that were bad before."),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Do not say on stderr what was changed.")]
Report = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="FILE.csv",
        help="List each changed word: file, time in seconds, word, before, after, confidence, why.",
    ),
]
From = Annotated[
    str | None,
    typer.Option("--from", metavar="FORMAT", help="Format of the input, if not recognised."),
]
Rttm = Annotated[
    Path | None,
    typer.Option("--rttm", metavar="FILE", help="A CTM's speakers, if not in NAME.rttm beside it."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same result.")]
Device = Annotated[
    str, typer.Option("--device", metavar="DEVICE", help="Where the model runs: cpu, cuda, ...")
]
LearnedModel = Annotated[
    str | None, typer.Option("--model", metavar="MODEL", help="seal: another language model.")
]
LearnedFormat = Annotated[Format, typer.Option("--format", help="seal: transcript format.")]
LearnedCondition = Annotated[
    Condition, typer.Option("--condition", help="seal: how the scores are shown.")
]

_SUMMARIES = "; ".join(f"{name}: {about.summary}" for name, about in CORRECTORS.items())

CORRECTION: dict[str, Any] = {
    "corrector": typer.Option(
        "--corrector",
        help=f"Choose what corrects. {_SUMMARIES}. Default: best, or seal if another of the "
        "paper's choices below is asked for than best was tuned with.",
    ),
    "format": typer.Option(
        "--format", help="Show the model a transcript with a label per turn or per word."
    ),
    "condition": typer.Option(
        "--condition", help="Show the model the first pass's scores in this form."
    ),
    "decode": typer.Option(
        "--decode", help="Decode by the paper's loop (algorithm1); fast gives the same, faster."
    ),
    "model": typer.Option(
        "--model", metavar="MODEL", help="Causal language model by name or folder."
    ),
    "adapter": typer.Option(
        "--adapter", metavar="FOLDER", help="LoRA adapter (peft) for the model."
    ),
    "margin": typer.Option(
        "--margin",
        metavar="NATS",
        help="Change a word only if another speaker leads by this many nats (0: plain argmax).",
    ),
    "thresholds": typer.Option(
        "--thresholds",
        metavar="LOW MED",
        help="Scores in [0, 1] where low ends and high begins; else the adapter's own, or 0.5 0.8.",
    ),
    "device": Device.__metadata__[0],  # type: ignore[attr-defined]
    "precision": typer.Option(
        "--precision",
        help="Precision of the language model's matrix products (default: float32; bfloat16 on a "
        "GPU).",
    ),
    "audio": typer.Option(
        "--audio",
        metavar="FILE|FOLDER",
        help="The recording, or a folder of SESSION.wav's, to listen to: voices, and scores of "
        "words that have none.",
    ),
    "explain": typer.Option(
        "--explain",
        help="Write into each changed word, as decided_by, what spoke for it: text, voice or "
        "scores (the first pass's); --report and the review page show it.",
    ),
}
"""The command line's view of the fields of `seal.correctors.Options`."""

_TYPES = {"adapter": str | None, "audio": Path | None}
"""Types of the fields that take more than a command line can give."""


_SWITCHES = {
    "trust_remote_code": (
        TRUST,
        "Run the code that the model named by --model brings along; refused without this.",
    ),
    "strict": (
        STRICT,
        "Refuse a recording that is cut short; else what is there is used, and a line says so.",
    ),
}
"""Those that workers are told by a variable: its name, and the help."""


def with_options(*left_out: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for each field of `Options` except those `left_out`, and the
    switches. They take the place of its parameter `options`, which gets a dict of the fields by
    name, checked."""
    added = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=Annotated[_TYPES.get(field.name, field.type), CORRECTION[field.name]],
        )
        for field in dataclasses.fields(Options)
        if field.name in CORRECTION and field.name not in left_out
    ]
    switches = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False,
            annotation=Annotated[bool, typer.Option("--" + name.replace("_", "-"), help=text)],
        )
        for name, (_, text) in _SWITCHES.items()
    ]

    def wrap(command: Callable[..., None]) -> Callable[..., None]:
        parameters: list[inspect.Parameter] = []
        for name, parameter in inspect.signature(command).parameters.items():
            keyword = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            parameters += [*added, *switches] if name == "options" else [keyword]

        @functools.wraps(command)
        def run(**values: Any) -> None:
            options = {parameter.name: values.pop(parameter.name) for parameter in added}
            _check(options)
            for name, (variable, _) in _SWITCHES.items():
                if values.pop(name):
                    os.environ[variable] = "1"
            command(**values, options=options)

        setattr(run, "__signature__", inspect.Signature(parameters))  # noqa: B010
        return run

    return wrap


def _check(options: dict[str, Any]) -> None:
    """Raise SealError, which names the option, for what can be refused before the heavy work."""
    try:
        about = Options(**options).about
    except SealError as error:
        raise SealError(f"--{error}") from None
    adapter, audio = options["adapter"], options.get("audio")
    if adapter is not None and not Path(adapter).is_dir():
        raise SealError(f"--adapter: {adapter} is no folder")
    if audio is not None and not audio.exists():
        raise SealError(f"--audio: there is no {audio}")
    listens = audio is not None or "audio" not in options  # a command on recordings has no --audio
    for extra in ("audio" if listens else None, options["precision"], about.extra):
        if extra in EXTRAS:
            need(extra)
