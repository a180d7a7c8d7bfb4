"""The pictures of docs/explanation/how-it-works.md.

    python scripts/draw_paper.py docs/explanation/pictures [FILE]

FILE is what `seal transcribe` made of the bundled call; else its words are recognised anew.
Everything in them was computed from the bundled call: posteriors and scores by the first pass, the
prompt and the passes of its decoding by the shipped adapter at the paper's argmax, the corrected
words by the default. The last picture's first pass is simulated, for the call's own is nearly
right: of several it is the one that the correction helped middling well.
"""

import sys
from pathlib import Path
from typing import Any
from unittest import mock

import matplotlib
import numpy as np
from matplotlib import pyplot
from matplotlib.patches import Rectangle

from seal import demo, words
from seal.acoustic.asr import recognise
from seal.acoustic.first_pass import first_pass
from seal.acoustic.posteriors import Posteriors
from seal.acoustic.reconcile import pooled, reconcile
from seal.correction import correct
from seal.correctors.seal import chunk_prompt, load_corrector
from seal.llm.chunks import cut
from seal.llm.conditioning import TH_LOW, TH_MED, acoustic_label, word_score
from seal.llm.decode import fast as fast_file
from seal.llm.prompt import word_tokens
from seal.training.simulate import draw_severity, simulate
from seal.words import Conversation, Word, speakers

COLOURS = {"A": "#1f5fa8", "B": "#c4561d"}
INK, PALE = "#222222", "#dddddd"
SPAN = (39.6, 43.2)  # seconds, of the first picture: two talk at once there
CHUNK = 2  # of the call, in the pictures of the prompt and of its decoding
SHOWN = 24  # words of the prompt
SEEDS = 15  # of simulated first passes
WIDTH = 100  # letters in a line of it
SLOT = "#7b1fa2"

Group = list[tuple[str, str]]
"""Pieces of text that stay together, with their colours."""


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    matplotlib.use("agg")
    pyplot.rcParams.update(
        {"font.size": 10, "text.color": INK, "axes.spines.top": False, "axes.spines.right": False}
    )
    posteriors = first_pass(demo.RECORDING)
    heard = words.read(sys.argv[2]) if sys.argv[2:] else recognise(demo.RECORDING)
    first = reconcile(heard, posteriors, "call")
    save(draw_posteriors(posteriors, first), folder / "posteriors.png")
    prompt, labels, start = chunk_of(first)
    save(draw_prompt(first, labels, start), folder / "prompt.png")
    save(draw_decoding(first, prompt, start), folder / "decoding.png")
    save(draw_corrected(), folder / "corrected.png")


def save(figure: Any, path: Path) -> None:
    figure.savefig(path, bbox_inches="tight", dpi=130)
    pyplot.close(figure)


def draw_posteriors(posteriors: Posteriors, first: list[Word]) -> Any:
    """Who speaks when, the words below, and each word's scores."""
    figure, (above, below) = pyplot.subplots(
        2, 1, figsize=(10, 4.6), sharex=True, height_ratios=(2, 2), layout="constrained"
    )
    times = posteriors.start + np.arange(len(posteriors.frames)) * posteriors.step
    inside = (times >= SPAN[0]) & (times <= SPAN[1])
    for column, name in sorted(enumerate(columns(posteriors, first)), key=lambda pair: pair[1]):
        above.plot(times[inside], posteriors.frames[inside, column], color=COLOURS[name], lw=1.5)
        above.fill_between(
            times[inside], posteriors.frames[inside, column], color=COLOURS[name], alpha=0.12, lw=0
        )
        above.plot([], [], color=COLOURS[name], label=f"speaker {name}")
    above.set(ylim=(0, 1.05), ylabel="posterior", yticks=(0, 0.5, 1))
    above.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    spoken = [w for w in first if w["start_time"] >= SPAN[0] and w["end_time"] <= SPAN[1]]
    for index, word in enumerate(spoken):
        middle = (word["start_time"] + word["end_time"]) / 2
        colour = COLOURS[word["speaker"]]
        level = 3 - index % 4
        below.plot([word["start_time"], word["end_time"]], [level] * 2, color=colour, lw=3)
        below.text(middle, level + 0.12, word["words"], ha="center", color=colour, weight="bold")
        scores = " ".join(f"{name} {score:.2f}" for name, score in word["speaker_scores"].items())
        below.text(middle, level - 0.42, scores, ha="center", size=7)
    below.set(ylim=(-0.6, 3.7), yticks=[], xlim=SPAN, xlabel="seconds of the call")
    below.spines["left"].set_visible(False)
    return figure


