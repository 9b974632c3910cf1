"""Says a line in one of several ways that mean the same, so that stories of one plot share fewer sentences."""

import re
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from random import Random

_FILE = Path(__file__).parent / "world" / "synonyms.txt"
_TURNED = 0.5
_SHORTENED = ("it's", "that's", "'m", "'ll")
# Who speaks, before or after the verb: only where nothing is told of the speaker, and no speech follows.
_SPEAKER = re.compile(r"(?<=[,?!]” )said (\{(?:C|P|two)\})(?=(?:\.|\||,\|? “|$))")
_FIRST = re.compile(r"^“([^“”|]+),” said (\{(?:C|P)\}(?: the \{(?:ck|pk)\})?)\.$")


def vary(line: str, rng: Random) -> str:
    """The line with some of its words in another way; slots, bars and what is quoted of the brief stay."""
    if rng.random() < _TURNED:
        line = _FIRST.sub(r"\2 said, “\1.”", line)
    if rng.random() < _TURNED:
        line = _SPEAKER.sub(r"\1 said", line)
    for pattern, ways in _groups():
        line = pattern.sub(partial(_choose, ways=ways, rng=rng), line)
    return line


def _choose(found: re.Match[str], *, ways: Sequence[str], rng: Random) -> str:
    """One of the ways, as large at its beginning as the one that was found."""
    way = rng.choice(ways)
    return way[:1].upper() + way[1:] if found.group(0)[:1].isupper() else way


@cache
def _groups() -> Sequence[tuple[re.Pattern[str], tuple[str, ...]]]:
    """Each row of the file: ways that mean the same wherever one stands, and what must not follow."""
    found = []
    for row in _FILE.read_text("utf-8").splitlines()[1:]:
        ways, _, unless = row.partition(" !! ")
        same = tuple(way.strip() for way in ways.split(" | "))
        if len(same) > 1:
            bar = rf"(?!(?:\|? )(?:{unless})\b)" if unless else ""
            # “What it is” cannot be “what it's”: a word must follow at once.
            bar += r"(?= [a-z])" if any(way.endswith(_SHORTENED) for way in same) else ""
            words = "|".join(re.escape(way) for way in sorted(same, key=len, reverse=True))
            found.append((re.compile(rf"(?<![\w{{’'-])(?:{words})(?![\w}}’'-]){bar}", re.IGNORECASE), same))
    return found
