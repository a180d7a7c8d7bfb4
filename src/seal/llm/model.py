"""The language model: loading, merging and reading it with transformers and peft.

It loads the embedded model (`seal.llm.embedded`) or any causal model of Hugging Face's by name or
path, with a peft adapter merged in, and reads tokens with a KV cache that can be truncated. It
knows nothing of words and speakers.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seal import memory
from seal.errors import SealError, first_line, need, unusable
from seal.llm.embedded import CONVERSION, EMBEDDED, cache_folder, embedded_folder
from seal.llm.linear import compute_in
from seal.llm.loading import encoder, pretrained, quiet, refuse_pickles
from seal.llm.own_attention import check_readable
from seal.llm.packed import KVCache, Piece, read
from seal.llm.precision import check_precision

__all__ = [
    "EMBEDDED",
    "Branches",
    "Context",
    "LanguageModel",
    "cache_folder",
    "embedded_folder",
    "load",
    "load_to_train",
    "merge",
]


class Context:
    """What a model has read so far of one text. At most one chunk long."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._cache = KVCache()

    @property
    def length(self) -> int:
        """Tokens in the context."""
        return self._cache.length

    def feed(self, tokens: Sequence[int], logit_indices: Sequence[int]) -> Tensor:
        """Read `tokens` after what was read, and return next-token logits.

        They are those after the tokens at `logit_indices` (counted in `tokens`): float32
        [len(logit_indices), vocabulary].
        """
        return read(self._network, [Piece(self._cache, tokens, logit_indices)])[0]

    def truncate(self, length: int) -> None:
        """Drop all but the first `length` tokens."""
        self._cache.truncate(length)


class Branches:
    """N texts of equal length that are read together, and may fork."""

    def __init__(self, network: Any) -> None:
        from transformers import DynamicCache

        self._network = network
        self._cache = DynamicCache(config=network.config)

    def feed(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """Read L more `tokens` of each text, and return the next-token logits after each of them.

        They are float32 [N, L, vocabulary].
        """
        with torch.inference_mode():
            output = self._network(
                input_ids=torch.tensor([list(row) for row in tokens], device=self._network.device),
                past_key_values=self._cache,
                use_cache=True,
            )
        return output.logits.float().cpu()

    def fork(self, parents: Sequence[int]) -> None:
        """Go on with the texts `parents`; one may be named more than once, or not at all."""
        with torch.inference_mode():
            self._cache.batch_select_indices(
                torch.tensor(list(parents), device=self._network.device)
            )


class LanguageModel:
    """A causal language model with its tokenizer."""

    def __init__(
        self,
        network: Any,
        encode: Callable[[str], list[int]],
        decode: Callable[[Sequence[int]], str],
        eos: int | None,
    ) -> None:
        self.network = network
        self.encode = encode
        self.decode = decode
        self.eos = eos
        """The token that ends a text, if the model has one."""

    def context(self) -> Context:
        """Return an empty context to read tokens in."""
        return Context(self.network)

    def branches(self) -> Branches:
        """Return texts to read together, none of them begun."""
        return Branches(self.network)


def load(
    model: str | None = None,
    adapter: str | Path | None = None,
    device: str = "cpu",
    precision: str | None = None,
) -> LanguageModel:
    """Load a model by name or path (None: the embedded one), with an adapter merged into it.

    `precision` is one of `seal.llm.precision`'s, for reading alone. None leaves the layers as torch
    and transformers made them: in float32 on the CPU, in bfloat16 elsewhere. Never asks the network
    for the embedded model; another model's name is looked up by transformers in its own cache, or
    fetched where that is allowed.
    """
    check_precision(precision)
    if model is None and adapter is not None:
        _check_base(adapter)
    source = str(embedded_folder()) if model is None else model
    dtype = torch.float32 if device == "cpu" or precision == "float32" else torch.bfloat16
    try:
        tokenizer, network = pretrained(source, dtype=dtype)
    except SealError:
        raise
    except (OSError, ValueError) as error:
        raise SealError(f"model {source}: cannot be loaded: {first_line(error)}") from None
    if adapter is not None:
        network = merge(network, adapter)
    try:
        network = network.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        raise unusable(device, error) from None
    try:
        check_readable(network.get_decoder())
    except SealError as error:
        raise SealError(f"model {source}: {error}") from None
    if precision is not None:
        with quiet():
            compute_in(network, precision)
        memory.give_back()  # some 450 MB of weights as they were
    return _wrapped(network, tokenizer)


def load_to_train(base: str | None, device: str, four_bits: bool) -> LanguageModel:
    """Load a model whose own weights stay as they are, to train an adapter on it.

    With `four_bits` on CUDA they are in 4 bits (NF4, computing in bfloat16, as QLoRA does; Dettmers
    et al., 2023); elsewhere in float32, to which what is learnt is added.
    """
    if device == "cpu":
        return load(base, None, device)
    if not four_bits:
        return load(base, None, device, "float32")
    need("qlora")
    from peft import prepare_model_for_kbit_training
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    source = str(embedded_folder()) if base is None else base
    try:
        tokenizer, network = pretrained(source, quantization_config=config, device_map={"": device})
    except SealError:
        raise
    except (OSError, ValueError, RuntimeError, AssertionError, ImportError) as error:
        raise SealError(
            f"model {source}: cannot be loaded in 4 bits: {first_line(error)}"
        ) from None
    # Activations are computed again in the backward pass, but only in a network in training mode.
    network = prepare_model_for_kbit_training(network).train()
    return _wrapped(network, tokenizer)


def _wrapped(network: Any, tokenizer: Any) -> LanguageModel:
    return LanguageModel(
        network,
        encoder(tokenizer),
        lambda tokens: tokenizer.decode(list(tokens)),
        tokenizer.eos_token_id,
    )


def merge(network: Any, adapter: str | Path) -> Any:
    """Return the network with a peft adapter's weights added to its own."""
    from peft import PeftModel

    if not (Path(adapter) / "adapter_config.json").is_file():
        what = "name an adapter's folder"
        if (Path(adapter) / "model.safetensors").is_file():
            what = "if it is an encoder's, add --corrector ag-lsec"
        raise SealError(f"adapter {adapter}: no adapter_config.json there; {what}")
    refuse_pickles(f"adapter {adapter}", Path(adapter))
    try:
        with quiet():
            return PeftModel.from_pretrained(network, str(adapter)).merge_and_unload()
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise SealError(f"adapter {adapter}: does not fit the model: {first_line(error)}") from None


def _check_base(adapter: str | Path) -> None:
    """Raise SealError where an adapter says that it is another model's than the embedded one."""
    try:
        text = (Path(adapter) / "adapter_config.json").read_text(encoding="utf-8")
        base = json.loads(text)["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # `merge` has more to say
    if isinstance(base, str) and base != EMBEDDED and Path(base).name != CONVERSION:
        raise SealError(f"adapter {adapter}: is of the model {base}; name that, too (--model)")
