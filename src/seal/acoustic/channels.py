"""Which channels of a recording hold whom: a call's sides, one sound, or nothing.

Call centres record a side in each channel. There the louder channel says who speaks, better than
any voice does, as long as it is known how much of one side leaks into the other. Each channel's
power is measured in frames; only these are held, 2 MB an hour and channel. This file knows nothing
of words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from seal.acoustic import Channels, audio
from seal.acoustic.arrays import Floats
from seal.acoustic.audio import RATE
from seal.acoustic.posteriors import Posteriors
from seal.errors import SealError

HOP = 270
"""Samples of a frame: those of the first pass."""

STEP = HOP / RATE
"""Seconds of a frame."""

SMOOTH = 13
"""Frames (0.2 s) over which power is averaged: a syllable."""

ABOVE_NOISE = 4.0
"""Power by a channel's noise from which something sounds in it: 6 dB."""

ABOVE_NOTHING = 1e-5
"""The same by the loudest channel's loud parts: -50 dB."""

DOMINATES = 10.0
"""Power by that of every other channel from which a channel has the sound alone: 10 dB."""

SIDES = 0.5
"""Share of the sound that one channel must have alone for the channels to be sides of a call. In
calls it is 0.8 and more, in stereo, where all is in both, next to nothing."""

OWN = 1.0
"""Seconds that a channel must have alone to hold somebody; two hundredths of a short recording."""

LATE = 31
"""Frames (0.5 s) by which an echo may come after its sound."""

LEAK = (-60.0, -12.0)
"""Decibels between which a leak is looked for: what is louder is somebody."""

LEEWAY = 6.0
"""Decibels by which an echo may be louder than is usual in its channel."""

SHORTEST = 0.2
"""Seconds of echo that are left out of a channel at least."""


@dataclass(frozen=True)
class Layout:
    """What the channels of a recording were found to be."""

    path: str | Path
    sides: tuple[int, ...] = ()
    """The channels, from 0, with a side of a call each; none where there is one sound."""
    only: int | None = None
    """The channel that holds all of it, where the others hold nothing; None is all of them."""
    own: Floats | None = None
    """[T, sides] of 0 and 1: whether each has sound of its own, which is no echo of another's."""
    echo: np.ndarray | None = None
    """[T, sides]: whether there is nothing but echo of another one."""
    power: Floats | None = None
    """[T, sides]: its power, smoothed."""
    count: int = 1
    """How many channels there are."""
    said: str = ""
    """What to tell of it: empty where there is one channel, or all are the same."""

    def source(self) -> audio.Source:
        """What is listened to where there are no sides."""
        return self.path if self.only is None else audio.Channel(self.path, self.only)

    def side(self, index: int) -> audio.Channel:
        """The sound of `sides[index]`, without the echo of the others."""
        assert self.echo is not None
        return audio.Channel(self.path, self.sides[index], spans(self.echo[:, index], SHORTEST))

    def posteriors(self) -> Posteriors:
        """Who speaks when, by the sides."""
        assert self.own is not None
        return Posteriors(self.own, STEP, STEP / 2)


def look(path: str | Path, channels: Channels = "auto", most: int | None = None) -> Layout:
    """What the recording's channels are; it is decoded once for that, unless there is one alone.

    `channels` is what a person says of them, `most` how many speakers there are at most: where the
    sides are more, they are mixed. Raises SealError where `split` is asked of what has no sides.
    """
    count = audio.count_channels(path)
    if count == 1:
        if channels == "split":
            raise SealError(f"{path}: has one channel, so nothing to split; leave --channels out")
        return Layout(path)
    if channels == "mix":
        return Layout(path, count=count)
    power, alike = _measured(path)
    loudest = float(np.quantile(power, 0.99, axis=0).max())
    if loudest <= 1e-10:  # silence
        return Layout(path, count=count)
    noise = np.quantile(power, 0.1, axis=0)
    sounds = power > np.maximum(ABOVE_NOISE * noise, ABOVE_NOTHING * loudest)
    above = np.maximum(power - noise, 0.0)
    alone = sounds & (above > DOMINATES * _others(_lasting(above)))
    seconds = alone.sum(axis=0) * STEP
    enough = min(OWN, 0.02 * len(power) * STEP)
    wanted = seconds >= enough
    if channels == "split":
        wanted = sounds.sum(axis=0) * STEP >= enough
    share = alone.any(axis=1).sum() / max(1, sounds.any(axis=1).sum())
    sides = tuple(np.flatnonzero(wanted).tolist())
    if channels == "auto" and share < SIDES:
        told = "" if alike > 0.999 else _told_mixed(count, alike)
        return Layout(path, count=count, said=told)
    heard = tuple(np.flatnonzero(wanted | (seconds >= SHORTEST)).tolist())
    if channels == "auto" and len(sides) < 2 <= len(heard):
        told = "hardly anything is said in all channels but one: mixed down"
        return Layout(path, count=count, said=told)
    if channels == "auto" and len(sides) > 1:  # a word or two of somebody else are kept, too
        sides = heard
    if len(sides) < 2:
        only = sides[0] if sides else int(seconds.argmax())
        rest = [index for index in range(count) if index != only]
        told = (
            f"nothing is said in {_list([channel_name(i, count) for i in rest])}, so "
            f"{channel_name(only, count)} alone is taken"
        )
        return Layout(path, only=only, count=count, said=told)
    if most is not None and most < len(sides):
        told = f"{count} channels with fewer speakers: mixed down"
        return Layout(path, count=count, said=told)
    chosen = list(sides)
    own, echo = _own(power[:, chosen], sounds[:, chosen])
    return Layout(path, sides, None, own, echo, power[:, chosen], count)


