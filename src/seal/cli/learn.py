"""The commands of `seal` that train and tune.

`seal.cli` adds them to its own. What the commands do is in `seal.training`, which loads numpy and
torch, and is imported inside the commands.
"""

import json
import sys
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from seal import words
from seal.cli.options import Device, LearnedCondition, LearnedFormat, LearnedModel, Seed
from seal.corpora.prepare import read_part
from seal.errors import SealError, need
from seal.files import check_writable, write_text
from seal.words import Word

Trained = Literal["seal", "ag-lsec"]
"""The correctors that learn."""


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(
        epilog="Example: seal train ami/ icsi/ -o adapter/\n\n"
        "Example: seal train ami/ icsi/ -o adapter/ --minutes 60 "
        "--shapes word-label=0.5,word-none=0.5 --rank 32\n\n"
        "Example: seal train ami/ -o run/ --corrector ag-lsec --steps 2000"
    )(train)
    app.command(
        epilog="Example: seal tune ami/ --adapter adapter/ -o adapter/seal.json\n\n"
        "Example: seal tune dev/ --first-pass first/ --adapter adapter/ -o adapter/seal.json"
    )(tune)
    app.command(epilog="Example: seal train-eend LibriSpeech/train-clean-100/ ami/ -o eend/")(
        train_eend
    )


def train(
    references: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR",
            help="Folders that `seal prepare` made, each with the same weight; or a file that "
            "scripts/pack_corpora.py made of them.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Folder of the run; one that was stopped there goes on.",
        ),
    ],
    corrector: Annotated[
        Trained, typer.Option("--corrector", help="Choose what to train.")
    ] = "seal",
    model: LearnedModel = None,
    start: Annotated[
        Path | None,
        typer.Option("--start", metavar="FOLDER", help="Begin with the weights of another run."),
    ] = None,
    format: LearnedFormat = "word",
    condition: LearnedCondition = "label",
    preset: Annotated[
        Literal["embedded", "gpu", "paper"],
        typer.Option(
            "--preset",
            help="seal: settings for the embedded model on two cores (embedded), for it in all "
            "shapes on a GPU (gpu), or the paper's QLoRA of Mistral-7B on CUDA (paper; without "
            "CUDA not in 4 bits).",
        ),
    ] = "embedded",
    shapes: Annotated[
        str | None,
        typer.Option(
            "--shapes",
            metavar="SHAPE=SHARE,…",
            help="seal: learn several shapes in one run, FORMAT-CONDITION each, by their shares of "
            "the chunks: word-label=0.4,word-none=0.3,turn-label=0.3.",
        ),
    ] = None,
    rank: Annotated[
        int | None,
        typer.Option(
            "--rank", min=1, max=512, help="seal: rank of LoRA's maps; else the preset's."
        ),
    ] = None,
    chunks: Annotated[
        int | None,
        typer.Option("--chunks", min=1, help="seal: number of chunks to learn; else the preset's."),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            "--minutes",
            help="seal: train by the clock, for so many minutes with loading and saving, in the "
            "place of --chunks.",
        ),
    ] = None,
    tokens: Annotated[
        int | None,
        typer.Option(
            "--tokens",
            min=1000,
            help="seal: tokens of a pass of the network, which chunks fill; else the preset's.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=0,
            help="seal: number of processes that draw chunks; else all cores but one with CUDA, "
            "none (0) without.",
        ),
    ] = None,
    shards: Annotated[
        Path | None,
        typer.Option(
            "--shards",
            metavar="DIR",
            help="seal: also write the adapter there at every checkpoint, in files of at most "
            "15 MiB.",
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="ag-lsec: number of batches; else 3000.")
    ] = None,
    seed: Seed = 0,
    device: Annotated[
        str, typer.Option("--device", metavar="DEVICE", help="seal: where to train: cpu, cuda, ...")
    ] = "cpu",
) -> None:
    """Train a corrector.

    It learns from simulated first passes of references. The loss goes to OUT/log.jsonl and
    OUT/curve.png, and to stderr every ten steps. A run that was stopped goes on from its last
    checkpoint and gives the same curve.
    """
    need("train")
    _refuse_file(output)
    if corrector == "ag-lsec":
        of_seal = {
            "chunks": chunks, "minutes": minutes, "shapes": shapes, "rank": rank,
            "tokens": tokens, "workers": workers, "shards": shards,
        }  # fmt: skip
        for name, value in of_seal.items():
            if value is not None:
                raise SealError(f"--{name}: is of --corrector seal; ag-lsec learns --steps")
    elif steps is not None:
        raise SealError("--steps: is of --corrector ag-lsec; seal learns --chunks")
    if minutes is not None and chunks is not None:
        raise SealError(
            "--minutes: says how long the run is, and --chunks does, too; leave one out"
        )
    if minutes is not None and not 0 < minutes <= 100_000:
        raise SealError(f"--minutes: must be above 0, and 100000 at most, not {minutes}")
    if corrector == "ag-lsec":
        # It counts their trigrams: dicts are read faster than columns, again and again.
        dicts = [(share, [one[:] for one in part]) for share, part in _corpora(references)]

        from seal.training import ag_lsec

        ag_lsec.train(
            dicts,
            output,
            ag_lsec.AgLsecRecipe(steps=steps or 3000, seed=seed),
            start,
            report_steps(),
        )
        return

    from seal.training import examples

    recipe = replace(examples.PRESETS[preset], seed=seed)
    if shapes is not None:
        recipe = replace(recipe, shapes=tuple(shapes.split(",")), unlabelled=0.0)
    elif preset != "gpu" or (format, condition) != ("word", "label"):
        recipe = replace(recipe, shapes=(f"{format}-{condition}",))
    given: dict[str, Any] = {"chunks": chunks, "minutes": minutes, "rank": rank, "tokens": tokens}
    recipe = replace(recipe, **{name: value for name, value in given.items() if value is not None})
    examples.shares(recipe)
    corpora = _corpora(references)

    from seal.training import adapter

    adapter.train(
        corpora,
        output,
        recipe,
        model,
        start,
        device,
        report_steps(),
        workers=workers,
        shards=shards,
    )


