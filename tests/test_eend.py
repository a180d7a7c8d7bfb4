"""EEND: its loss against all orders, padding that changes nothing, and a whole small run."""

import json
import shutil
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

import seal
from seal import words
from seal.acoustic import eend
from seal.acoustic.eend import EendNetwork, features, pit_loss, posteriors
from seal.acoustic.segmentation import FRAMES, SPEAKERS, WINDOW
from seal.cli import main
from seal.files import write_text
from seal.training import eend as eend_training
from seal.training.mixtures import effects, held_out, load_voices, mix

TURNS = [(0.0, 4.0, "x"), (3.0, 3.5, "y"), (4.2, 12.0, "y"), (12.0, 30.0, "x")]


@pytest.fixture
def voices():
    times = np.arange(3 * 16000) / 16000
    return {
        name: np.sign(np.sin(2 * np.pi * pitch * times)).astype(np.float32)
        for name, pitch in (("low", 90), ("mid", 170), ("high", 310))
    }


def small():
    torch.manual_seed(0)
    return EendNetwork(width=32, layers=2, heads=4, inner=64)


def test_the_papers_size():
    network = EendNetwork()
    assert len(network.layers.layers) == 6
    layer = network.layers.layers[0]
    assert (layer.self_attn.num_heads, layer.self_attn.embed_dim) == (8, 256)
    assert layer.linear1.out_features == 1024
    assert sum(p.numel() for p in network.parameters()) * 2 < 15e6  # bytes in float16


def test_the_loss_is_that_of_the_best_order():
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(5, 11, SPEAKERS, generator=generator)
    spoken = torch.randint(0, 2, (5, 11, SPEAKERS), generator=generator).float()
    expected = []
    for given, true in zip(logits, spoken, strict=True):
        orders = (list(order) for order in permutations(range(SPEAKERS)))
        expected.append(min(binary_cross_entropy_with_logits(given, true[:, o]) for o in orders))
    assert pit_loss(logits, spoken) == pytest.approx(float(torch.stack(expected).mean()), rel=1e-5)
    for order in permutations(range(SPEAKERS)):
        renamed = pit_loss(logits, spoken[:, :, list(order)])
        assert renamed == pytest.approx(float(pit_loss(logits, spoken)), rel=1e-5)


def test_padding_changes_neither_output_nor_loss():
    network = small().eval()
    given = torch.randn(2, 40, eend.WIDTH)
    padded = torch.cat([given, torch.randn(2, 13, eend.WIDTH)], dim=1)
    there = torch.arange(53)[None].expand(2, -1) < 40
    spoken = torch.randint(0, 2, (2, 53, SPEAKERS)).float()
    with torch.inference_mode():
        alone, together = network(given), network(padded, there)
    assert torch.allclose(alone, together[:, :40], atol=1e-5)
    assert pit_loss(together, spoken, there) == pytest.approx(
        float(pit_loss(alone, spoken[:, :40])), rel=1e-4
    )


def test_features_are_a_tenth_of_a_second_apart_and_posteriors_on_the_first_passs_frames():
    sound = torch.randn(2, WINDOW) * 0.1
    assert features(sound).shape == (2, 100, eend.WIDTH)
    given = posteriors(small().eval(), sound.numpy())
    assert given.shape == (2, FRAMES, SPEAKERS)
    assert ((given >= 0) & (given <= 1)).all()


def test_a_mixture_has_sound_where_somebody_speaks(voices):
    rng = np.random.default_rng(0)
    turns = [(1.0, 2.0, "x"), (4.0, 5.0, "y")]
    sound = mix(turns, {"x": voices["low"], "y": voices["high"]}, {"x": 0, "y": -6}, 6.0, rng)
    loud = [float(np.abs(sound[int(t * 16000) : int((t + 0.8) * 16000)]).mean()) for t in range(6)]
    assert [level > 0 for level in loud] == [False, True, False, False, True, False]
    assert len(effects(sound, rng)) == len(sound)
    assert np.abs(effects(sound, rng)).max() == pytest.approx(0.5)


