"""The embedded encoder's network, all-MiniLM-L6-v2, in plain torch: a BERT without its pooler.

transformers knows it too, but its import would be most of the time of a short correction.
The names of the weights are those of the published file, and the answer is transformers' own. It
knows nothing of words or tokens.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import Tensor, nn
from torch.nn import functional


class _Linear(nn.Linear):
    def reset_parameters(self) -> None:
        """Not at random: the weights come from a file."""


class _Embedding(nn.Embedding):
    def reset_parameters(self) -> None:
        """Not at random either."""


class _Embeddings(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        self.word_embeddings = _Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = _Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = _Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, tokens: Tensor) -> Tensor:
        places = self.position_embeddings.weight[: tokens.shape[1]]
        words = self.word_embeddings(tokens) + self.token_type_embeddings.weight[0]
        return self.LayerNorm(words + places)


class _Output(nn.Module):
    """A linear map whose answer is added to what went in before."""

    def __init__(self, config: Any, width: int) -> None:
        super().__init__()
        self.dense = _Linear(width, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + before)


class _Layer(nn.Module):
    def __init__(self, config: Any) -> None:
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        maps = {name: _Linear(width, width) for name in ("query", "key", "value")}
        self.attention = nn.ModuleDict(
            {"self": nn.ModuleDict(maps), "output": _Output(config, width)}
        )
        self.intermediate = nn.ModuleDict({"dense": _Linear(width, config.intermediate_size)})
        self.output = _Output(config, config.intermediate_size)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, length, width = x.shape
        maps: Any = self.attention["self"]
        query, key, value = (
            part(x).view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in maps.values()
        )
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = self.attention["output"](seen.transpose(1, 2).reshape(x.shape), x)
        return self.output(functional.gelu(self.intermediate["dense"](x)), x)


class MiniLM(nn.Module):
    """Tokens [B, T] and which of them are there [B, T] → a state of each, taken and given as by
    transformers' BertModel."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        layers = (_Layer(config) for _ in range(config.num_hidden_layers))
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Any:
        mask = attention_mask.bool()[:, None, None, :]
        x = self.embeddings(input_ids)
        layers: Any = self.encoder["layer"]
        for layer in layers:
            x = layer(x, mask)
        return SimpleNamespace(last_hidden_state=x)


def load(folder: Path) -> MiniLM:
    """The network of a folder with config.json and model.safetensors. Raises OSError, or
    ValueError or RuntimeError where the weights do not fit."""
    from safetensors.torch import load_file

    config = SimpleNamespace(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
    network = MiniLM(config)
    weights = load_file(folder / "model.safetensors")
    names = network.state_dict()
    network.load_state_dict({name: weights[name] for name in names if name in weights}, assign=True)
    return network.eval()
