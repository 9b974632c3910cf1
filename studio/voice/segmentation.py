"""A text as a reader meets it: words, phrases, pauses, and back from words to characters."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

PAUSES = {",": 0.15, ";": 0.2, ":": 0.2, ".": 0.35, "!": 0.35, "?": 0.35, "…": 0.35}
PARAGRAPH_PAUSE = 0.6
LONGEST_PHRASE = 32  # words; a model's memory grows with the phrase
_SPOKEN_SIGNS = frozenset("&%+=@€£$")
_CLOSERS = "\"'”’»)]}"

Span = tuple[float, float]


@dataclass(frozen=True)
class Word:
    """One run of non-white characters of the text, `[first, last)` in characters, and the pause after it."""

    text: str
    first: int
    last: int
    pause: float = 0.0  # seconds

    @property
    def core(self) -> str:
        """What there is to say, without quotes and punctuation around it; empty for a dash or an emoji."""
        kept = [at for at, sign in enumerate(self.text) if sign.isalnum() or sign in _SPOKEN_SIGNS]
        core = self.text[kept[0] : kept[-1] + 1] if kept else ""
        return core.replace("\0", "").encode(errors="ignore").decode()  # C libraries take neither NUL nor half pairs


def split_words(text: str) -> list[Word]:
    """Every word once, in order, each with its pause in seconds (0 inside a sentence)."""
    found = list(re.finditer(r"\S+", text))
    after = [text[word.end() : next_.start() + 1] for word, next_ in pairwise(found)]
    return [
        Word(match.group(), match.start(), match.end(), _pause(match.group(), rest))
        for match, rest in zip(found, [*after, ""], strict=False)  # the last word ends the text
    ]


def _pause(word: str, after: str) -> float:
    """`after`: the white space that follows, and the next word's first character."""
    ahead = after.lstrip()
    if "\n" in after[: len(after) - len(ahead)]:
        return PARAGRAPH_PAUSE
    pause = PAUSES.get(word.rstrip(_CLOSERS)[-1:], 0.0)
    return min(pause, PAUSES[","]) if ahead[:1].islower() else pause  # “Who is it?” she asked.


def group_phrases(words: Sequence[Word]) -> Iterator[list[Word]]:
    """What is said in one breath: ends at a sentence's end; a word with nothing to say stands alone."""
    phrase: list[Word] = []
    for word in words:
        if not word.core:
            if phrase:
                yield phrase
            yield [word]
            phrase = []
            continue
        phrase.append(word)
        if word.pause >= PAUSES["."] or len(phrase) == LONGEST_PHRASE:
            yield phrase
            phrase = []
    if phrase:
        yield phrase


def time_characters(text: str, words: Sequence[Word], spans: Sequence[Span], end: float) -> list[Span]:
    """Each character's span in seconds: even inside a word, the gap shared out between words, `end` last."""
    times: list[Span] = []
    heard = 0.0
    for word, (start, stop) in zip(words, spans, strict=True):
        times += _share(word.first - len(times), heard, start)
        times += _share(word.last - word.first, start, stop)
        heard = stop
    return times + _share(len(text) - len(times), heard, end)


def _share(count: int, start: float, end: float) -> list[Span]:
    edges = [start + (end - start) * at / count for at in range(count)] + [end] if count else []
    return list(pairwise(edges))
