"""Precision: in which numbers the products of a language model's layers are computed.

`float32` and `bfloat16` go through oneDNN with weights that are packed once: what is left to read
of a chunk is often few tokens, and few of them it multiplies twice as fast as torch's own linear
maps do. `int8` is torchao's: a scale for each token and for each output of a map, whole numbers
in between, so that an answer does not depend on what else is in the pass. Sums and norms stay in
float32. Training has a context in which they are quick. This file knows no text and no model by
name.
"""

import time
from functools import lru_cache
from typing import Any, Literal, get_args

from seal.errors import SealError

Precision = Literal["float32", "bfloat16", "int8"]
PRECISIONS: tuple[str, ...] = get_args(Precision)

ROWS = 512
"""Tokens for which weights are laid out; other numbers of them do nearly as well."""


def check_precision(precision: str | None) -> None:
    """Raise SealError for a name that is none of PRECISIONS."""
    if precision is not None and precision not in PRECISIONS:
        raise SealError(f"precision: {precision!r} is none of {', '.join(PRECISIONS)}")


def compute_in(network: Any, precision: str) -> None:
    """Make a network compute the linear maps of its layers in `precision`, for reading alone. Its
    output layer stays as it is. Raises SealError where the processor has no instructions for int8,
    or torchao is missing."""
    import torch

    layers = network.get_decoder()
    if precision == "int8":
        _quantise(layers, network.device.type)
    elif network.device.type == "cpu" and torch.backends.mkldnn.is_available():
        _pack(layers, getattr(torch, precision))
    else:
        network.to(getattr(torch, precision))


def quick(device: str = "cpu") -> Any:
    """A context in which matrix products run in bfloat16 where that is the quicker way, for
    training. Elsewhere it changes nothing: many processors know bfloat16, few gain by it."""
    import torch

    wanted = device != "cpu" or _bfloat16_is_quicker()
    return torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=wanted)


@lru_cache(maxsize=1)
def _bfloat16_is_quicker() -> bool:
    """Time one product of a layer's size in both precisions, a few times in turn."""
    import torch

    if not torch.cpu._is_avx512_bf16_supported():
        return False
    times: dict[Any, list[float]] = {torch.float32: [], torch.bfloat16: []}
    for _ in range(5):
        for dtype, seconds in times.items():
            left, right = torch.ones(1024, 576, dtype=dtype), torch.ones(1536, 576, dtype=dtype)
            began = time.perf_counter()
            torch.nn.functional.linear(left, right)
            seconds.append(time.perf_counter() - began)
    return 1.3 * min(times[torch.bfloat16]) < min(times[torch.float32])


def _pack(layers: Any, dtype: Any) -> None:
    import torch
    from torch import Tensor, nn

    class Packed(nn.Module):
        """A linear map whose weight only oneDNN can read."""

        def __init__(self, linear: nn.Linear) -> None:
            super().__init__()
            self.computes_in = dtype
            weight = linear.weight.detach().to(dtype)
            self.weight = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)
            self.bias = None if linear.bias is None else linear.bias.detach().to(dtype)

        def forward(self, states: Tensor) -> Tensor:
            rows = states.to(dtype).reshape(-1, states.shape[-1])
            count = len(rows)
            if count < 2:  # one alone is added up in another order
                rows = nn.functional.pad(rows, (0, 0, 0, 2 - count))
            answer = torch.ops.mkldnn._linear_pointwise(
                rows, self.weight, self.bias, "none", [], ""
            )
            return answer[:count].to(states.dtype).view(*states.shape[:-1], -1)

    for module in list(layers.modules()):
        for name, child in list(module.named_children()):
            if type(child) is nn.Linear:
                setattr(module, name, Packed(child))


def _quantise(layers: Any, device: str) -> None:
    import torch

    if device == "cpu" and not torch.cpu._is_vnni_supported():
        raise SealError(
            "precision: int8 would be slower than float32 on this processor, which has no VNNI; "
            "leave --precision out"
        )
    try:
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_
    except ImportError as error:
        raise SealError(
            f"precision: int8 needs torchao, which is missing ({error}); pip install 'seal[int8]'"
        ) from None
    quantize_(layers, Int8DynamicActivationInt8WeightConfig())
