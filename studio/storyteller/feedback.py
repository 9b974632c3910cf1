"""Heeds what was wrong with the last try."""

import re
from collections.abc import Sequence

from studio.storyteller.language.rhythm import Target

_SENTENCE = re.compile(r"\bsentences?\b", re.IGNORECASE)
_LONG = re.compile(r"\b(?:too long|too many|longer than|shorter|fewer|over|above|exceeds?)\b", re.IGNORECASE)
_SHORT = re.compile(r"\b(?:too short|too few|shorter than|longer|more words|under|below)\b", re.IGNORECASE)
_HARD = re.compile(r"\b(?:hard|difficult|rare|complex|grade|simpler|easier|readab\w+)\b", re.IGNORECASE)
_STEP, _SHARE = 1.3, 0.92


def apply_feedback(feedback: Sequence[str], target: Target) -> Target:
    """Aims further in the direction asked for, once for every finding about length, sentences or difficulty."""
    words, sentence = target.words, target.sentence
    for finding in feedback:
        direction = _direction(finding)
        if _HARD.search(finding) and not direction:
            sentence -= _STEP
        elif _SENTENCE.search(finding):
            sentence += direction * _STEP
        elif direction:
            words *= _SHARE if direction < 0 else 2 - _SHARE
    return Target(words, max(sentence, 3.0))


def _direction(finding: str) -> int:
    """-1: make it less; 1: make it more; 0: about something else. The word that comes first decides."""
    long, short = _LONG.search(finding), _SHORT.search(finding)
    if long and short:
        return -1 if long.start() <= short.start() else 1
    return -1 if long else 1 if short else 0
