"""The timed words as readers' devices want them: HTML blocks and WebVTT."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import repeat, zip_longest

from webvtt import Caption, WebVTT
from webvtt.models import Timestamp

from services.audio.segmentation import gaps
from storyloom.story.results import Word

LINE = 42  # characters; what broadcasters take for readable (BBC subtitle guidelines give 37 to 42)
LINES = 2
_SENTENCE_ENDS = tuple(".!?…؟۔।。！？")
_CLOSERS = "\"'”’»)]}」』）】"


@dataclass(frozen=True, slots=True)
class _Placed:
    """A word, and the gap before it: a space or nothing."""

    word: Word
    gap: str

    @property
    def txt(self) -> str:
        return self.word.txt


def write_block(paragraphs: Iterable[Sequence[Word]], texts: Iterable[str] | None = None) -> str:
    """Escaped HTML: a ``p`` a paragraph, a ``span`` a word, its times in seconds to the millisecond.

    ``texts`` are the paragraphs as they are written: spaces stand between words where they do there. Without them they
    stand between all.
    """
    return "".join(
        f"<p>{''.join(placed.gap + _span(placed.word) for placed in words)}</p>" for words in _place(paragraphs, texts)
    )


def write_vtt(paragraphs: Iterable[Sequence[Word]], texts: Iterable[str] | None = None) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1/): a cue is a sentence or the part of it that fits two lines.

    ``texts`` as for ``write_block``.
    """
    placed = _place(paragraphs, texts)
    cues = (cue for words in placed for sentence in _sentences(words) for cue in _cues(sentence))
    return WebVTT(captions=[_caption(number, cue) for number, cue in enumerate(cues, start=1)]).content


def _place(paragraphs: Iterable[Sequence[Word]], texts: Iterable[str] | None) -> Iterator[list[_Placed]]:
    for words, text in zip(paragraphs, repeat(None) if texts is None else texts, strict=texts is not None):
        spoken = tuple(word.txt for word in words)
        before = gaps(" ".join(spoken) if text is None else text, spoken)
        yield [_Placed(word, gap) for word, gap in zip(words, before, strict=True)]


def _span(word: Word) -> str:
    return f'<span data-start="{word.start:.3f}" data-end="{word.end:.3f}">{escape(word.txt)}</span>'


def _sentences(words: Sequence[_Placed]) -> Iterator[list[_Placed]]:
    sentence: list[_Placed] = []
    for word, after in zip_longest(words, words[1:]):
        sentence.append(word)
        goes_on = after is not None and after.txt[0].islower()  # “Who is it?” she asked.
        if after is None or (word.txt.rstrip(_CLOSERS).endswith(_SENTENCE_ENDS) and not goes_on):
            yield sentence
            sentence = []


def _cues(sentence: Sequence[_Placed]) -> Iterator[list[list[_Placed]]]:
    """The sentence in lines, as many at a time as a cue may show."""
    lines: list[list[_Placed]] = []
    for word in sentence:
        if lines and _width([*lines[-1], word]) <= LINE:
            lines[-1].append(word)
        else:
            lines.append([word])
    for first in range(0, len(lines), LINES):
        yield lines[first : first + LINES]


def _joined(line: Sequence[_Placed]) -> str:
    return line[0].txt + "".join(placed.gap + placed.txt for placed in line[1:])


def _width(line: Sequence[_Placed]) -> int:
    """Characters of a line; those of East Asia are as wide as two."""
    text = _joined(line)
    return len(text) + sum(unicodedata.east_asian_width(sign) in "WF" for sign in text)


def _caption(number: int, lines: Sequence[Sequence[_Placed]]) -> Caption:
    start, end = lines[0][0].word.start, lines[-1][-1].word.end
    return Caption(
        start=_clock(start),
        end=_clock(max(end, start + 0.001)),  # a cue must end after it starts, even where all its words are silent
        text=[_cue_text(_joined(line)) for line in lines],
        identifier=str(number),
    )


def _clock(seconds: float) -> str:
    return str(Timestamp.from_seconds(seconds))


def _cue_text(txt: str) -> str:
    """Escaped as WebVTT has it, which the library leaves to us; NUL is what its parsers replace."""
    return escape(txt, quote=False).replace("\0", "\ufffd")
