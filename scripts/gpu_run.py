"""Train the language model's adapter on a borrowed GPU, in three short calls.

    python scripts/gpu_run.py pack corpora.npz build/gpu    # here: what is carried, in three parts
    python scripts/gpu_run.py calls                         # the three command lines, to run there
    python scripts/gpu_run.py join OUT adapter/             # here: what came back, as an adapter

There each command starts in the root of a copy of the repository with Python 3.12, torch,
transformers, safetensors, tokenizers, numpy and scipy, and nothing else: seal runs from src/, and
the embedded model is read from its two halves without the library gguf. What comes back lies in
$OUT, and is written every minute in files of at most 15 MiB.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

BEGAN = time.perf_counter()

HALF = 49 * 2**20
"""Bytes of the first part of the model's file; the second is what remains."""

SIDE = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
"""Files that are needed beside the weights."""

CALLS = (
    (
        "build/gpu/1",
        120,
        "mkdir -p /tmp/gpu/parts && cp build/gpu/1/* /tmp/gpu/parts/ && (nvidia-smi -L || true)",
    ),
    ("build/gpu/2", 120, "cp build/gpu/2/* /tmp/gpu/parts/ && ls -l /tmp/gpu/parts"),
    (
        "build/gpu/3",
        590,
        "cp build/gpu/3/* /tmp/gpu/parts/ && PYTHONPATH=src OMP_NUM_THREADS=1 python3 -u "
        'scripts/gpu_run.py train /tmp/gpu "$OUT" --minutes 9.3',
    ),
)
"""(what is carried, limit in seconds, command). The weights stay behind: they are not read."""

REPORT_SECONDS = 10.0
"""Between two lines about how the run goes."""

MATRIX = 8192
"""Rows and columns of the product by which the device's rate is measured."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("pack", help="write what is carried, in three folders")
    one.add_argument("corpora", type=Path, help="file of scripts/pack_corpora.py")
    one.add_argument("folder", type=Path)
    commands.add_parser("calls", help="print the command lines")
    one = commands.add_parser("train", help="unpack the model and train, there")
    one.add_argument("folder", type=Path, help="holds parts/")
    one.add_argument("out", type=Path, help="gets the shards and the log")
    one.add_argument("--minutes", type=float, default=9.3, help="of this command, all in all")
    one.add_argument("--device", default="cuda")
    one.add_argument(
        "--set",
        dest="settings",
        nargs="*",
        default=[],
        metavar="NAME=VALUE",
        help="of the recipe; lists have commas",
    )
    one.add_argument("--workers", type=int)
    one = commands.add_parser("join", help="make an adapter of the last whole set of shards")
    one.add_argument("out", type=Path)
    one.add_argument("adapter", type=Path)
    options = vars(parser.parse_args())
    from seal.errors import SealError

    command = {"pack": pack, "calls": calls, "train": train, "join": join}
    try:
        command[options.pop("command")](**options)
    except SealError as error:
        print(f"gpu_run: {error}", file=sys.stderr)
        return 2
    return 0


def pack(corpora: Path, folder: Path) -> None:
    """Write the two halves of the model's file, and the rest, to folder/1, /2 and /3."""
    import importlib.util

    from seal.errors import SealError
    from seal.llm.embedded import EMBEDDED, embedded_folder

    spec = importlib.util.find_spec(EMBEDDED)
    found = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not found:
        raise SealError("the embedded model is not installed: run `make setup`")
    if not corpora.is_file():
        raise SealError(f"{corpora}: there is no such file; make it with scripts/pack_corpora.py")
    shutil.rmtree(folder, ignore_errors=True)
    for part in "123":
        (folder / part).mkdir(parents=True)
    data = found[0].read_bytes()
    (folder / "1" / "model.gguf.1").write_bytes(data[:HALF])
    (folder / "2" / "model.gguf.2").write_bytes(data[HALF:])
    for name in SIDE:
        if (embedded_folder() / name).is_file():
            shutil.copy(embedded_folder() / name, folder / "3")
    shutil.copy(corpora, folder / "3" / "corpora.npz")
    sums = {"model.gguf": hashlib.sha256(data).hexdigest()}
    (folder / "3" / "sums.json").write_text(json.dumps(sums) + "\n")
    for part in "123":
        size = sum(path.stat().st_size for path in (folder / part).iterdir())
        print(f"{folder / part}: {size / 2**20:.1f} MiB")


def calls() -> None:
    """Print the three calls."""
    print(
        "Here, before:  rm -r src/seal/weights/*/       (git checkout -- src/seal/weights, after)"
    )
    for number, (carried, limit, command) in enumerate(CALLS, start=1):
        print(f"\nCall {number}: carries {carried}, at most {limit} s\n{command}")


