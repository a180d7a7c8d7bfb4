"""Which language a recording is in, and which recogniser that takes.

English has the embedded tiny.en, every other language the multilingual model, where its extra is
installed. It knows nothing of words.
"""

import warnings
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from seal.acoustic import asr, audio, multilingual
from seal.acoustic.audio import RATE, Samples
from seal.acoustic.multilingual import AUTO, ENGLISH
from seal.errors import Notice, SealError

HEARD = 30 * RATE
"""Samples that Whisper hears at once."""

TIMES = 3
"""How often it is asked, of other speech, before it is believed."""

LEAST = RATE // 2
"""Samples of speech without which it is not asked."""

SURE = 0.5
"""The part of what it says, by speech, that a language must have; else it is taken for English."""


def chosen(
    sources: Iterable[audio.Source],
    model: str | None,
    language: str | None,
    name: object,
    threads: int = 0,
) -> tuple[str | None, str | None]:
    """The recogniser for a recording, and the code of its language, None where that is not known.

    `sources` are its sound, or that of its sides; `name` is what messages call it. `language` is
    what a person says: a code, "auto", or None, which is "auto" where there is anything to choose
    between. `model` is the recogniser that is asked for. Raises SealError where the two do not fit.
    """
    language = multilingual.checked(language)
    if language is None and model is None and not multilingual.is_there():
        return None, None
    if multilingual.without_choice(language, model):
        warnings.warn(multilingual.NO_CHOICE, Notice, stacklevel=2)
        return None, None
    if model is None and language == ENGLISH:
        return None, ENGLISH
    whisper = asr.load(model or multilingual.NAME, threads)
    if not whisper.model.is_multilingual:
        if language not in (None, AUTO, ENGLISH):
            raise SealError(f"--language {language}: {model!r} recognises English alone")
        return model, language and ENGLISH
    if language not in (None, AUTO):
        return model or multilingual.NAME, language
    found = detected(sources, whisper)
    if found != ENGLISH and found is not None:
        warnings.warn(f"{name}: its language is {found}", Notice, stacklevel=2)
    if model is None:
        return (None, found) if found in (None, ENGLISH) else (multilingual.NAME, found)
    return model, found


def detected(sources: Iterable[audio.Source], whisper: object) -> str | None:
    """The language that is spoken, by the first minutes with speech of each source; None where
    there is no speech, or none of which Whisper is sure."""
    votes: dict[str, float] = defaultdict(float)
    for source in sources:
        for _, samples in asr.pieces(source):
            speech = _speech(samples)
            if len(speech) < LEAST:
                continue
            for first in range(0, min(len(speech), TIMES * HEARD), HEARD):
                part = speech[first : first + HEARD]
                if first and len(part) < LEAST:
                    break
                for code, share in whisper.detect_language(part)[2]:  # type: ignore[attr-defined]
                    votes[code] += share * len(part)
            break
    if not votes:
        return None
    code, most = max(votes.items(), key=lambda vote: vote[1])
    return code if most >= SURE * sum(votes.values()) else None


def _speech(samples: Samples) -> Samples:
    """What of the samples is speech."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    spans = get_speech_timestamps(samples, VadOptions(threshold=asr.SPEECH))
    parts = [samples[span["start"] : span["end"]] for span in spans]
    return np.concatenate(parts) if parts else samples[:0]
