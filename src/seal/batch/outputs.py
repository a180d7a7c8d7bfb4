"""Where a command's results go: the option `-o`, checked before the work starts.

It knows paths only, not what is written there.
"""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from seal.errors import SealError
from seal.files import check_writable, refuse_shared


def targets_of(
    inputs: list[Path], output: str, several: bool = False, suffixes: Collection[str] = ()
) -> list[Path]:
    """Where each input's result goes.

    `several` says that more than one input could have been meant, so that `output` is a folder even
    for one. In a folder a result has the name of its input, with the same ending if that is one of
    `suffixes`, else `.json`.

    Raises SealError if that is unclear or cannot be written.
    """
    separators = tuple(filter(None, (os.sep, os.altsep)))
    if len(inputs) == 1 and not several and not output.endswith(separators):
        targets = [Path(output)]
        if targets[0].is_dir():
            raise SealError(f"{output or '.'}: is a folder; name a file, or end the name in '/'")
    else:
        folder = Path(output)
        if folder.exists() and not folder.is_dir():
            raise SealError(f"{output}: is no folder; {len(inputs)} input(s) need one there")
        named_as_file = not folder.exists() and not output.endswith(separators)
        if named_as_file and folder.suffix.lower() in (".json", *suffixes):
            raise SealError(
                f"{output}: {len(inputs)} input(s) need a folder; name one, or end the name in '/'"
            )
        targets = [
            folder / (path.name if path.suffix.lower() in suffixes else f"{path.stem}.json")
            for path in inputs
        ]
        refuse_shared(zip(inputs, targets, strict=True))
    check_writable(targets[0])
    for target in targets[1:]:  # in the same folder, which has been tried
        if target.exists():
            check_writable(target)
    return targets


def refuse_to_replace(inputs: Sequence[Path], targets: Sequence[Path], kind: str) -> None:
    """Raise SealError where a result would replace an input, which the message calls a `kind`."""
    input_ids = {_file_id(path) for path in inputs if path.exists()}
    for target in targets:
        if target.exists() and _file_id(target) in input_ids:
            raise SealError(f"{target}: is a {kind} to be read; write the results elsewhere")


def _file_id(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
