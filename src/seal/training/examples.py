"""What the language model learns from: chunks of conversations with a simulated first pass.

An excerpt of a reference conversation gets a first pass once and is cut into many chunks. The
labels that stand before a word in the answer are not always the true ones: when it decodes, the
model reads its own, mistakes and all, and must not have learnt to trust them (scheduled sampling;
Bengio et al., 2015). AG-LSEC's posteriors may soften the targets (distillation; Hinton et al.,
2015): where the words leave open who speaks, one draw of the truth teaches little. It knows nothing
of audio, of networks, nor of decoding.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from seal.errors import SealError
from seal.llm import chunks
from seal.llm.conditioning import CONDITIONS, acoustic_label, word_score
from seal.llm.prompt import (
    NAMES,
    TRANSCRIPT_FORMATS,
    Encode,
    Prompt,
    build,
    order_of_appearance,
    word_tokens,
)
from seal.training.first_passes import Diarised, excerpt, first_pass, real_first_pass
from seal.training.simulate import Corpora
from seal.words import Word, speakers, without_scores

SHAPES = tuple(f"{format}-{condition}" for format in TRANSCRIPT_FORMATS for condition in CONDITIONS)
"""FORMAT-CONDITION: how a chunk may be shown."""


@dataclass(frozen=True)
class ChunkExample:
    """A chunk to learn from: its prompt, and the true speaker (a local index) of each word."""

    prompt: Prompt
    oracle: list[int]
    before: list[int]
    """The label that the answer shows at each word: what the next words have before them."""
    targets: list[list[float]]
    """W x K: the probability of each speaker that the model is to learn."""
    shape: str

    @property
    def length(self) -> int:
        """Tokens of prompt and answer."""
        return len(self.prompt.tokens) + len(self.prompt.answer(self.before)[0])


@dataclass(frozen=True)
class AdapterRecipe:
    """What a training run does; PRESETS has three."""

    base: str | None = None
    """The model's name; None is the embedded one."""
    four_bits: bool = False
    """Hold the model's own weights in 4 bits (QLoRA), where the device can."""
    chunks: int = 5000
    minutes: float = 0.0
    """Train by the clock instead, with the rate fallen to nought by then; 0: by `chunks`."""
    batch: int = 2
    """Chunks packed into one pass of the network, where `tokens` is 0."""
    tokens: int = 0
    """Tokens of a pass: as many chunks as fit in."""
    accumulation: int = 1
    """Passes to a step of the optimiser."""
    most_tokens: int = 2048
    """Longer chunks are not learnt from."""
    shapes: tuple[str, ...] = ("word-label",)
    """FORMAT-CONDITION or FORMAT-CONDITION=SHARE: a chunk takes one of them at random."""
    score: str = "lead"
    """What of a word's scores is shown, one of `seal.llm.conditioning.SCORE_KINDS`."""
    rank: int = 16
    first_layer: int = 10
    """Layers below are left as they are and need no gradient."""
    rate: float = 4e-4
    clean: float = 0.15
    """Share of the chunks without mistakes that is kept: those with mistakes teach most."""
    unlabelled: float = 0.35
    """Share of chunks that lose their acoustic labels, so that transcripts without scores work
    too; beside those whose shape has none."""
    turns: float = 0.0
    """Share of the chunks without acoustic labels whose first pass is a diarizer's turns."""
    real: float = 0.0
    """Share of those from recordings under real diarizers, where there are any."""
    winner: float = 0.0
    """Share of the other first passes that keep the score of the word's own speaker alone."""
    spread: float = 1.0
    """Severities are stretched by a factor between 1 / spread and spread."""
    pairs: float = 0.0
    """Share of excerpts with many speakers that are reduced to two of them."""
    excerpt: int = 500
    """Reference words that get a first pass together."""
    cuts: int = 2
    """How often an excerpt is cut into chunks, each time at other places and with other names."""
    spoken: float = 0.0
    """Weight in the loss of the words themselves and of the end (`spoken_formats`). Free
    generation (`tpst`) needs to learn them; constrained decoding cannot get them wrong."""
    heavy: float = 1.2
    """Severity at the start; it falls to 1, as met in use, by three quarters of the run."""
    scrambled: float = 0.15
    """Share of chunks, at the start, whose draft is scrambled at random and bears no acoustic
    labels: there only the words tell. It falls to 0 by half of the run."""
    doubted: float = 0.7
    """Share of chunks whose answer shows wrong labels, too, before the words."""
    teacher: float = 0.5
    """AG-LSEC's share in the targets; the rest is the truth's."""
    seed: int = 0


