"""Prompts of held-out consultations: what a language model is given to decode."""

from collections.abc import Iterator
from pathlib import Path

from seal.bench.held_out import recordings
from seal.correctors.seal import chunk_prompt
from seal.llm.chunks import cut
from seal.llm.conditioning import acoustic_label, word_score
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt, word_tokens
from seal.words import Word, speakers


def transcripts(data: Path, words: int) -> Iterator[list[Word]]:
    """The first `words` words of the set, recording by recording, with a simulated first pass."""
    for _, transcript, _ in recordings(data, "primock57-unread", 250, seed=1):
        if words <= 0:
            return
        yield transcript[:words]
        words -= len(transcript)


def prompts(
    data: Path, model: LanguageModel, score: str, words: int, format: str
) -> Iterator[Prompt]:
    """The prompts of the chunks in the set's first `words` words; `score` names the word score."""
    for transcript in transcripts(data, words):
        names = speakers(transcript)
        draft = [names.index(word["speaker"]) for word in transcript]
        tokens = [word_tokens(word["words"], model.encode) for word in transcript]
        labels = [acoustic_label(word_score(word, score), "label") for word in transcript]
        for chunk in cut([len(word) for word in tokens], draft):
            yield chunk_prompt(chunk, tokens, draft, labels, len(names), model.encode, format)[0]
