"""Learning AG-LSEC: its network on simulated first passes of whole excerpts.

Each batch takes a few excerpts of reference conversations, gives each a first pass of its own kind
and severity (an end-to-end diarizer's posteriors, or another diarizer's turns without scores) and a
recogniser's punctuation, or none, and cuts windows from it. Batch i depends on the seed
and on i only, so a run that was killed goes on as if it had not been. It knows nothing
of audio.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from seal.corpora.reading import MARKS
from seal.correctors.ag_lsec_features import (
    ENDS,
    WINDOW,
    Habits,
    Window,
    candidates,
    habits,
    window,
)
from seal.correctors.ag_lsec_network import AgLsecNetwork, build, load, save
from seal.correctors.encoder import load_encoder
from seal.correctors.trigrams import Trigrams, fits
from seal.llm.linear import mixed_precision
from seal.training.first_passes import Diarised, excerpt, first_pass, real_first_pass
from seal.training.run import Report, Run
from seal.training.simulate import Corpora
from seal.training.trigrams import counted, half, halves
from seal.words import Word, normalise, speakers


@dataclass(frozen=True)
class AgLsecRecipe:
    """What a training run does."""

    steps: int = 1500
    excerpts: int = 5
    """Excerpts in a batch, each with a simulated first pass of its own."""
    windows: int = 5
    """Windows cut from an excerpt."""
    length: int = 500
    """Reference words of an excerpt."""
    rate: float = 6e-4
    encoder_rate: float = 1.2e-4
    turns: float = 0.5
    """Share of excerpts with a diarizer's turns, and so without scores."""
    unscored: float = 0.2
    """Share of the others whose scores are taken away."""
    winner: float = 0.15
    """Share of the others that keep the score of the word's own speaker alone."""
    scrambled: float = 0.1
    """Share of excerpts whose labels are the truth with random faults in it, without scores."""
    plain: float = 0.4
    """Share of excerpts without punctuation and capitals."""
    hidden: float = 0.08
    """Share of words whose text is hidden from the encoder: mistakes of the ASR, and no texts
    learnt by heart."""
    pairs: float = 0.3
    """Share of excerpts with many speakers that are reduced to two of them."""
    spread: float = 1.8
    """Severities are stretched by a factor between 1 / spread and spread."""
    real: float = 0.0
    """Share of excerpts from recordings under real diarizers, where there are any."""
    seed: int = 0


@dataclass(frozen=True)
class WindowExample:
    """A window, and the index of each word's true speaker among its candidates (-1: none)."""

    window: Window
    oracle: np.ndarray


def batch(
    corpora: Corpora,
    encode: Callable[[str], list[int]],
    recipe: AgLsecRecipe,
    index: int,
    models: tuple[Trigrams, Trigrams],
    found: Sequence[Diarised] = (),
) -> list[WindowExample]:
    """Batch `index` of a run. `corpora` are (weight, recordings); recordings are in time order.
    `models` are those of `training.trigrams.halves`; `found` are recordings under real diarizers.
    """
    rng = np.random.default_rng([recipe.seed, index])
    examples: list[WindowExample] = []
    for _ in range(recipe.excerpts):
        if found and rng.random() < recipe.real:
            transcript, truth = real_first_pass(found, recipe.length, recipe.pairs, recipe, rng)
        else:
            words = excerpt(corpora, recipe.length, recipe.pairs, rng)
            transcript, truth = first_pass(words, recipe, rng)
        if not transcript:
            continue
        transcript = punctuated(transcript, truth, recipe.plain, rng)
        recording = habits(transcript)
        model = models[half(transcript[0]["session_id"])]
        everybody = speakers(transcript)
        fit = fits(model, transcript, everybody)
        for _ in range(recipe.windows):
            size = WINDOW if rng.random() < 0.85 else int(rng.integers(8, WINDOW))
            first = int(rng.integers(max(1, len(transcript) - size + 1)))
            words, true = transcript[first : first + size], truth[first : first + size]
            hidden = rng.random(len(words)) < recipe.hidden
            examples.append(
                example(
                    words, true, encode, recording, hidden, fit[first : first + size], everybody
                )
            )
    return examples


def punctuated(
    words: Sequence[Word], true: Sequence[str], plain: float, rng: np.random.Generator
) -> list[Word]:
    """The words with marks and capitals as a recogniser writes them, or, with the chance `plain`,
    with none.

    It leaves out some of the corpus's marks and puts in others, most where the voice changes, and
    writes a capital where a sentence begins: after a mark in the stream of words, or in the
    speaker's own. So no mark betrays the end of a turn as surely as a corpus's do.
    """
    bare = [word["words"].rstrip(MARKS) or word["words"] for word in words]
    if rng.random() < plain:
        return [w | {"words": text.lower()} for w, text in zip(words, bare, strict=True)]
    lost, added, parting, joining = rng.uniform(0, [0.3, 0.02, 0.5, 0.4])
    streamed = rng.random() < 0.5
    begins: dict[str, bool] = {}
    stream, written = True, dict.fromkeys(true, True)
    result = []
    for index, (word, text, who) in enumerate(zip(words, bare, true, strict=True)):
        mark = word["words"][len(text) :]
        starts = begins.get(who, True)
        begins[who] = bool(mark) and mark[-1] in ENDS
        changes = index + 1 < len(words) and true[index + 1] != who
        if begins[who] and rng.random() < (joining if changes else lost):
            mark = "," if rng.random() < 0.5 else ""
        elif not mark and rng.random() < (parting if changes else added):
            mark = "." if rng.random() < 0.7 else ","
        capital = stream if streamed else written[who]
        if capital and rng.random() < 0.95:
            text = text[:1].upper() + text[1:]
        elif starts and not capital and text.split("'")[0] != "I":
            text = text[:1].lower() + text[1:]
        stream = written[who] = bool(mark) and mark[-1] in ENDS
        result.append(word | {"words": text + mark})
    return result


