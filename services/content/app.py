"""The composition root: who writes, and with what."""

from services.content.screening import Screening
from services.content.writer import Writer
from storyloom.objects import Objects
from storyloom.settings import OpenAISettings, Settings
from storyloom.story.assets import TEXTS, Asset, Service
from storyloom.vendors.openai import OpenAI
from storyloom.work import Maker, Workshop


def compose(settings: Settings, objects: Objects) -> Workshop:
    """The content service. Its results are words alone, so that it stores no objects but the manifests."""
    del objects
    openai = OpenAI(settings)
    writer = Writer(openai)
    makers: dict[Asset, Maker] = {Asset.OUTLINE: writer.outline, Asset.CONTENT: writer.whole}
    makers |= dict.fromkeys(TEXTS, writer.scene)
    return Workshop(Service.CONTENT, makers, close=openai.close)


def compose_screening(settings: OpenAISettings) -> Screening:
    """Who answers "may this brief be told?"; whoever composes it closes it."""
    return Screening(OpenAI(settings))
