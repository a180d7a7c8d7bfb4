"""What the server takes and for how long: its settings, each with the default of the command line.

It knows the numbers, not where they are enforced.
"""

from dataclasses import dataclass, field
from pathlib import Path

SHORT = 2000  # words of a correction that is answered at once, or joined with others
BACKLOG = 20_000  # words waiting or in work beyond which no answer is waited for
PATIENCE = 10.0  # seconds that an answer is waited for before the client gets a job instead
TOGETHER = 64  # corrections that go to the models in one call, of
TOGETHER_WORDS = 8000  # so many words at most
RETRY = 10  # seconds after which a client that found the queue full may come back


@dataclass(frozen=True)
class Limits:
    """Beyond these a request is refused, or a job ended."""

    upload: int = 1_000_000_000
    """Bytes of a recording's request."""
    json: int = 16_000_000
    """Bytes of a transcript's request."""
    sound: float = 240.0
    """Minutes of sound in a recording, however few bytes they take."""
    job: float = 240.0
    """Minutes that the work on a job may take."""
    queue: int = 256
    """Jobs that wait, uploads under way included."""
    idle: float = 60.0
    """Seconds without a byte after which a request is given up."""
    keep: float = 7.0
    """Days that a finished job and its result are kept."""


@dataclass(frozen=True)
class Settings:
    """How one server is run."""

    data: Path
    """The folder for jobs, their inputs and their results."""
    tokens: tuple[str, ...] = ()
    """One of these is asked of every client; none: everybody on this machine may use it."""
    corrector: str | None = None
    """Where a request names none; None is `seal.correct`'s own choice."""
    recordings: bool = True
    """Are recordings taken, and the recogniser loaded?"""
    limits: Limits = field(default_factory=Limits)
