"""Learning to correct: a LoRA run over chunks with a simulated first pass.

Each chunk is an excerpt of a reference conversation, corrupted by `simulate`; the model reads the
corrupted chunk, and the loss is taken on its speaker labels alone, among the recording's speakers.
The labels that stand before a word in the answer are not always the true ones: when it decodes,
the model reads its own, mistakes and all, and must not have learnt to trust them (scheduled
sampling; Bengio et al., 2015). AG-LSEC's posteriors may soften the targets (distillation; Hinton
et al., 2015): where the words leave open who speaks, one draw of the truth teaches little.
Chunk number i of a run depends on the seed and on i only, so a run that was killed goes on as if
it had not been. It knows nothing of audio, nor of decoding.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from seal import chunks, model
from seal.conditioning import acoustic_label, word_score
from seal.prompt import NAMES, Encode, Prompt, build, order_of_appearance, word_tokens
from seal.run import Report, Run
from seal.simulate import Corpora, draw_excerpt, draw_severity, from_start, simulate
from seal.words import Conversation, Word, speakers, without_scores, write_text

EXCERPT = 150
"""Reference words around a chunk that are simulated with it."""

POOL = 8
"""Steps whose chunks are drawn together and sorted by length."""


@dataclass(frozen=True)
class Example:
    """A chunk to learn from: its prompt, and the true speaker (a local number) of each word."""

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
class Recipe:
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
    """What of a word's scores is shown, one of `seal.conditioning.SCORES`."""
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
    "embedded": Recipe(),
    "paper": Recipe(
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


def trained_shapes(recipe: Recipe) -> list[str]:
    """The shapes of chunk that a run meets."""
    without = [f"{shape.split('-')[0]}-none" for shape in recipe.shapes if recipe.unlabelled]
    return sorted({*recipe.shapes, *without})


def severity_scale(recipe: Recipe, progress: float) -> float:
    """How bad the simulated first pass is at `progress` in [0, 1] of the run."""
    return 1 + (recipe.heavy - 1) * max(0.0, 1 - progress / 0.75)


def example(
    corpora: Corpora,
    encode: Encode,
    recipe: Recipe,
    index: int,
    teacher: Teacher | None = None,
) -> Example:
    """Chunk number `index` of a run. `corpora` are (weight, recordings); recordings are in time
    order."""
    rng = np.random.default_rng([recipe.seed, index])
    scale = severity_scale(recipe, index / recipe.chunks)
    while True:
        excerpt = from_start(draw_excerpt(corpora, EXCERPT, rng))
        transcript, truth = simulate(excerpt, draw_severity(rng, scale), rng)
        size = chunks.SIZE if rng.random() < 0.85 else int(rng.integers(4, chunks.SIZE))
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
            found = _encode(transcript, truth, shape, recipe, encode, rng, teacher)
            if found.length <= recipe.most_tokens:
                return found


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
    recipe: Recipe,
    encode: Encode,
    rng: np.random.Generator,
    teacher: Teacher | None,
) -> Example:
    format, condition = shape.split("-")
    names = speakers(transcript)
    number = {name: index for index, name in enumerate(names)}
    order = order_of_appearance([number[word["speaker"]] for word in transcript], len(names))
    if rng.random() < 0.5:
        # Names are permuted, so that none of them comes to mean anything.
        order = [order[place] for place in rng.permutation(len(order))]
    order = order[: len(NAMES)]
    local = {names[speaker]: place for place, speaker in enumerate(order)}
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
    return Example(prompt, oracle, before, targets.tolist(), shape)


def _doubted(
    oracle: Sequence[int], draft: Sequence[int], count: int, rng: np.random.Generator
) -> list[int]:
    """Labels such as a corrector gives: some mistakes of the draft still there, some made anew."""
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


def loss(
    network: Any, batch: Sequence[Example], spoken: float = 0.0, end: int | None = None
) -> tuple[Any, int]:
    """Sum of the labels' cross-entropy over a batch (nats), and the number of labels.

    With the weight `spoken`, the mean surprise at the words' own tokens, and at the token `end`
    after them, joins each label's.
    """
    import torch

    rows, places, targets, allowed, texts = [], [], [], [], []
    said: list[tuple[int, int, int]] = []  # row, place, and the token that follows
    for row, item in enumerate(batch):
        answer, slots = item.prompt.answer(item.before)
        texts.append(item.prompt.tokens + answer)
        if spoken:
            start = len(item.prompt.tokens) - 1
            # A label that is shown but not true is not to be learnt.
            doubtful = {
                slot
                for slot, shown, true in zip(slots, item.before, item.oracle, strict=True)
                if shown != true
            }
            said += [
                (row, start + place, token)
                for place, token in enumerate(answer)
                if place not in doubtful
            ]
            if end is not None:
                said.append((row, start + len(answer), end))
        previous = None
        for word, slot in enumerate(slots):
            rows.append(row)
            places.append(len(item.prompt.tokens) + slot - 1)
            targets.append(item.targets[word])
            allowed.append(item.prompt.options(word, previous))
            previous = item.before[word]
    longest, widest = max(map(len, texts)), max(map(len, allowed))
    device = network.device
    tokens = torch.tensor([text + [0] * (longest - len(text)) for text in texts], device=device)
    read = (rows + [row for row, *_ in said], places + [place for _, place, _ in said])
    every = model.slot_logits(
        network,
        tokens,
        (torch.tensor(read[0], device=device), torch.tensor(read[1], device=device)),
    )
    logits = every[: len(rows)]
    options = torch.tensor([ids + [ids[0]] * (widest - len(ids)) for ids in allowed], device=device)
    absent = torch.tensor(
        [[k >= len(ids) for k in range(widest)] for ids in allowed], device=device
    )
    wanted = torch.tensor([row + [0.0] * (widest - len(row)) for row in targets], device=device)
    chosen = logits.float().gather(1, options).masked_fill(absent, -1e9)
    total = -(wanted * chosen.log_softmax(dim=1)).sum()
    if said:
        following = torch.tensor([token for *_, token in said], device=device)
        surprise = torch.nn.functional.cross_entropy(every[len(rows) :].float(), following)
        total = total + spoken * surprise * len(targets)
    return total, len(targets)


