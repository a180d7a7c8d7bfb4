"""DiarizationLM: free generation, one token per pass, then the transfer of its speakers (TPST).

Words come out right by the transfer alone, and the labels are those of whatever the model wrote:
they are compared with the exact ones, and need not be the same.
"""

from peers import Answer
from seal.llm.decode.tpst import generate
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt
from seal.tpst import tpst


def decode(model: LanguageModel, prompt: Prompt) -> Answer:
    written, passes = generate(model, prompt, lookahead=0)
    names = [model.decode([label]).strip() for label in prompt.labels]
    texts, labels = [], []
    speaker = None
    for piece in model.decode(written).split():
        if piece in names:  # words are lower case: none of them is a name
            speaker = names.index(piece)
        elif speaker is not None:
            texts.append(piece)
            labels.append(speaker)
    words = [model.decode(word).strip() for word in prompt.words]
    return Answer(tpst(texts, labels, words, prompt.draft), passes)
