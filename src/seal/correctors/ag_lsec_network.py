"""AG-LSEC: an encoder language model that corrects speakers from words and acoustic scores.

After the paper's [18] (and [17], LSEC, where words have no scores): every word's state in the
encoder is joined with what the first pass said of it, and a small transformer gives each speaker a
score at each word. Here that transformer runs once per speaker with shared weights, so a
conversation may have any number of them, and renaming them changes nothing. Windows overlap by
half, and a word's log-posteriors are averaged over its windows. The encoder reads normalised words;
what was written about them (sentence ends, commas, capitals) and how the first pass of the whole
recording looks are features beside them, so that either may be missing. It knows nothing of audio
or margins; `encoder.py` loads the encoder.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from seal import weights
from seal.correctors.encoder import Encoder, load_encoder
from seal.errors import SealError, unusable
from seal.progress import Progress
from seal.words import Conversation, Word, normalise

SHIPPED = weights.FOLDER / "minilm-ag-lsec"
"""The trained weights for the embedded encoder, with their card."""

WINDOW = 128
"""Words that are read together."""

HOP = WINDOW // 2
"""Words from one window to the next."""

WINDOW_WORDS_PER_BATCH = 8 * WINDOW
"""Words that go through the network together, in windows as long as the longest of them."""

FLOOR = 0.01
"""Scores are taken to lie between this and 1 - this: their logits stay finite."""

PRESENT = 0.05
"""A speaker without a word in a window is a candidate there from this score on."""

FEATURES = 19

BESIDE = 8
"""Words after a word that may begin before it ends."""

ENDS = ".?!…。？！"
"""Marks at which a sentence ends."""

OTHER_MARKS = ",;:—–"

CLOSING = "\"'”’)]»"
"""What may stand behind a mark."""

PUNCTUATED = 0.02
"""Share of a recording's words with a sentence's end from which on it has punctuation."""


@dataclass(frozen=True)
class Window:
    """What the network reads of W words and K candidate speakers."""

    pieces: list[list[int]]
    """The encoder's tokens of each word, one at least."""
    features: np.ndarray
    """float32 [K, W, FEATURES]."""


