"""What the language model learns from: chunks of conversations with a simulated first pass.

Each chunk is an excerpt of a reference conversation, corrupted by `simulate`. The labels that stand
before a word in the answer are not always the true ones: when it decodes, the model reads its own,
mistakes and all, and must not have learnt to trust them (scheduled sampling; Bengio et al., 2015).
AG-LSEC's posteriors may soften the targets (distillation; Hinton et al., 2015): where the words
leave open who speaks, one draw of the truth teaches little. Chunk i of a run depends on the seed
and on i only. It knows nothing of audio, of networks, nor of decoding.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from seal.llm import chunks
from seal.llm.conditioning import acoustic_label, word_score
from seal.llm.prompt import NAMES, Encode, Prompt, build, order_of_appearance, word_tokens
from seal.training.simulate import Corpora, draw_excerpt, draw_severity, from_start, simulate
from seal.words import Word, speakers, without_scores

EXCERPT = 150
"""Reference words around a chunk that are simulated with it."""


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
    """What a training run does; PRESETS has two."""

    base: str | None = None
    """The model's name; None is the embedded one."""
    four_bits: bool = False
    """Hold the model's own weights in 4 bits (QLoRA), where the device can."""
    chunks: int = 5000
    batch: int = 2
    accumulation: int = 1
    """Batches to a step of the optimiser."""
    most_tokens: int = 2048
    """Longer chunks are not learnt from."""
    shapes: tuple[str, ...] = ("word-label",)
    """FORMAT-CONDITION: a chunk takes one of them at random."""
    score: str = "lead"
    """What of a word's scores is shown, one of `seal.llm.conditioning.SCORE_KINDS`."""
    rank: int = 16
    first_layer: int = 10
    """Layers below are left as they are and need no gradient."""
    rate: float = 4e-4
    clean: float = 0.15
    """Share of the chunks without mistakes that is kept: those with mistakes teach most."""
    unlabelled: float = 0.35
    """Share of chunks without acoustic labels, so that transcripts without scores work too."""
    spoken: float = 0.0
    """Weight in the loss of the words themselves and of the end. Free generation (`tpst`) needs to
    learn them; constrained decoding cannot get them wrong."""
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


PRESETS = {
    "embedded": AdapterRecipe(),
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
"""`embedded` is for the embedded model on two CPU cores, `paper` the paper's (IV-C), which leaves
open the learning rate (here QLoRA's own), the adapter's place (here all linear maps) and the
number of chunks."""

Teacher = Callable[[list[Word], list[str]], np.ndarray]
"""Words of one conversation and its K speakers to their log-posteriors [W, K]."""


def trained_shapes(recipe: AdapterRecipe) -> list[str]:
    """The shapes of chunk that a run meets."""
    without = [f"{shape.split('-')[0]}-none" for shape in recipe.shapes if recipe.unlabelled]
    return sorted({*recipe.shapes, *without})


def severity_scale(recipe: AdapterRecipe, progress: float) -> float:
    """How bad the simulated first pass is at `progress` in [0, 1] of the run."""
    return 1 + (recipe.heavy - 1) * max(0.0, 1 - progress / 0.75)


def example(
    corpora: Corpora,
    encode: Encode,
    recipe: AdapterRecipe,
    index: int,
    teacher: Teacher | None = None,
) -> ChunkExample:
    """Chunk `index` of a run. `corpora` are (weight, recordings); recordings are in time
    order."""
    rng = np.random.default_rng([recipe.seed, index])
    scale = severity_scale(recipe, index / recipe.chunks)
    while True:
        excerpt = from_start(draw_excerpt(corpora, EXCERPT, rng))
        transcript, truth = simulate(excerpt, draw_severity(rng, scale), rng)
        size = (
            chunks.WORDS_PER_CHUNK
            if rng.random() < 0.85
            else int(rng.integers(4, chunks.WORDS_PER_CHUNK))
        )
        begin = int(rng.integers(max(1, len(transcript) - size)))
        transcript, truth = transcript[begin : begin + size], truth[begin : begin + size]
        wrong = any(word["speaker"] != true for word, true in zip(transcript, truth, strict=True))
        if transcript and (wrong or rng.random() < recipe.clean):
            shape = recipe.shapes[int(rng.integers(len(recipe.shapes)))]
            unscored = rng.random() < recipe.unlabelled
            if rng.random() < recipe.scrambled * (1 - 2 * index / recipe.chunks):
                unscored = True
                _scramble(transcript, truth, rng)
            if unscored:
                shape = shape.split("-")[0] + "-none"
            made = _encode(transcript, truth, shape, recipe, encode, rng, teacher)
            if made.length <= recipe.most_tokens:
                return made


def _scramble(transcript: list[Word], truth: list[str], rng: np.random.Generator) -> None:
    """Replace the draft by the truth with a random share of random speakers in it."""
    names = speakers(transcript)
    share = rng.uniform(0.05, 0.45)
    for word, true in zip(transcript, truth, strict=True):
        word["speaker"] = names[rng.integers(len(names))] if rng.random() < share else true


def _encode(
    transcript: list[Word],
    truth: list[str],
    shape: str,
    recipe: AdapterRecipe,
    encode: Encode,
    rng: np.random.Generator,
    teacher: Teacher | None,
) -> ChunkExample:
    format, condition = shape.split("-")
    names = speakers(transcript)
    indices = {name: index for index, name in enumerate(names)}
    order = order_of_appearance([indices[word["speaker"]] for word in transcript], len(names))
    if rng.random() < 0.5:
        # Names are permuted, so that none of them comes to mean anything.
        order = [order[index] for index in rng.permutation(len(order))]
    order = order[: len(NAMES)]
    local = {names[speaker]: index for index, speaker in enumerate(order)}
    draft = [local[word["speaker"]] for word in transcript]
    oracle = [local[true] for true in truth]
    prompt = build(
        [word_tokens(word["words"], encode) for word in transcript],
        [acoustic_label(word_score(word, recipe.score), condition) for word in transcript],
        draft,
        len(local),
        encode,
        format,
    )
    before = _doubted(oracle, draft, len(local), rng) if rng.random() < recipe.doubted else oracle
    targets = np.eye(len(local))[oracle]
    if teacher is not None and recipe.teacher:
        shown = transcript
        if condition == "none":
            shown = [without_scores(word) for word in transcript]
        taught = np.exp(teacher(shown, names))[:, order]
        targets = (1 - recipe.teacher) * targets + recipe.teacher * taught
    return ChunkExample(prompt, oracle, before, targets.tolist(), shape)


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
