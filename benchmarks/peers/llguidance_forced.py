"""llguidance with a loop of our own that reads forced tokens along.

Where the grammar leaves no choice llguidance tells the tokens ahead (`compute_ff_tokens`), which
`generate` cannot use. Here a label and its word's tokens are one pass: the best that a loop can do
which knows the grammar and nothing of the draft.
"""

import llguidance.torch

from peers import Answer, read
from peers.llguidance import matcher
from seal.llm.model import LanguageModel
from seal.llm.prompt import Prompt


def decode(model: LanguageModel, prompt: Prompt) -> Answer:
    state = matcher(model, prompt)
    mask = llguidance.torch.allocate_token_bitmask(1, model.network.config.vocab_size)
    context = model.context()
    written: list[int] = []
    unread = list(prompt.tokens)
    passes = 0
    while True:
        forced = state.compute_ff_tokens()
        state.consume_tokens(forced)
        written += forced
        unread += forced
        if state.is_stopped():
            return Answer(read(prompt, written), passes)
        logits = context.feed(unread, [len(unread) - 1])
        passes += 1
        llguidance.torch.fill_next_token_bitmask(state, mask)
        llguidance.torch.apply_token_bitmask_inplace(logits, mask)
        unread = [int(logits.argmax())]
        state.consume_token(unread[0])
        written += unread