def train(
    folder: Path, out: Path, minutes: float, device: str, settings: list[str], workers: int | None
) -> None:
    """Make the model of its halves, train by the clock, and say what rate was reached."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    unpack(folder)
    say(f"model unpacked after {time.perf_counter() - BEGAN:.0f} s")

    import torch

    from seal.corpora.columns import read_columns
    from seal.training import adapter

    say(f"torch {torch.__version__}, {device_name(device)}")
    corpora = read_columns(str(folder / "parts" / "corpora.npz"))
    most = matrix_rate(device)
    say(f"{most / 1e12:.3g} TFLOP/s in a product of {MATRIX} rows")
    left = minutes - (time.perf_counter() - BEGAN) / 60
    recipe = chosen(left, settings)
    reporter = Reporter(most)
    adapter.train(
        corpora,
        folder / "run",
        recipe,
        device=device,
        report=reporter.line,
        workers=workers,
        shards=out,
    )
    reporter.end()


def chosen(minutes: float, given: list[str]) -> Any:
    """The recipe `gpu` for so many minutes, with NAME=VALUE pairs put in; lists have commas."""
    from dataclasses import replace

    from seal.errors import SealError
    from seal.training.examples import PRESETS

    recipe = replace(PRESETS["gpu"], minutes=round(minutes, 3))
    for entry in given:
        name, _, value = entry.partition("=")
        if name not in vars(recipe):
            raise SealError(f"--set: {name!r} is none of {', '.join(vars(recipe))}")
        kind = type(vars(recipe)[name])
        recipe = replace(
            recipe, **{name: tuple(value.split(",")) if kind is tuple else kind(value)}
        )
    return recipe


def unpack(folder: Path) -> None:
    """Join the model's halves and write it as transformers' own, where seal looks for it."""
    from safetensors.numpy import save_file

    from seal.errors import SealError
    from seal.llm import embedded
    from seal.llm.gguf_blocks import llama_weights

    made = embedded.cache_folder() / embedded.CONVERSION
    if (made / embedded.NOTES).is_file():
        return
    parts = folder / "parts"
    for name in ("model.gguf.1", "model.gguf.2", "sums.json", "config.json", "corpora.npz"):
        if not (parts / name).is_file():
            raise SealError(f"{parts / name}: is not there; make the calls in their order")
    data = (parts / "model.gguf.1").read_bytes() + (parts / "model.gguf.2").read_bytes()
    sums = json.loads((parts / "sums.json").read_text())
    if hashlib.sha256(data).hexdigest() != sums["model.gguf"]:
        raise SealError(f"{parts}: the halves of the model do not make its file; carry them again")
    whole = folder / "model.gguf"
    whole.write_bytes(data)
    made.mkdir(parents=True, exist_ok=True)
    for name in SIDE:
        if (parts / name).is_file():
            shutil.copy(parts / name, made)
    weights = llama_weights(whole, made / "config.json")
    save_file(weights, made / "model.safetensors", {"format": "pt"})
    embedded.note(made)


def matrix_rate(device: str) -> float:
    """FLOP/s of a bfloat16 product of large matrices; of a small one in float32 on a CPU."""
    import torch

    on_gpu = device.startswith("cuda")
    rows = MATRIX if on_gpu else MATRIX // 16
    left = torch.ones(rows, rows, device=device, dtype=torch.bfloat16 if on_gpu else torch.float32)
    best = float("inf")
    for _ in range(10):
        began = time.perf_counter()
        product = left @ left
        product[0, 0].item()  # waits
        best = min(best, time.perf_counter() - began)
    return 2 * rows**3 / best


def device_name(device: str) -> str:
    import torch

    return torch.cuda.get_device_name(0) if device.startswith("cuda") else device


class Reporter:
    """Says how a run goes, every ten seconds and at its end."""

    PARAMETERS = 134_515_008
    """Of the embedded model. A token costs six operations for each: two forward, four back."""

    def __init__(self, most: float) -> None:
        self._most = most
        self._at = 0.0
        self._lines: list[dict[str, Any]] = []
        self._shown = 0

    def line(self, line: dict[str, Any]) -> None:
        self._lines.append(line)
        if time.perf_counter() - self._at > REPORT_SECONDS:
            self._show(self._lines[self._shown :])
            self._at, self._shown = time.perf_counter(), len(self._lines)

    def end(self) -> None:
        if self._lines:
            say("the whole run, without the loading:")
            self._show(self._lines)

    def _show(self, lines: list[dict[str, Any]]) -> None:
        seconds = max(sum(line["seconds"] for line in lines), 1e-9)
        tokens = sum(line["tokens"] for line in lines)
        first = lines[0]["step"]
        before = next((one["chunks"] for one in self._lines if one["step"] == first - 1), 0)
        chunks = lines[-1]["chunks"] - before
        share = 6 * self.PARAMETERS * tokens / seconds / self._most
        loss = sum(line["loss"] for line in lines) / len(lines)
        say(
            f"step {lines[-1]['step']}, {lines[-1]['chunks']} chunks, loss {loss:.4f}, "
            f"{chunks / seconds:.1f} chunks/s, {tokens / seconds:.0f} tokens/s, "
            f"{100 * share:.0f} % of the matrix rate, {100 * lines[-1]['progress']:.0f} % done"
        )


def say(text: str) -> None:
    print(f"{time.perf_counter() - BEGAN:6.1f} s  {text}", flush=True)


def join(out: Path, adapter: Path) -> None:
    """Make an adapter of what came back."""
    from seal.training.shards import join_shards

    step = join_shards(out, adapter)
    print(f"{adapter}: the adapter after step {step}")


if __name__ == "__main__":
    sys.exit(main())