class Block(nn.Module):
    """Neighbouring words, the other speakers, all words, then each word for itself."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))
        self.near = nn.Conv1d(width, width, 7, padding=3, groups=width)
        self.near_out = nn.Linear(width, width)
        self.others = nn.Linear(width, width)
        self.attend = nn.Linear(width, 3 * width)
        self.attend_out = nn.Linear(width, width)
        self.inner = nn.Linear(width, 2 * width)
        self.inner_out = nn.Linear(2 * width, width)

    def forward(self, x: Tensor, words: Tensor, candidates: Tensor) -> Tensor:
        """`x` [B, K, W, D], `words` bool [B, W], `candidates` bool [B, K] → [B, K, W, D]."""
        batch, count, length, width = x.shape
        shown = self.norms[0](x) * words[:, None, :, None]
        near = self.near(shown.reshape(batch * count, length, width).transpose(1, 2))
        x = x + self.near_out(functional.gelu(near.transpose(1, 2)).reshape(x.shape))
        shown = self.norms[1](x) * candidates[:, :, None, None]
        rivals = (candidates.sum(1) - 1).clamp(min=1)[:, None, None, None]
        x = x + self.others((shown.sum(1, keepdim=True) - shown) / rivals)
        parts = self.attend(self.norms[2](x)).reshape(
            batch * count, length, 3, self.heads, width // self.heads
        )
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mask = words.repeat_interleave(count, 0)[:, None, None, :]
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.attend_out(seen.transpose(1, 2).reshape(x.shape))
        return x + self.inner_out(functional.gelu(self.inner(self.norms[3](x))))


class AgLsecNetwork(nn.Module):
    """Encoder and speaker transformer: windows in, log-posteriors [B, K, W] out."""

    def __init__(self, encoder: Encoder, width: int = 256, layers: int = 3, heads: int = 4) -> None:
        super().__init__()
        self.encoder = encoder.network
        self.edges = encoder.edges
        self.words = nn.Linear(encoder.network.config.hidden_size, width)
        self.acoustics = nn.Linear(FEATURES, width)
        self.acoustics_out = nn.Linear(width, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 1)
        # It starts as a copyist: the first pass's label, and how far its score stands out.
        self.prior = nn.Parameter(torch.tensor([2.0, 0.0, 0.0, 2.0] + [0.0] * (FEATURES - 4)))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, windows: Sequence[Window]) -> tuple[Tensor, Tensor]:
        """Log-posteriors [B, K, W], K and W the largest of the batch, and bool [B, W]: which words
        are there. Padded speakers have -inf."""
        states, words = self._read(windows)
        count = max(window.features.shape[0] for window in windows)
        features = torch.zeros(len(windows), count, words.shape[1], FEATURES)
        candidates = torch.zeros(len(windows), count, dtype=torch.bool)
        for row, window in enumerate(windows):
            speakers, length, _ = window.features.shape
            features[row, :speakers, :length] = torch.from_numpy(window.features)
            candidates[row, :speakers] = True
        features, candidates = features.to(states.device), candidates.to(states.device)
        acoustics = self.acoustics_out(functional.gelu(self.acoustics(features)))
        x = self.words(states)[:, None] + acoustics
        x = x + _positions(x.shape[2], x.shape[3]).to(x.device)
        for block in self.blocks:
            x = block(x, words, candidates)
        logits = self.out(self.norm(x)).squeeze(-1) + features @ self.prior
        logits = logits.masked_fill(~candidates[:, :, None], float("-inf"))
        return logits.float().log_softmax(dim=1), words

    def _read(self, windows: Sequence[Window]) -> tuple[Tensor, Tensor]:
        """The encoder's state of each word's first token [B, W, H], and which words are there."""
        start, end = self.edges
        texts = [[start, *(p for word in w.pieces for p in word), end] for w in windows]
        longest = max(map(len, texts))
        most = max(len(window.pieces) for window in windows)
        tokens = torch.zeros(len(windows), longest, dtype=torch.long)
        seen = torch.zeros(len(windows), longest, dtype=torch.long)
        firsts = torch.zeros(len(windows), most, dtype=torch.long)
        words = torch.zeros(len(windows), most, dtype=torch.bool)
        for row, (window, text) in enumerate(zip(windows, texts, strict=True)):
            tokens[row, : len(text)] = torch.tensor(text)
            seen[row, : len(text)] = 1
            lengths = [len(pieces) for pieces in window.pieces]
            firsts[row, : len(lengths)] = torch.tensor([1, *lengths[:-1]]).cumsum(0)
            words[row, : len(lengths)] = True
        device = self.out.weight.device
        tokens, seen, firsts = tokens.to(device), seen.to(device), firsts.to(device)
        states = self.encoder(input_ids=tokens, attention_mask=seen).last_hidden_state
        index = firsts[..., None].expand(-1, -1, states.shape[-1])
        return states.gather(1, index), words.to(device)


def _positions(length: int, width: int) -> Tensor:
    """Sinusoidal positions [length, width], of small size."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(1000.0) / width))
    angles = torch.arange(length)[:, None] * rates
    return 0.1 * torch.cat([angles.sin(), angles.cos()], dim=1)


def candidates(words: Sequence[Word], names: Sequence[str]) -> list[int]:
    """Which of `names` may have said a word here: those who have one, or a score to speak of."""
    present = {word["speaker"] for word in words}
    for word in words:
        scores = word.get("speaker_scores") or {}
        present.update(name for name, score in scores.items() if score >= PRESENT)
    return [index for index, name in enumerate(names) if name in present]


@dataclass(frozen=True)
class Habits:
    """How the first pass of a whole recording looks: numbers of about the same size."""

    punctuated: bool
    """It has punctuation."""
    sure: float
    """Mean score of the words' own speakers, or 1 where no word has scores."""
    changes: float
    """Share of the words whose speaker is not that of the word before, times four."""
    islands: float
    """Share of these words after which the speaker changes again within two words."""
    shares: dict[str, float] = field(default_factory=dict)
    """Of the words, what each speaker says."""
    partners: dict[str, float] = field(default_factory=dict)
    """Of the turns before and after each speaker's, the share of whoever has most of them: where
    one voice has two names, both alternate with one partner and never with each other."""


