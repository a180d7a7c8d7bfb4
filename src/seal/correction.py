"""Correction: a word transcript in, the same words with corrected speakers out.

It gives the conversations of a transcript to a corrector and writes the answer into a copy. Words
are never touched: only `speaker` may differ, and `first_pass_speaker` and `speaker_confidence` are
added, and `decided_by` where it is asked for. A transcript that was corrected before is corrected
from its first pass anew, so that doing it twice does it once; what a person has decided stays. A
word that is clearly of one channel stays with that channel's speakers. It knows nothing of how a
corrector judges.
"""

import inspect
import warnings
from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from seal import correctors, rulings
from seal.acoustic.rescore import with_scores
from seal.console import with_progress
from seal.correctors import Labels, Options, lengths
from seal.errors import Notice, SealError
from seal.parsing import quoted
from seal.progress import StageProgress, split
from seal.words import (
    DECIDED_BY,
    Conversation,
    Word,
    channel_of,
    check,
    reasons,
    sessions,
    speakers,
)


@with_progress
def correct(
    words: list[Word], *, progress: StageProgress | None = None, **choices: Any
) -> list[Word]:
    """Correct the speakers of a word transcript, which may hold several conversations.

    Parameters
    ----------
    words: the transcript.
    corrector: "best" (an encoder and, with `audio`, voices), "seal" (the paper's), "ag-lsec" (the
        encoder alone), "cbs" (a beam search), "hmm" (no text) or "voice" (no text, but the
        recording). None is "best", or "seal" where another choice of the paper's is asked for that
        "best" was not tuned with: another `format` or `condition`, `tpst`, a `model` or an
        `adapter`.
    format, condition, decode: the paper's choices (III-B, III-C); "fast" gives the labels of
        "algorithm1".
    model: a Hugging Face name or path; None is the embedded one.
    adapter: a peft adapter's folder; None is the shipped one, or none with another model.
    margin: nats by which another speaker must be preferred for a word to change; None is what was
        tuned on a dev set, 0 the paper's argmax. `tpst` knows no margin.
    thresholds: Th_low and Th_med in [0, 1]; None are those tuned with the adapter, else the
        paper's.
    device: where the model runs: "cpu", "cuda", ...
    precision: that of the language model's products; None is float32 on the CPU, bfloat16
        elsewhere.
    weight: the language model's beside the encoder in "best"; None is what was tuned, 0 the encoder
        alone.
    audio: the recording, or a folder with one for each session_id: "voice" wants it, "best"
        compares voices in it, and for words without `speaker_scores` the first pass hears some in
        it, which are not in what comes back.
    explain: write into each changed word what spoke for it, as `decided_by`: a list of "text",
        "voice" and "scores" (the first pass's own), the strongest first.
    progress: called with the stage ("first pass", "correction") and the share done; True shows a
        bar, as a notebook does by itself, and False does not.

    Raises SealError for a damaged transcript, an unknown option, or a model that does not load.
    """
    return _corrected([words], _options(choices), progress)[0]


def correct_many(
    transcripts: Sequence[list[Word]], *, progress: StageProgress | None = None, **choices: Any
) -> list[list[Word]]:
    """Correct several transcripts in one call, with the options of `correct`.

    Networks read their words together, which is quicker where they are short. The speakers are the
    same as one by one; a `speaker_confidence` may differ in its last digit, since a network sums in
    another order.
    """
    return _corrected(transcripts, _options(choices), progress)


