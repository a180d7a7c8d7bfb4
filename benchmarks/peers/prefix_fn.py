"""Hugging Face `generate` with `prefix_allowed_tokens_fn`: Algorithm 1 as most would write it."""

from peers import Answer, allowed_tokens, generate, read
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt


def decode(model: LanguageModel, prompt: Prompt) -> Answer:
    allowed = allowed_tokens(prompt)
    start = len(prompt.tokens)
    written = generate(
        model,
        prompt,
        len(allowed),
        prefix_allowed_tokens_fn=lambda _, tokens: allowed[len(tokens) - start],
    )
    return Answer(read(prompt, written), len(written))
