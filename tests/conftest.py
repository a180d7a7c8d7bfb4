"""What `make quick` runs: neither models nor what is slow, and a few drawn cases of each test; and
sound for the tests that listen, as short as they let it be."""

from pathlib import Path

import pytest
from hypothesis import settings

QUICK = "not models and not slow"
"""The marks that `make quick` asks for."""

DRAWN = 5
"""Cases that a property test draws there; in `make test` each draws as many as it says."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("markexpr") != QUICK:
        return
    for item in items:
        test = getattr(item, "obj", None)
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if own is not None and own.max_examples > DRAWN:
            test._hypothesis_internal_use_settings = settings(own, max_examples=DRAWN)


@pytest.fixture(scope="session")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 12 s of the demo's call, in which both callers speak."""
    soundfile = pytest.importorskip("soundfile")
    from seal import demo

    path = tmp_path_factory.mktemp("beginning") / "call.wav"
    samples, rate = soundfile.read(demo.RECORDING)
    soundfile.write(path, samples[: 12 * rate], rate)
    return path
