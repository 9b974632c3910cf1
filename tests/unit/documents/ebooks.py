"""E-books of stories that are read aloud, for tests: the words marked as the audio service marks them."""

from itertools import chain

from services.audio.captions import write_block
from services.audio.segmentation import split_words
from storyloom.story.results import Audio, StoredObject, StoryContent, Word

MP3 = b"ID3 the story, read aloud"


def read_aloud(story: StoryContent, language: str = "en") -> Audio:
    """A recording: 200 ms a word, 120 ms after it, a second after each scene."""
    scenes = []
    at = 0.25
    for text in story.scenes:
        paragraphs = []
        for paragraph in text.paragraphs:
            words = []
            for txt in split_words(paragraph, language):
                words.append(Word(txt=txt, start=round(at, 3), end=round(at + 0.2, 3)))
                at += 0.32
            paragraphs.append(tuple(words))
        scenes.append(paragraphs)
        at += 1
    stored = StoredObject(key="stories/audio", sha256="0" * 64, size=len(MP3), content_type="audio/mpeg")
    return Audio(
        audio=stored,
        vtt=stored,
        seconds=round(at, 3),
        words=tuple(chain.from_iterable(chain.from_iterable(scenes))),
        blocks={
            f"scene_{text.scene}": write_block(words, text.paragraphs)
            for text, words in zip(story.scenes, scenes, strict=True)
        },
    )