_AS_MET = AdapterRecipe(turns=0.75, winner=0.15, spread=1.8, pairs=0.3)
"""First passes as AG-LSEC's training draws them."""

PRESETS = {
    "embedded": replace(_AS_MET, tokens=2048, accumulation=2, rate=8e-4),
    "gpu": replace(
        _AS_MET,
        chunks=300_000,
        tokens=32_768,
        shapes=(
            "word-label=0.3",
            "word-none=0.3",
            "word-int=0.05",
            "word-prob=0.05",
            "turn-label=0.1",
            "turn-none=0.1",
            "turn-int=0.05",
            "turn-prob=0.05",
        ),
        rank=32,
        first_layer=0,
        rate=1e-3,
        clean=0.25,
        unlabelled=0.0,
        doubted=0.8,
        teacher=0.0,
    ),
    "paper": AdapterRecipe(
        base="mistralai/Mistral-7B-Instruct-v0.2",
        four_bits=True,
        chunks=100_000,
        batch=4,
        accumulation=5,
        most_tokens=1000,
        score="posterior",
        rank=64,
        first_layer=0,
        rate=2e-4,
        clean=1.0,
        unlabelled=0.0,
        spoken=1.0,
        heavy=1.0,
        scrambled=0.0,
        doubted=0.0,
        teacher=0.0,
    ),
}
"""`embedded` is for the embedded model on two CPU cores, `gpu` for it on a GPU, in all shapes of
the paper; `paper` is the paper's (IV-C), which leaves open the learning rate (here QLoRA's own),
the adapter's place (here all linear maps) and the number of chunks."""

Teacher = Callable[[list[Word], list[str]], np.ndarray]
"""Words of one conversation and its K speakers to their log-posteriors [W, K]."""


def shares(recipe: AdapterRecipe) -> dict[str, float]:
    """Each shape of a run with its share of the chunks. Raises SealError for one that is none."""
    given: dict[str, float] = {}
    for entry in recipe.shapes:
        shape, _, number = entry.partition("=")
        try:
            share = float(number or 1.0)
        except ValueError:
            share = -1.0
        if shape not in SHAPES:
            raise SealError(f"--shapes: {shape!r} is none of {', '.join(SHAPES)}")
        if not 0 < share < float("inf"):
            raise SealError(f"--shapes: {shape} needs a share above 0, not {number}")
        if shape in given:
            raise SealError(f"--shapes: names {shape} twice")
        given[shape] = share
    found = dict.fromkeys(given, 0.0)
    for shape, share in given.items():
        without = f"{shape.split('-')[0]}-none"
        found[shape] += (1 - recipe.unlabelled) * share
        if recipe.unlabelled:
            found[without] = found.get(without, 0.0) + recipe.unlabelled * share
    total = sum(found.values())
    return {shape: share / total for shape, share in found.items()}


def trained_shapes(recipe: AdapterRecipe) -> list[str]:
    """The shapes of chunk that a run meets."""
    return sorted(shares(recipe))


def spoken_formats(recipe: AdapterRecipe) -> set[str]:
    """Formats whose words a run learns: `turn`, in which there is free generation, else all."""
    formats = {shape.split("-")[0] for shape in trained_shapes(recipe)}
    return (formats & {"turn"} or formats) if recipe.spoken else set()


def severity_scale(recipe: AdapterRecipe, progress: float) -> float:
    """How bad the simulated first pass is at `progress` in [0, 1] of the run."""
    return 1 + (recipe.heavy - 1) * max(0.0, 1 - progress / 0.75)


