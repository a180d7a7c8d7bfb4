"""The rows of the paper's two tables, beside ours, and the paper's own figures.

Rows of the language model that no shipped adapter knows share one adapter: each chunk of its run
takes the shape of one row, so that all rows get the same share of one budget. It knows nothing of
how a row is measured.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from seal.bench import Row
from seal.errors import SealError
from seal.training.run import Report
from seal.training.simulate import Corpora

PAPER_SPLITS = ("Fisher test", "CHAE dev", "CHAE test", "RT03 dev", "RT03 test")

Figures = tuple[tuple[float, float] | None, ...]
"""(cpWER, Δcp) in %, by split of PAPER_SPLITS; None where the paper has none."""

PAPER_FIRST: Figures = ((12.53, 3.72), (15.52, 5.44), (14.33, 5.41), (9.96, 3.57), (10.03, 3.87))
"""Acoustic SD."""


def _llm(condition: str, format: str, decode: str, paper: Figures) -> Row:
    shown = "TPST" if decode == "tpst" else "CD"
    options = {"corrector": "seal", "format": format, "condition": condition, "decode": decode}
    return Row(
        f"LLM {condition}, {format}, {shown}",
        options | {"margin": 0.0},
        shape=f"{format}-{condition}",
        paper=paper,
    )


def _chae(dev: tuple[float, float], test: tuple[float, float]) -> Figures:
    return (None, dev, test, None, None)


TABLE1 = (
    _llm("none", "turn", "tpst", _chae((17.6, 7.47), (14.88, 5.89))),
    _llm("prob", "turn", "tpst", _chae((18.2, 8.07), (15.15, 6.16))),
    _llm("int", "turn", "tpst", _chae((17.4, 7.27), (14.72, 5.73))),
    _llm("label", "turn", "tpst", _chae((15.17, 5.09), (13.75, 4.83))),
)
"""Conditioning: none, probabilities, integers, labels."""

TABLE2 = (
    Row(
        "LSEC",
        {"corrector": "ag-lsec"},
        scored=False,
        paper=((11.62, 2.81), (15.15, 5.07), (13.51, 4.59), (9.17, 2.78), (9.15, 2.99)),
    ),
    _llm(
        "none",
        "turn",
        "tpst",
        ((11.2, 2.71), (17.5, 7.37), (14.7, 5.71), (11.1, 4.06), (10.83, 4.66)),
    ),
    Row(
        "AG-LSEC",
        {"corrector": "ag-lsec"},
        paper=((10.95, 2.14), (14.15, 4.07), (12.95, 4.03), (8.7, 2.31), (8.36, 2.2)),
    ),
    _llm(
        "label",
        "turn",
        "tpst",
        ((11.73, 2.88), (15.17, 5.09), (13.47, 4.37), (9.77, 3.38), (9.25, 3.09)),
    ),
    _llm(
        "label",
        "turn",
        "fast",
        ((11.29, 2.49), (14.08, 4.01), (13.1, 4.18), (9.35, 2.95), (8.75, 2.59)),
    ),
    _llm(
        "label",
        "word",
        "fast",
        ((10.92, 2.12), (13.6, 3.53), (13.6, 4.68), (8.45, 2.05), (8.5, 2.34)),
    ),
    Row("SEAL as shipped: label, word, CD, margin", {"corrector": "seal"}),
    Row("AG-LSEC and SEAL, log-linear", {"corrector": "best", "weight": 0.5}),
    Row("best (default)", {"corrector": "best"}),
    Row("HMM over the scores", {"corrector": "hmm"}),
    Row("contextual beam search", {"corrector": "cbs"}),
    Row("re-assignment by voice", {"corrector": "voice"}, heard=True),
    Row("best, listening", {"corrector": "best"}, heard=True),
)
"""Baselines and SEAL; the rows without figures of the paper's are ours."""

TABLES = {"table1": TABLE1, "table2": TABLE2}


def with_adapter(rows: Sequence[Row], adapter: Path) -> list[Row]:
    """The rows, those that have a shape with this adapter. Raises SealError where it has not
    learnt one of them."""
    try:
        known = json.loads((adapter / "seal.json").read_text(encoding="utf-8"))["shapes"]
    except (OSError, ValueError, KeyError, TypeError):
        raise SealError(f"{adapter}: no adapter that `seal train` or a bench made") from None
    for row in rows:
        if row.shape and row.shape not in known:
            raise SealError(f"{adapter}: has not learnt {row.shape}, only {', '.join(known)}")
    return [
        replace(row, options=row.options | {"adapter": str(adapter)}) if row.shape else row
        for row in rows
    ]


def train_adapter(
    rows: Sequence[Row], corpora: Corpora, folder: Path, chunks: int, report: Report | None = None
) -> Path:
    """Train, or go on training, the adapter that the rows with a shape share, from the shipped
    one, on `chunks` chunks in all."""
    from seal.correctors.seal import SHIPPED
    from seal.training.adapter import train
    from seal.training.examples import AdapterRecipe

    shapes = tuple(sorted({row.shape for row in rows if row.shape}))
    recipe = AdapterRecipe(
        shapes=shapes, chunks=chunks, accumulation=2, unlabelled=0.0, scrambled=0.0, spoken=0.3
    )
    train(corpora, folder, recipe, start=SHIPPED, report=report)
    return folder


def budget(adapter: Path) -> str:
    """What went into an adapter, from its log: a sentence for the report."""
    log, settings = adapter / "log.jsonl", adapter / "seal.json"
    if not log.is_file():
        return f"Rows of the language model: the adapter {adapter.name}."
    steps = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    shapes = json.loads(settings.read_text(encoding="utf-8"))["shapes"]
    minutes = sum(step["seconds"] for step in steps) / 60
    tokens = sum(step["tokens"] for step in steps)
    return (
        f"Rows of the language model without a word on it are one adapter's, from the shipped "
        f"one: {steps[-1]['chunks']:,} chunks ({tokens:,} tokens, {minutes:.0f} minutes), the same "
        f"share for each of {', '.join(shapes)}."
    )
