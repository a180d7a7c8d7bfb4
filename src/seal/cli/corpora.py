"""The commands of `seal` that make corpora to learn from: `seal prepare` and `seal simulate`.

`seal.cli` adds them to its own. What they do is in `seal.corpora.prepare` and in
`seal.training.simulate`; the latter loads numpy, and is imported inside the command.
"""

from pathlib import Path
from typing import Annotated

import typer

from seal import console, words
from seal.batch.outputs import targets_of
from seal.corpora import NAMES
from seal.corpora import prepare as preparation
from seal.errors import SealError, need
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


def prepare(
    corpus: Annotated[
        str,
        typer.Argument(
            metavar="CORPUS", help=f"Name the corpus or its layout: {', '.join(NAMES)}."
        ),
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of the corpus (or a file of that layout).")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="OUT", help="Folder to write to; made if there is none."
        ),
    ],
) -> None:
    """Turn a corpus into word transcripts.

    Writes a NAME.json for each recording, and the lists train.txt, dev.txt and test.txt.
    """
    with console.progress(corpus) as progress:
        parts = preparation.prepare(corpus, folder, output, progress=progress)
    counts = ", ".join(f"{len(names)} {part}" for part, names in parts.items())
    print(f"{corpus}: {sum(map(len, parts.values()))} recordings: {counts}")


def simulate(
    reference: Annotated[
        list[Path], typer.Argument(metavar="REFERENCE", help="Word references with times.")
    ],
    output: Annotated[
        str,
        typer.Option(
            "-o", "--output", metavar="OUT", help="File for one input; folder for several."
        ),
    ],
    oracle: Annotated[
        str | None,
        typer.Option(
            "--oracle", metavar="OUT", help="Also write the same words with their true speakers."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, help="The same seed gives the same mistakes.")
    ] = 0,
    severity: Annotated[
        float,
        typer.Option("--severity", help="Scale the mistakes; 1: as met in use, 2: twice as bad."),
    ] = 1.0,
) -> None:
    """Simulate first passes of references.

    They err as a diarizer and an ASR would.
    """
    need("score")
    if not 0 < severity <= 10:
        raise SealError(f"--severity: must be above 0, and 10 at most, not {severity}")
    targets = targets_of(reference, output)
    oracles = targets_of(reference, oracle) if oracle is not None else [None] * len(targets)
    inputs = [words.read(path) for path in reference]
    for path, transcript in zip(reference, inputs, strict=True):
        words.check_times(transcript, str(path))

    import numpy as np

    from seal.training.simulate import draw_severity, simulate

    with console.progress("simulate") as progress:
        for index, (transcript, target, oracle_target) in enumerate(
            zip(inputs, targets, oracles, strict=True)
        ):
            first_pass: list[Word] = []
            true: list[Word] = []
            for session, (_, indices) in enumerate(words.sessions(transcript)):
                rng = np.random.default_rng([seed, index, session])
                simulated, speakers = simulate(
                    [transcript[word] for word in indices], draw_severity(rng, severity), rng
                )
                first_pass += simulated
                true += [
                    word | {"speaker": name} for word, name in zip(simulated, speakers, strict=True)
                ]
            words.write(first_pass, target)
            if oracle_target is not None:
                words.write(true, oracle_target)
            progress("conversations", (index + 1) / len(inputs))
