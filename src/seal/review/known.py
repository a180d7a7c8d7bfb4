"""Known voices on the review page: names that are offered, and a voice that is remembered.

Nothing of it happens unless the page was opened with a library, nothing is put into that but by
`remember`, which wants somebody's word that the person agrees, and no name is given here: the page
asks first. It knows nothing of pages.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seal.errors import SealError
from seal.words import Word


class KnownVoices:
    """A library that a page was opened with, and the recording to hear."""

    def __init__(self, library: Path, audio: Path, passphrase: str | None = None) -> None:
        self.library = library
        self.audio = audio
        self._passphrase = passphrase

    def offered(self, words: Sequence[Word], indices: Sequence[int]) -> list[dict[str, Any]]:
        """Whom the speakers of a conversation sound like, as JSON has it; none who is called so
        already. Nothing is heard as long as nobody is known."""
        from seal.voices.library import opened  # which loads numpy; a page may never ask
        from seal.voices.proposals import propose

        library = opened(self.library, self._passphrase)
        if not library.voices or not indices:
            return []
        found = propose([words[index] for index in indices], self.audio, library)
        return [
            {"speaker": each.speaker, "name": each.name, "probability": each.probability}
            for each in found
            if each.name is not None and each.name != each.speaker
        ]

    def remember(
        self, words: Sequence[Word], indices: Sequence[int], speaker: Any, consent: Any
    ) -> str:
        """Put the voice of a speaker into the library under the speaker's name. Returns what is to
        be told. Raises SealError without consent, and where there is too little to be heard."""
        from seal.voices.heard import hear_one
        from seal.voices.library import changing

        if consent is not True:
            raise SealError("nothing is remembered before the person has agreed")
        chosen = [words[index] for index in indices]
        voice = hear_one(chosen, self.audio, str(speaker))
        with changing(self.library, self._passphrase) as library:
            library.add(str(speaker), *voice)
        return f"{speaker}: {voice.seconds:.1f} s are remembered in {self.library}"