def channel_name(index: int, count: int) -> str:
    """What people call a channel.

    >>> channel_name(0, 2), channel_name(0, 4)
    ('the left channel', 'channel 1')
    """
    return f"the {('left', 'right')[index]} channel" if count == 2 else f"channel {index + 1}"


def spans(frames: np.ndarray, least: float = 0.0) -> tuple[tuple[float, float], ...]:
    """(start, end) in seconds of each run of frames that are true, of `least` seconds or more."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], frames.astype(np.int8), [0]])))
    runs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return tuple((a * STEP, b * STEP) for a, b in runs if (b - a) * STEP >= least)


def _measured(path: str | Path) -> tuple[Floats, float]:
    """The channels' power [T, C], of which hum is left out, smoothed; and how alike the first two
    are, from -1 (one is the other turned over) to 1."""
    powers = []
    products = np.zeros(3)
    last: Floats | None = None
    for block in audio.channel_blocks(path, seconds=1600 * STEP):  # of whole frames
        before = np.zeros_like(block[:1]) if last is None else last
        last = block[-1:]
        bright = block - 0.97 * np.concatenate([before, block[:-1]])
        short = -len(bright) % HOP
        framed = np.pad(bright, ((0, short), (0, 0))).reshape(-1, HOP, bright.shape[1])
        powers.append((framed**2).mean(axis=1, dtype=np.float32))
        left, right = bright[:, 0], bright[:, 1]
        products += left @ right, left @ left, right @ right
    power = np.concatenate(powers)
    alike = products[0] / max(np.sqrt(products[1] * products[2]), 1e-12)
    return uniform_filter1d(power, SMOOTH, axis=0), float(alike)


def _others(power: Floats) -> Floats:
    """The largest power of the other channels: [T, C]."""
    columns = range(power.shape[1])
    rest = [power[:, [i for i in columns if i != index]].max(axis=1) for index in columns]
    return np.stack(rest, axis=1)


def _lasting(power: Floats) -> Floats:
    """The largest power of the last LATE frames."""
    return maximum_filter1d(power, LATE, axis=0, origin=LATE // 2)


def _own(power: Floats, sounds: np.ndarray) -> tuple[Floats, np.ndarray]:
    """Where each channel has sound of its own, and where it has but echo of the others.

    How much of one channel leaks into another is measured where the one is loud: there the other is
    mostly still, and what sounds in it is the leak, or noise.
    """
    count = power.shape[1]
    decibels = 10 * np.log10(np.maximum(power, 1e-12))
    lasting = _lasting(decibels)
    expected = np.full(power.shape, -np.inf, dtype=np.float32)
    for source in range(count):
        heard = sounds[:, source]
        if not heard.any():
            continue
        loud = heard & (decibels[:, source] >= np.median(decibels[heard, source]))
        for target in range(count):
            if target != source:
                leak = np.median(decibels[loud, target] - decibels[loud, source])
                level = lasting[:, source] + np.clip(leak, *LEAK) + LEEWAY
                level[_lasting(heard) == 0] = -np.inf
                expected[:, target] = np.maximum(expected[:, target], level)
    echo = decibels < expected
    return (sounds & ~echo).astype(np.float32), echo


def _told_mixed(count: int, alike: float) -> str:
    if alike < -0.5:
        return "one channel is the other turned over; it was turned back to mix them"
    return f"{count} channels with the same voices in them: mixed down"


def _list(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
