"""From job to result: four scenes read through the real SDK, joined, every word timed once over the whole."""

import hashlib
import io
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import av
import numpy as np
import pytest
from aiohttp import web

from services.audio.app import compose
from services.audio.narrator import Narrator
from storyloom.providers.elevenlabs.client import ElevenLabs
from storyloom.providers.elevenlabs.mp3 import SAMPLE_RATE, decode, find_sound
from storyloom.runtime.settings import ElevenLabsSettings, Settings, StoreSettings
from storyloom.storage.objects import Objects
from storyloom.story.assets import GRAPH, NARRATIONS, TEXTS, Asset, Service
from storyloom.story.brief import Brief
from storyloom.story.errors import PermanentError
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Audio, Narration, Readability, SceneText, StoredObject
from studio.backends import Speech
from studio.voice.synthesis import synthesise
from tests.integration.audio.provider import Provider, body, open_provider, say
from tests.makers import sample

STORY = UUID(int=7)
PARAGRAPHS = (
    ("Mira heard a sound — “Who is it?” she asked.", "It was a fox 🦊 & <no-one> else."),
    ("They went\u00a0on, over the hill.",),
    ("It rained…", "and rained."),
    ("Good night!",),
)


class Drawer:
    """A store in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, story_id: UUID, asset: Asset, data: bytes, content_type: str) -> StoredObject:
        digest = hashlib.sha256(data).hexdigest()
        self.kept[digest] = data
        return StoredObject(key=digest, sha256=digest, size=len(data), content_type=content_type)

    async def get(self, stored: StoredObject) -> bytes:
        try:
            return self.kept[stored.key]
        except KeyError as error:
            raise PermanentError("the object is not there", code="bug") from error


class Progress(list[int]):
    """What a reader of the story would see."""

    async def __call__(self, progress: int, text: str | None = None) -> None:
        self.append(progress)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with open_provider() as provider:
        yield provider


@pytest.fixture
async def voice(provider: Provider) -> AsyncIterator[ElevenLabs]:
    voice = ElevenLabs(
        ElevenLabsSettings.model_validate({"elevenlabs_api_key": "key", "elevenlabs_base_url": provider.url})
    )
    yield voice
    await voice.close()


@pytest.fixture
def drawer() -> Drawer:
    return Drawer()


@pytest.fixture
def narrator(voice: ElevenLabs, drawer: Drawer) -> Narrator:
    return Narrator(voice, drawer, pause=0.8, voice_id="house-voice")


def scene_text(scene: int) -> SceneText:
    paragraphs = PARAGRAPHS[scene - 1]
    return SceneText(
        scene=scene,
        paragraphs=paragraphs,
        alt_text="",
        words=len(" ".join(paragraphs).split()),
        readability=Readability(grade=1, sentence_words=5, rare_share=0),
    )


def job(asset: Asset, inputs: dict[Asset, Any], **brief: Any) -> AssetRequested:
    return AssetRequested(
        id="job-1",
        story_id=STORY,
        tenant_id="tenant",
        trace="",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        asset=asset,
        fingerprint=Fingerprint("f" * 64),
        brief=Brief.asked({"storyType": "bedtime", "characters": [{"name": "Mira"}], **brief}),
        inputs=inputs,
    )


async def narrate(narrator: Narrator, scene: int, **brief: Any) -> Narration:
    inputs = {TEXTS[scene - 1]: scene_text(scene)}
    return await narrator.narrate(job(NARRATIONS[scene - 1], inputs, **brief), Progress())


async def read_all(narrator: Narrator) -> dict[Asset, Any]:
    texts: dict[Asset, Any] = {TEXTS[scene - 1]: scene_text(scene) for scene in (1, 2, 3, 4)}
    return texts | {NARRATIONS[scene - 1]: await narrate(narrator, scene) for scene in (1, 2, 3, 4)}


async def test_a_scene_is_read_and_every_word_timed(narrator: Narrator, drawer: Drawer, provider: Provider) -> None:
    seen = Progress()
    narration = await narrator.narrate(job(Asset.NARRATION_1, {Asset.TEXT_1: scene_text(1)}), seen)
    assert [word.txt for word in narration.words] == " ".join(PARAGRAPHS[0]).split()
    assert all(before.end <= after.start for before, after in pairwise(narration.words))
    assert narration.words[-1].end <= narration.seconds
    assert narration.audio.sha256 in drawer.kept
    assert [call.purpose for call in narration.calls] == ["narration_1"]
    assert seen == sorted(seen)
    assert seen[-1] == 100
    assert provider.asked[0]["text"] == "\n\n".join(PARAGRAPHS[0])


def without_times(times: int) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A provider that sends sound without times so often, and then falls silent with a 500."""
    left = iter(range(times))

    async def behave(request: web.Request) -> web.StreamResponse:
        if next(left, None) is None:
            return say({"detail": "oops"}, 500)
        text = (await request.json())["text"]
        return say(body(synthesise(text, voice_id="narrator", settings={}, engine="espeak"), alignment=None))

    return behave


