"""The builder of e-books: gathers what the story has, lays it out and packs it. What is missing does not stop it."""

from collections.abc import Mapping
from dataclasses import replace

import structlog

from services.documents.book.builder import gather
from services.documents.book.render_process import File, to_jpeg
from services.documents.epub.container import MEDIA_TYPE, pack
from services.documents.epub.pages import Ebook, Recording, lay_out
from storyloom.jobs.definition import Report
from storyloom.runtime.executors import run_in_thread
from storyloom.storage.objects import ObjectStore
from storyloom.story.assets import PICTURES, SCENES, Asset
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Audio, Book

log = structlog.get_logger()


class EbookBuilder:
    """Makes the epub."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def build(self, job: AssetRequested, report: Report) -> Book:
        """The e-book, EPUB 3, without sound where the story could not be read aloud.

        Raises what the store raises.
        """
        await report(5)
        contents = await gather(job, self._store)
        recording = await self._recording(job)
        await report(30)
        images = await run_in_thread(_as_jpeg, contents.images)
        await report(60)
        contents = replace(contents, images=images)
        book = await run_in_thread(lay_out, Ebook(job.story_id, job.at, contents, recording))
        if recording is not None and len(book.spoken) < len(SCENES):
            # It stays a book; its scenes without words are silent.
            log.error("ebook.words_of_another_text", scenes=len(SCENES) - len(book.spoken))
        data = await run_in_thread(pack, book.files)
        await report(90)
        epub = await self._store.put(job.story_id, job.asset, data, MEDIA_TYPE)
        spoken = sum(book.spoken.values())
        log.info("ebook.made", size=len(data), pages=book.pages, spoken=spoken, pictures=len(images))
        return Book(pdf=epub, pages=book.pages, spoken=spoken)

    async def _recording(self, job: AssetRequested) -> Recording | None:
        audio = job.given(Asset.AUDIO, Audio)
        return None if audio is None else Recording(audio, await self._store.get(audio.audio))


def _as_jpeg(images: Mapping[Asset, File]) -> dict[Asset, File]:
    """The pictures as they go into the book: a tenth of what was painted, and without one that is damaged."""
    found: dict[Asset, File] = {}
    for asset in PICTURES:
        if asset not in images:
            continue
        _, data = images[asset]
        try:
            found[asset] = ("image/jpeg", to_jpeg(data))
        except ValueError as error:
            log.warning("ebook.picture_damaged", picture=asset.value, reason=str(error))
    return found
