"""llama.cpp with 8-bit weights (Q8_0), as most who run it would: quicker, and other numbers.

Its labels are the greedy ones of rounded weights, so they need not be those of float32.
"""

import gguf

from peers import Answer
from peers.llama_cpp import answered, engine
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt


def decode(model: LanguageModel, prompt: Prompt) -> Answer:
    return answered(engine(gguf.GGMLQuantizationType.Q8_0), prompt)
