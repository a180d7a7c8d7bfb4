"""Reading: the logits are those of transformers' own way through a network, of any architecture."""

from unittest.mock import patch

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from seal.errors import SealError
from seal.llm import llama, packed
from seal.llm.packed import KVCache, Piece, read
from tiny import random_model

SIZES = {
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "initializer_range": 0.4,
}

NETWORKS = {
    "Llama": lambda: LlamaForCausalLM(LlamaConfig(**SIZES)),
    "Llama with biases": lambda: LlamaForCausalLM(
        LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True, tie_word_embeddings=True)
    ),
    "Llama with other numbers": lambda: LlamaForCausalLM(
        LlamaConfig(**{**SIZES, "head_dim": 16, "num_key_value_heads": 1}, rms_norm_eps=0.3)
    ),
    "Llama with gelu": lambda: LlamaForCausalLM(LlamaConfig(**SIZES, hidden_act="gelu")),
    "Mistral with a window": lambda: MistralForCausalLM(MistralConfig(**SIZES, sliding_window=20)),
    "Qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**SIZES)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_are_those_of_transformers(name):
    torch.manual_seed(2)
    network = NETWORKS[name]().eval()
    with torch.no_grad():
        for part, values in network.named_parameters():
            if part.endswith("bias") or "norm" in part:
                values.normal_(1.0, 0.3)
    tokens = torch.randint(0, 100, (90,)).tolist()
    with torch.inference_mode():
        theirs = network(torch.tensor([tokens])).logits[0]
    cache, found = KVCache(), []
    for span in (slice(0, 50), slice(50, 51), slice(51, 90)):
        part = tokens[span]
        pieces = [Piece(KVCache(), tokens[:7], [3, 6]), Piece(cache, part, range(len(part)))]
        short, long = read(network, pieces)
        assert short.sub(theirs[[3, 6]]).abs().max() < 1e-4
        found.append(long)
    assert torch.cat(found).sub(theirs).abs().max() < 1e-4


def test_llama_goes_its_own_way_and_others_do_not():
    own = {name for name, make in NETWORKS.items() if llama.is_llama(make().get_decoder())}
    assert own == {"Llama", "Llama with biases", "Llama with other numbers"}


@pytest.mark.parametrize("name", ["Llama", "Qwen3"])
def test_where_no_logits_are_wanted_the_text_is_read_all_the_same(name):
    torch.manual_seed(2)
    network = NETWORKS[name]().eval()
    cache = KVCache()
    assert read(network, [Piece(cache, [5, 6, 7], [])])[0].shape == (0, 100)
    whole = read(network, [Piece(KVCache(), [5, 6, 7, 8], [3])])[0]
    assert read(network, [Piece(cache, [8], [0])])[0].sub(whole).abs().max() < 1e-5


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 255), min_size=1, max_size=90), min_size=2, max_size=6))
def test_threads_that_share_pieces_out_find_what_one_finds(texts):
    network = random_model(4, width=64, inner=192, spread=0.3).network
    pieces = [(tokens, range(0, len(tokens), 7)) for tokens in texts]
    threads = torch.get_num_threads()
    found = []
    with patch.multiple(packed, MIN_TOKENS_PER_THREAD=0, MAX_IMBALANCE=9):
        for count in (1, 2):
            torch.set_num_threads(count)
            try:
                found.append(read(network, [Piece(KVCache(), *piece) for piece in pieces]))
                assert torch.get_num_threads() == count
            finally:
                torch.set_num_threads(threads)
    for alone, shared in zip(*found, strict=True):
        assert shared.sub(alone).abs().max() < 1e-4


def test_each_thread_has_one_of_torchs_threads():
    pool = packed._pool(torch.get_num_threads())
    counts = [pool.submit(torch.get_num_threads).result() for _ in range(4)]
    assert counts == [1] * 4


def test_there_may_be_fewer_pieces_than_threads():
    network = random_model(4, width=64, inner=192, spread=0.3).network
    tokens = torch.randint(0, 256, (80,)).tolist()
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with patch.multiple(packed, MIN_TOKENS_PER_THREAD=0, MAX_IMBALANCE=9):
            found = read(network, [Piece(KVCache(), tokens, [79]) for _ in range(3)])
    finally:
        torch.set_num_threads(threads)
    alone = read(network, [Piece(KVCache(), tokens, [79])])[0]
    assert all(logits.sub(alone).abs().max() < 1e-4 for logits in found)


@pytest.mark.parametrize(
    "network",
    [
        lambda: Gemma2ForCausalLM(Gemma2Config(**SIZES)),
        lambda: GraniteForCausalLM(GraniteConfig(**SIZES, logits_scaling=8.0)),
    ],
)
def test_a_model_that_would_be_read_wrongly_is_refused(network):
    with pytest.raises(SealError, match=r"(softcapping|logits_scaling)\), which is not known here"):
        read(network().eval(), [Piece(KVCache(), [5, 6], [1])])
