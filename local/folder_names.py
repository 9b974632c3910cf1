"""Names of output folders: date, time, and the title without any hero's name. A folder's name travels: into backups,
screenshots, bug reports.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime

MAX_LENGTH = 50
MIN_PART_LENGTH = 3
"""Letters from which on a name is also taken out of the middle of a longer word."""


def folder_name(now: datetime, title: str, names: Iterable[str]) -> str:
    """Like ``2026-11-22_14-05-09-the-fox-and-the-lantern``."""
    return f"{now:%Y-%m-%d_%H-%M-%S}-{slug(title, names)}"


def slug(title: str, names: Iterable[str]) -> str:
    """The title in lower-case ASCII words without the names, at most 50 characters; ``story`` if nothing is left."""
    secret = {part for name in names for part in _words(name)}
    kept: list[str] = []
    removed = False
    for word in _words(title):
        if removed and word == "s":  # what is left of "Mira's"
            continue
        removed = _reveals(word, secret)
        if not removed:
            kept.append(word)
    text = ""
    for word in kept:
        longer = f"{text}-{word}" if text else word[:MAX_LENGTH]
        if len(longer) > MAX_LENGTH:
            break
        text = longer
    return text or "story"


def _reveals(word: str, secret: set[str]) -> bool:
    return word in secret or any(len(part) >= MIN_PART_LENGTH and part in word for part in secret)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.findall(r"[a-z0-9]+", letters)
