"""Packed chunks: their loss is that of each by itself, whoever drew them and on whatever device."""

import json
import pickle
from dataclasses import replace
from functools import partial
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from seal.corpora.columns import columns, read_columns, write_columns
from seal.errors import SealError
from seal.llm import model
from seal.training import adapter, attention, packing
from seal.training.adapter import loss, train
from seal.training.arrays import pack
from seal.training.drawing import packs, packs_per_pool, pool
from seal.training.examples import PRESETS, SHAPES, AdapterRecipe, example, shares, spoken_formats
from seal.training.learner import Learners, processes
from seal.training.lora import Adapter
from seal.training.shards import MOST_BYTES, join_shards, write_shards
from tiny import CORPORA, encode, tiny_model

RECIPE = AdapterRecipe(
    chunks=16, tokens=1500, rank=4, first_layer=0, rate=5e-3, scrambled=0.0, teacher=0.0
)


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    def load(*_):
        tiny_model.cache_clear()
        return tiny_model(3, torch.float32)

    monkeypatch.setattr(model, "load", load)


def batch(count=5, **more):
    recipe = replace(RECIPE, **more)
    return [
        example(CORPORA, encode, replace(recipe, shapes=(shape,)), index)
        for index, shape in enumerate(SHAPES[:count])
    ]


@pytest.mark.parametrize("spoken", [0.0, 0.5])
def test_the_loss_of_a_pack_is_that_of_its_chunks_one_by_one(spoken):
    """To 1e-5 of it, and it does not matter what fills the pack up."""
    network = tiny_model(3, torch.float64).network
    items = batch()
    alone = [loss(network, [item], spoken, 256) for item in items]
    packed = pack(
        items,
        ("turn", "word") if spoken else (),
        256,
        size=sum(item.length for item in items) + 777,
    )
    together = packing.loss(network, packed, attention.apart, torch.float64, spoken).item()
    assert len(packed.slots) == sum(count for _, count in alone)
    if not spoken:  # with the words it is a mean over all of them
        assert together == pytest.approx(sum(nats.item() for nats, _ in alone), rel=1e-5)
    else:
        assert together == pytest.approx(loss(network, items, spoken, 256)[0].item(), rel=1e-5)


def test_a_run_of_several_shapes_learns_the_words_of_turns_alone():
    """There is no free generation in the others; a pack without a turn learns no words at all."""
    several = replace(RECIPE, shapes=("word-none", "turn-label"), spoken=0.5)
    assert spoken_formats(several) == {"turn"}
    assert spoken_formats(replace(several, shapes=("word-label",))) == {"word"}
    assert spoken_formats(replace(several, spoken=0.0)) == set()
    words, turns = [item for item in batch(8) if item.shape.startswith("word")], batch(8)
    assert pack(words, {"turn"}, 256).said.size == 0
    of_turns = [item for item in turns if item.shape.startswith("turn")]
    assert pack(turns, {"turn"}, 256).said.shape == pack(of_turns, {"turn"}, 256).said.shape
    network = tiny_model(3, torch.float64).network
    bare, learnt = (
        packing.loss(network, pack(words, formats, 256), attention.apart, torch.float64, weight)
        for formats, weight in (((), 0.0), ({"turn"}, 0.5))
    )
    assert learnt.item() == bare.item()


def test_a_network_of_another_kind_is_packed_too():
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=257, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, initializer_range=0.4,
    )  # fmt: skip
    network = Qwen3ForCausalLM(config).double().eval()
    items = batch(3)
    alone = sum(loss(network, [item])[0].item() for item in items)
    assert loss(network, items)[0].item() == pytest.approx(alone, rel=1e-5)


def test_both_ways_of_attention_agree_and_of_a_wrong_one_it_is_noticed():
    assert attention.agrees(attention.padded, "cpu", torch.float32, 4, 2, 8)

    def blind(queries, keys, values, where, scale):  # looks into other documents
        whole = attention.documents([sum(where.lengths)], "cpu")
        return attention.apart(queries, keys, values, whole, scale)

    assert not attention.agrees(blind, "cpu", torch.float32, 4, 2, 8)


def learnt(dtype, size=0, way=attention.apart, merged=False, compiled=False, first_layer=0):
    """The loss of a pack of two chunks, and the gradients of an adapter's weights, in `dtype`."""
    network = model.load().network
    torch.manual_seed(1)
    lora = Adapter(network, 4, first_layer)
    with torch.no_grad():
        for weight in lora.weights():
            weight.normal_(0, 0.1)
    lora.begin(merged, dtype)
    row = pack(batch(2), size=size)
    nats = packing.loss(network, row, way, dtype, compiled=compiled)
    nats.backward()
    return [nats.detach(), *(weight.grad for weight in lora.weights())]


