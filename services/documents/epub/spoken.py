"""The spoken words of a scene, out of the narration's marked text, and the piece of the recording that is each word's.

A block is what the audio service writes (services/audio/captions.py): a ``p`` a paragraph, a ``span`` a
word, spaces where the text has them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from xml.etree import ElementTree as ET

SHORTEST_CLIP = 0.001
"""Seconds: a clip must end after it begins (EPUB 3.3, 9.2.2.4), also where a word was given no time at all."""


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word, the gap before it (a space or nothing), and when it is spoken: seconds from the recording's start."""

    gap: str
    txt: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of the recording, in seconds."""

    begin: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.begin


Paragraph = tuple[SpokenWord, ...]


def read_block(block: str) -> tuple[Paragraph, ...]:
    """The words of a scene's block, by paragraph. Raises ValueError for what is no such block."""
    try:
        root = ET.fromstring(f"<div>{block}</div>")  # noqa: S314 - our own service wrote it, escaped
        return tuple(tuple(_words(paragraph)) for paragraph in root)
    except (ET.ParseError, KeyError) as error:
        raise ValueError("the words are not marked as they should be") from error


def _words(paragraph: ET.Element) -> Iterable[SpokenWord]:
    gap = paragraph.text or ""
    for span in paragraph:
        yield SpokenWord(gap, span.text or "", float(span.attrib["data-start"]), float(span.attrib["data-end"]))
        gap = span.tail or ""


def are_of(words: Iterable[Paragraph], paragraphs: Iterable[str]) -> bool:
    """Whether these are the words of just these paragraphs."""
    spoken = ["".join(word.txt for word in each) for each in words]
    return spoken == [text for each in paragraphs if (text := "".join(each.split()))]


def clips(scenes: Sequence[Sequence[Paragraph]], seconds: float) -> list[list[Clip]]:
    """Each word's clip, by scene: from its start to the start of the next, the last one's to the recording's end.

    So no pause is cut out, whichever way a reading system goes from clip to clip: by the clock, or by seeking, which
    leaves out what is between two of them. The word stays lit over the pause after it, as on the reading page.
    """
    words = [list(chain.from_iterable(scene)) for scene in scenes]
    starts = [word.start for scene in words for word in scene]
    last = max([seconds, *(word.end for scene in words for word in scene)])
    ends = iter([*starts[1:], last])
    return [[Clip(word.start, max(next(ends), word.start + SHORTEST_CLIP)) for word in scene] for scene in words]
