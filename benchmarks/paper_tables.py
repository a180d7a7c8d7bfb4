"""The paper's two tables, anew: python benchmarks/paper_tables.py SETS ADAPTER -o OUT [--docs PAGE]

SETS is what `seal bench sets DATA -o SETS` made, ADAPTER one that has learnt all the shapes of the
paper's rows. Every row runs over the beginning of every simulated recording; what was measured is
kept in OUT. Tables go to OUT/NAME.md, and with --docs into that page, between its marks.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from real import fill, main_table, outcomes
from seal.bench import Row
from seal.bench.sets import cut, read_set
from seal.bench.tables import TABLE1, TABLE2, with_adapter
from seal.files import write_text

SETS = {"paper-calls": "simulated-calls", "paper-meetings": "simulated-meetings"}

MARGIN = 1.5
"""Nats, of `turn` with constrained decoding, from the development sets."""

PAPER = {
    row.name: row
    for row in (*TABLE1, *TABLE2)
    if not row.heard and row.options["corrector"] != "cbs"  # which takes a fifth of a second a word
}
"""The systems of both tables, each once."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--docs", type=Path, help="a page whose tables are filled")
    parser.add_argument("--words", type=int, default=500, help="words of each recording")
    parser.add_argument("--workers", type=int, default=2, help="recordings at once")
    options = parser.parse_args()
    chosen = with_adapter(systems(), options.adapter)
    texts = {}
    for name, source in SETS.items():
        recordings = [cut(one, options.words) for one in read_set(options.sets / source)]
        found = outcomes(recordings, chosen, options.output / name, options.workers, name)
        texts[name] = main_table(found)
        write_text(texts[name], options.output / f"{name}.md")
    if options.docs:
        fill(options.docs, texts)


def systems() -> list[Row]:
    """The paper's rows and ours: its first table in the `word` format, and `turn` at a margin. In
    bfloat16 where the language model reads."""
    word, turn = PAPER["LLM label, word, CD"], PAPER["LLM label, turn, CD"]
    ours = [
        *(
            replace(
                word,
                name=f"LLM {shown}, word, CD",
                options=word.options | {"condition": shown},
                shape=f"word-{shown}",
            )
            for shown in ("none", "prob", "int")
        ),
        replace(
            turn, name="LLM label, turn, CD, margin", options=turn.options | {"margin": MARGIN}
        ),
    ]
    return [
        replace(row, options=row.options | {"precision": "bfloat16"})
        for row in (*PAPER.values(), *ours)
    ]


if __name__ == "__main__":
    main()
