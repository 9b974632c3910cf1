"""The audio service: reads the scenes aloud, and joins them."""

from collections.abc import Mapping

from services.audio.narrator import Narrator
from storyloom.jobs.definition import Handler, WorkerDefinition, report_progress
from storyloom.messaging.broker import STORY, Router, job
from storyloom.providers.elevenlabs.client import ElevenLabs
from storyloom.providers.paid_answers import PaidOnceVoice
from storyloom.runtime.settings import Settings, WorkerSettings
from storyloom.storage.objects import Objects
from storyloom.story.assets import NARRATIONS, Asset, Service
from storyloom.story.events import AssetCompleted
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Audio, Narration


def compose(settings: Settings, objects: Objects) -> WorkerDefinition:
    """The audio service, composed; closing it closes the connections to the voice."""
    voice = ElevenLabs(settings)
    narrator = Narrator(PaidOnceVoice(voice), objects, pause=settings.scene_pause, voice_id=settings.default_voice)
    handlers: dict[Asset, Handler[Narration | Audio]] = {
        **dict.fromkeys(NARRATIONS, narrator.narrate),
        Asset.AUDIO: narrator.join,
    }
    return WorkerDefinition(Service.AUDIO, handlers, jobs(settings, handlers), close=voice.close)


def jobs(settings: WorkerSettings, handlers: Mapping[Asset, Handler[Narration | Audio]]) -> Router:
    """What the audio service consumes and publishes, besides what every worker says (storyloom/jobs/events.py)."""
    router = Router()

    @router.publisher("story.evt.AssetCompleted.{story_id}", stream=STORY, schema=AssetCompleted)
    @router.subscriber("job.audio.urgent.{story_id}.{asset}", **job("audio-urgent", slots=settings.slots_urgent))
    @router.subscriber("job.audio.high.{story_id}.{asset}", **job("audio-high", slots=settings.slots_high))
    @router.subscriber("job.audio.normal.{story_id}.{asset}", **job("audio-normal", slots=settings.slots_normal))
    async def speak(wanted: AssetRequested) -> Narration | Audio:
        """Read a scene aloud, or join the four."""
        return await handlers[wanted.asset](wanted, report_progress)

    return router
