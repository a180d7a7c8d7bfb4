"""What other languages get: .venv/bin/python benchmarks/evaluate_languages.py FOLDER [NAME …]

FOLDER holds recordings, NAME.wav, with the words that are said in them, NAME.json: such as what
scripts/voice_languages.py makes. Each goes through the whole chain, its language found. A row says
which language that was, how much was misheard, of which words the first pass has the wrong speaker,
and how many of those the correction repairs, and how many it breaks, from the text alone and with
the recording.
"""

import argparse
from pathlib import Path

from seal import words
from seal.correction import correct
from seal.pipeline import transcribe
from seal.scoring import score
from seal.tpst import oracle


def main() -> None:
    parser = argparse.ArgumentParser(description="What other languages get.")
    parser.add_argument("folder", type=Path, help="recordings with their words")
    parser.add_argument("names", nargs="*", help="of some of them; all by default")
    options = parser.parse_args()
    print("| recording | found | words | misheard | wrong speaker | text alone | with sound |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for path in sorted(options.folder.glob("*.wav")):
        if not options.names or path.stem in options.names:
            print(row(path), flush=True)


def row(path: Path) -> str:
    reference = words.read(path.with_suffix(".json"))
    found = transcribe(path, language="auto", speakers=2, correct=False)
    true = oracle(reference, found)
    wer = score(reference, found).wer
    wrong = sum(word["speaker"] != who for word, who in zip(found, true, strict=True))
    cells = [path.stem, str(found[0].get("language")), str(len(found)), f"{100 * wer:.0f} %"]
    cells.append(str(wrong))
    for audio in (None, path):
        after = correct(found, audio=audio)
        pairs = list(zip(found, after, true, strict=True))
        repaired = sum(a["speaker"] != t == b["speaker"] for a, b, t in pairs)
        broken = sum(a["speaker"] == t != b["speaker"] for a, b, t in pairs)
        cells.append(f"+{repaired} −{broken}")
    words.write(found, path.with_suffix(".found.json"))
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
