"""The composition root: who writes, and with what."""

from services.content.editing import Editing
from services.content.screening import Screening
from services.content.writer import Writer
from storyloom.jobs.definition import Handler, WorkerDefinition
from storyloom.providers.openai.client import OpenAI
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import TEXTS, Asset, Service
from storyloom.story.editing import ASK_EDITING
from storyloom.story.screening import ASK_SCREENING


def compose(settings: Settings, objects: Objects) -> WorkerDefinition:
    """The content service. Its results are words alone, so that it stores no objects but the manifests."""
    del objects
    openai = OpenAI(settings)
    openai.warm_up()  # the api waits three seconds for a screening, and a child for the first words
    writer = Writer(openai)
    makers: dict[Asset, Handler] = {Asset.OUTLINE: writer.outline, Asset.CONTENT: writer.whole}
    makers |= dict.fromkeys(TEXTS, writer.scene)
    questions = {ASK_SCREENING: Screening(openai).answer, ASK_EDITING: Editing(openai).answer}
    return WorkerDefinition(Service.CONTENT, makers, questions, close=openai.close)