def test_activity_is_whose_turn_it_is(voices):
    spoken = eend_training.activity([(0.0, 1.0, "x"), (0.5, 0.84, "y")], ["x", "y"])
    assert spoken[:, 0].tolist() == [1.0] * 10 + [0.0] * 90
    assert np.flatnonzero(spoken[:, 1]).tolist() == [5, 6, 7]
    one, again = (eend_training.example([TURNS], voices, [0, 5]) for _ in range(2))
    assert (one[0] == again[0]).all()
    assert (one[1] == again[1]).all()


@pytest.mark.slow
def test_it_learns_who_speaks(voices, tmp_path, monkeypatch):
    """Three tones in turns: after a few steps it tells them apart better than before."""
    monkeypatch.setattr(eend_training, "EendNetwork", small)
    recipe = eend_training.EendRecipe(steps=30, batch=8, rate=3e-3)
    eend_training.train([TURNS], voices, tmp_path, recipe, checkpoint_every=30)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").open()]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


@pytest.mark.models
def test_it_trains_and_transcribes_from_the_command_line(voices, tmp_path, monkeypatch):
    monkeypatch.setattr(eend_training, "EendNetwork", small)
    more = {f"{name} again": sound[::2] for name, sound in voices.items()}
    for number, (name, sound) in enumerate((voices | more).items()):
        soundfile.write(tmp_path / f"{name}-{number}.wav", 0.3 * np.resize(sound, 48000), 16000)
    assert set(load_voices(tmp_path)) == set(voices | more)
    talk = [
        {"session_id": "s", "speaker": "xy"[i // 9 % 2], "words": "so", "start_time": i * 0.3,
         "end_time": i * 0.3 + 0.25}
        for i in range(200)
    ]  # fmt: skip
    words.write(talk, tmp_path / "corpus" / "s.json")
    write_text("s\n", tmp_path / "corpus" / "train.txt")
    out = tmp_path / "eend"
    few = tmp_path / "few"
    few.mkdir()
    shutil.copy(tmp_path / "low-0.wav", few)
    arguments = ["train-eend", few, tmp_path / "corpus", "-o", out, "--steps", "2"]
    assert main([str(argument) for argument in arguments]) == 2
    arguments[1] = tmp_path
    assert main([str(argument) for argument in arguments]) == 0
    assert (out / "eend.safetensors").is_file()
    monkeypatch.setattr(eend, "EendNetwork", small)
    eend.load.cache_clear()
    from seal.acoustic.first_pass import first_pass

    frames = first_pass(tmp_path / "low-0.wav", eend=out).frames
    assert np.isfinite(frames).all()
    eend.load.cache_clear()


def test_weights_that_are_none_are_refused(tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", np.zeros(16000), 16000)
    arguments = ["transcribe", tmp_path / "a.wav", "--eend", tmp_path, "-o", tmp_path / "a.json"]
    assert main([str(argument) for argument in arguments]) == 2
    assert "eend.safetensors" in capsys.readouterr().err
    assert not (tmp_path / "a.json").exists()


@pytest.mark.models
def test_the_shipped_weights_are_small_and_hear_a_voice():
    assert (eend.SHIPPED / "eend.safetensors").stat().st_size < 15e6
    samples, rate = soundfile.read(Path(seal.__file__).parent / "demo" / "call.flac")
    sound = soxr.resample(samples.astype(np.float32), rate, 16000)[:WINDOW]
    spoken = posteriors(eend.load("shipped"), sound[None])
    assert (spoken.max(axis=2) > 0.5).mean() > 0.5


@pytest.mark.parametrize("count", [6, 7, 11, 29, 250])
def test_some_voices_are_held_out_and_more_are_heard(count):
    names = [f"v{place:03}" for place in range(count)]
    kept = held_out(names)
    assert kept < set(names) and 3 <= len(kept) <= max(4, 0.34 * count) and count - len(kept) >= 3