@pytest.mark.slow
@pytest.mark.parametrize("first_layer", [0, 1])
def test_compiled_layers_and_quick_attention_are_as_exact_as_plain_bfloat16(first_layer):
    """Measured by float32, for packs of one size; with layers that learn nothing, too."""
    way = attention.choose("cpu", torch.bfloat16, 4, 2, 8)
    if way is not attention.quick:
        pytest.skip("nothing can be compiled here: training goes the other way")
    exact = learnt(torch.float32, 1024, first_layer=first_layer)

    def errors(answer):
        pairs = zip(exact, answer, strict=True)
        return np.array([float((one - own).norm() / own.norm()) for own, one in pairs])

    plain = errors(learnt(torch.bfloat16, 1024, first_layer=first_layer))
    quick = errors(learnt(torch.bfloat16, 1024, way, compiled=True, first_layer=first_layer))
    assert quick.max() < 0.1
    assert np.sqrt((quick**2).mean()) <= 1.25 * np.sqrt((plain**2).mean())


@pytest.mark.slow
def test_several_processes_give_the_gradients_of_one():
    rows = [pack(batch(number)) for number in (1, 2, 3)]
    answers = []
    for number in (1, 2):
        load = partial(tiny_model, 3, torch.float32)
        tiny_model.cache_clear()
        network = load().network
        torch.manual_seed(1)
        lora = Adapter(network, 4)
        for _ in range(2):  # of weights as they are now, and nothing is left of the step before
            with torch.no_grad():
                for weight in lora.weights():
                    weight.normal_(0, 0.1)
        learn = Learners(network, lora, "cpu", RECIPE, load, number)
        try:
            learn.gradients(rows)
            for weight in lora.weights():
                weight.grad = None
            nats = learn.gradients(rows)
        finally:
            learn.close()
        answers.append([nats, *(weight.grad for weight in lora.weights())])
    for one, several in zip(*answers, strict=True):
        assert torch.allclose(one, several, rtol=1e-4, atol=1e-6)


def test_a_process_that_died_is_said_in_a_line():
    load = partial(tiny_model, 3, torch.float32)
    network = load().network
    learn = Learners(network, Adapter(network, 4), "cpu", RECIPE, load, 2)
    learn._others[0][0].kill()
    try:
        with pytest.raises(SealError, match="for want of memory"):
            learn.gradients([pack(batch(1)), pack(batch(2))])
    finally:
        learn.close()


def test_processes_are_as_many_as_have_something_to_do():
    long = replace(RECIPE, chunks=5000, accumulation=2)
    assert processes("cpu", replace(long, accumulation=1)) == 1
    assert processes("cuda", long) == processes("cpu", replace(long, tokens=0)) == 1
    assert processes("cpu", replace(long, chunks=8)) == 1
    assert 1 <= processes("cpu", long) <= 2


def test_merged_and_beside_give_the_same_loss_and_gradients():
    answers = [learnt(torch.float32, merged=merged) for merged in (False, True)]
    for beside, merged in zip(*answers, strict=True):
        assert torch.allclose(beside, merged, rtol=1e-3, atol=1e-3 * float(beside.abs().max()))