@pytest.mark.parametrize(("readings", "paid"), [(2, 2), (1, 1)])
async def test_a_reading_without_times_is_read_once_more_and_then_kept(
    narrator: Narrator, drawer: Drawer, provider: Provider, readings: int, paid: int
) -> None:
    """Whether the second is no better or does not come at all, what was paid for is not thrown away."""
    provider.behave = without_times(readings)
    narration = await narrate(narrator, 1, seed=3)
    assert [asked["seed"] for asked in provider.asked] == [3, 4]
    assert len(narration.calls) == paid
    assert narration.audio.sha256 in drawer.kept
    assert [word.txt for word in narration.words] == " ".join(PARAGRAPHS[0]).split()
    assert all(word.estimated for word in narration.words)
    assert all(before.end <= after.start for before, after in pairwise(narration.words))
    assert narration.words[-1].end <= narration.seconds


async def test_a_second_reading_with_times_is_the_one_that_is_kept(narrator: Narrator, provider: Provider) -> None:
    async def once(request: web.Request) -> web.StreamResponse:
        provider.behave = None
        return await without_times(1)(request)

    provider.behave = once
    narration = await narrate(narrator, 1)
    assert (len(provider.asked), len(narration.calls)) == (2, 2)
    assert not any(word.estimated for word in narration.words)


async def test_the_joined_words_say_which_of_them_are_estimated(narrator: Narrator, provider: Provider) -> None:
    texts: dict[Asset, Any] = {TEXTS[scene - 1]: scene_text(scene) for scene in (1, 2, 3, 4)}
    inputs = dict(texts)
    for scene in (1, 2, 3, 4):
        provider.behave = without_times(2) if scene == 2 else None
        inputs[NARRATIONS[scene - 1]] = await narrate(narrator, scene)
    audio = await narrator.join(job(Asset.AUDIO, inputs), Progress())
    second = slice(
        len(inputs[NARRATIONS[0]].words), len(inputs[NARRATIONS[0]].words) + len(inputs[NARRATIONS[1]].words)
    )
    assert {word.estimated for word in audio.words[second]} == {True}
    assert {word.estimated for word in (*audio.words[: second.start], *audio.words[second.stop :])} == {False}
    assert audio.words[0].model_dump().keys() == {"txt", "start", "end"}
    assert audio.words[second][0].model_dump()["estimated"] is True


async def test_the_briefs_voice_reads_and_the_house_voice_where_it_names_none(
    narrator: Narrator, provider: Provider
) -> None:
    await narrate(narrator, 4)
    await narrate(narrator, 4, voice="grandma", seed=3)
    assert provider.voices == ["house-voice", "grandma"]
    assert [asked.get("seed") for asked in provider.asked] == [None, 3]


