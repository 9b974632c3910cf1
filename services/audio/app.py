"""The composition root: who reads aloud, who joins, and with what."""

from services.audio.narrator import Narrator
from storyloom.jobs.definition import Handler, WorkerDefinition
from storyloom.providers.elevenlabs.client import ElevenLabs
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import NARRATIONS, Asset, Service


def compose(settings: Settings, objects: Objects) -> WorkerDefinition:
    """The audio workshop; closing it closes the connections to the voice."""
    voice = ElevenLabs(settings)
    narrator = Narrator(voice, objects, pause=settings.scene_pause, voice_id=settings.default_voice)
    makers: dict[Asset, Handler] = dict.fromkeys(NARRATIONS, narrator.narrate)
    return WorkerDefinition(Service.AUDIO, {**makers, Asset.AUDIO: narrator.join}, close=voice.close)