def train(
    corpora: Corpora,
    output: str | Path,
    recipe: Recipe,
    base: str | None = None,
    start: str | Path | None = None,
    device: str = "cpu",
    report: Report | None = None,
    checkpoint_every: int = 25,
) -> None:
    """Train an adapter into the folder `output`, going on from the checkpoint there, if any.

    `base` is the model's name or path (None: the recipe's); a new run may begin with the adapter
    in the folder `start`. `report` gets a dict per step (step, chunks, loss in nats per label,
    seconds, tokens); the same goes to `log.jsonl`. The adapter is saved in float16, by peft.
    """
    import torch
    from peft import LoraConfig, get_peft_model

    base = base or recipe.base
    per_step = recipe.batch * recipe.accumulation
    settings = {"trained": "seal", "model": base or model.EMBEDDED} | asdict(recipe)
    run = Run(output, settings, -(-recipe.chunks // per_step), checkpoint_every, report)
    torch.manual_seed(recipe.seed)
    language_model = model.load_to_train(base, device, recipe.four_bits)
    layers = language_model.network.config.num_hidden_layers
    network = get_peft_model(
        language_model.network,
        LoraConfig(
            r=recipe.rank,
            lora_alpha=2 * recipe.rank,
            target_modules=model.linear_names(language_model.network),
            layers_to_transform=list(range(recipe.first_layer, layers)),
            task_type="CAUSAL_LM",
        ),
    )
    network.peft_config["default"].base_model_name_or_path = base or model.EMBEDDED
    inner = network.get_base_model()
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=0.0, betas=(0.9, 0.98))
    done = _resume(run, network, optimiser, start)
    batches = _batches(corpora, language_model.encode, recipe, done, run.steps)
    for step in range(done, run.steps):
        began = time.perf_counter()
        rate = recipe.rate * min(1.0, (step + 1) / 20) * (1 - step / run.steps)
        for group in optimiser.param_groups:
            group["lr"] = rate
        nats, labels, tokens = 0.0, 0, 0
        for batch in next(batches):
            with model.quick(device):
                total, count = loss(inner, batch, recipe.spoken, language_model.end)
            # Labels of a step weigh alike, as nearly as can be said before all are read.
            (total / (recipe.accumulation * count)).backward()
            nats, labels = nats + total.item(), labels + count
            tokens += sum(item.length for item in batch)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        run.record(
            step + 1,
            nats / labels,
            chunks=(step + 1) * per_step,
            seconds=round(time.perf_counter() - began, 2),
            tokens=tokens,
        )
        if run.due(step + 1):
            _save(run, network, optimiser, step + 1, recipe)


def _batches(
    corpora: Corpora, encode: Encode, recipe: Recipe, start: int, steps: int
) -> Iterator[list[list[Example]]]:
    """The batches of each step from `start` on. Chunks are drawn for POOL steps at a time and
    dealt out by length, so that little of a batch is padding."""
    taught = _teacher() if recipe.teacher else None
    per_step = recipe.batch * recipe.accumulation
    for pool in range(start // POOL, -(-steps // POOL)):
        indices = range(pool * POOL * per_step, min((pool + 1) * POOL, steps) * per_step)
        drawn = [example(corpora, encode, recipe, index, taught) for index in indices]
        drawn.sort(key=lambda item: item.length)
        batches = [drawn[i : i + recipe.batch] for i in range(0, len(drawn), recipe.batch)]
        np.random.default_rng([recipe.seed, pool, 1]).shuffle(batches)
        for place in range(0, len(batches), recipe.accumulation):
            if pool * POOL + place // recipe.accumulation >= start:
                yield batches[place : place + recipe.accumulation]


def _teacher() -> Teacher:
    """The shipped AG-LSEC."""
    from seal import aglsec

    network, encode = aglsec.load()

    def teach(words: list[Word], names: list[str]) -> Any:
        return aglsec.log_posteriors(network, encode, [Conversation(words, names)])[0]

    return teach


def _save(run: Run, network: Any, optimiser: Any, step: int, recipe: Recipe) -> None:
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    weights = get_peft_model_state_dict(network, save_embedding_layers=False)
    network.peft_config["default"].save_pretrained(str(run.folder))
    half = {name: tensor.half().contiguous() for name, tensor in weights.items()}
    save_file(half, run.folder / "adapter_model.safetensors")
    settings = {"shapes": trained_shapes(recipe), "score": recipe.score}
    write_text(json.dumps(settings, indent=2) + "\n", run.folder / "seal.json")
    run.save(step, weights, optimiser)  # last: a run that is killed before does this step again


def _resume(run: Run, network: Any, optimiser: Any, start: str | Path | None) -> int:
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    done = run.resume(partial(set_peft_model_state_dict, network), optimiser)
    if not done and start is not None:
        set_peft_model_state_dict(network, load_file(Path(start) / "adapter_model.safetensors"))
    return done
