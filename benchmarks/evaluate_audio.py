"""What `seal correct --audio` is worth on words of others: python benchmarks/evaluate_audio.py SET…

A SET is a folder with first/NAME.json, reference/NAME.json and audio/NAME.wav, as `seal bench` and
`scripts/voice_conversations.py` have them. Its first passes lose their scores and are corrected
without the recording, with it but comparing voices alone, and with the first pass's scores, too.
`--eend shipped` labels the words by another diarizer than seal's own, so that the scores are not
merely those that were taken away.
"""

import argparse
from functools import lru_cache
from pathlib import Path
from unittest import mock

from seal import correction
from seal.acoustic import first_pass as first_pass_module
from seal.acoustic.first_pass import first_pass
from seal.acoustic.reconcile import reconcile
from seal.bench.sets import Recording, read_set
from seal.correction import correct
from seal.scoring import Score, score
from seal.words import Word, without_scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--eend", metavar="FOLDER", help="who labels the words")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="nth recording of a set")
    options = parser.parse_args()
    once = lru_cache(first_pass)
    first_pass_module.first_pass = lambda path, speakers=None, progress=None: once(path, speakers)
    print("| set | | cpWER | Δcp | words changed |\n|---|---|---|---|---|")
    for folder in options.sets:
        recordings = read_set(folder)[:: options.every]
        given = [labelled(recording, options.eend) for recording in recordings]
        show(folder.name, "as given", recordings, given, given)
        show(folder.name, "corrected", recordings, given, [correct(g) for g in given])
        with mock.patch.object(correction, "with_scores", lambda own, *_: own):
            alone = [correct(g, audio=r.audio) for g, r in zip(given, recordings, strict=True)]
        show(folder.name, "`--audio`, voices alone", recordings, given, alone)
        both = [correct(g, audio=r.audio) for g, r in zip(given, recordings, strict=True)]
        show(folder.name, "`--audio`", recordings, given, both)
        scores = [
            correct(g, audio=r.audio, corrector="ag-lsec")
            for g, r in zip(given, recordings, strict=True)
        ]
        show(folder.name, "`--audio --corrector ag-lsec`", recordings, given, scores)


def labelled(recording: Recording, eend: str | None) -> list[Word]:
    """The first pass's words without scores, under its own names or those of another diarizer."""
    first = [without_scores(word) for word in recording.first]
    if eend is None or not first:
        return first
    bare = [{k: v for k, v in word.items() if k != "speaker"} for word in first]
    heard = first_pass(recording.audio, eend=eend)
    return [without_scores(word) for word in reconcile(bare, heard, first[0]["session_id"])]


def show(
    name: str,
    title: str,
    recordings: list[Recording],
    given: list[list[Word]],
    answers: list[list[Word]],
) -> None:
    """A line of the table."""
    total, changed = Score(), 0
    for recording, before, after in zip(recordings, given, answers, strict=True):
        total += score(recording.reference, after)
        assert [w["words"] for w in before] == [w["words"] for w in after]
        changed += sum(a["speaker"] != b["speaker"] for a, b in zip(before, after, strict=True))
    print(
        f"| {name} | {title} | {total.cpwer:.1%} | {total.delta_cp:.1%} | {changed} |", flush=True
    )


if __name__ == "__main__":
    main()