def habits(words: Sequence[Word], written: bool = True) -> Habits:
    """The habits of a recording's first pass, its words in time order; without `written` it counts
    as without punctuation."""
    if not words:
        return Habits(False, 1.0, 0.0, 0.0)
    ends = sum(ends_sentence(word["words"]) for word in words)
    own = [
        float(scores.get(word["speaker"], 0.0))
        for word in words
        if (scores := word.get("speaker_scores"))
    ]
    changed = [n for n in range(1, len(words)) if words[n]["speaker"] != words[n - 1]["speaker"]]
    short = sum(later - first <= 2 for first, later in itertools.pairwise(changed))
    said = Counter(word["speaker"] for word in words)
    met: dict[str, Counter[str]] = {name: Counter() for name in said}
    for n in changed:
        one, other = words[n - 1]["speaker"], words[n]["speaker"]
        met[one][other] += 1
        met[other][one] += 1
    return Habits(
        written and ends > PUNCTUATED * len(words),
        sum(own) / len(own) if own else 1.0,
        4 * len(changed) / len(words),
        short / max(len(changed), 1),
        {name: count / len(words) for name, count in said.items()},
        {name: max(c.values()) / c.total() if c else 0.0 for name, c in met.items()},
    )


def ends_sentence(text: str) -> bool:
    """Whether a sentence ends with the word.

    >>> [ends_sentence(text) for text in ("home.", '"Really?"', "e.g.,", "Dr", "...")]
    [True, True, False, False, False]
    """
    bare = text.rstrip(CLOSING)
    return bool(bare) and bare[-1] in ENDS and any(map(str.isalnum, bare))


def window(
    words: Sequence[Word], names: Sequence[str], pieces: Sequence[list[int]], recording: Habits
) -> Window:
    """What the network reads of these words (in time order), of the candidate speakers `names`, and
    of the recording that they come from."""
    features = np.zeros((len(names), len(words), FEATURES), dtype=np.float32)
    speakers = {name: index for index, name in enumerate(names)}
    last = 0.0
    for index, word in enumerate(words):
        features[speakers[word["speaker"]], index, 0] = 1
        scores = word.get("speaker_scores")
        if scores:
            values = np.array([float(scores.get(name, 0.0)) for name in names])
            odds = values.clip(FLOOR, 1 - FLOOR) / (1 - values).clip(FLOOR, 1 - FLOOR)
            logits = np.log(odds) / 4
            features[:, index, 1] = 1
            features[:, index, 2] = logits
            if len(names) > 1:
                ranked = np.sort(logits)
                rival = np.where(logits == ranked[-1], ranked[-2], ranked[-1])
                features[:, index, 3] = logits - rival
            features[:, index, 4] = values
        start, end = float(word["start_time"]), float(word["end_time"])
        pause = min(max(start - last, 0.0), 2.0) if index else 0.0
        features[:, index, 5] = pause
        features[:, index - 1, 6] = pause if index else 0.0
        features[:, index, 7] = min(max(end - start, 0.0), 1.0)
        if recording.punctuated:
            bare = word["words"].rstrip(CLOSING)
            features[:, index, 8] = ends_sentence(bare)
            features[:, index, 9] = bare[-1:] in OTHER_MARKS and bool(bare)
            features[:, index, 10] = bare[:1].isupper() and normalise(bare).split("'")[0] != "i"
        features[:, index, 12] = min(max(last - start, 0.0), 2.0) if index else 0.0
        last = max(last, end)
    features[:, :, 11] = recording.punctuated
    features[:, :, 13] = recording.sure
    features[:, :, 14] = recording.changes
    features[:, :, 15] = recording.islands
    features[:, :, 16] = np.array([[recording.shares.get(name, 0.0)] for name in names])
    features[:, :, 17] = np.array([[recording.partners.get(name, 0.0)] for name in names])
    features[:, :, 18] = _conflicts(words, speakers)
    return Window(list(pieces), features)


def _conflicts(words: Sequence[Word], speakers: Mapping[str, int]) -> np.ndarray:
    """How much of each word's time other words of each speaker take, in parts of it, at most 2:
    [K, W]. Nobody says two words at once."""
    found = np.zeros((len(speakers), len(words)))
    times = [(float(word["start_time"]), float(word["end_time"])) for word in words]
    whose = [speakers[word["speaker"]] for word in words]
    for index, (start, end) in enumerate(times):
        for other in range(index + 1, min(index + 1 + BESIDE, len(words))):
            shared = min(end, times[other][1]) - max(start, times[other][0])
            if shared <= 0:
                continue
            found[whose[other], index] += shared / max(end - start, 0.05)
            found[whose[index], other] += shared / max(times[other][1] - times[other][0], 0.05)
    return found.clip(max=2.0)