@dataclass(frozen=True)
class _Kinds:
    """The kinds of first pass of a run, for `first_pass`."""

    turns: float
    winner: float
    spread: float
    unscored: float = 0.0
    scrambled: float = 0.0


def example(
    corpora: Corpora,
    encode: Encode,
    recipe: AdapterRecipe,
    index: int,
    teacher: Teacher | None = None,
    real: Sequence[Diarised] = (),
) -> ChunkExample:
    """One chunk by itself, of which `index` and the seed alone decide. `corpora` are (weight,
    recordings); recordings are in time order. `real` are recordings under real diarizers."""
    rng = np.random.default_rng([recipe.seed, index])
    alone = replace(recipe, excerpt=150, cuts=1)
    while True:
        found = examples(corpora, encode, alone, index / recipe.chunks, rng, teacher, real)
        if found:
            return found[int(rng.integers(len(found)))]


def examples(
    corpora: Corpora,
    encode: Encode,
    recipe: AdapterRecipe,
    progress: float,
    rng: np.random.Generator,
    teacher: Teacher | None = None,
    real: Sequence[Diarised] = (),
) -> list[ChunkExample]:
    """The chunks of one excerpt with one first pass, at `progress` in [0, 1] of the run."""
    share = shares(recipe)
    bare = {shape: part for shape, part in share.items() if shape.endswith("-none")}
    turns = recipe.turns * sum(bare.values())
    scored = {shape: part * (1 - recipe.turns * (shape in bare)) for shape, part in share.items()}
    kinds = _Kinds(float(rng.random() < turns), recipe.winner, recipe.spread)
    if real and kinds.turns and rng.random() < recipe.real:
        heard, truth = real_first_pass(real, recipe.excerpt, recipe.pairs, kinds, rng)
    else:
        words = excerpt(corpora, recipe.excerpt, recipe.pairs, rng)
        heard, truth = first_pass(words, kinds, rng, severity_scale(recipe, progress))
    if not heard:
        return []
    names = speakers(heard)
    # Of a voice that the first pass never found, the draft's label is all that can be said.
    truth = [t if t in names else word["speaker"] for t, word in zip(truth, heard, strict=True)]
    from_turns = "speaker_scores" not in heard[0]
    shapes = bare if from_turns else scored
    odds = np.array(list(shapes.values()))
    draft = _draft(heard, truth)
    taught: dict[bool, np.ndarray] = {}
    found = []
    for first, last in _cuts(len(heard), recipe.cuts, rng):
        shape = list(shapes)[int(rng.choice(len(odds), p=odds / odds.sum()))]
        span, true = heard[first:last], truth[first:last]
        scrambled = rng.random() < recipe.scrambled * (1 - 2 * progress)
        if not draft[first:last].any() and not scrambled and rng.random() >= recipe.clean:
            continue
        if scrambled:
            span = _scrambled(span, true, names, rng)
            shape = f"{shape.split('-')[0]}-none"
        order, made = _encode(span, true, names, shape, recipe, encode, rng)
        if made.length > recipe.most_tokens:
            continue
        if teacher is not None and recipe.teacher:
            scored_here = not shape.endswith("-none")
            if scrambled:
                answer = teacher(span, names)
            else:
                if scored_here not in taught:
                    shown = heard if scored_here else [without_scores(word) for word in heard]
                    taught[scored_here] = teacher(shown, names)
                answer = taught[scored_here][first:last]
            kept = np.exp(answer)[:, order] * recipe.teacher
            targets = (1 - recipe.teacher) * np.array(made.targets) + kept
            made = replace(made, targets=targets.tolist())
        found.append(made)
    return found


def _draft(heard: Sequence[Word], truth: Sequence[str]) -> np.ndarray:
    """Which words the first pass has wrong."""
    return np.array([word["speaker"] != true for word, true in zip(heard, truth, strict=True)])


