"""Why an asset failed, as clients are told: the root's code, words of our own, and whether a retry may help.

The words name no provider and quote nobody: what a provider or a model wrote stays in logs and dead letters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storyloom.story.assets import NARRATIONS, PICTURES, TEXTS, Asset

DEADLINE = "deadline_passed"
"""The code of an asset that took too long, by its own deadline or by its story's."""
MONEY_CAP_REACHED = "money_cap_reached"
"""The code of an asset that was not made since its tenant's money of the day was spent."""
NEED_FAILED = "need_failed"
"""The code of an asset that failed because one that it needs did."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The root of a failure: the asset that failed by itself, and its code. What needed it failed with it."""

    asset: Asset
    code: str

    @property
    def message(self) -> str:
        """A phrase for people, such as ``picture refused by the provider``."""
        return f"{_NAMES.get(self.asset, self.asset.value)} {_words(self.code)[0]}"

    @property
    def retryable(self) -> bool:
        """Whether the same may go well when it is asked for again, unchanged."""
        return _words(self.code)[1]

    def wire(self) -> dict[str, Any]:
        """The public ``error`` of a story or an asset; ``cause`` is the name of the asset that failed by itself."""
        return {
            "code": self.code,
            "message": self.message,
            "cause": self.asset.value,
            "retryable": self.retryable,
        }


_NAMES: Mapping[Asset, str] = {
    Asset.PORTRAIT: "picture",
    **dict.fromkeys(PICTURES, "picture"),
    **dict.fromkeys((*TEXTS, Asset.CONTENT), "text"),
    **dict.fromkeys((*NARRATIONS, Asset.AUDIO), "narration"),
    Asset.PDF: "book",
    Asset.EPUB: "e-book",
}
"""What an asset is called in a phrase; others by their own name."""

_WORDS: Mapping[str, tuple[str, bool]] = {
    "content_refused": ("refused by the provider", False),
    "unsafe": ("not found safe for a child", False),
    "bad_request": ("not accepted by the provider as asked", False),
    "bad_answer": ("not usable as the provider made it, several times", True),
    "wrong_language": ("not written in the story's language, several times", True),
    "attempts_spent": ("not made in several attempts", True),
    "not_allowed": ("not made: the provider is not available", True),
    DEADLINE: ("not made in time", True),
    MONEY_CAP_REACHED: ("not made: the money of the day is spent; try again after midnight UTC", True),
    "store_refused": ("not stored: the store is not available", True),
    "missing_library": ("not made: the service is not set up for it", True),
    "no_glyph": ("not made: no font has some of its letters", False),
    "text_cut_off": ("not made: some text does not fit its place", False),
    NEED_FAILED: ("not made without what it needs", False),
    "bug": ("not made because of an error of ours", False),
}
"""By code: what happened, and whether a retry may help."""
_UNKNOWN = ("not made", False)


def _words(code: str) -> tuple[str, bool]:
    """Of a code of a newer version nothing is known but that it failed."""
    return _WORDS.get(code, _UNKNOWN)
