"""A worker service in one file: it makes colouring pages of covers, a kind of asset that Storyloom does not have.

The names it imports come with docs/example_worker.diff: see docs/building-workers.md, which says how to run it.
"""
# mypy: disable-error-code="attr-defined,dict-item"
# ruff: noqa: INP001

import asyncio
from io import BytesIO

from PIL import Image, ImageFilter

from storyloom.jobs.definition import Report, WorkerDefinition, report_progress
from storyloom.jobs.worker import main
from storyloom.messaging.broker import STORY, Router, job
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset, Service
from storyloom.story.events import AssetCompleted
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import ColouringPage, Picture


def compose(settings: Settings, objects: Objects) -> WorkerDefinition:
    """The crafts service: its subscribers and publishers, and the handler behind them."""
    router = Router()

    async def colouring_page(wanted: AssetRequested, report: Report) -> ColouringPage:
        cover = wanted.required(Asset.COVER, Picture)
        await report(10)
        outlines = await asyncio.to_thread(draw_outlines, await objects.get(cover.image))
        return ColouringPage(image=await objects.put(wanted.story_id, wanted.asset, outlines, "image/png"))

    @router.publisher("story.evt.AssetCompleted.{story_id}", stream=STORY, schema=AssetCompleted)
    @router.subscriber("job.crafts.urgent.{story_id}.{asset}", **job("crafts-urgent", slots=settings.slots_urgent))
    @router.subscriber("job.crafts.high.{story_id}.{asset}", **job("crafts-high", slots=settings.slots_high))
    @router.subscriber("job.crafts.normal.{story_id}.{asset}", **job("crafts-normal", slots=settings.slots_normal))
    async def craft(wanted: AssetRequested) -> ColouringPage:
        """Make a colouring page of the cover."""
        return await colouring_page(wanted, report_progress)

    return WorkerDefinition(Service.CRAFTS, {Asset.COLOURING_PAGE: colouring_page}, router)


def draw_outlines(picture: bytes) -> bytes:
    """The picture's outlines, black on white, as PNG. It takes half a second of CPU: call it in a thread."""
    with Image.open(BytesIO(picture)) as image:
        smooth = image.convert("L").filter(ImageFilter.MedianFilter(5))  # paper and brush strokes are no outlines
    edges = smooth.filter(ImageFilter.FIND_EDGES).filter(ImageFilter.MaxFilter(3))
    edges.point([255] * 30 + [0] * 226).save(out := BytesIO(), "PNG")
    return out.getvalue()


if __name__ == "__main__":
    main(compose, name="crafts")
