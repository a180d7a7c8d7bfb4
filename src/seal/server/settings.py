"""What the server takes and for how long: its settings, each with the default of the command line.

It knows the numbers, not where they are enforced.
"""

from dataclasses import dataclass, field
from pathlib import Path

SHORT_WORDS = 2000
"""Words of a correction, at most, that is answered at once or joined with others."""

MAX_BACKLOG_WORDS = 20_000
"""Words waiting or in work beyond which a client gets a job instead of the answer."""

MAX_WAIT = 10.0
"""Seconds that a request waits for its answer before its client gets a job instead."""

MAX_BATCH_JOBS = 64
"""Corrections that go to the models in one call, at most."""

MAX_BATCH_WORDS = 8000
"""Words of them together, at most: they fill the networks' passes."""

MAX_SPEAKERS = 100
"""Of a conversation: time and memory of a correction grow with their square."""

MIN_BYTES_PER_SECOND = 4000
"""Of a request's body, on the whole, beyond the first `idle_seconds`. A slower one is given up."""

SPOOL_BYTES = 1 << 18
"""Of a transcript's request in memory while it comes; what is larger waits on the disk."""

RETRY_AFTER = 10
"""Seconds after which a client that found the queue full may try again."""


@dataclass(frozen=True)
class Limits:
    """Beyond these a request is refused, or a job ended."""

    upload_bytes: int = 1_000_000_000
    """Bytes of a recording's request."""
    json_bytes: int = 16_000_000
    """Bytes of a transcript's request."""
    audio_minutes: float = 240.0
    """Minutes of audio in a recording, however few bytes they take."""
    job_minutes: float = 240.0
    """Minutes that the work on a job may take."""
    queue_length: int = 256
    """Jobs that wait, uploads under way included."""
    idle_seconds: float = 60.0
    """Seconds without a byte after which a request is given up."""
    keep_days: float = 7.0
    """Days for which a finished job and its result are kept."""


@dataclass(frozen=True)
class Settings:
    """How one server is run."""

    data: Path
    """The folder for jobs, their inputs and their results."""
    tokens: tuple[str, ...] = ()
    """Every client must send one of these; with none, anybody on this machine may use it."""
    corrector: str | None = None
    """For requests that name none; None is `seal.correct`'s own choice."""
    recordings: bool = True
    """Whether recordings are taken, and the recogniser loaded."""
    limits: Limits = field(default_factory=Limits)
    voices: bool = False
    """Whether voices may be remembered, in a library for each token."""

    def library(self, owner: str) -> Path:
        """The voice library of that owner (`auth.owner_of`)."""
        return self.data / "voices" / f"{owner or 'everybody'}.json"
