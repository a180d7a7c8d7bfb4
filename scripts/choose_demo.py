"""Make takes of the demo call: python scripts/choose_demo.py KOKORO TAKES --bench OUT

Each take has another seed and another share of the script's overlaps (make_demo.py). TAKES/NAME/
gets its sound, its reference and heard.json, what `seal transcribe` makes of it; what is there is
not made again. The tables of docs/reports/demo.md are written anew: the takes in the order of what
the correction gains, and the real calls that `make bench-real` measured into OUT. The take to
bundle is not the best: its sound and reference are copied to src/seal/demo.
"""

import argparse
import json
from pathlib import Path
from statistics import median

import soundfile

import make_demo
import make_readme
from seal import demo, words
from seal.pipeline import transcribe
from seal.scoring import score

VOICES = {"A": "af_heart", "B": "am_michael"}
TAKES = [(0.3, 1), (0.4, 2), (0.5, 3), (0.6, 4), (0.75, 5), (0.8, 6), (0.85, 7), (0.9, 8)]
"""Share of the script's overlaps, and the seed."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Make takes of the demo call.")
    parser.add_argument("kokoro", type=Path, help="as for make_demo.py")
    parser.add_argument("takes", type=Path, help="where the takes go")
    parser.add_argument("--bench", type=Path, required=True, help="BENCH of make bench-real")
    options = parser.parse_args()
    rows = []
    for overlap, seed in TAKES:
        folder = options.takes / f"{overlap}-{seed}"
        take(options.kokoro, overlap, seed, folder)
        rows.append((f"{overlap}, {seed}", *figures(folder)))
        print(*rows[-1], flush=True)
    rows.sort(key=lambda row: row[2] / row[1])
    page = make_readme.ROOT / "docs" / "reports" / "demo.md"
    text = page.read_text(encoding="utf-8")
    blocks = {"takes": table(rows), "median": real_calls(options.bench / "measured" / "real-calls")}
    page.write_text(make_readme.filled(text, blocks), encoding="utf-8")


def take(kokoro: Path, overlap: float, seed: int, folder: Path) -> None:
    """Make what is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    sound, heard = folder / "call.flac", folder / "heard.json"
    if not sound.exists():
        samples, reference = make_demo.make(kokoro, VOICES, overlap, seed)
        words.write(reference, folder / "reference.json")
        soundfile.write(sound, samples, make_demo.RATE, subtype="PCM_16")
    if not heard.exists():
        words.write(transcribe(sound), heard)


def figures(folder: Path) -> tuple[float, float, float, float, int, int]:
    """Δcp of the first pass, corrected, and corrected from words and turns alone; WER; words that
    the demo's correction repairs and breaks."""
    reference, heard = words.read(folder / "reference.json"), words.read(folder / "heard.json")
    first = [{**word, "speaker": word["first_pass_speaker"]} for word in heard]
    before, after = score(reference, first), score(reference, heard)
    repaired, broken = demo.repaired_and_broken(heard, demo.said_by(reference, first))
    alone, *_ = make_readme.alone(reference, first)
    return before.delta_cp, after.delta_cp, alone.delta_cp, before.wer, repaired, broken


def real_calls(folder: Path) -> str:
    """Medians over the outputs of diarizers on the yardstick's real calls."""
    rates, changes = [], []
    for path in sorted((folder / "first-pass").glob("*/*.json")):
        default = folder / "best-default-" / path.parent.name / path.name
        scores = [json.loads(each.read_text())["score"] for each in (path, default)]
        before, after = (each["cp_errors"] - each["errors"] for each in scores)
        rates.append(before / scores[0]["words"])
        changes.append(after / before - 1)
    return (
        f"Of the {len(rates)} outputs of diarizers on real calls, each alone, the median Δcp is\n"
        f"{100 * median(rates):.1f} %, and the median change {make_readme.signed(median(changes))}."
    )


def table(rows: list[tuple[str, float, float, float, float, int, int]]) -> str:
    head = ("overlap, seed", "WER", "Δcp", "corrected", "relative", "repaired", "broken")
    lines = ["| " + " | ".join([*head, "relative, words and turns alone"]) + " |", "|---" * 8 + "|"]
    for name, before, after, alone, wer, repaired, broken in rows:
        rates = [f"{100 * rate:.1f}" for rate in (wer, before, after)]
        relative, read = (make_readme.signed(each / before - 1) for each in (after, alone))
        cells = [name, *rates, relative, str(repaired), str(broken), read]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
