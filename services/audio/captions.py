"""The timed words as readers' devices want them: HTML blocks and WebVTT."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import zip_longest

from webvtt import Caption, WebVTT
from webvtt.models import Timestamp

from storyloom.story.results import Word

LINE = 42  # characters; what broadcasters take for readable (BBC subtitle guidelines give 37 to 42)
LINES = 2
_SENTENCE_ENDS = tuple(".!?…")
_CLOSERS = "\"'”’»)]}"


def write_block(paragraphs: Iterable[Sequence[Word]]) -> str:
    """Escaped HTML: a ``p`` a paragraph, a ``span`` a word, its times in seconds to the millisecond."""
    return "".join(f"<p>{' '.join(map(_span, words))}</p>" for words in paragraphs)


def write_vtt(paragraphs: Iterable[Sequence[Word]]) -> str:
    """WebVTT (https://www.w3.org/TR/webvtt1/): a cue is a sentence or the part of it that fits two lines."""
    cues = (cue for words in paragraphs for sentence in _sentences(words) for cue in _cues(sentence))
    return WebVTT(captions=[_caption(number, cue) for number, cue in enumerate(cues, start=1)]).content


def _span(word: Word) -> str:
    return f'<span data-start="{word.start:.3f}" data-end="{word.end:.3f}">{escape(word.txt)}</span>'


def _sentences(words: Sequence[Word]) -> Iterator[list[Word]]:
    sentence: list[Word] = []
    for word, after in zip_longest(words, words[1:]):
        sentence.append(word)
        goes_on = after is not None and after.txt[0].islower()  # “Who is it?” she asked.
        if after is None or (word.txt.rstrip(_CLOSERS).endswith(_SENTENCE_ENDS) and not goes_on):
            yield sentence
            sentence = []


def _cues(sentence: Sequence[Word]) -> Iterator[list[list[Word]]]:
    """The sentence in lines, as many at a time as a cue may show."""
    lines: list[list[Word]] = []
    for word in sentence:
        if lines and len(" ".join(w.txt for w in [*lines[-1], word])) <= LINE:
            lines[-1].append(word)
        else:
            lines.append([word])
    for first in range(0, len(lines), LINES):
        yield lines[first : first + LINES]


def _caption(number: int, lines: Sequence[Sequence[Word]]) -> Caption:
    start, end = lines[0][0].start, lines[-1][-1].end
    return Caption(
        start=_clock(start),
        end=_clock(max(end, start + 0.001)),  # a cue must end after it starts, even where all its words are silent
        text=[" ".join(_cue_text(word.txt) for word in line) for line in lines],
        identifier=str(number),
    )


def _clock(seconds: float) -> str:
    return str(Timestamp.from_seconds(seconds))


def _cue_text(txt: str) -> str:
    """Escaped as WebVTT has it, which the library leaves to us; NUL is what its parsers replace."""
    return escape(txt, quote=False).replace("\0", "\ufffd")