async def test_the_whole_recording_ends_with_its_last_word(narrator: Narrator, drawer: Drawer) -> None:
    seen = Progress()
    audio = await narrator.join(job(Asset.AUDIO, await read_all(narrator)), seen)
    with av.open(io.BytesIO(drawer.kept[audio.audio.key]), "r") as container:
        decoded_seconds = sum(frame.samples for frame in container.decode(audio=0)) / 44_100
    assert decoded_seconds == pytest.approx(audio.seconds, abs=0.05)
    assert abs(decoded_seconds - audio.words[-1].end) < 0.3
    assert seen == sorted(seen)
    assert seen[-1] == 100


def drifting(factor: float) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A provider whose times are all too early, or too late."""

    async def behave(request: web.Request) -> web.StreamResponse:
        spoken = synthesise((await request.json())["text"], voice_id="narrator", settings={}, engine="espeak")
        starts, ends = ([time * factor for time in times] for times in (spoken.starts, spoken.ends))
        return say(body(Speech(spoken.mp3, spoken.characters, starts, ends)))

    return behave


@pytest.mark.parametrize("factor", [0.94, 1.0, 1.08])
async def test_every_sample_that_the_voice_is_heard_in_stands_in_the_narration(
    narrator: Narrator, drawer: Drawer, provider: Provider, factor: float
) -> None:
    """The decoded MP3 against each of the four recordings that were paid for, where its scene begins."""
    provider.behave = drifting(factor)
    inputs = await read_all(narrator)
    audio = await narrator.join(job(Asset.AUDIO, inputs), Progress())
    assert len(provider.asked) == 4
    whole, at = decode(drawer.kept[audio.audio.key]), 0
    for scene in (1, 2, 3, 4):
        narration: Narration = inputs[NARRATIONS[scene - 1]]
        alone = decode(drawer.kept[narration.audio.key])
        first, last = find_sound(alone)
        assert narration.words[-1].end == pytest.approx(last / SAMPLE_RATE, abs=0.1)
        end = at + last
        assert end <= len(whole)
        kept = np.array(whole[at + first : end], dtype=float)
        assert np.corrcoef(np.array(alone[first:last], dtype=float), kept)[0, 1] > 0.99
        tail = at + last + round(0.1 * SAMPLE_RATE)
        at = (tail if scene < 4 else end) + round(0.8 * SAMPLE_RATE)
    assert audio.words[-1].end <= audio.seconds == pytest.approx(len(whole) / SAMPLE_RATE, abs=0.05)


async def test_every_word_of_the_story_stands_once_in_words_blocks_and_captions(
    narrator: Narrator, drawer: Drawer
) -> None:
    audio = await narrator.join(job(Asset.AUDIO, await read_all(narrator)), Progress())
    story = [txt for scene in PARAGRAPHS for paragraph in scene for txt in paragraph.split()]
    assert [word.txt for word in audio.words] == story
    assert all(before.end <= after.start for before, after in pairwise(audio.words))
    assert list(audio.blocks) == ["scene_1", "scene_2", "scene_3", "scene_4"]
    assert [block.count("<p>") for block in audio.blocks.values()] == [2, 1, 2, 1]
    assert "&lt;no-one&gt;" in audio.blocks["scene_1"]
    times = [float(time) for block in audio.blocks.values() for time in re.findall(r'data-start="(.*?)"', block)]
    assert times == [word.start for word in audio.words]
    captions = drawer.kept[audio.vtt.key].decode()
    assert captions.startswith("WEBVTT\n\n1\n00:00:0")
    assert "&amp; &lt;no-one&gt; else." in captions


async def test_times_go_on_from_scene_to_scene_with_the_pause_between(narrator: Narrator) -> None:
    inputs = await read_all(narrator)
    audio = await narrator.join(job(Asset.AUDIO, inputs), Progress())
    counts = [len(inputs[asset].words) for asset in NARRATIONS]
    for scene in (1, 2, 3):
        last, first = audio.words[sum(counts[:scene]) - 1], audio.words[sum(counts[:scene])]
        assert 0.8 <= first.start - last.end < 1.2


async def test_a_job_without_its_inputs_is_a_bug_and_is_given_up(narrator: Narrator, provider: Provider) -> None:
    inputs = await read_all(narrator)
    asked = len(provider.asked)
    for asset, missing in (
        (Asset.NARRATION_2, Asset.TEXT_2),
        (Asset.AUDIO, Asset.TEXT_3),
        (Asset.AUDIO, NARRATIONS[3]),
    ):
        make = narrator.join if asset is Asset.AUDIO else narrator.narrate
        with pytest.raises(PermanentError) as raised:
            await make(job(asset, {key: value for key, value in inputs.items() if key != missing}), Progress())
        assert raised.value.code == "bug"
    assert len(provider.asked) == asked


@pytest.mark.parametrize(
    ("brief", "speed"),
    [({"age": 3}, 0.84), ({"age": 8}, 0.93), ({"age": 12}, 0.94), ({"storyType": "adventure", "age": 3}, 1.0)],
)
async def test_a_bedtime_story_is_read_more_slowly_the_younger_the_child(
    narrator: Narrator, provider: Provider, brief: dict[str, Any], speed: float
) -> None:
    await narrate(narrator, 4, **brief)
    assert provider.asked[0]["voice_settings"]["speed"] == speed


async def test_the_recording_says_whose_story_it_is(narrator: Narrator, drawer: Drawer) -> None:
    inputs = await read_all(narrator)
    outline = sample(Asset.OUTLINE, uuid4()).model_copy(update={"title": "Mira and the Moon"})
    audio = await narrator.join(job(Asset.AUDIO, {**inputs, Asset.OUTLINE: outline}), Progress())
    with av.open(io.BytesIO(drawer.kept[audio.audio.key]), "r") as container:
        assert (container.metadata["title"], container.metadata["language"]) == ("Mira and the Moon", "eng")
    assert "mira" not in audio.audio.key.lower()


async def test_a_narration_of_another_text_is_not_joined(narrator: Narrator) -> None:
    inputs = await read_all(narrator)
    inputs[NARRATIONS[1]] = inputs[NARRATIONS[2]].model_copy(update={"scene": 2})
    with pytest.raises(PermanentError, match="not of its text"):
        await narrator.join(job(Asset.AUDIO, inputs), Progress())


async def test_the_worker_makes_all_that_the_graph_gives_to_audio(provider: Provider, drawer: Drawer) -> None:
    objects = Objects(StoreSettings())
    definition = compose(Settings.model_validate({"elevenlabs_api_key": "key"}), objects)
    assert definition.service is Service.AUDIO
    assert set(definition.handlers) == {asset for asset, recipe in GRAPH.items() if recipe.service is Service.AUDIO}
    await definition.close()
    await objects.close()


def test_results_survive_their_journey_as_json() -> None:
    audio = Audio.model_validate(
        {
            "audio": StoredObject(key="k", sha256="s", size=1, content_type="audio/mpeg"),
            "vtt": StoredObject(key="v", sha256="s", size=1, content_type="text/vtt"),
            "seconds": 1.0,
            "words": [{"txt": "a", "start": 0, "end": 1}],
            "blocks": {"scene_1": "<p></p>"},
        }
    )
    assert Audio.model_validate_json(audio.model_dump_json()) == audio


async def test_a_scene_that_is_read_anew_has_a_seed_of_its_own(narrator: Narrator, provider: Provider) -> None:
    for seed in (None, 3):
        for revision in (0, 1, 2):
            asked = job(Asset.NARRATION_4, {Asset.TEXT_4: scene_text(4)}, seed=seed)
            await narrator.narrate(asked.model_copy(update={"revision": revision}), Progress())
    seeds = [asked.pop("seed", None) for asked in provider.asked]
    assert (seeds[0], seeds[3]) == (None, 3)
    assert len(set(seeds)) == 6
    assert all(0 <= seed < 2**32 for seed in seeds if seed is not None)
    assert all(asked == provider.asked[0] for asked in provider.asked)
