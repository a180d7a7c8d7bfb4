"""What a user would pick instead of `seal.llm.decode.fast`, one way per file, for bench_peers.py.

Each file has one function `decode` from (language model, prompt) to `Answer`. A prompt is in the
`word` format, so its answer has a fixed number of tokens: a label, then the word's tokens, for
each word. This file holds what the ways share: that shape, and the call of Hugging Face's
`generate`. It knows no engine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from seal.llm.model import LanguageModel, embedded_folder
from seal.llm.prompt import Prompt


@dataclass(frozen=True)
class Answer:
    """The speaker of each word, and how often the model was called."""

    speakers: list[int]
    passes: int


def allowed_tokens(prompt: Prompt) -> list[list[int]]:
    """What the answer's token may be at each position: a label, or the word's one next token."""
    allowed = []
    for word in prompt.words:
        allowed.append(prompt.labels)
        allowed += [[token] for token in word]
    return allowed


def read(prompt: Prompt, tokens: Sequence[int]) -> list[int]:
    """The speakers in an answer's tokens. Fails if these are not the prompt's words."""
    speakers = []
    position = 0
    for word in prompt.words:
        speakers.append(prompt.labels.index(tokens[position]))
        position += 1 + len(word)
        if list(tokens[position - len(word) : position]) != word:
            raise AssertionError("an exact engine wrote other tokens than the words'")
    return speakers


def generate(model: LanguageModel, prompt: Prompt, most: int, **constraint: Any) -> list[int]:
    """What `generate` writes greedily, `most` tokens or up to the end of the text."""
    import torch

    tokens = torch.tensor([prompt.tokens])
    written = model.network.generate(
        tokens,
        attention_mask=torch.ones_like(tokens),
        do_sample=False,
        max_new_tokens=most,
        pad_token_id=model.eos,
        **constraint,
    )
    return written[0, len(prompt.tokens) :].tolist()


@lru_cache(maxsize=1)
def tokenizer() -> Any:
    """The embedded model's tokenizer, for engines that want to know every token's text."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(embedded_folder()))