def spans(count: int) -> list[tuple[int, int]]:
    """(start, stop) of the windows over `count` words: every word is in one, most are in two."""
    starts = list(range(0, max(1, count - WINDOW + HOP), HOP))
    return [(start, min(start + WINDOW, count)) for start in starts]


def log_posteriors(
    network: AgLsecNetwork,
    encode: Callable[[str], list[int]],
    conversations: Sequence[Conversation],
    progress: Progress | None = None,
    written: bool = True,
) -> list[np.ndarray]:
    """Log-posteriors of each conversation's speakers at each of its words: float64 [W, K].

    A speaker who is no candidate anywhere near has a very low, finite value. Windows of several
    conversations go through the network together. `progress` gets the share done. Without `written`
    punctuation and capitals are not read.
    """
    recordings = [habits(one.words, written) for one in conversations]
    pieces = [[encode(normalise(word["words"])) for word in one.words] for one in conversations]
    totals = [np.zeros((len(one.words), len(one.names))) for one in conversations]
    weights = [np.zeros(len(one.words)) for one in conversations]
    left = [
        (index, start, stop)
        for index, one in enumerate(conversations)
        for start, stop in spans(len(one.words))
    ]
    # Of as many speakers, the longest first: what is shorter is padded.
    left.sort(key=lambda span: (len(conversations[span[0]].names), span[1] - span[2]))
    total = len(left)
    while left:
        index, start, stop = left[0]
        count = len(conversations[index].names)
        taken = [
            span
            for span in left[: max(1, WINDOW_WORDS_PER_BATCH // max(1, stop - start))]
            if len(conversations[span[0]].names) == count
        ]
        left = left[len(taken) :]
        batch, chosen = [], []
        for index, start, stop in taken:
            words, names = conversations[index].words[start:stop], conversations[index].names
            here = candidates(words, names)
            chosen.append(here)
            shown, text = [names[speaker] for speaker in here], pieces[index][start:stop]
            batch.append(window(words, shown, text, recordings[index]))
        with torch.inference_mode():
            answers, _ = network(batch)
        for (index, start, stop), here, answer in zip(
            taken, chosen, answers.double().cpu().numpy(), strict=True
        ):
            length = stop - start
            # A word near a window's edge lacks context: its other window says more.
            weight = np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)) / length
            rows = np.full((length, count), -20.0)
            rows[:, here] = np.maximum(answer[: len(here), :length].T, -20.0)
            totals[index][start:stop] += weight[:, None] * rows
            weights[index][start:stop] += weight
        if progress:
            progress(1 - len(left) / total)
    fused = (summed / weight[:, None] for summed, weight in zip(totals, weights, strict=True))
    return [one - np.logaddexp.reduce(one, axis=1, keepdims=True) for one in fused]


@lru_cache(maxsize=1)
def load(
    folder: str | Path | None = None, device: str = "cpu"
) -> tuple[AgLsecNetwork, Callable[[str], list[int]]]:
    """The trained network (None: the shipped one), and what turns a word into tokens."""
    folder = Path(folder or SHIPPED)
    encoder = load_encoder()
    network = build(encoder)
    try:
        state = {
            name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()
        }
        for name in ("acoustics.weight", "prior"):  # earlier networks had fewer features
            state[name] = functional.pad(state[name], (0, FEATURES - state[name].shape[-1]))
        missing = network.load_state_dict(state, strict=False)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise SealError(f"{folder}: no weights of AG-LSEC: {str(error).splitlines()[0]}") from None
    if missing.unexpected_keys or any("embeddings" not in name for name in missing.missing_keys):
        raise SealError(f"{folder}: these weights do not fit the encoder")
    try:
        return network.to(device).eval(), encoder.encode
    except (RuntimeError, AssertionError) as error:
        raise unusable(device, error) from None


def build(encoder: Encoder) -> AgLsecNetwork:
    """A fresh network around an encoder; the encoder's embeddings stay as they are."""
    for name, weight in encoder.network.named_parameters():
        weight.requires_grad_("embeddings" not in name)
    return AgLsecNetwork(encoder)


def save(network: AgLsecNetwork, folder: str | Path) -> None:
    """Write what training changed, in float16, to `folder`/model.safetensors."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    state = {
        name: tensor.detach().half().contiguous()
        for name, tensor in network.state_dict().items()
        if "encoder.embeddings" not in name
    }
    save_file(state, Path(folder) / "model.safetensors")
