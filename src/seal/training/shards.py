"""An adapter in small files: what a run leaves of itself where files must be small.

Each set of shards is of one step, and all that is needed to make an adapter of it stands in their
headers. A set is whole before the one before it goes, so a run that is cut off leaves one.
"""

import json
import re
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor

from seal.errors import SealError
from seal.files import write_bytes, write_text

MOST_BYTES = 15 * 2**20
"""Of one file, header and all."""

HEADER_BYTES = 2**17
"""Left for a file's header."""

_NAME = re.compile(r"adapter-(\d{7})-(\d+)of(\d+)\.safetensors")


def write_shards(
    weights: dict[str, Tensor], texts: dict[str, str], step: int, folder: Path
) -> None:
    """Write an adapter's weights in float16 and its other files (`texts`: name to text) as shards,
    then remove those of steps before."""
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, weight in weights.items():
        half = weight.half().contiguous().cpu()
        if size + half.nbytes > MOST_BYTES - HEADER_BYTES and shards[-1]:
            shards.append({})
            size = 0
        shards[-1][name] = half
        size += half.nbytes
    folder.mkdir(parents=True, exist_ok=True)
    older = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    for number, shard in enumerate(shards, start=1):
        path = folder / f"adapter-{step:07d}-{number}of{len(shards)}.safetensors"
        write_bytes(save(shard, {"texts": json.dumps(texts)}), path)
        older = [one for one in older if one != path]
    for path in older:
        path.unlink()


def join_shards(folder: Path, output: Path) -> int:
    """Make an adapter in `output` of the last whole set of shards in `folder`; return its step.

    Raises SealError where there is none.
    """
    sets: dict[tuple[int, int], list[Path]] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if name := _NAME.fullmatch(path.name):
            sets.setdefault((int(name[1]), int(name[3])), []).append(path)
    for (step, count), paths in sorted(sets.items(), reverse=True):
        if len(paths) != count:
            continue
        weights: dict[str, Tensor] = {}
        try:
            for path in paths:
                weights |= load_file(path)
            with safe_open(paths[0], "pt") as file:
                texts = json.loads(file.metadata()["texts"])
        except (OSError, SafetensorError, ValueError, KeyError, TypeError):
            continue  # cut off while it was written or fetched: the set before it may be whole
        if not all(bool(torch.isfinite(weight).all()) for weight in weights.values()):
            continue
        write_bytes(save(weights), output / "adapter_model.safetensors")
        for name, text in texts.items():
            write_text(text, output / name)
        return step
    raise SealError(f"{folder}: holds no whole set of shards (adapter-STEP-1ofN.safetensors, …)")
