"""Hugging Face `generate` with xgrammar's masks and its own logits processor.

The grammar is made of token numbers (`Token(17, 42)`), so it forces the very tokens of the words.
It is compiled anew for each chunk, within the time that is measured: every chunk has other words.
"""

from functools import lru_cache
from typing import Any

import xgrammar
import xgrammar.contrib.hf

from peers import Answer, allowed_tokens, generate, read, tokenizer
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt


def decode(model: LanguageModel, prompt: Prompt) -> Answer:
    allowed = allowed_tokens(prompt)
    terms = [f"Token({', '.join(map(str, tokens))})" for tokens in allowed]
    grammar = _compiler(model.network.config.vocab_size).compile_grammar(
        "root ::= " + " ".join(terms)
    )
    masks = xgrammar.contrib.hf.LogitsProcessor(grammar)
    written = generate(model, prompt, len(allowed), logits_processor=[masks])
    return Answer(read(prompt, written), len(written))


@lru_cache(maxsize=1)
def _compiler(size: int) -> Any:
    known = xgrammar.TokenizerInfo.from_huggingface(tokenizer(), vocab_size=size)
    return xgrammar.GrammarCompiler(known, cache_enabled=False)
