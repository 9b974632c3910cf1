"""From the times of characters to the times of words."""

import difflib
import math
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from services.audio.segmentation import split_words
from storyloom.providers.ports import Alignment
from storyloom.story.languages import language_of
from storyloom.story.results import Word

Span = tuple[float, float]


def time_words(text: str, alignment: Alignment, language: str = "en") -> tuple[Word, ...]:
    """Every word of ``text`` once and in order, to the millisecond; no word starts before the last one ended.

    Words are what stands between white space of any kind, and in languages without it what the segmenter finds. Where
    the words read are not those of the text, the two are aligned, and words without a match share the time between
    their neighbours.
    """
    wanted = split_words(text, language)
    spans = _spans(wanted, alignment, spaced=language_of(language).spaced)
    starts = list(accumulate((start for start, _ in spans), max))
    return tuple(
        Word(txt=txt, start=round(start, 3), end=round(max(start, min(span[1], after)), 3))
        for txt, span, start, after in zip(wanted, spans, starts, [*starts, float("inf")][1:], strict=True)
    )


def spread_words(text: str, heard: tuple[float, float], language: str = "en") -> tuple[Word, ...]:
    """Every word of ``text`` once and in order, each with its letters' share of the seconds in which a voice is heard.

    For a reading whose times are of no use: the words say of themselves that they are estimated.
    """
    wanted = split_words(text, language)
    first, last = (math.floor(seconds * 1000) / 1000 for seconds in heard)  # rounded up, it would be beyond the sound
    return tuple(
        Word(txt=txt, start=round(start, 3), end=round(end, 3), estimated=True)
        for txt, (start, end) in zip(wanted, _share(wanted, first, last), strict=True)
    )


def shift(words: Sequence[Word], seconds: float) -> tuple[Word, ...]:
    """The words, so much later."""
    return tuple(
        word.model_copy(update={"start": round(word.start + seconds, 3), "end": round(word.end + seconds, 3)})
        for word in words
    )


def by_paragraph(paragraphs: Sequence[str], words: Sequence[Word]) -> list[tuple[Word, ...]]:
    """The words of each paragraph, in whichever way they were cut; a paragraph without words is left out.

    ValueError if these are not the words of these paragraphs.
    """
    left = iter(words)
    grouped: list[tuple[Word, ...]] = []
    for wanted in filter(None, ("".join(paragraph.split()) for paragraph in paragraphs)):
        group: list[Word] = []
        while (length := sum(len(word.txt) for word in group)) < len(wanted):
            word = next(left, None)
            if word is None or not wanted.startswith(word.txt, length):
                raise ValueError("the words are not those of the paragraphs")
            group.append(word)
        grouped.append(tuple(group))
    if next(left, None) is not None:
        raise ValueError("the words are not those of the paragraphs")
    return grouped


def _split(alignment: Alignment, *, spaced: bool = True) -> Iterator[tuple[str, Span]]:
    """The words read, each from its first character's start to its last one's end; not spaced: the letters read."""
    txt, start, end = "", 0.0, 0.0
    for item, first, last in zip(alignment.characters, alignment.starts, alignment.ends, strict=True):
        for position, character in enumerate(item):
            if character.isspace():
                if txt:
                    yield txt, (start, end)
                txt = ""
                continue
            each = (last - first) / len(item)
            start = start if txt else first + each * position
            end = first + each * (position + 1)
            txt += character
            if not spaced:
                yield txt, (start, end)
                txt = ""
    if txt:
        yield txt, (start, end)


def _spans(wanted: Sequence[str], alignment: Alignment, *, spaced: bool) -> list[Span]:
    """When each word is read. Without spaces the words read cannot be told apart: then letters are aligned."""
    end = max(alignment.ends, default=0.0)
    read = list(_split(alignment, spaced=spaced))
    if spaced:
        return _align(wanted, read, end)
    letters = iter(_align([letter for word in wanted for letter in word], read, end))
    inside = [[next(letters) for _ in word] for word in wanted]
    return [(spans[0][0], spans[-1][1]) for spans in inside]


def _align(wanted: Sequence[str], found: Sequence[tuple[str, Span]], end: float) -> list[Span]:
    matcher = difflib.SequenceMatcher(
        None, [_fold(txt) for txt in wanted], [_fold(txt) for txt, _ in found], autojunk=False
    )
    spans: list[Span] = []
    for kind, first, last, from_, to in matcher.get_opcodes():
        if kind == "equal" or last - first == to - from_:
            spans += [span for _, span in found[from_:to]]
            continue
        inside = found[from_:to]
        begin = inside[0][1][0] if inside else (found[from_ - 1][1][1] if from_ else 0.0)
        stop = inside[-1][1][1] if inside else (found[from_][1][0] if from_ < len(found) else end)
        spans += _share(wanted[first:last], begin, max(begin, stop))
    return spans


def _fold(txt: str) -> str:
    """A word as it is compared: letters and digits only, in one case and normal form; a dash is itself."""
    composed = unicodedata.normalize("NFKC", txt)
    return "".join(filter(str.isalnum, composed)).casefold() or composed


def _share(words: Sequence[str], start: float, end: float) -> list[Span]:
    """A span shared out by the words' lengths."""
    total = sum(map(len, words))
    edges = accumulate(map(len, words), initial=0)
    return list(pairwise(start + (end - start) * edge / total for edge in edges)) if total else []