def columns(posteriors: Posteriors, first: list[Word]) -> list[str]:
    """The name that each column of the posteriors got in reconciliation."""
    scores = pooled(posteriors, first)
    names = sorted(speakers(first))
    table = np.array([[word["speaker_scores"][name] for name in names] for word in first])
    return [
        names[int(np.abs(table - scores[:, [column]]).sum(axis=0).argmin())]
        for column in range(scores.shape[1])
    ]


def chunk_of(first: list[Word]) -> tuple[Any, list[str], int]:
    """The prompt of one chunk, the acoustic labels of all words, and the chunk's first word."""
    model, settings = load_corrector(None, None, "cpu")
    thresholds = tuple(settings.get("thresholds", (TH_LOW, TH_MED)))
    labels = [
        acoustic_label(word_score(word, settings["score"]), "label", thresholds) for word in first
    ]
    tokens = [word_tokens(word["words"], model.encode) for word in first]
    draft = Conversation(first, speakers(first)).draft()
    chunk = cut([len(word) for word in tokens], draft)[CHUNK]
    prompt, _ = chunk_prompt(chunk, tokens, draft, labels, 2, model.encode, "word")
    return prompt, labels, chunk.start


def draw_prompt(first: list[Word], labels: list[str], start: int) -> Any:
    """The first words of a chunk as the model reads them, and the answer's open positions."""
    figure, axes = pyplot.subplots(figsize=(10, 1.9), layout="constrained")
    axes.axis("off")
    shades = {"Low": "#b00020", "Med": "#8a6d00", "High": "#2e7d32"}
    spoken = first[start : start + SHOWN]
    names = list(dict.fromkeys(word["speaker"] for word in first[start:]))
    local = {name: "AB"[index] for index, name in enumerate(names)}
    draft: list[Group] = [[("Draft:", INK)]]
    final: list[Group] = [[("Final:", INK)]]
    for word, label in zip(spoken, labels[start:], strict=False):
        text = words.normalise(word["words"])
        speaker = (local[word["speaker"]], COLOURS[word["speaker"]])
        draft.append([speaker, (label, shades[label]), (text, INK)])
        final.append([("□", SLOT), (text, INK)])
    line = flow(axes, final, flow(axes, draft, 0) + 1.6)
    axes.set(xlim=(0, WIDTH), ylim=(line + 0.6, -0.6))
    return figure


def flow(axes: Any, groups: list[Group], line: float) -> float:
    """Write coloured pieces in a monospaced type, line after line; return the last one."""
    column = 0
    for group in groups:
        if column + sum(len(text) + 1 for text, _ in group) > WIDTH:
            column, line = 7, line + 1
        for text, colour in group:
            heavy = "normal" if colour == INK else "bold"
            font = {"family": "DejaVu Sans Mono", "size": 11, "weight": heavy}
            axes.text(column, line, text, color=colour, **font)
            column += len(text) + 1
    return line


