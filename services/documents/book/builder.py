"""The builder: lays the story out as a book and has it rendered. A book with a picture missing is still a book."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import structlog

from services.documents.book.pages import SNUGGEST, Contents, expected_pages, lay_out
from services.documents.book.render_process import File
from services.documents.book.renderer import DamagedPictureError, RenderedBook, Renderer
from storyloom.jobs.definition import Report
from storyloom.runtime.executors import run_in_thread
from storyloom.storage.objects import ObjectStore
from storyloom.story.assets import PICTURES, Asset
from storyloom.story.errors import PermanentError
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Activities, Book, Outline, Picture, StoryContent

log = structlog.get_logger()


class BookBuilder:
    """Makes the pdf."""

    def __init__(self, renderer: Renderer, store: ObjectStore) -> None:
        self._renderer = renderer
        self._store = store

    async def build(self, job: AssetRequested, report: Report) -> Book:
        """The printable book, PDF/UA-1.

        Raises what the renderer and the store raise, and PermanentError where some of its text could not be read
        (code ``no_glyph`` or ``text_cut_off``).
        """
        await report(5)
        contents = await gather(job, self._store)
        await report(30)
        rendered = await self._render(contents)
        await report(90)
        pdf = await self._store.put(job.story_id, job.asset, rendered.pdf, "application/pdf")
        return Book(pdf=pdf, pages=rendered.pages)

    async def _render(self, contents: Contents) -> RenderedBook:
        """Render; again, and closer set, while a text runs over its page; again without a picture that is damaged.

        Raises PermanentError where some text cannot be read in the end (see ``_check``).
        """
        snug = 0
        while True:
            sheet = replace(await run_in_thread(lay_out, contents, snug), priority=contents.brief.priority)
            try:
                rendered = await self._renderer.render(sheet)
            except DamagedPictureError as damaged:
                log.warning("book.picture_damaged", picture=damaged.name)
                contents = _without(contents, damaged.name)
                continue
            if (rendered.pages > expected_pages(contents) or rendered.overflows) and snug < SNUGGEST:
                snug += 1
                continue
            _check(rendered)
            log.info(
                "book.rendered", pages=rendered.pages, size=len(rendered.pdf), snug=snug, remarks=len(rendered.remarks)
            )
            return rendered


async def gather(job: AssetRequested, store: ObjectStore) -> Contents:
    """What a book is made of, the pictures' bytes among it. Raises what the store raises."""
    pictures = {asset: picture for asset in PICTURES if (picture := job.given(asset, Picture))}
    return Contents(
        brief=job.brief,
        story=job.required(Asset.CONTENT, StoryContent),
        made_on=job.at.date(),
        outline=job.given(Asset.OUTLINE, Outline),
        activities=job.given(Asset.ACTIVITIES, Activities),
        pictures=pictures,
        images=await _fetch(pictures, store),
    )


async def _fetch(pictures: Mapping[Asset, Picture], store: ObjectStore) -> dict[Asset, File]:
    fetched = await asyncio.gather(*(store.get(picture.image) for picture in pictures.values()))
    return {
        asset: (picture.image.content_type, data)
        for (asset, picture), data in zip(pictures.items(), fetched, strict=True)
    }


def _check(book: RenderedBook) -> None:
    """Raise PermanentError for a book that cannot be read: a letter without a glyph, or a text that is cut off."""
    if book.missing:
        kinds = ", ".join(book.missing)
        raise PermanentError(f"No font of the book has some of its letters (of these kinds: {kinds})", code="no_glyph")
    if book.overflows:
        places = ", ".join(book.overflows)
        raise PermanentError(f"Some text does not fit its place in the book ({places})", code="text_cut_off")


def _without(contents: Contents, file: str) -> Contents:
    """The contents without the picture that the sheet calls so."""
    left = {asset: image for asset, image in contents.images.items() if f"{asset}.jpg" != file}
    if len(left) == len(contents.images):
        raise ValueError(f"the renderer complained of {file}, which is no picture")
    return replace(contents, images=left)
