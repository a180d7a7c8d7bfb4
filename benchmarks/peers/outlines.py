"""Hugging Face `generate` with outlines' masks for a regular expression (outlines-core).

It works on text: the words come out as they are, but in whatever tokens the model likes (and a
label may come as a space and a letter), so its labels need not be those of Algorithm 1. The index
of the expression is made anew for each chunk, within the time that is measured.
"""

import re
from functools import lru_cache
from typing import Any

import outlines
from outlines.backends import get_regex_logits_processor

from peers import Answer, generate, tokenizer
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt


def decode(model: LanguageModel, prompt: Prompt) -> Answer:
    names = [model.decode([label]) for label in prompt.labels]
    words = [model.decode(word) for word in prompt.words]
    either = f"({'|'.join(names)})"
    masks = get_regex_logits_processor(
        "outlines_core", _wrapped(model.network), "".join(either + re.escape(w) for w in words)
    )
    most = sum(len(word) + max(map(len, names)) for word in words) + 1  # a letter per token
    written = generate(model, prompt, most, logits_processor=[masks])
    text = model.decode([token for token in written if token != model.eos])
    speakers = []
    for word in words:
        name = next(name for name in names if text.startswith(name + word))
        speakers.append(names.index(name))
        text = text.removeprefix(name + word)
    return Answer(speakers, len(written))


@lru_cache(maxsize=1)
def _wrapped(network: Any) -> Any:
    return outlines.from_transformers(network, tokenizer())
