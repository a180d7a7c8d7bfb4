"""Train what listens with the default: python scripts/train_hearing.py DATA OUT [--recordings N]

DATA holds `ami/`, `icsi/`, `cabnc/` and `librispeech_utterances/`. Stretches of half a minute to
four minutes of training conversations are spoken by training voices, in rooms, over telephones and
in noise; the real first pass listens, and finds the number of speakers itself; words are lost and
misheard; the text is corrected, and every unit is heard. A third of the recordings come a second
time with hard labels, of a diarizer that never takes two voices of a window for one and joins
others sooner. OUT gets the sound, an NNNN.pkl of examples each (those that are there are kept), and
network.npz; a table of what is repaired and broken in recordings left out goes to stdout.
"""

import argparse
import pickle
import sys
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile

from seal.acoustic import clustering
from seal.acoustic.audio import RATE
from seal.acoustic.first_pass import first_pass
from seal.acoustic.reconcile import pooled, reconcile
from seal.acoustic.rescore import matched as names_matched
from seal.acoustic.rescore import renamed
from seal.bench.diarised import matched
from seal.corpora import ami, cabnc, icsi
from seal.corpora.splits import ami_split, cabnc_split, first_clip_cut
from seal.correctors import Options, ag_lsec, best, hearing, path
from seal.correctors.ag_lsec_features import is_punctuated
from seal.training.hearing import fit
from seal.training.mixtures import effects, held_out, load_voices, mix
from seal.training.recogniser import recognised
from seal.training.simulate import from_start
from seal.words import Conversation, Word, speakers, turns

SHARES = (0.4, 0.3, 0.2, 0.1)
"""Of CABNC, AMI and ICSI; the last tenth, two who speak at once, has no words."""

EPOCHS = 30
UNREAD = 0.2
"""Of the recordings, the share whose text is not read."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recordings", type=int, default=160, metavar="N")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    corpora: list[list[list[Word]]] = []
    voices: dict[str, np.ndarray] = {}
    for index in range(options.recordings):
        file = options.out / f"{index:04d}.pkl"
        if not file.exists():
            if not corpora:
                corpora, voices = read(options.data)
            made = make(index, corpora, voices, options.out / f"{index:04d}.flac")
            file.write_bytes(pickle.dumps(made))
            print(f"{index}: {sum(len(found[1]) for found in made)} words", file=sys.stderr)
    train(options)


def read(data: Path) -> tuple[list[list[list[Word]]], dict[str, np.ndarray]]:
    """The conversations of each corpus, and the voices, that training may know."""
    talk = cabnc.load(data / "cabnc")
    meetings = {name: first_clip_cut(told) for name, told in ami.load(data / "ami").items()}
    everyday = [
        told
        for name, told in talk.items()
        if cabnc_split(name) == "train" and len(told) >= 300 and 2 <= len(speakers(told)) <= 6
    ]
    corpora = [
        everyday,
        [meetings[name] for name in sorted(meetings) if ami_split(name) == "train"],
        list(icsi.load(data / "icsi").values()),
    ]
    folder = data / "librispeech_utterances"
    test = {path.name for path in (folder / "librispeech_test-other").iterdir()}
    voices = load_voices(folder)
    kept = sorted(set(voices) - held_out(voices) - test)
    return corpora, {name: voices[name] for name in kept}


Example = tuple[list[Word], list[int], list[str], np.ndarray, list[int], hearing.Heard]
"""First pass, right speakers (-1: not found), names, the text's rows and labels, what is heard."""


