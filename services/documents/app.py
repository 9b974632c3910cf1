"""The composition root: who thinks of activities, who binds, and with what."""

from services.documents.activities import Designer
from services.documents.binder import Binder
from services.documents.press import Press
from storyloom.jobs.definition import WorkerDefinition
from storyloom.providers.openai.client import OpenAI
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset, Service


def compose(settings: Settings, objects: Objects) -> WorkerDefinition:
    """The documents workshop; closing it ends the press and the connections to the author."""
    author = OpenAI(settings)
    press = Press()

    async def close() -> None:
        await press.close()
        await author.close()

    makers = {Asset.ACTIVITIES: Designer(author, press).devise, Asset.PDF: Binder(press, objects).bind}
    return WorkerDefinition(Service.DOCUMENTS, makers, close=close)
