"""What an MP3 says of itself to players and shelves: ID3 tags, written by libav.

The title may hold the child's name, as the printed book's does: the file is the parent's. Its name and key never do.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from langcodes import Language

CONTAINER: Mapping[str, str] = {"id3v2_version": "3"}
"""What libav's MP3 is written with: ID3v2.3, which Windows and car radios read, too; 2.4 many of them do not."""


@dataclass(frozen=True, slots=True)
class Tags:
    """A recording's title, and the language that is spoken (BCP 47)."""

    title: str | None = None
    language: str | None = None

    def entries(self) -> dict[str, str]:
        """By libav's names; ID3 has languages by three letters (ISO 639-2)."""
        entries = {} if self.title is None else {"title": self.title}
        if self.language is not None:
            entries["language"] = Language.get(self.language).to_alpha3()
        return entries


NO_TAGS = Tags()
