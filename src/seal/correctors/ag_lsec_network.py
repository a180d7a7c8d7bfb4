"""AG-LSEC: an encoder language model that corrects speakers from words and acoustic scores.

After the paper's [18] (and [17], LSEC, where words have no scores): every word's state in the
encoder is joined with what the first pass said of it, and a small transformer gives each speaker a
score at each word. Here that transformer runs once per speaker with shared weights, so a
conversation may have any number of them, and renaming them changes nothing. Windows overlap by
half, and a word's log-posteriors are averaged over its windows. The encoder reads normalised words;
what was written about them (sentence ends, commas, capitals) and how the first pass of the whole
recording looks are features beside them (`ag_lsec_features.py`), so that either may be missing. It
knows nothing of audio or margins; `encoder.py` loads the encoder.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from seal import weights
from seal.correctors import trigrams
from seal.correctors.ag_lsec_features import FEATURES, WINDOW, Window, candidates, habits, window
from seal.correctors.encoder import Encoder, load_encoder
from seal.errors import SealError, unusable
from seal.progress import Progress
from seal.words import Conversation, Word, normalise

SHIPPED = weights.FOLDER / "minilm-ag-lsec"
"""The trained weights for the embedded encoder, with their card."""

HOP = WINDOW // 2
"""Words from one window to the next."""

WINDOW_WORDS_PER_BATCH = 8 * WINDOW
"""Words that go through the network together, in windows as long as the longest of them."""


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
        self.trigrams: trigrams.Trigrams | None = None
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
        count = max(each.features.shape[0] for each in windows)
        features = torch.zeros(len(windows), count, words.shape[1], FEATURES)
        candidates = torch.zeros(len(windows), count, dtype=torch.bool)
        for row, each in enumerate(windows):
            speakers, length, _ = each.features.shape
            features[row, :speakers, :length] = torch.from_numpy(each.features)
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
        most = max(len(each.pieces) for each in windows)
        tokens = torch.zeros(len(windows), longest, dtype=torch.long)
        seen = torch.zeros(len(windows), longest, dtype=torch.long)
        firsts = torch.zeros(len(windows), most, dtype=torch.long)
        words = torch.zeros(len(windows), most, dtype=torch.bool)
        for row, (each, text) in enumerate(zip(windows, texts, strict=True)):
            tokens[row, : len(text)] = torch.tensor(text)
            seen[row, : len(text)] = 1
            lengths = [len(pieces) for pieces in each.pieces]
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
    fit: float = 0.0,
) -> list[np.ndarray]:
    """Log-posteriors of each conversation's speakers at each of its words: float64 [W, K].

    A speaker who is no candidate anywhere near has a very low, finite value. Windows of several
    conversations go through the network together. `progress` gets the share done. Without `written`
    punctuation and capitals are not read. Of words without scores, what `trigrams.fits` says is
    added with the weight `fit`, beside what the network makes of it.
    """
    recordings = [habits(one.words, written) for one in conversations]
    pieces = [[encode(normalise(word["words"])) for word in one.words] for one in conversations]
    fits = [trigrams.fits(network.trigrams, one.words, one.names) for one in conversations]
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
            own = fits[index][start:stop][:, here]
            batch.append(window(words, shown, text, recordings[index], own))
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
    fused = (
        summed / weight[:, None] + fit * _unscored(one.words)[:, None] * own
        for summed, weight, own, one in zip(totals, weights, fits, conversations, strict=True)
    )
    return [one - np.logaddexp.reduce(one, axis=1, keepdims=True) for one in fused]


def _unscored(words: Sequence[Word]) -> np.ndarray:
    return np.array([not word.get("speaker_scores") for word in words])


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
        if (folder / trigrams.FILE).is_file():  # earlier networks had none
            network.trigrams = trigrams.load(folder / trigrams.FILE)
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
    if network.trigrams is not None:
        trigrams.save(network.trigrams, Path(folder) / trigrams.FILE)