def draw_decoding(first: list[Word], prompt: Any, start: int) -> Any:
    """What each pass of `fast` settles: labels read in one go, up to the first that differs."""
    model, _ = load_corrector(None, None, "cpu")
    read: list[list[tuple[int, int]]] = []

    verify = fast_file._Chunk.verify

    def traced(chunk: Any, logits: Any) -> None:
        first = len(chunk._posteriors)
        verify(chunk, logits)
        read.append([(word, chunk._speakers[word]) for word in range(first, first + len(logits))])

    count = len(prompt.words)
    with mock.patch.object(fast_file._Chunk, "verify", traced):
        decoded = fast_file.fast(model, prompt, [[0.0, 0.0]] * count)
    names = list(dict.fromkeys(word["speaker"] for word in first[start : start + count]))
    colours = [COLOURS[name] for name in names]
    rows = [("draft: the first pass", dict(enumerate(prompt.draft)), count)]
    guess, settled = dict(enumerate(prompt.draft)), 0
    for number, found in enumerate(read, start=1):
        before, guess = guess, guess | dict(found)
        differs = next((word for word, label in found if before[word] != label), None)
        settled = (found[-1][0] if differs is None else differs) + 1
        title = f"pass {number} reads {len(found)}, settles {settled - found[0][0]}"
        rows.append((title, guess, settled))
    assert [rows[-1][1][word] for word in range(count)] == decoded.speakers
    figure, axes = pyplot.subplots(figsize=(10, 0.5 * len(rows) + 0.8), layout="constrained")
    for row, (title, labels, settled) in enumerate(rows):
        for word, label in labels.items():
            sure = row > 0 and word < settled
            changed = label != prompt.draft[word]
            look = {"lw": 1.6 if changed else 0, "alpha": 1.0 if sure else 0.35}
            cell = Rectangle((word, row), 0.92, 0.75, fc=colours[label], ec=INK, **look)
            axes.add_patch(cell)
        axes.text(-0.8, row + 0.4, title, ha="right", va="center", size=9)
    for word in range(count):
        text = words.normalise(first[start + word]["words"])
        axes.text(word + 0.45, len(rows) + 0.05, text, rotation=90, ha="center", va="top", size=7)
    axes.set(xlim=(-0.5, count), ylim=(len(rows) + 1.1, -0.1))
    axes.axis("off")
    return figure


def draw_corrected() -> Any:
    """The call's words: their true speakers, a simulated first pass, and what became of it."""
    reference, tried = words.read(demo.REFERENCE), []
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        first, truth = simulate(reference, draw_severity(rng), rng)
        corrected = correct(first)
        before, after = (mistakes(side, truth) for side in (first, corrected))
        print(f"seed {seed}: {before} words wrong, {after} corrected", file=sys.stderr)
        tried.append((after / max(before, 1), seed, first, truth, corrected))
    *_, first, truth, corrected = sorted(tried, key=lambda each: each[:2])[SEEDS // 2]
    order = sorted(range(len(first)), key=lambda index: first[index]["start_time"])
    sides = {
        "true": [truth[index] for index in order],
        "first pass": [first[index]["speaker"] for index in order],
        "corrected": [corrected[index]["speaker"] for index in order],
    }
    wrong = {
        title: sum(a != b for a, b in zip(side, sides["true"], strict=True))
        for title, side in sides.items()
    }
    figure, axes = pyplot.subplots(4, 1, figsize=(10, 3.2), sharex=True, layout="constrained")
    for panel, (title, side) in zip(axes, sides.items(), strict=False):
        for index, name in enumerate(side):
            bad = name != sides["true"][index]
            panel.add_patch(Rectangle((index, 0), 1, 1, facecolor=COLOURS[name], lw=0))
            if bad:
                panel.add_patch(Rectangle((index, -0.45), 1, 0.35, facecolor=INK, lw=0))
        name = title if title == "true" else f"{title}\n{wrong[title]} wrong"
        panel.set(ylim=(-0.5, 1), yticks=[], xlim=(0, len(order)))
        panel.set_ylabel(name, rotation=0, ha="right", va="center")
        panel.spines[:].set_visible(False)
        panel.tick_params(bottom=False)
    sure = [corrected[index]["speaker_confidence"] for index in order]
    axes[3].bar(np.arange(len(sure)) + 0.5, 1 - np.array(sure), width=1, color="#777777")
    axes[3].set(ylim=(0, 0.7), yticks=[0, 0.5], xlabel="words of the call")
    axes[3].set_ylabel("doubt", rotation=0, ha="right", va="center")
    return figure


def mistakes(side: list[Word], truth: list[str]) -> int:
    return sum(word["speaker"] != true for word, true in zip(side, truth, strict=True))


if __name__ == "__main__":
    main()
