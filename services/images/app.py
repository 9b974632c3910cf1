"""The composition root: who draws, who checks, and with what."""

from services.images.critic import Critic
from services.images.painter import Painter
from storyloom.jobs.definition import Handler, WorkerDefinition
from storyloom.providers.openai.client import OpenAI
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import PICTURES, Asset, Service


def compose(settings: Settings, objects: Objects) -> WorkerDefinition:
    """The images workshop; closing it closes the connections to OpenAI."""
    openai = OpenAI(settings)
    openai.warm_up()  # the portrait is among the first things that a story waits for
    painter = Painter(openai, Critic(openai), objects)
    makers: dict[Asset, Handler] = dict.fromkeys(PICTURES, painter.picture)
    return WorkerDefinition(Service.IMAGES, {Asset.PORTRAIT: painter.portrait, **makers}, close=openai.close)
