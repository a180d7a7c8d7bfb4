"""Correction: a word transcript in, the same words with corrected speakers out.

It hands the conversations of a transcript to a system and writes down what comes back. Words are
never touched: the answer is a copy of the input in which `speaker` may differ, with
`first_pass_speaker` and `speaker_confidence` added. It knows nothing of how a system judges.
"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from seal.acoustic.rescore import with_scores
from seal.correctors import READERS, SYSTEMS, Labels, Options, lengths
from seal.errors import SealError
from seal.llm.conditioning import CONDITIONS, check_thresholds
from seal.llm.decode import DECODERS
from seal.llm.precision import check_precision
from seal.llm.prompt import FORMATS
from seal.progress import Progress, StageProgress, split
from seal.words import Conversation, Word, check, sessions, speakers


def correct(
    words: list[Word],
    *,
    corrector: str | None = None,
    format: str = "word",
    condition: str = "label",
    decode: str = "fast",
    model: str | None = None,
    adapter: str | Path | None = None,
    margin: float | None = None,
    thresholds: tuple[float, float] | None = None,
    device: str = "cpu",
    precision: str | None = None,
    weight: float | None = None,
    audio: str | Path | None = None,
    progress: StageProgress | None = None,
) -> list[Word]:
    """Correct the speakers of a word transcript, which may hold several conversations.

    `corrector` is one of `seal.correctors.SYSTEMS`: "best" (an encoder and a language model
    together), "seal" (the paper's), "ag-lsec" (the encoder alone), "cbs" (a beam search),
    "hmm" (no text) or "voice" (no text, but the recording). None is
    "best", or "seal" where another choice of the paper's is asked for that "best" was not tuned
    with: another `format` or `condition`, `tpst`, a `model` or an `adapter`.

    `format`, `condition` and `decode` are the paper's choices (III-B, III-C); `decode="fast"`
    gives the labels of `algorithm1`. A word changes only where another speaker is preferred by
    more than `margin` nats (None: what was tuned on a dev set; 0: the paper's argmax; `tpst` knows
    no margin). `model` is a Hugging Face name or path (None: the embedded one), `adapter` a peft
    adapter's folder (None: the shipped one, or none with another model); `thresholds` are Th_low
    and Th_med (None: those tuned with the adapter, else the paper's). `precision` is that of the
    language model's products (None: float32 on the CPU, bfloat16 elsewhere). `weight` is the
    language model's beside the encoder in "best" (None: what was tuned; 0: the encoder alone).
    `audio` is the recording, or a folder with one for each session_id: "voice" wants it, "best"
    compares voices in it, and for words without `speaker_scores` the first pass hears some in it,
    which are not in what comes back. `progress` is called with the stage ("first pass",
    "correction") and the share done.

    Raises SealError for a damaged transcript, an unknown option, or a model that does not load.
    """
    options = Options(
        format,
        condition,
        decode,
        model,
        adapter,
        margin,
        thresholds,
        device,
        precision,
        weight,
        audio,
    )
    chosen = chosen_system(corrector, options)
    system = label_function(chosen)
    check(words)
    if audio is not None and not Path(audio).is_dir() and len(list(sessions(words))) > 1:
        raise SealError(f"{audio}: is of one conversation; name a folder with one per session_id")
    scored = chosen != "voice" and condition != "none"  # whether it looks at scores
    corrected = [dict(word) for word in words]
    places: list[list[int]] = []  # of the words of each conversation that has a choice
    conversations: list[Conversation] = []
    for _, indices in sessions(words):
        own = [words[index] for index in indices]
        if len(names := speakers(own)) > 1:
            places.append(indices)
            conversations.append(Conversation(own, names))
        for index in indices:
            corrected[index]["first_pass_speaker"] = words[index]["speaker"]
            corrected[index]["speaker_confidence"] = 1.0

    def report(stage: str, share: float) -> None:
        if progress:
            progress(stage, share)

    if audio is not None and scored:
        hearing = split(partial(report, "first pass"), lengths(conversations))
        conversations = [
            Conversation(with_scores(one.words, one.names, audio, heard), one.names)
            for one, heard in zip(conversations, hearing, strict=True)
        ]
    labels: list[Labels] = []
    if conversations:
        labels = system(conversations, options, partial(report, "correction"))
    for indices, one, answer in zip(places, conversations, labels, strict=True):
        for index, speaker, certain in zip(
            indices, answer.speakers, answer.confidence, strict=True
        ):
            corrected[index]["speaker"] = one.names[speaker]
            corrected[index]["speaker_confidence"] = round(min(max(certain, 0.0), 1.0), 4)
    report("correction", 1.0)
    return corrected


def correct_many(transcripts: Sequence[list[Word]], **options: Any) -> list[list[Word]]:
    """Correct several transcripts in one call, with the options of `correct`: networks read their
    words together, which is quicker where they are short. The speakers are those of one by one; a
    `speaker_confidence` may differ in its last digit, as sums do with their order."""
    joined = [
        {**word, "session_id": f"{number} {word['session_id']}"}
        for number, transcript in enumerate(transcripts)
        for word in transcript
    ]
    corrected = iter(correct(joined, **options))
    return [
        [{**next(corrected), "session_id": word["session_id"]} for word in transcript]
        for transcript in transcripts
    ]


def prepare(corrector: str | None = None, **options: Any) -> None:
    """Check the options of `correct` and load what they name, so that a mistake shows at once."""
    checked = Options(**options)
    system = chosen_system(corrector, checked)
    if system == "seal":
        from seal.correctors.seal import loaded

        loaded(checked)
    elif system in READERS:
        from seal.correctors import ag_lsec_network

        ag_lsec_network.load(checked.adapter, checked.device)


def chosen_system(corrector: str | None, options: Options) -> str:
    """Check the options and name the system that they ask for."""
    for name, value, allowed in (
        ("corrector", corrector or "best", SYSTEMS),
        ("format", options.format, FORMATS),
        ("condition", options.condition, CONDITIONS),
        ("decode", options.decode, DECODERS),
    ):
        if value not in allowed:
            raise SealError(f"{name}: {value!r} is none of {', '.join(allowed)}")
    if options.margin is not None and not options.margin >= 0:
        raise SealError(f"margin: must be 0 nats or more, not {options.margin}")
    if options.weight is not None and not 0 <= options.weight < float("inf"):
        raise SealError(f"weight: must be 0 or more, not {options.weight}")
    if corrector == "voice" and options.audio is None:
        raise SealError("corrector: voice listens; name the recording (--audio)")
    check_precision(options.precision)
    if options.thresholds is not None:
        check_thresholds(options.thresholds)
    tuned = (
        options.format == "word"
        and options.condition == "label"
        and options.decode != "tpst"
        and options.model is None
        and options.adapter is None
    )
    if corrector == "best" and not tuned:
        raise SealError(
            "corrector: best is tuned for the embedded model with --format word, --condition label "
            "and --decode fast or algorithm1; ask for --corrector seal to choose others"
        )
    return corrector or ("best" if tuned else "seal")


def label_function(
    system: str,
) -> Callable[[Sequence[Conversation], Options, Progress], list[Labels]]:
    """The function `label` of a system's file."""
    label: Any = import_module(f"seal.correctors.{system.replace('-', '_')}").label
    return label