def _corpora(references: list[Path]) -> list[tuple[float, Sequence[Sequence[Word]]]]:
    """What is learnt from: the shares and the recordings of folders and of packed files."""
    from seal.corpora.columns import columns, read_columns

    corpora: list[tuple[float, Sequence[Sequence[Word]]]] = []
    for path in references:
        if path.is_file():
            corpora += read_columns(str(path))
        else:
            corpora.append((1.0, columns(read_part(path, "train"))))
    return corpora


def report_steps() -> Callable[[dict[str, Any]], None]:
    """A callback that prints, every ten steps, the loss, the tokens per second and the minutes
    left."""
    recent: deque[dict[str, Any]] = deque(maxlen=20)

    def report(line: dict[str, Any]) -> None:
        recent.append(line)
        step, of = line["step"], line["steps"]
        if step % 10 == 0 or step == of:
            seconds = sum(item["seconds"] for item in recent)
            speed = sum(item["tokens"] for item in recent) / max(seconds, 1e-9)
            loss = sum(item["loss"] for item in recent) / len(recent)
            where, left = f"step {step} of {of}", (of - step) * seconds / len(recent) / 60
            if not of:  # nobody knows how many there will be, but how far the run is
                done = line["progress"]
                where = f"step {step}, {line['chunks']} chunks, {100 * done:.0f} %"
                left = line["minutes"] * (1 - done) / max(done, 1e-9)
            print(
                f"{where}, loss {loss:.4f}, {speed:.0f} tokens/s, about {left:.0f} min left",
                file=sys.stderr,
                flush=True,
            )

    return report


