"""Algorithm 1 of the paper: constrained decoding, token by token. Slow, and the oracle for `fast`.

It knows nothing of how the prompt was made, and is the same for both transcript formats.
"""

from seal.llm.decode import Decoded, Margins, choose
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt


def algorithm1(model: LanguageModel, prompt: Prompt, margins: Margins) -> Decoded:
    """Decode one chunk greedily over the allowed next tokens, one token per pass.

    Between words the allowed tokens are one per speaker; within a word, only the word's next token
    (the masking of Algorithm 1, lines 6 to 11). `margins` are W x K, in nats.
    """
    context = model.context()
    logits = context.feed(prompt.tokens, [len(prompt.tokens) - 1])[0]
    speakers: list[int] = []
    posteriors: list[list[float]] = []
    passes = 1
    previous = None
    for word in range(len(prompt.words)):
        allowed = logits[prompt.allowed_tokens(word, previous)]
        speaker, posterior = choose(allowed, prompt.draft[word], margins[word])
        speakers.append(speaker)
        posteriors.append(posterior)
        for token in prompt.emit(word, speaker, previous):
            logits = context.feed([token], [0])[0]
            passes += 1
        previous = speaker
    return Decoded(speakers, posteriors, passes)
