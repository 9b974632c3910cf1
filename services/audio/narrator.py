"""Has the scenes read aloud, one call each, and joins the readings into the story's one recording."""

import asyncio
from dataclasses import replace
from itertools import chain

import structlog

from services.audio.captions import write_block, write_vtt
from services.audio.joining import Joined, Piece, join
from services.audio.pace import speed_of
from services.audio.tags import Tags
from services.audio.words import by_paragraph, shift, spread_words, time_words
from storyloom.jobs.definition import Report
from storyloom.providers.ports import Passage, Reading, Voice
from storyloom.storage.objects import ObjectStore
from storyloom.story.assets import NARRATIONS, SCENES, TEXTS, Asset
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Audio, Narration, Outline, SceneText, Word

DEFAULT_VOICE = "default"
"""What a brief says that leaves the voice to us."""
_SEEDS = 2**32
"""ElevenLabs' seeds are 0 to 4294967295."""
_STRIDE = 2_654_435_769
"""From one revision's seed to the next: odd, so that none comes twice, and far from what people choose."""

log = structlog.get_logger()


class Narrator:
    """Makes narration_1 … narration_4 and audio. ``pause`` is the silence between two scenes, in seconds."""

    def __init__(self, voice: Voice, store: ObjectStore, *, pause: float, voice_id: str) -> None:
        self._voice = voice
        self._store = store
        self._pause = pause
        self._voice_id = voice_id

    async def narrate(self, job: AssetRequested, report: Report) -> Narration:
        """Read one scene aloud. Times count from the start of its own recording."""
        scene = job.asset.scene
        text = _text(job, scene).text
        await report(5)
        readings = await self._read(
            Passage(
                text=text,
                voice_id=self._voice_id if job.brief.voice == DEFAULT_VOICE else job.brief.voice,
                purpose=job.asset.value,
                previous=_neighbour(job, scene - 1),
                next=_neighbour(job, scene + 1),
                seed=_seed(job),
                speed=speed_of(job.brief),
            )
        )
        await report(80)
        reading, language = readings[-1], job.brief.language
        if reading.alignment is None:
            words = spread_words(text, reading.heard, language)
        else:
            words = time_words(text, reading.alignment, language)
        audio = await self._store.put(job.story_id, job.asset, reading.mp3, "audio/mpeg")
        await report(100)
        log.info(
            "narration.made",
            scene=scene,
            words=len(words),
            seconds=round(reading.seconds, 2),
            estimated=reading.alignment is None,
        )
        calls = tuple(one.call for one in readings)
        return Narration(scene=scene, audio=audio, seconds=reading.seconds, words=words, calls=calls)

    async def _read(self, passage: Passage) -> list[Reading]:
        """The readings that were paid for, the one to keep last: once more, if the first one's times are of no use.

        Its sound is good without them: it is kept if the second is not better, or does not come.
        """
        first = await self._voice.read(passage)
        if first.alignment is not None:
            return [first]
        log.warning("narration.times_unusable", asset=passage.purpose, request_id=first.call.request_id)
        try:
            # With the same seed the same would come.
            again = await self._voice.read(replace(passage, seed=((passage.seed or 0) + 1) % _SEEDS))
        except (RetryableError, PermanentError, ProviderUnavailable) as error:
            log.warning("narration.not_read_again", asset=passage.purpose, reason=error.reason)
            return [first]
        return [first, again]

    async def join(self, job: AssetRequested, report: Report) -> Audio:
        """Join the four readings; words, blocks and captions count over the whole recording."""
        texts = [_text(job, scene) for scene in SCENES]
        narrations = [job.required(narration, Narration) for narration in NARRATIONS]
        await report(5)
        recordings = await asyncio.gather(*(self._store.get(narration.audio) for narration in narrations))
        await report(30)
        joined = await self._join(recordings, narrations, self._tags(job))
        await report(80)
        scenes = [
            _paragraphs(text, shift(narration.words, offset))
            for text, narration, offset in zip(texts, narrations, joined.offsets, strict=True)
        ]
        spoken = [[paragraph for paragraph in text.paragraphs if paragraph.split()] for text in texts]
        vtt = write_vtt(chain.from_iterable(scenes), chain.from_iterable(spoken))
        audio = await self._store.put(job.story_id, job.asset, joined.mp3, "audio/mpeg")
        captions = await self._store.put(job.story_id, job.asset, vtt.encode(), "text/vtt")
        await report(100)
        log.info("audio.joined", seconds=round(joined.seconds, 2))
        return Audio(
            audio=audio,
            vtt=captions,
            seconds=joined.seconds,
            words=tuple(word for paragraphs in scenes for words in paragraphs for word in words),
            blocks={
                f"scene_{scene}": write_block(paragraphs, texts)
                for scene, paragraphs, texts in zip(SCENES, scenes, spoken, strict=True)
            },
        )

    def _tags(self, job: AssetRequested) -> Tags:
        """Title and language (an earlier release brings no title). No cover: sound does not wait for pictures."""
        outline = job.given(Asset.OUTLINE, Outline)
        return Tags(title=outline.title if outline else None, language=job.brief.language)

    async def _join(self, recordings: list[bytes], narrations: list[Narration], tags: Tags) -> Joined:
        pieces = [Piece(mp3, narration.words[-1].end) for mp3, narration in zip(recordings, narrations, strict=True)]
        try:
            return await join(pieces, pause=self._pause, tags=tags)
        except ValueError as error:
            raise PermanentError("a stored narration cannot be decoded", code="bug") from error


def _seed(job: AssetRequested) -> int | None:
    """The brief's seed as it is, if it has one; a further revision's own, so that the same words are read anew."""
    if not job.revision:
        return job.brief.seed
    return ((job.brief.seed or 0) + job.revision * _STRIDE) % _SEEDS


def _text(job: AssetRequested, scene: int) -> SceneText:
    text = job.required(TEXTS[scene - 1], SceneText)
    if not text.text.split():
        raise PermanentError(f"the text of scene {scene} is empty", code="bug")
    return text


def _neighbour(job: AssetRequested, scene: int) -> str | None:
    """A neighbouring scene's text, where there is such a scene and the job brought it."""
    text = job.given(TEXTS[scene - 1], SceneText) if scene in SCENES else None
    return text.text if text else None


def _paragraphs(text: SceneText, words: tuple[Word, ...]) -> list[tuple[Word, ...]]:
    try:
        return by_paragraph(text.paragraphs, words)
    except ValueError as error:
        raise PermanentError(f"the narration of scene {text.scene} is not of its text", code="bug") from error