def test_a_smaller_adapter_changes_nothing_where_a_larger_one_begins_with_it():
    losses = []
    small = Adapter(model.load().network, 2, first_layer=1)
    for weight in small.weights():
        torch.nn.init.normal_(weight, 0, 0.1)
    state = {name: part.clone() for name, part in small.state().items()}
    for rank, first in ((2, 1), (5, 0)):
        network = model.load().network
        lora = Adapter(network, rank, first)
        lora.load(state)
        lora.begin(False, torch.float32)
        losses.append(loss(network, batch(1))[0].item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    with pytest.raises(SealError, match="rank"):
        Adapter(model.load().network, 1).load(state, "run")


def test_packs_are_full_and_bear_every_shape_by_its_share():
    recipe = replace(PRESETS["gpu"], tokens=6000, clean=1.0, scrambled=0.0)
    drawn = pool(CORPORA, encode, recipe, 0, 0.5)
    assert len(drawn) == packs_per_pool(recipe)
    for one in drawn:
        assert len(one.tokens) == sum(one.lengths) == 6000
        assert sum(one.lengths[: one.chunks]) > 0.8 * 6000
    share = shares(recipe)
    assert set(share) == set(SHAPES) and sum(share.values()) == pytest.approx(1)
    assert sum(part for shape, part in share.items() if "none" in shape) == pytest.approx(0.4)


@pytest.mark.parametrize("given", ["word-loud", "word-label=0", "word-label=x", "word-label=nan"])
def test_shapes_that_are_none_are_refused(given):
    with pytest.raises(SealError, match="--shapes"):
        shares(replace(RECIPE, shapes=(given,)))


@pytest.mark.slow
def test_worker_processes_draw_what_this_one_would(tmp_path):
    write_columns(CORPORA, tmp_path / "c.npz")
    corpora = read_columns(str(tmp_path / "c.npz"))
    answers = []
    of_bytes = partial(bytes, encoding="utf-8")  # no torch in the workers
    for workers in (0, 2):
        drawn = packs(corpora, of_bytes, RECIPE, 5, lambda: 0.0, workers)
        answers.append([next(drawn) for _ in range(30)])
        drawn.close()
    for one, other in zip(*answers, strict=True):
        assert np.array_equal(one.tokens, other.tokens)
        assert np.array_equal(one.targets, other.targets)


def test_columns_are_the_words_and_go_to_others_as_a_place_in_a_file(tmp_path):
    write_columns([(0.25, CORPORA[0][1])], tmp_path / "c.npz")
    ((weight, (read,)),) = read_columns(str(tmp_path / "c.npz"))
    words = CORPORA[0][1][0]
    assert weight == 0.25 and len(read) == len(words)
    for one, word in zip(read, words, strict=True):
        assert one == word | {
            key: pytest.approx(word[key], abs=1e-4) for key in ("start_time", "end_time")
        }
    sent = pickle.dumps(read)
    assert len(sent) < 300 and pickle.loads(sent)[7:9] == read[7:9]
    (alone,) = columns([words])
    assert pickle.loads(pickle.dumps(alone))[-1] == read[len(words) - 1]
    (tmp_path / "bad.npz").write_bytes(b"PK no")
    with pytest.raises(SealError, match=r"bad\.npz"):
        read_columns(str(tmp_path / "bad.npz"))


def test_shards_are_small_and_the_last_whole_set_makes_the_adapter(tmp_path):
    torch.manual_seed(0)
    weights = {f"w{i}": torch.randn(1024, 1024) for i in range(9)}
    out, made = tmp_path / "out", tmp_path / "made"
    write_shards(weights, {"seal.json": "{}\n"}, 7, out)
    first = sorted(out.iterdir())
    assert len(first) == 2 and max(path.stat().st_size for path in first) <= MOST_BYTES
    kept = first[0].read_bytes()
    write_shards(weights | {"w0": torch.zeros(4)}, {"seal.json": "{}\n"}, 8, out)
    assert not any(path in first for path in out.iterdir())
    assert join_shards(out, made) == 8
    # Cut off in the middle of the next set: the one before it counts.
    (out / "adapter-0000009-1of2.safetensors").write_bytes(kept)
    (out / "adapter-0000010-1of1.safetensors").write_bytes(kept[:1000])
    assert join_shards(out, made) == 8
    assert (made / "seal.json").read_text() == "{}\n"
    with pytest.raises(SealError, match="whole set"):
        join_shards(tmp_path / "none", made)


def test_a_run_by_the_clock_ends_in_time_and_goes_on_with_what_is_left(tmp_path, monkeypatch):
    """On a clock that goes on by a quarter of a second at each look, so that all is the same on a
    busy machine."""
    looks = count()
    monkeypatch.setattr(adapter, "time", SimpleNamespace(perf_counter=lambda: next(looks) / 4))
    recipe = replace(RECIPE, minutes=2.5, tokens=1000)

    class Stop(Exception):
        pass

    def stop(line):
        if line["minutes"] > 1.5:
            raise Stop

    run, shards = tmp_path / "run", tmp_path / "shards"
    with pytest.raises(Stop):
        train(CORPORA, run, recipe, report=stop, shards=shards)
    assert join_shards(shards, tmp_path / "joined") > 0  # every minute
    before, began = next(looks), len((run / "log.jsonl").read_text().splitlines())
    train(CORPORA, run, recipe, shards=shards)
    lines = [json.loads(line) for line in (run / "log.jsonl").open()]
    assert [line["step"] for line in lines] == list(range(1, len(lines) + 1))
    assert lines[-1]["minutes"] <= 2.5 and lines[-1]["rate"] < 0.1 * recipe.rate
    assert (next(looks) - before) / 4 < 1.6 * 60  # from the checkpoint at one minute
    assert len(lines) > began
    assert join_shards(shards, tmp_path / "joined") == lines[-1]["step"]
    for name in ("adapter_model.safetensors", "adapter_config.json", "seal.json"):
        assert (tmp_path / "joined" / name).read_bytes() == (run / name).read_bytes()


@pytest.mark.slow
def test_a_run_of_packs_of_a_fixed_size_resumes_as_if_it_had_not_stopped(tmp_path):
    class Stop(Exception):
        pass

    def stop(line):
        if line["step"] == 3:
            raise Stop

    train(CORPORA, tmp_path / "whole", RECIPE, checkpoint_every=2)
    with pytest.raises(Stop):
        train(CORPORA, tmp_path / "parts", RECIPE, report=stop, checkpoint_every=2)
    train(CORPORA, tmp_path / "parts", RECIPE, checkpoint_every=2)
    losses = [
        [json.loads(line)["loss"] for line in (tmp_path / name / "log.jsonl").open()]
        for name in ("whole", "parts")
    ]
    assert losses[0] == losses[1] and len(losses[0]) > 3