def _cuts(count: int, times: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Where chunks begin and end: `times` over all words, at other places each time. The last of a
    row ends with the words, and may share some with the one before."""
    cuts = []
    for _ in range(times):
        first = int(rng.integers(min(count, chunks.WORDS_PER_CHUNK)))
        while first < count:
            size = chunks.WORDS_PER_CHUNK
            if rng.random() >= 0.85:
                size = int(rng.integers(4, size))
            start = max(0, min(first, count - size))
            cuts.append((start, min(start + size, count)))
            first += size
    return cuts


def _scrambled(
    span: Sequence[Word], truth: Sequence[str], names: Sequence[str], rng: np.random.Generator
) -> list[Word]:
    """The words under the truth, with a random share of random speakers in it; no scores."""
    share = rng.uniform(0.05, 0.45)
    return [
        without_scores(word)
        | {"speaker": names[int(rng.integers(len(names)))] if rng.random() < share else true}
        for word, true in zip(span, truth, strict=True)
    ]


@lru_cache(maxsize=8)
def _remembered(encode: Encode) -> tuple[Encode, Encode]:
    """The tokens of a text, and of a word: there are few different ones, and many of each."""
    texts = lru_cache(maxsize=1000)(lambda text: tuple(encode(text)))
    words = lru_cache(maxsize=200_000)(lambda text: tuple(word_tokens(text, encode)))
    return lambda text: list(texts(text)), lambda text: list(words(text))


def _encode(
    span: Sequence[Word],
    truth: Sequence[str],
    names: Sequence[str],
    shape: str,
    recipe: AdapterRecipe,
    encode: Encode,
    rng: np.random.Generator,
) -> tuple[list[int], ChunkExample]:
    """A chunk of a recording whose speakers are `names`, and which of them its local ones are."""
    texts, word = _remembered(encode)
    format, condition = shape.split("-")
    indices = {name: index for index, name in enumerate(names)}
    order = order_of_appearance([indices[one["speaker"]] for one in span], len(names))
    if rng.random() < 0.5:
        # Names are permuted, so that none of them comes to mean anything.
        order = [order[index] for index in rng.permutation(len(order))]
    order = order[: len(NAMES)]
    local = {names[speaker]: index for index, speaker in enumerate(order)}
    draft = [local[one["speaker"]] for one in span]
    oracle = [local[true] for true in truth]
    prompt = build(
        [word(one["words"]) for one in span],
        [acoustic_label(word_score(one, recipe.score), condition) for one in span],
        draft,
        len(local),
        texts,
        format,
    )
    before = _doubted(oracle, draft, len(local), rng) if rng.random() < recipe.doubted else oracle
    targets = np.eye(len(local))[oracle].tolist()
    return order, ChunkExample(prompt, oracle, before, targets, shape)


def _doubted(
    oracle: Sequence[int], draft: Sequence[int], count: int, rng: np.random.Generator
) -> list[int]:
    """Labels such as a corrector gives: some mistakes of the draft still there, some new ones."""
    shown = np.array(oracle)
    wrong = shown != np.array(draft)
    edges = np.flatnonzero(np.diff(wrong, prepend=False, append=False))
    # Behind a true label the next one is easy: where all mistakes of the draft stay, only the words
    # tell, as they must when the model begins to correct a run of wrong words.
    missed = 1.0 if rng.random() < 0.6 else rng.random()
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        if rng.random() < missed:
            shown[first:last] = np.array(draft)[first:last]
    # New mistakes: a short run beside a change of speaker goes to the one across, or to anybody.
    changes = np.flatnonzero(np.diff(shown))
    rate = rng.uniform(0, 0.25)
    for change in changes[rng.random(len(changes)) < rate]:
        length = int(rng.geometric(0.5))
        if rng.random() < 0.5:
            shown[change + 1 : change + 1 + length] = shown[change]
        else:
            shown[max(0, change + 1 - length) : change + 1] = shown[change + 1]
    if count > 1 and rng.random() < 0.2:
        first = int(rng.integers(len(shown)))
        shown[first : first + int(rng.geometric(0.5))] = rng.integers(count)
    return shown.tolist()
