"""A tiny random language model with a byte tokenizer: quick, and hard to decode."""

from functools import lru_cache

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from seal.model import LanguageModel


def encode(text: str) -> list[int]:
    return list(text.encode())


def decode(tokens) -> str:
    return bytes(token for token in tokens if token < 256).decode(errors="replace")


@lru_cache(maxsize=8)
def tiny_model(seed: int = 0, dtype: torch.dtype = torch.float64) -> LanguageModel:
    """Two layers of random weights, large enough for its choices to depend on what came before."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=257,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=16384,
        initializer_range=0.4,
        tie_word_embeddings=False,
    )
    network = LlamaForCausalLM(config).to(dtype).eval()
    return LanguageModel(network, encode, decode, 256)
