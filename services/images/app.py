"""The images service: draws the portrait, the cover and the scenes."""

from collections.abc import Mapping

from services.images.critic import Critic
from services.images.painter import MAX_DRAWINGS, Painter
from storyloom.jobs.definition import Handler, WorkerDefinition, report_progress
from storyloom.messaging.broker import STORY, Router, job
from storyloom.providers.openai.client import OpenAI
from storyloom.providers.paid_answers import PaidOnceImages, PaidOnceVision
from storyloom.runtime.settings import InvalidSettingError, Settings, WorkerSettings
from storyloom.storage.objects import Objects
from storyloom.story.assets import PICTURES, Asset, Service
from storyloom.story.events import AssetCompleted
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Picture


def compose(settings: Settings, objects: Objects) -> WorkerDefinition:
    """The images service, composed; closing it closes the connections to OpenAI.

    Raises InvalidSettingError where a picture that is drawn as often as it may be would run into the job's time-out.
    """
    check_time_outs(settings)
    openai = OpenAI(settings)
    openai.warm_up()  # the portrait is among the first things that a story waits for
    painter = Painter(PaidOnceImages(openai), Critic(PaidOnceVision(openai)), objects)
    handlers: dict[Asset, Handler[Picture]] = {
        Asset.PORTRAIT: painter.portrait,
        **dict.fromkeys(PICTURES, painter.picture),
    }
    return WorkerDefinition(Service.IMAGES, handlers, jobs(settings, handlers), close=openai.close)


def check_time_outs(settings: Settings) -> None:
    """Raises InvalidSettingError unless every drawing that a picture may need, and its check, fit into one attempt."""
    needed = MAX_DRAWINGS * (settings.image_timeout + settings.text_timeout)
    if settings.job_timeout <= needed:
        raise InvalidSettingError(
            f"JOB_TIMEOUT is {settings.job_timeout:g} and must be more than {needed:g} seconds: a picture may be drawn "
            f"(IMAGE_TIMEOUT, {settings.image_timeout:g}) and checked (TEXT_TIMEOUT, {settings.text_timeout:g}) "
            f"{MAX_DRAWINGS} times."
        )


def jobs(settings: WorkerSettings, handlers: Mapping[Asset, Handler[Picture]]) -> Router:
    """What the images service consumes and publishes, besides what every worker says (storyloom/jobs/events.py)."""
    router = Router()

    @router.publisher("story.evt.AssetCompleted.{story_id}", stream=STORY, schema=AssetCompleted)
    @router.subscriber("job.images.urgent.{story_id}.{asset}", **job("images-urgent", slots=settings.slots_urgent))
    @router.subscriber("job.images.high.{story_id}.{asset}", **job("images-high", slots=settings.slots_high))
    @router.subscriber("job.images.normal.{story_id}.{asset}", **job("images-normal", slots=settings.slots_normal))
    async def draw(wanted: AssetRequested) -> Picture:
        """Draw the portrait, the cover or a scene."""
        return await handlers[wanted.asset](wanted, report_progress)

    return router
