"""Tiny random models with byte tokenizers: quick, and hard to please."""

from functools import lru_cache

import torch
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM

from seal.correctors.ag_lsec_network import AgLsecNetwork
from seal.correctors.encoder import Encoder
from seal.llm.model import LanguageModel

CORPORA = [
    (
        1.0,
        [
            [
                {
                    "session_id": "s",
                    "speaker": "AB"[i // 5 % 2],
                    "words": ["so", "well", "yes", "no", "then"][i % 5],
                    "start_time": i * 0.3,
                    "end_time": i * 0.3 + 0.25,
                }
                for i in range(400)
            ]
        ],
    )
]
"""A conversation of two to learn from."""


def encode(text: str) -> list[int]:
    return list(text.encode())


def decode(tokens) -> str:
    return bytes(token for token in tokens if token < 256).decode(errors="replace")


@lru_cache(maxsize=8)
def tiny_model(seed: int = 0, dtype: torch.dtype = torch.float64) -> LanguageModel:
    """Two layers of random weights, large enough for its choices to depend on what came before."""
    return random_model(seed, width=32, inner=64, spread=0.4, dtype=dtype)


def random_model(
    seed: int, width: int, inner: int, spread: float, dtype: torch.dtype = torch.float32
) -> LanguageModel:
    """The same of any width, made anew at each call."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=257,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=16384,
        initializer_range=spread,
        tie_word_embeddings=False,
    )
    network = LlamaForCausalLM(config).to(dtype).eval()
    return LanguageModel(network, encode, decode, 256)


def tiny_pieces(text: str) -> list[int]:
    return list(text.encode())[:3] or [1]


def tiny_encoder() -> Encoder:
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=260,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
    )
    return Encoder(BertModel(config, add_pooling_layer=False).eval(), tiny_pieces, (257, 258))


def tiny_network() -> AgLsecNetwork:
    """AG-LSEC's network, with more of a say than one that starts as a copyist."""
    torch.manual_seed(2)
    network = AgLsecNetwork(tiny_encoder(), width=16, layers=2, heads=2).eval()
    torch.nn.init.normal_(network.out.weight)
    return network
