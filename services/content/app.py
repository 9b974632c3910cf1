"""The content service: writes, and says whether a brief or an edited scene may be published."""

from collections.abc import Awaitable, Callable, Mapping

from services.content.safety import Editing, Screening
from services.content.writer import Writer
from storyloom.jobs.definition import Handler, WorkerDefinition, report_progress
from storyloom.messaging.broker import STORY, Router, job, question
from storyloom.providers.openai.client import OpenAI
from storyloom.providers.paid_answers import PaidOnceModel
from storyloom.runtime.settings import Settings, WorkerSettings
from storyloom.storage.objects import Objects
from storyloom.story.assets import TEXTS, Asset, Service
from storyloom.story.brief import Brief
from storyloom.story.editing import ASK_EDITING, EditVerdict, SceneEdit
from storyloom.story.events import AssetCompleted
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Outline, SceneText, StoryContent
from storyloom.story.screening import ASK_SCREENING, Verdict


def compose(settings: Settings, objects: Objects) -> WorkerDefinition:
    """The content service, composed. Its results are words alone, so that it stores no objects but the manifests."""
    del objects
    openai = OpenAI(settings)
    openai.warm_up()  # the api waits three seconds for a screening, and a child for the first words
    writer = Writer(PaidOnceModel(openai))
    handlers: dict[Asset, Handler[Outline | SceneText | StoryContent]] = {
        Asset.OUTLINE: writer.outline,
        Asset.CONTENT: writer.whole,
    }
    handlers |= dict.fromkeys(TEXTS, writer.scene)

    def shut() -> bool:
        return openai.shut

    asked = questions(Screening(openai, shut).screen, Editing(openai, shut).judge)
    return WorkerDefinition(Service.CONTENT, handlers, jobs(settings, handlers), asked, close=openai.close)


def jobs(settings: WorkerSettings, handlers: Mapping[Asset, Handler[Outline | SceneText | StoryContent]]) -> Router:
    """What the content service consumes and publishes, besides what every worker says (storyloom/jobs/events.py)."""
    router = Router()

    @router.publisher("story.evt.AssetCompleted.{story_id}", stream=STORY, schema=AssetCompleted)
    @router.subscriber("job.content.urgent.{story_id}.{asset}", **job("content-urgent", slots=settings.slots_urgent))
    @router.subscriber("job.content.high.{story_id}.{asset}", **job("content-high", slots=settings.slots_high))
    @router.subscriber("job.content.normal.{story_id}.{asset}", **job("content-normal", slots=settings.slots_normal))
    async def write(wanted: AssetRequested) -> Outline | SceneText | StoryContent:
        """Write the outline, a scene, or judge the whole."""
        return await handlers[wanted.asset](wanted, report_progress)

    return router


def questions(
    screen: Callable[[Brief], Awaitable[Verdict]], judge: Callable[[SceneEdit], Awaitable[EditVerdict]]
) -> Router:
    """What others may ask; replicas share the asking. Whoever gets no answer in time goes on without."""
    router = Router()

    @router.subscriber(ASK_SCREENING, **question(Brief, queue="content"))
    async def screening(brief: Brief) -> Verdict:
        """Whether a brief may become a story."""
        return await screen(brief)

    @router.subscriber(ASK_EDITING, **question(SceneEdit, queue="content"))
    async def editing(edit: SceneEdit) -> EditVerdict:
        """Whether an edited scene may be published, and how hard it is."""
        return await judge(edit)

    return router
