"""A small, honest text classifier over the categories of OpenAI's omni-moderation.

It knows plain words and a little context: phrases that only sound alarming ("kill the lights", "naked mole rat") are
taken out first, then patterns score what is left. It is no substitute for a trained model; it is there so that
clear cases are caught and children's stories are left in peace. The lists stay as short as they can be.
Source of the categories: OpenAI API reference, `CreateModerationResponse`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_suffix(".txt")

CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
FLAGGED = 0.5
_QUIET = 0.001
_SCORES = {"sure": 0.93, "maybe": 0.3}
# What one finding says of another category: gore is violence, a threat is harassment, and so on.
_IMPLIED = {
    "violence/graphic": ("violence",),
    "harassment/threatening": ("harassment", "violence"),
    "hate/threatening": ("hate", "violence"),
    "sexual/minors": ("sexual",),
    "illicit/violent": ("illicit",),
    "self-harm/intent": ("self-harm",),
    "self-harm/instructions": ("self-harm",),
}


@dataclass(frozen=True)
class _Rules:
    harmless: re.Pattern[str]
    findings: tuple[tuple[str, float, re.Pattern[str]], ...]


@cache
def _rules() -> _Rules:
    """Reads moderation.txt: definitions first, then `~` harmless phrases and `-` findings."""
    names: dict[str, str] = {}
    harmless: list[str] = []
    findings: list[tuple[str, float, re.Pattern[str]]] = []
    for row in _FILE.read_text("utf-8").splitlines():
        for name, stands_for in names.items():
            row = row.replace(f"{{{name}}}", stands_for)  # noqa: PLW2901 - the row with its names filled in
        if row.startswith("~ "):
            harmless.append(row[2:])
        elif row.startswith("- "):
            category, score, pattern = row[2:].split(" ", 2)
            findings.append((category, _SCORES[score], re.compile(pattern, re.IGNORECASE)))
        elif " = " in row:
            name, _, pattern = row.partition(" = ")
            names[name] = pattern
    return _Rules(re.compile("|".join(harmless), re.IGNORECASE), tuple(findings))


def classify(text: str) -> dict[str, float]:
    """Every category with a score from 0 to 1; `FLAGGED` or more means flagged. The same text, the same scores."""
    scores = dict.fromkeys(CATEGORIES, _QUIET)
    for category, score in _findings(_rules().harmless.sub(" ", text.replace("’", "'"))):
        scores[category] = max(scores[category], score)
        for implied in _IMPLIED.get(category, ()) if score >= FLAGGED else ():
            scores[implied] = max(scores[implied], score - 0.1)
    return scores


def _findings(text: str) -> Iterator[tuple[str, float]]:
    yield from ((category, score) for category, score, pattern in _rules().findings if pattern.search(text))
