"""Precision: one answer per text in each, however its reading is cut and whoever is read with it.

The promise holds to the bit where a processor's products add up a row in the same order whatever
rows stand beside it. Where they do not, float32 answers are still the same up to rounding, and the
two shorter precisions are not tested for it.
"""

from functools import lru_cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import scaled_dot_product_attention

from seal.errors import SealError
from seal.llm import packed
from seal.llm.decode.algorithm1 import algorithm1
from seal.llm.decode.fast import decode_many
from seal.llm.linear import compute_in
from seal.llm.model import LanguageModel, load
from seal.llm.packed import KVCache, Piece, read
from seal.llm.precision import PRECISIONS
from test_decode import prompts
from tiny import encode, random_model

HERE = [
    name
    for name in PRECISIONS
    if name == "float32"
    or (name == "bfloat16" and torch.cpu._is_avx512_bf16_supported())
    or (name == "int8" and torch.cpu._is_vnni_supported())
]
"""Those that this processor has instructions for."""


def small_model(precision: str | None) -> LanguageModel:
    """Random weights, wide enough for kernels to take their usual ways."""
    model = random_model(3, width=64, inner=192, spread=0.3)
    if precision is not None:
        compute_in(model.network, precision)
    return model


@lru_cache
def rows_stand_alone(precision: str) -> bool:
    """Do this processor's products and attention treat a row alike whatever stands beside it?"""
    torch.manual_seed(1)
    linear = small_model(precision).network.model.layers[0].mlp.up_proj
    states, keys = torch.randn(100, 64), torch.randn(1, 1, 128, 16)
    with torch.inference_mode():
        whole, seen = linear(states), scaled_dot_product_attention(keys, keys, keys)
        return all(
            torch.equal(linear(states[:count]), whole[:count]) for count in range(1, 100)
        ) and all(
            torch.equal(
                scaled_dot_product_attention(keys[:, :, :count], keys, keys), seen[:, :, :count]
            )
            for count in range(8, 128, 8)
        )


@pytest.mark.parametrize("precision", HERE)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_how_a_text_is_cut_changes_nothing(precision, data):
    """Not one bit of a logit, whatever else is in the pass and whatever was read and forgotten."""
    exact = rows_stand_alone(precision)
    if not exact and precision != "float32":
        pytest.skip("this processor adds up few rows in another order")
    network = small_model(precision).network
    tokens = data.draw(st.lists(st.integers(0, 255), min_size=2, max_size=200))
    options = [[5, 77, 200]] * len(tokens)
    whole = read(network, [Piece(KVCache(), tokens, range(len(tokens)), options)])[0]
    cache, place = KVCache(), 0
    while place < len(tokens):
        count = data.draw(st.integers(1, len(tokens) - place))
        other = data.draw(st.lists(st.integers(0, 255), min_size=1, max_size=40))
        pieces = [
            Piece(KVCache(), other, [0], options[:1]),
            Piece(cache, [*tokens[place : place + count], *other], [count - 1], options[:1]),
        ]
        found = read(network, pieces)[1][0]
        cache.truncate(place + count)
        place += count
        if exact:
            assert torch.equal(found, whole[place - 1])
        assert found.sub(whole[place - 1]).abs().max() < 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("precision", HERE)
@settings(max_examples=10, deadline=None)
@given(asked=st.lists(prompts(8), min_size=1, max_size=4))
def test_fast_is_algorithm_1_in_each_precision(precision, asked):
    if precision != "float32" and not rows_stand_alone(precision):
        pytest.skip("this processor adds up few rows in another order")
    model = small_model(precision)
    for (prompt, margins), answer in zip(asked, decode_many(model, asked), strict=True):
        slow = algorithm1(model, prompt, margins)
        assert answer.speakers == slow.speakers
        for mine, theirs in zip(answer.posteriors, slow.posteriors, strict=True):
            assert mine == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize(("block", "window"), [(8, None), (512, None), (64, 20), (512, 20)])
def test_neither_blocks_nor_windows_change_what_is_seen(block, window, monkeypatch):
    """Blocks of any size find what attention over all of a text finds, with a window or without."""
    torch.manual_seed(4)
    query, keys, values = torch.randn(1, 4, 150, 16), *torch.randn(2, 1, 2, 150, 16)
    where = torch.arange(150)
    mask = where[:, None] >= where
    mask &= where > where[:, None] - (window or 150)
    shared = (part.repeat_interleave(2, dim=1) for part in (keys, values))
    whole = scaled_dot_product_attention(query, *shared, attn_mask=mask).transpose(1, 2)
    monkeypatch.setitem(packed.BLOCK_TOKENS, "cpu", block)
    cache = KVCache()
    for span in (slice(0, 70), slice(70, 71), slice(71, 150)):
        parts = [part[0, :, span].transpose(0, 1) for part in (query, keys, values)]
        piece = Piece(cache, range(span.stop - span.start), [])
        found = packed.attend([piece], 0, *parts, window=window)
        cache.length = span.stop
        assert found.sub(whole[0, span]).abs().max() < 1e-5


@pytest.mark.parametrize("precision", HERE)
def test_a_precision_is_near_what_the_network_says(precision):
    tokens = encode("Draft:A so it goesB yes\nFinal:")
    exact = small_model(None).context().feed(tokens, range(len(tokens)))
    near = small_model(precision).context().feed(tokens, range(len(tokens)))
    share = {"float32": 1e-5, "bfloat16": 0.05, "int8": 0.1}[precision]
    assert near.sub(exact).abs().mean() < share * exact.abs().mean()


def test_what_is_no_precision_or_cannot_be(monkeypatch):
    with pytest.raises(SealError, match="float16"):
        load(precision="float16")
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: False)
    with pytest.raises(SealError, match="VNNI"):
        small_model("int8")
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    with pytest.raises(SealError, match="bfloat16 needs"):
        small_model("bfloat16")