def example(
    words: Sequence[Word],
    true: Sequence[str],
    encode: Callable[[str], list[int]],
    recording: Habits,
    hidden: np.ndarray,
    fit: np.ndarray,
    everybody: Sequence[str],
) -> WindowExample:
    """A window of first-pass words and what is true of it; the encoder gets no text of the words
    that are `hidden` [W]. `fit` [W, K] is of the words and the recording's speakers `everybody`."""
    here = candidates(words, everybody)
    names = [everybody[speaker] for speaker in here]
    indices = {name: index for index, name in enumerate(names)}
    texts = ("" if h else normalise(w["words"]) for w, h in zip(words, hidden, strict=True))
    return WindowExample(
        window(words, names, [encode(text) for text in texts], recording, fit[:, here]),
        np.array([indices.get(name, -1) for name in true]),
    )


def loss(network: AgLsecNetwork, examples: Sequence[WindowExample]) -> tuple[Tensor, int]:
    """Sum of the words' cross-entropy over a batch (nats), and the number of words."""
    answers, _ = network([item.window for item in examples])
    targets = torch.full((len(examples), answers.shape[2]), -1)
    for row, item in enumerate(examples):
        targets[row, : len(item.oracle)] = torch.from_numpy(item.oracle)
    targets = targets.to(answers.device)
    known = targets >= 0
    picked = answers.gather(1, targets.clamp(min=0)[:, None]).squeeze(1)
    return -picked[known].sum(), int(known.sum())


def alike(examples: Sequence[WindowExample]) -> list[list[WindowExample]]:
    """The examples in groups of as many candidate speakers, so that little is padded."""
    groups: dict[int, list[WindowExample]] = {}
    for item in examples:
        groups.setdefault(len(item.window.features), []).append(item)
    return list(groups.values())


def train(
    corpora: Corpora,
    output: str | Path,
    recipe: AgLsecRecipe,
    start: str | Path | None = None,
    report: Report | None = None,
    measure: Callable[[AgLsecNetwork, Callable[[str], list[int]]], dict[str, float]] | None = None,
    checkpoint_every: int = 250,
    found: Sequence[Diarised] = (),
) -> None:
    """Train into the folder `output`, going on from the checkpoint there, if any.

    A new run may begin with the weights in the folder `start`. `found` are recordings under real
    diarizers, from which `recipe.real` of the excerpts are. With an encoder rate of 0 the encoder
    stays as it is, which halves the time. `report` gets a dict per step
    (step, loss in nats per word, seconds, tokens), the same goes to `log.jsonl`; `measure` is
    called at every checkpoint and its dict joins the line.
    """
    settings = {"corrector": "ag-lsec"} | asdict(recipe)
    run = Run(output, settings, recipe.steps, checkpoint_every, report)
    everything = [words for _, recordings in corpora for words in recordings]
    models = halves(everything)
    torch.manual_seed(recipe.seed)
    if start is None:
        encoder = load_encoder()
        network, encode = build(encoder).eval(), encoder.encode
    else:
        network, encode = load(start)
    network.trigrams = counted(everything)
    if not recipe.encoder_rate:
        network.encoder.requires_grad_(False)
    # No dropout: it costs a quarter of the time, and `hidden` does its work.
    inner = [w for w in network.encoder.parameters() if w.requires_grad]
    ours = {id(weight) for weight in network.encoder.parameters()}
    outer = [w for w in network.parameters() if id(w) not in ours]
    optimiser = torch.optim.AdamW(
        [{"params": inner, "peak": recipe.encoder_rate}, {"params": outer, "peak": recipe.rate}],
        lr=recipe.rate,
        weight_decay=0.01,
        betas=(0.9, 0.98),
    )
    for step in range(run.resume(network.load_state_dict, optimiser), recipe.steps):
        began = time.perf_counter()
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * min(1.0, (step + 1) / 50) * (1 - step / recipe.steps)
        examples = batch(corpora, encode, recipe, step, models, found)
        # torch's fused attention is the slower one here on its way back.
        known = sum(int((item.oracle >= 0).sum()) for item in examples)
        total = 0.0
        for part in alike(examples):
            with mixed_precision(), sdpa_kernel(SDPBackend.MATH):
                summed, _ = loss(network, part)
            (summed / known).backward()
            total += summed.item()
        torch.nn.utils.clip_grad_norm_(inner + outer, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        more: dict[str, Any] = {
            "seconds": round(time.perf_counter() - began, 2),
            "tokens": sum(len(pieces) for item in examples for pieces in item.window.pieces),
        }
        due = run.due(step + 1)
        if due and measure:
            with mixed_precision():
                more["measure"] = measure(network, encode)
        run.record(step + 1, total / known, **more)
        if due:
            save(network, output)
            run.save(step + 1, network.state_dict(), optimiser)
