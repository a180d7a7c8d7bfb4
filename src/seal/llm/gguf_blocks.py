"""A GGUF file's tensors without the library gguf: the kinds that the embedded model is made of.

For machines where that library is not installed. The file says where its tensors lie; weights are
blocks of 32 numbers with a scale, and perhaps an offset, each. It knows the file's layout (GGUF
versions 2 and 3) and Llama's names, and no other model.
"""

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from seal.errors import SealError

BLOCK = 32
"""Numbers in a block."""

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"}
_SCALARS[12] = "d"
_STRING, _ARRAY = 8, 9

_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""What the file calls a tensor, and what transformers does."""


def _float32(data: np.ndarray) -> np.ndarray:
    return data.view("<f4")


def _q8_0(data: np.ndarray) -> np.ndarray:
    blocks = data.reshape(-1, 2 + BLOCK)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    return scales * blocks[:, 2:].view(np.int8).astype(np.float32)


def _q4_1(data: np.ndarray) -> np.ndarray:
    blocks = data.reshape(-1, 4 + BLOCK // 2)
    scales, offsets = blocks[:, :4].copy().view("<f2").astype(np.float32).T[:, :, None]
    halves = np.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], axis=1)
    return scales * halves.astype(np.float32) + offsets


_KINDS: dict[int, tuple[str, int, int, Callable[[np.ndarray], np.ndarray]]] = {
    0: ("F32", 1, 4, _float32),
    3: ("Q4_1", BLOCK, 4 + BLOCK // 2, _q4_1),
    8: ("Q8_0", BLOCK, 2 + BLOCK, _q8_0),
}
"""By the file's number: name, numbers and bytes of a block, and how it is read."""


def read_gguf(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What the file says of the model, but for its lists, and its tensors in float32.

    Raises SealError for a file that is no GGUF, or has tensors of another kind."""
    data = np.memmap(path, dtype=np.uint8, mode="r")
    place = 0

    def take(format: str) -> Any:
        nonlocal place
        size = struct.calcsize("<" + format)
        (value,) = struct.unpack("<" + format, data[place : place + size].tobytes())
        place += size
        return value

    def text() -> str:
        nonlocal place
        length = take("Q")
        place += length
        return data[place - length : place].tobytes().decode("utf-8", "replace")

    def value(kind: int) -> Any:
        if kind == _STRING:
            return text()
        if kind == _ARRAY:
            inner, count = take("I"), take("Q")
            for _ in range(count):
                value(inner)
            return None
        return take(_SCALARS[kind])

    try:
        if take("4s") != b"GGUF" or take("I") not in (2, 3):
            raise SealError(f"{path}: not a GGUF file of version 2 or 3")
        tensors, entries = take("Q"), take("Q")
        said = {}
        for _ in range(entries):
            key = text()
            said[key] = value(take("I"))
        places = []
        for _ in range(tensors):
            name, dimensions = text(), take("I")
            shape = [take("Q") for _ in range(dimensions)]
            places.append((name, shape, take("I"), take("Q")))
        aligned = said.get("general.alignment", 32)
        start = -(-place // aligned) * aligned
        found = {}
        for name, shape, kind, offset in places:
            if kind not in _KINDS:
                raise SealError(f"{path}: {name} is of a kind ({kind}) that is not known here")
            _, numbers, size, read = _KINDS[kind]
            length = int(np.prod(shape)) // numbers * size
            part = np.asarray(data[start + offset : start + offset + length])
            found[name] = read(part).reshape(shape[::-1])
    except (struct.error, KeyError, ValueError) as error:
        raise SealError(f"{path}: cannot be read as GGUF: {error}") from None
    return said, found


def llama_weights(path: Path, config: Path) -> dict[str, np.ndarray]:
    """The float16 weights of a Llama in a GGUF file by transformers' names; `config` is its
    config.json."""
    _, tensors = read_gguf(path)
    settings = json.loads(config.read_text(encoding="utf-8"))
    heads = {
        "attn_q": settings["num_attention_heads"],
        "attn_k": settings["num_key_value_heads"],
    }
    weights = {}
    for name, tensor in tensors.items():
        layer = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
        own = layer[2] if layer else name.removesuffix(".weight")
        if own not in _NAMES:
            raise SealError(f"{path}: holds {name}, which is no part of a Llama as known here")
        if own in heads:  # pairs that turn together lie side by side there, halves apart here
            rows, columns = tensor.shape
            tensor = tensor.reshape(heads[own], rows // heads[own] // 2, 2, columns)
            tensor = tensor.swapaxes(1, 2).reshape(rows, columns)
        prefix = f"model.layers.{layer[1]}." if layer else ""
        weights[f"{prefix}{_NAMES[own]}.weight"] = tensor.astype(np.float16)
    return weights