def _corrected(
    transcripts: Sequence[list[Word]], options: Options, progress: StageProgress | None
) -> list[list[Word]]:
    corrector = correctors.load(options.chosen)
    audio = options.audio
    results: list[list[Word]] = []
    # For each conversation a result, its words in it, and the speakers that each may have.
    parts: list[tuple[list[Word], list[int], list[set[str] | None]]] = []
    conversations: list[Conversation] = []
    for words in transcripts:
        check(words)
        found = list(sessions(words))
        if audio is not None and not Path(audio).is_dir() and len(found) > 1:
            raise SealError(
                f"{audio}: is of one conversation; name a folder with one per session_id"
            )
        results.append([dict(word) for word in words])
        for _, indices in found:
            whose = rulings.merges(words[index] for index in indices)
            session = [_started(words[index], index + 1, whose) for index in indices]
            names, possible = speakers(session), _possible(session, whose)
            if len(names) > 1:
                if any(may is None or len(may) > 1 for may in possible):
                    parts.append((results[-1], indices, possible))
                    conversations.append(Conversation(session, names))
            else:
                told = f"{session[0]['session_id']}: one speaker alone, so nothing to choose from"
                warnings.warn(told, Notice, stacklevel=2)
            for index, word in zip(indices, session, strict=True):
                result = results[-1][index]
                if whose and word["speaker"] != words[index]["speaker"]:
                    result.setdefault("first_pass_speaker", words[index]["speaker"])
                result.setdefault("first_pass_speaker", word["speaker"])
                if not _decided(word):
                    result |= {"speaker": word["speaker"], "speaker_confidence": 1.0}
                    if reasons(result):  # of an earlier correction; another tool's key stays
                        del result[DECIDED_BY]
                result.setdefault("speaker_confidence", 1.0)

    def report(stage: str, share: float) -> None:
        if progress:
            progress(stage, share)

    if audio is not None and options.about.reads_scores and options.condition != "none":
        reports = split(partial(report, "first pass"), lengths(conversations))
        conversations = [
            Conversation(with_scores(each.words, each.names, audio, callback), each.names)
            for each, callback in zip(conversations, reports, strict=True)
        ]
    if options.chosen == "hmm" and conversations and not _scored(conversations):
        warnings.warn("hmm reads scores alone, and there are none", Notice, stacklevel=2)
    usual = options.about.reason
    labels: list[Labels] = []
    if conversations:
        labels = corrector.label(conversations, options, partial(report, "correction"))
    for (corrected, indices, possible), conversation, answer in zip(
        parts, conversations, labels, strict=True
    ):
        against, before = [], conversation.words
        for place, (index, may, speaker, confidence) in enumerate(
            zip(indices, possible, answer.speakers, answer.confidence, strict=True)
        ):
            if _decided(corrected[index]):
                if conversation.names[speaker] != corrected[index]["speaker"]:
                    against.append((corrected[index], conversation.names[speaker]))
                continue
            if may is not None and len(may) == 1:
                continue
            if may is None or conversation.names[speaker] in may:
                corrected[index]["speaker"] = conversation.names[speaker]
            else:
                confidence = 1.0 - confidence
            sure = round(min(max(confidence, 0.0), 1.0), 4)
            corrected[index]["speaker_confidence"] = sure
            if options.explain and corrected[index]["speaker"] != before[place]["speaker"]:
                corrected[index][DECIDED_BY] = answer.reasons[place] if answer.reasons else [usual]
        if against:
            warnings.warn(_disagreement(against), Notice, stacklevel=2)
    report("correction", 1.0)
    return results


def _disagreement(against: Sequence[tuple[Word, str]]) -> str:
    """The line that says where the corrector would have chosen otherwise than a person."""
    word, name = against[0]
    several = len(against) > 1
    return (
        f"{word['session_id']}: {len(against)} word{'s' * several} would be another's than a "
        f"person ruled, and stay{'' if several else 's'} ({quoted(word['words'])} at "
        f"{word['start_time']:.1f} s: {word['speaker']}, not {name})"
    )


def _scored(conversations: Sequence[Conversation]) -> bool:
    return any(word.get("speaker_scores") for one in conversations for word in one.words)


def _decided(word: Word) -> bool:
    """Whether a person has said who said the word."""
    return word.get("reviewed") is True


def _started(word: Word, number: int, whose: dict[str, str]) -> Word:
    """The word as a corrector gets it: under the first pass's speaker, or a person's. `whose` are
    speakers that are one with others (`rulings.merges`)."""
    first = word.get("first_pass_speaker", word["speaker"])
    if not isinstance(first, str):
        raise SealError(f"transcript: entry {number}: 'first_pass_speaker' must be a string")
    word = word if _decided(word) else word | {"speaker": first}
    return rulings.merged(word, whose) if whose else word


def _possible(session: Sequence[Word], whose: dict[str, str]) -> list[set[str] | None]:
    """The speakers that each word may have: the first pass's of its channel, where it is clearly of
    one, and those that a person said they are (`whose`); None is everybody."""
    there: dict[int | None, set[str]] = {}
    for word in session:
        if (channel := channel_of(word)) is not None:
            first = word.get("first_pass_speaker", word["speaker"])
            there.setdefault(channel, set()).add(whose.get(str(first), str(first)))
    return [there.get(channel_of(word)) for word in session]


def prepare(**choices: Any) -> None:
    """Check the options of `correct` and load what they name, so that a mistake shows at once."""
    options = _options(choices)
    corrector = correctors.load(options.chosen)
    if hasattr(corrector, "prepare"):
        corrector.prepare(options)


def _options(choices: dict[str, Any]) -> Options:
    """The options, checked. Raises TypeError for an unknown name, as Python does."""
    options = Options(**choices)
    if options.about.needs_audio and options.audio is None:
        raise SealError(f"corrector: {options.chosen} listens; name the recording (--audio)")
    return options


def _signature() -> inspect.Signature:
    """The signature of `correct` with each option by name, as `help` and notebooks show it."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [
        inspect.Parameter(field.name, keyword, default=field.default, annotation=field.type)
        for field in fields(Options)
    ]
    signature = inspect.signature(correct)
    words, progress, _ = signature.parameters.values()
    return signature.replace(parameters=[words, *options, progress])


setattr(correct, "__signature__", _signature())  # noqa: B010 (mypy knows no such attribute)
