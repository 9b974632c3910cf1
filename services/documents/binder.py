"""The binder: lays the story out as a book and has it printed. A book with a picture missing is still a book."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol
from uuid import UUID

import structlog

from services.documents.inputs import given, needed
from services.documents.pages import SNUGGEST, Contents, expected_pages, lay_out
from services.documents.press import DamagedPictureError, Print, Sheet
from services.documents.printer import File
from storyloom.jobs.definition import Report
from storyloom.runtime.executors import run_in_thread
from storyloom.story.assets import PICTURES, Asset
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Activities, Book, Outline, Picture, StoredObject, StoryContent

log = structlog.get_logger()


class Store(Protocol):
    """Where pictures come from and the book goes: storyloom.storage.objects."""

    async def get(self, stored: StoredObject) -> bytes: ...

    async def put(self, story_id: UUID, asset: Asset, data: bytes, content_type: str) -> StoredObject: ...


class Printing(Protocol):
    """Turns a sheet into a PDF: the press."""

    async def print(self, sheet: Sheet) -> Print: ...


class Binder:
    """Binds books."""

    def __init__(self, press: Printing, store: Store) -> None:
        self._press = press
        self._store = store

    async def bind(self, job: AssetRequested, report: Report) -> Book:
        """The printable book, PDF/UA-1. Raises what the press and the store raise."""
        await report(5)
        contents = await self._gather(job)
        await report(30)
        printed = await self._print(contents)
        await report(90)
        pdf = await self._store.put(job.story_id, job.asset, printed.pdf, "application/pdf")
        return Book(pdf=pdf, pages=printed.pages)

    async def _gather(self, job: AssetRequested) -> Contents:
        pictures = {asset: picture for asset in PICTURES if (picture := given(job, asset, Picture))}
        return Contents(
            brief=job.brief,
            story=needed(job, Asset.CONTENT, StoryContent),
            made_on=job.at.date(),
            outline=given(job, Asset.OUTLINE, Outline),
            activities=given(job, Asset.ACTIVITIES, Activities),
            pictures=pictures,
            images=await self._fetch(pictures),
        )

    async def _fetch(self, pictures: Mapping[Asset, Picture]) -> dict[Asset, File]:
        fetched = await asyncio.gather(*(self._store.get(picture.image) for picture in pictures.values()))
        return {
            asset: (picture.image.content_type, data)
            for (asset, picture), data in zip(pictures.items(), fetched, strict=True)
        }

    async def _print(self, contents: Contents) -> Print:
        """Print; again, and closer set, while a text runs over its page; again without a picture that is damaged."""
        snug = 0
        while True:
            sheet = replace(await run_in_thread(lay_out, contents, snug), priority=contents.brief.priority)
            try:
                printed = await self._press.print(sheet)
            except DamagedPictureError as damaged:
                log.warning("book.picture_damaged", picture=damaged.name)
                contents = _without(contents, damaged.name)
                continue
            if printed.pages > expected_pages(contents) and snug < SNUGGEST:
                snug += 1
                continue
            log.info("book.bound", pages=printed.pages, size=len(printed.pdf), snug=snug, remarks=len(printed.remarks))
            return printed


def _without(contents: Contents, file: str) -> Contents:
    """The contents without the picture that the sheet calls so."""
    left = {asset: image for asset, image in contents.images.items() if f"{asset}.jpg" != file}
    if len(left) == len(contents.images):
        raise ValueError(f"the press complained of {file}, which is no picture")
    return replace(contents, images=left)
