"""How many of the remaining mistakes are among the least certain words:

    python benchmarks/uncertain_words.py DATA [--set primock57-unread] [--words 3000]

What `seal review` shows first is only worth reading if the mistakes are there. The default corrects
a set with a simulated first pass; its words are ordered by `speaker_confidence`.
"""

import argparse
from pathlib import Path

from seal.bench.held_out import recordings
from seal.correction import correct
from seal.words import Word, without_scores

SHARES = (0.01, 0.02, 0.05, 0.10, 0.20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", action="append")
    parser.add_argument("--words", type=int, default=3000, help="of each recording")
    options = parser.parse_args()
    shares = " | ".join(f"{share:.0%}" for share in SHARES)
    print(f"| set | words | still wrong | found in the least certain {shares} |")
    print("|---|---|---|" + "---|" * len(SHARES))
    for name in options.set or ["primock57-unread", "ami-dev"]:
        made = recordings(options.data, name, options.words, 1)
        for title, strip in ((name, False), (f"{name}, no scores", True)):
            judged: list[tuple[float, bool]] = []
            for _, first, truth in made:
                given: list[Word] = [without_scores(word) for word in first] if strip else first
                corrected = correct(given)
                judged += [
                    (word["speaker_confidence"], word["speaker"] != true)
                    for word, true in zip(corrected, truth, strict=True)
                ]
            judged.sort(key=lambda word: word[0])
            wrong = sum(bad for _, bad in judged)
            found = " | ".join(
                f"{sum(bad for _, bad in judged[: round(share * len(judged))]) / wrong:.0%}"
                for share in SHARES
            )
            print(f"| {title} | {len(judged)} | {wrong} | {found} |", flush=True)


if __name__ == "__main__":
    main()