def make(
    index: int, corpora: list[list[list[Word]]], voices: dict[str, np.ndarray], sound: Path
) -> list[Example]:
    """The examples of a recording: none, one, or two."""
    rng = np.random.default_rng(zlib.crc32(f"voiced {index}".encode()))
    kind = rng.choice(4, p=SHARES)
    if kind == 3:
        return []
    for _ in range(50):
        told = corpora[kind][rng.integers(len(corpora[kind]))]
        seconds = 30.0 if rng.random() < 0.4 else float(rng.uniform(60, 240))
        at = rng.uniform(0, max(1, told[-1]["end_time"] - seconds))
        words = [w for w in told if at <= w["start_time"] and w["end_time"] < at + seconds]
        if len(words) > 20:
            break
    if rng.random() < 0.8:  # not all begin with a word
        words = [
            {**w, "start_time": w["start_time"] - at, "end_time": w["end_time"] - at} for w in words
        ]
    else:
        words = from_start(words)
        seconds = max(w["end_time"] for w in words) + 1
    names = speakers(words)
    order = rng.permutation(list(voices))
    cast = {name: voices[voice] for name, voice in zip(names, order, strict=False)}
    gains = {name: float(rng.normal(0, 3)) for name in names}
    varied = bool(rng.random() >= 0.3)
    samples = effects(mix(turns(words), cast, gains, seconds, rng, varied), rng)
    soundfile.write(sound, samples, RATE)
    heard = recognised(words, rng)
    if len(heard) < 20:
        return []
    who = [word["speaker"] for word in heard]
    bare = [{k: v for k, v in w.items() if k not in ("speaker", "session_id")} for w in heard]
    posteriors = first_pass(sound)
    first = reconcile(bare, posteriors, sound.stem)
    examples = []
    if posteriors.frames.shape[1] > 1:
        examples.append(example(first, matched(who, [w["speaker"] for w in first]), sound))
    if index % 3 == 0:
        with mock.patch.multiple(clustering, TIGHT=0.6, SPLIT=2.0, ONE_VOICE=(2.0, 2.0)):
            other = reconcile(bare, first_pass(sound), sound.stem)
        hard = [{k: v for k, v in w.items() if k != "speaker_scores"} for w in other]
        given = speakers(hard)
        if len(given) > 1:
            scores = pooled(posteriors, hard)
            own = renamed(scores, names_matched(hard, given, scores), given)
            hard = [{**w, "speaker_scores": s} for w, s in zip(hard, own, strict=True)]
            examples.append(example(hard, matched(who, [w["speaker"] for w in hard]), sound))
    return examples


def example(first: list[Word], true: list[str], sound: Path) -> Example:
    """What is needed to make features of a first pass, whose text is corrected here."""
    names = list(dict.fromkeys([*speakers(first), *first[0].get("speaker_scores", {})]))
    conversation, tuned = Conversation(first, names), best.settings()
    rows = ag_lsec.log_posteriors([conversation], "cpu", lambda _: None, fit=tuned["fit"])[0]
    gain = ag_lsec.gains(conversation, rows, Options(), tuned)
    cost = path.costs(first, is_punctuated(first), tuned["changes"])
    labels = path.best(gain, cost).tolist()
    heard = hearing.listen(conversation, labels, sound, lambda _: None)
    right = [names.index(name) if name in names else -1 for name in true]
    return first, right, names, rows, labels, heard


def train(options: argparse.Namespace) -> None:
    """Fit the network: four times without a quarter of the recordings, for the table, and once with
    all of them."""
    made = [
        (index, found)
        for index in range(options.recordings)
        for found in pickle.loads((options.out / f"{index:04d}.pkl").read_bytes())
    ]
    inputs = [features(index, found) for index, found in made]
    print("| | words | wrong | repaired | broken | worse |\n|---|---|---|---|---|---|")
    total = {"text alone": np.zeros(5, int), "text and voices": np.zeros(5, int)}
    for fold in range(4):
        known = [x for x, (index, _) in zip(inputs, made, strict=True) if index % 4 != fold]
        network = fit(known, EPOCHS)
        for (x, true), (index, found) in zip(inputs, made, strict=True):
            if index % 4 == fold:
                first, _, names, _, labels, _ = found
                total["text alone"] += counts(first, names, true, labels)
                logits = network(x)
                rows = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
                chosen = best.decided(Conversation(first, names), rows, hearing.MARGIN)
                total["text and voices"] += counts(first, names, true, chosen)
    for title, row in total.items():
        print(f"| {title} | " + " | ".join(map(str, row)) + f" of {len(made)} |")
    network = fit(inputs, EPOCHS)
    np.savez(options.out / "network.npz", **vars(network))


def features(index: int, found: Example) -> tuple[np.ndarray, np.ndarray]:
    first, right, names, rows, labels, heard = found
    conversation = Conversation(first, names)
    if np.random.default_rng(index).random() < UNREAD:
        rows, labels = best.unread(conversation), conversation.draft()
    return hearing.features(conversation, rows, labels, heard), np.array(right)


def counts(first: list[Word], names: list[str], true: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Words, wrong ones before, repaired, broken, and whether more were broken."""
    draft, chosen = np.array(Conversation(first, names).draft()), np.array(chosen)
    repaired = int(((draft != true) & (chosen == true)).sum())
    broken = int(((draft == true) & (chosen != true)).sum())
    return np.array([len(true), (draft != true).sum(), repaired, broken, broken > repaired])


if __name__ == "__main__":
    main()
