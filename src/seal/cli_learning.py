"""The commands of `seal` that have to do with learning: `prepare`, `simulate`, `train`.

`seal.cli` adds them to its own. What is heavy is imported inside the commands, and what a command
does is elsewhere (`seal.prepare`, `seal.simulate`, `seal.training`, `seal.aglsec_training`).
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from seal import words
from seal.corpora import NAMES
from seal.errors import SealError
from seal.outputs import targets_of

if TYPE_CHECKING:
    from seal.words import Word


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command(
        epilog="Example: seal prepare ami amicorpus/ -o ami/\n\n"
        "Example: seal prepare fisher LDC2004T19/ -o fisher/"
    )(prepare)
    app.command(
        epilog="Example: seal simulate ami/ES2002a.json -o first.json --seed 1\n\n"
        "Example: seal simulate ami/*.json -o first/ --oracle oracle/"
    )(simulate)
    app.command(
        epilog="Example: seal train ami/ icsi/ -o adapter/\n\n"
        "Example: seal train ami/ -o run/ --corrector ag-lsec --steps 2000"
    )(train)


def prepare(
    corpus: Annotated[
        str, typer.Argument(metavar="CORPUS", help=f"Its name or layout: {', '.join(NAMES)}.")
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The corpus's folder (or a file of that layout).")
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT", help="Folder; made if there is none."),
    ],
) -> None:
    """Turn a corpus into word transcripts (NAME.json) and train.txt, dev.txt and test.txt."""
    from seal import console
    from seal.prepare import prepare

    with console.progress(corpus) as progress:
        parts = prepare(corpus, folder, output, progress=progress)
    counts = ", ".join(f"{len(names)} {part}" for part, names in parts.items())
    print(f"{corpus}: {sum(map(len, parts.values()))} recordings: {counts}")


def simulate(
    reference: Annotated[
        list[Path], typer.Argument(metavar="REFERENCE", help="Word references with times.")
    ],
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="OUT", help="File for one input; else a folder."),
    ],
    oracle: Annotated[
        str | None,
        typer.Option("--oracle", metavar="OUT", help="The same words with the true speakers."),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="The same seed, the same mistakes.")
    ] = 0,
    severity: Annotated[
        float, typer.Option("--severity", help="1: as met in use; 2: twice as bad.")
    ] = 1.0,
) -> None:
    """Make first-pass transcripts, as a diarizer and an ASR would, from references."""
    if not 0 < severity <= 10:
        raise SealError(f"--severity: must be above 0, and 10 at most, not {severity}")
    targets = targets_of(reference, output)
    oracles = targets_of(reference, oracle) if oracle is not None else [None] * len(targets)
    inputs = [words.read(path) for path in reference]

    import numpy as np

    from seal import console
    from seal.simulate import draw_severity, simulate

    with console.progress("simulate") as progress:
        for number, (given, target, true_target) in enumerate(
            zip(inputs, targets, oracles, strict=True)
        ):
            first_pass: list[Word] = []
            true: list[Word] = []
            for place, (_, indices) in enumerate(words.sessions(given)):
                rng = np.random.default_rng([seed, number, place])
                made, truth = simulate(
                    [given[index] for index in indices], draw_severity(rng, severity), rng
                )
                first_pass += made
                true += [word | {"speaker": name} for word, name in zip(made, truth, strict=True)]
            words.write(first_pass, target)
            if true_target is not None:
                words.write(true, true_target)
            progress("conversations", (number + 1) / len(inputs))


def train(
    references: Annotated[
        list[Path],
        typer.Argument(metavar="DIR", help="Folders that `seal prepare` made; each weighs alike."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="Folder; a run there goes on.")
    ],
    corrector: Annotated[
        Literal["seal", "ag-lsec"], typer.Option("--corrector", help="What is trained.")
    ] = "seal",
    model: Annotated[
        str | None, typer.Option("--model", metavar="MODEL", help="seal: another language model.")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--start", metavar="FOLDER", help="seal: an adapter to go on from."),
    ] = None,
    format: Annotated[
        Literal["turn", "word"], typer.Option("--format", help="seal: transcript format.")
    ] = "word",
    condition: Annotated[
        Literal["none", "prob", "int", "label"],
        typer.Option("--condition", help="seal: how the scores are shown."),
    ] = "label",
    chunks: Annotated[int, typer.Option("--chunks", min=1, help="seal: chunks to learn.")] = 5000,
    steps: Annotated[int, typer.Option("--steps", min=1, help="ag-lsec: batches.")] = 3000,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
) -> None:
    """Train a corrector on simulated first passes of references.

    The loss goes to OUT/log.jsonl, and to stderr every ten steps. A run that was stopped goes on
    from its last checkpoint and gives the same curve.
    """
    if output.exists() and not output.is_dir():
        raise SealError(f"{output}: is a file; name a folder")
    corpora = [(1.0, _training_part(folder)) for folder in references]

    def report(line: dict[str, Any]) -> None:
        step, of = line["step"], line["steps"]
        if step % 10 == 0 or step == of:
            left = (of - step) * line["seconds"] / 60
            print(
                f"step {step} of {of}, loss {line['loss']:.4f}, about {left:.0f} min left",
                file=sys.stderr,
                flush=True,
            )

    if corrector == "ag-lsec":
        from seal import aglsec_training

        aglsec_training.train(
            corpora, output, aglsec_training.Recipe(steps=steps, seed=seed), report=report
        )
    else:
        from seal import training

        recipe = training.Recipe(chunks=chunks, format=format, condition=condition, seed=seed)
        training.train(corpora, output, recipe, base=model, start=start, report=report)


def _training_part(folder: Path) -> "list[list[Word]]":
    """The recordings of a prepared folder that are to be learnt from."""
    lists = folder / "train.txt"
    if not lists.is_file():
        raise SealError(f"{folder}: holds no train.txt; make the folder with `seal prepare`")
    names = lists.read_text(encoding="utf-8").split("\n")
    found = [words.read(folder / f"{name}.json") for name in names if name]
    found = [recording for recording in found if recording]
    if not found:
        raise SealError(f"{lists}: names no recording with words")
    return found
