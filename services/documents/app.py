"""The documents service: activities, the printable book, the e-book, and what is true of a finished story."""

from collections.abc import Awaitable, Callable, Mapping

from services.documents.activities import Designer
from services.documents.book.builder import BookBuilder
from services.documents.book.renderer import Renderer
from services.documents.epub.builder import EbookBuilder
from services.documents.evaluation import Evaluator
from storyloom.jobs.definition import Handler, WorkerDefinition, report_progress
from storyloom.messaging.broker import STORY, Router, job, question
from storyloom.providers.openai.client import OpenAI
from storyloom.providers.paid_answers import PaidOnceModel
from storyloom.runtime.settings import Settings, WorkerSettings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset, Service
from storyloom.story.evaluation import ASK_EVALUATION, Evaluation, StoryToEvaluate
from storyloom.story.events import AssetCompleted
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Activities, Book


def compose(settings: Settings, objects: Objects) -> WorkerDefinition:
    """The documents service, composed; closing it ends its processes and the connections to the author."""
    author = OpenAI(settings)
    renderer = Renderer()
    evaluator = Evaluator(objects)

    async def close() -> None:
        await evaluator.close()
        await renderer.close()
        await author.close()

    handlers: dict[Asset, Handler[Activities | Book]] = {
        Asset.ACTIVITIES: Designer(PaidOnceModel(author), renderer).devise,
        Asset.PDF: BookBuilder(renderer, objects).build,
        Asset.EPUB: EbookBuilder(objects).build,
    }
    return WorkerDefinition(
        Service.DOCUMENTS, handlers, jobs(settings, handlers), questions(evaluator.evaluate), close=close
    )


def jobs(settings: WorkerSettings, handlers: Mapping[Asset, Handler[Activities | Book]]) -> Router:
    """What the documents service consumes and publishes, besides what every worker says (storyloom/jobs/events.py)."""
    router = Router()

    @router.publisher("story.evt.AssetCompleted.{story_id}", stream=STORY, schema=AssetCompleted)
    @router.subscriber(
        "job.documents.urgent.{story_id}.{asset}", **job("documents-urgent", slots=settings.slots_urgent)
    )
    @router.subscriber("job.documents.high.{story_id}.{asset}", **job("documents-high", slots=settings.slots_high))
    @router.subscriber(
        "job.documents.normal.{story_id}.{asset}", **job("documents-normal", slots=settings.slots_normal)
    )
    async def produce(wanted: AssetRequested) -> Activities | Book:
        """Devise the activities, or make a book."""
        return await handlers[wanted.asset](wanted, report_progress)

    return router


def questions(evaluate: Callable[[StoryToEvaluate], Awaitable[Evaluation]]) -> Router:
    """What others may ask; replicas share the asking."""
    router = Router()

    @router.subscriber(ASK_EVALUATION, **question(StoryToEvaluate, queue="documents"))
    async def evaluation(story: StoryToEvaluate) -> Evaluation:
        """What is true of a finished story. It takes some seconds, and whoever asks is told nothing meanwhile."""
        return await evaluate(story)

    return router