def tune(
    references: Annotated[
        list[Path], typer.Argument(metavar="DIR", help="Folders that `seal prepare` made.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="JSON file to write; an adapter reads its seal.json.",
        ),
    ],
    first_pass: Annotated[
        Path | None,
        typer.Option(
            "--first-pass",
            metavar="DIR",
            help="Folder of real first passes, NAME.json each; else simulated.",
        ),
    ] = None,
    corrector: Annotated[
        Trained, typer.Option("--corrector", help="Choose what to tune.")
    ] = "seal",
    model: LearnedModel = None,
    adapter: Annotated[
        Path | None,
        typer.Option(
            "--adapter",
            metavar="FOLDER",
            help="Folder that `seal train` made; else the shipped one.",
        ),
    ] = None,
    format: LearnedFormat = "word",
    condition: LearnedCondition = "label",
    most: Annotated[
        int, typer.Option("--words", min=1, help="Number of words of each recording to use.")
    ] = 300,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the simulated mistakes.")] = 0,
    device: Device = "cpu",
) -> None:
    """Tune thresholds and margins.

    Chooses them by Δcp on the dev lists of prepared corpora.
    """
    need("train")
    check_writable(output)
    dev: list[tuple[list[Word], list[Word]]] = []
    for folder in references:
        for reference in read_part(folder, "dev"):
            name = reference[0]["session_id"]
            dev.append(_with_first_pass(reference[:most], first_pass, name, [seed, len(dev)]))

    from seal.training.tune import Trial, tune

    print("| scores | thresholds | margin | Δcp | words changed |\n|---|---|---|---|---|")

    def report(trial: Trial) -> None:
        low, med = trial.thresholds
        print(
            f"| {'yes' if trial.scored else 'no'} | {low} {med} | {trial.margin} | "
            f"{100 * trial.delta_cp:.2f} | {trial.changed} |",
            flush=True,
        )

    options: dict[str, Any] = {"corrector": corrector, "adapter": adapter, "device": device}
    if corrector == "seal":
        options |= {"model": model, "format": format, "condition": condition}
    settings, _ = tune(dev, report, **options)
    before = json.loads(output.read_text(encoding="utf-8")) if output.is_file() else {}
    write_text(json.dumps(before | settings, indent=2) + "\n", output)


def train_eend(
    voices: Annotated[
        Path, typer.Argument(metavar="VOICES", help="Folder of recordings, SPEAKER-….flac or .wav.")
    ],
    references: Annotated[
        list[Path],
        typer.Argument(metavar="DIR", help="Folders that `seal prepare` made, for who talks when."),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT",
            help="Folder of the run; one that was stopped there goes on.",
        ),
    ],
    steps: Annotated[
        int, typer.Option("--steps", min=1, help="Number of batches, each of 16 windows of 10 s.")
    ] = 4000,
    seed: Seed = 0,
    device: Device = "cpu",
) -> None:
    """Train the paper's first pass.

    It learns from simulated conversations of single voices. Turns come from the references, voices
    from the recordings; a tenth of the voices is kept to measure it by. A run that was stopped goes
    on from its last checkpoint.
    """
    need("train")
    _refuse_file(output)
    recordings = [part for folder in references for part in read_part(folder, "train")]

    from seal.acoustic.eend import SPEAKERS
    from seal.training import eend
    from seal.training.mixtures import held_out, load_voices

    recorded = load_voices(voices)
    test_names = held_out(recorded)
    if len(recorded) < 2 * SPEAKERS:
        raise SealError(f"{voices}: holds {len(recorded)} voices; {2 * SPEAKERS} is the least")
    talks = [words.turns(recording) for recording in recordings]
    test_voices = {name: voice for name, voice in recorded.items() if name in test_names}
    test_examples = [eend.example(talks, test_voices, [seed, 7, index]) for index in range(100)]
    eend.train(
        talks,
        {name: voice for name, voice in recorded.items() if name not in test_names},
        output,
        eend.EendRecipe(steps=steps, seed=seed),
        device,
        report_steps(),
        lambda network: {"frame error": eend.error_rate(network, test_examples)},
    )


def _with_first_pass(
    reference: list[Word], folder: Path | None, name: str, seed: list[int]
) -> tuple[list[Word], list[Word]]:
    """A reference and its first pass, from a folder or simulated."""
    if folder is not None:
        first = words.read(folder / f"{name}.json")
        end = max(word["end_time"] for word in reference)
        return reference, [word for word in first if word["start_time"] < end]

    import numpy as np

    from seal.training.simulate import draw_severity, simulate

    rng = np.random.default_rng(seed)
    return reference, simulate(reference, draw_severity(rng), rng)[0]


def _refuse_file(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise SealError(f"{output}: is a file; name a folder")
