"""Hugging Face `generate` with llguidance's masks.

The grammar is made of token numbers (`<[17,42]>`), so it forces the very tokens of the words. It
is compiled anew for each chunk, within the time that is measured: every chunk has other words.
"""

from functools import lru_cache
from typing import Any

import llguidance
import llguidance.hf
import llguidance.torch
import torch
from transformers import LogitsProcessor

from peers import Answer, allowed_tokens, generate, read, tokenizer
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt


def decode(model: LanguageModel, prompt: Prompt) -> Answer:
    masks = Masks(matcher(model, prompt), model.network.config.vocab_size)
    written = generate(model, prompt, len(allowed_tokens(prompt)), logits_processor=[masks])
    return Answer(read(prompt, written), len(written))


def matcher(model: LanguageModel, prompt: Prompt) -> Any:
    """The state of llguidance's parser before the answer's first token."""
    terms = [f"<[{','.join(map(str, sorted(allowed)))}]>" for allowed in allowed_tokens(prompt)]
    grammar = llguidance.LLMatcher.grammar_from_lark("start: " + " ".join(terms))
    state = llguidance.LLMatcher(_vocabulary(model.network.config.vocab_size), grammar)
    if state.is_error():
        raise AssertionError(state.get_error())
    return state


@lru_cache(maxsize=1)
def _vocabulary(size: int) -> Any:
    return llguidance.hf.from_tokenizer(tokenizer(), n_vocab=size)


class Masks(LogitsProcessor):
    """Tells the parser of the newest token, and leaves those that it allows next."""

    def __init__(self, state: Any, size: int) -> None:
        self._state = state
        self._mask = llguidance.torch.allocate_token_bitmask(1, size)
        self._started = False

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if self._started:
            self._state.consume_token(input_ids[0, -1].item())
        self._started = True
        llguidance.torch.fill_next_token_bitmask(self._state, self._mask)
        llguidance.torch.apply_token_bitmask_inplace(scores, self._mask)
        return scores
