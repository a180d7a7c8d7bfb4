"""seal's own `algorithm1`: the paper's loop, one token per pass, and the oracle for the rest."""

from peers import Answer
from seal.llm.decode import algorithm1
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt


def decode(model: LanguageModel, prompt: Prompt) -> Answer:
    decoded = algorithm1.algorithm1(model, prompt, [[0.0] * len(prompt.labels)] * len(prompt.words))
    return Answer(decoded.speakers, decoded.passes)
