"""The painter: attempts, findings, refusals, and what is kept in the end."""

import hashlib
import io
import pickle
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from services.images.critic import Critic, Verdict
from services.images.painter import Painter
from services.images.prompts import Prompt
from storyloom.providers.paid_answers import PAID_ANSWERS, Form, PaidAnswers, PaidOnceImages, once
from storyloom.storage.objects import DamagedObjectError
from storyloom.story.assets import Asset
from storyloom.story.earlier import EarlierStory
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Picture, ProviderCall, StoredObject
from tests.unit.images.samples import STORY, brief_of, job_for, outline_of, png_of

FINE = Verdict(safe=True, findings=(), alt_text="A child in a forest.")
NO_CHAIR = Verdict(safe=True, findings=("show clearly: a wheelchair",), alt_text="A child stands.")
NO_CHAIR_NO_FOX = Verdict(safe=True, findings=("show clearly: a wheelchair", "exactly 2"), alt_text="A child.")
FRIGHTENING = Verdict(safe=False, findings=("a friendly dog",), alt_text="A dog with teeth.")
REFUSED = PermanentError("OpenAI refused", code="content_refused", request_id="req_refused")


def call(purpose: str, number: int = 0) -> ProviderCall:
    return ProviderCall(provider="openai", model="m", request_id=f"req_{number}", seconds=1, purpose=purpose)


@dataclass
class Illustrator:
    """Draws what it is asked for, unless its moods say otherwise; remembers every order."""

    moods: list[bytes | Exception] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)

    async def draw(self, prompt: str, *, size: str, purpose: str) -> tuple[bytes, ProviderCall]:
        return self._drawn(prompt, size, purpose, None)

    async def redraw(self, prompt: str, *, size: str, reference: bytes, purpose: str) -> tuple[bytes, ProviderCall]:
        return self._drawn(prompt, size, purpose, reference)

    def _drawn(self, prompt: str, size: str, purpose: str, reference: bytes | None) -> tuple[bytes, ProviderCall]:
        self.orders.append({"prompt": prompt, "size": size, "purpose": purpose, "reference": reference})
        mood = self.moods.pop(0) if self.moods else b""
        if isinstance(mood, Exception):
            raise mood
        width, height = (int(side) for side in size.split("x"))
        number = len(self.orders)
        return mood or png_of((width, height), f"#2040{number:02x}"), call(purpose, number)

    @property
    def prompts(self) -> list[str]:
        return [order["prompt"] for order in self.orders]


VERDICT: Form[Verdict] = Form(
    write=lambda verdict: ({}, pickle.dumps(verdict)),
    read=lambda _, data: pickle.loads(data),
)


class ScriptedCritic(Critic):
    """Gives its verdicts in order, the last one again and again."""

    def __init__(self, *verdicts: Verdict | Exception) -> None:
        self.verdicts = list(verdicts)
        self.seen: list[bytes] = []

    async def check(self, png: bytes, prompt: Prompt, *, purpose: str) -> Verdict:
        return await once([hashlib.sha256(png).hexdigest()], lambda: self._check(png, purpose), VERDICT)

    async def _check(self, png: bytes, purpose: str) -> Verdict:
        self.seen.append(png)
        verdict = self.verdicts.pop(0) if len(self.verdicts) > 1 else self.verdicts[0]
        if isinstance(verdict, Exception):
            raise verdict
        return Verdict(verdict.safe, verdict.findings, verdict.alt_text, call(purpose, 100 + len(self.seen)))


class Drawer:
    """Keeps pictures in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.busy = False

    async def put(self, story_id: UUID, asset: Asset, data: bytes, content_type: str) -> StoredObject:
        if self.busy:
            raise RetryableError("store: SlowDown")
        digest = hashlib.sha256(data).hexdigest()
        self.kept[digest] = data
        return StoredObject(
            key=f"{story_id}/{asset}/{digest}", sha256=digest, size=len(data), content_type=content_type
        )

    async def get(self, stored: StoredObject) -> bytes:
        if self.busy:
            raise RetryableError("store: SlowDown")
        if stored.sha256 not in self.kept:
            raise DamagedObjectError("store: it is missing")
        return self.kept[stored.sha256]


class Diary:
    """A report that remembers."""

    def __init__(self) -> None:
        self.progress: list[int] = []

    async def __call__(self, progress: int, text: str | None = None) -> None:
        self.progress.append(progress)


@dataclass
class Atelier:
    brush: Illustrator
    critic: ScriptedCritic
    drawer: Drawer
    painter: Painter
    diary: Diary
    kept: dict[str, bytes] = field(default_factory=dict)
    """What interrupted jobs have paid for, as the next attempt finds it."""

    async def portrait(self) -> Picture:
        return await self.attempt(self.painter.portrait(job_for(Asset.PORTRAIT), self.diary))

    async def scene(self) -> Picture:
        return await self.attempt(self.painter.picture(await self.scene_job(), self.diary))

    async def attempt(self, work: Awaitable[Picture]) -> Picture:
        answers = PaidAnswers(self.kept)
        token = PAID_ANSWERS.set(answers)
        try:
            made = await work
        except (RetryableError, ProviderUnavailable):
            self.kept |= {name: write() for name, write in answers.new.items()}
            raise
        finally:
            PAID_ANSWERS.reset(token)
        self.kept.clear()
        return made

    async def scene_job(self) -> AssetRequested:
        image = await self.drawer.put(STORY, Asset.PORTRAIT, b"the portrait", "image/png")
        portrait = Picture(image=image, width=1024, height=1536, alt_text="The hero.", hue_colours=())
        return job_for(Asset.SCENE_2, inputs={Asset.OUTLINE: outline_of(), Asset.PORTRAIT: portrait})


Open = Callable[..., Atelier]


@pytest.fixture
def atelier() -> Open:
    def open_(*verdicts: Verdict | Exception, moods: Iterable[bytes | Exception] = ()) -> Atelier:
        brush, critic, drawer = Illustrator(list(moods)), ScriptedCritic(*(verdicts or (FINE,))), Drawer()
        return Atelier(brush, critic, drawer, Painter(PaidOnceImages(brush), critic, drawer), Diary())

    return open_


async def test_a_good_portrait_is_drawn_once_and_kept_unchanged(atelier: Open) -> None:
    here = atelier()
    picture = await here.portrait()
    assert here.drawer.kept[picture.image.sha256] == here.critic.seen[0]
    assert (picture.width, picture.height, picture.attempts, picture.findings) == (1024, 1536, 1, ())
    assert picture.alt_text == "A child in a forest."
    assert len(picture.hue_colours) == 3
    assert picture.image.content_type == "image/png"
    assert [one.purpose for one in picture.calls] == ["portrait", "portrait check"]
    assert here.brush.orders[0]["reference"] is None


async def test_every_other_picture_is_drawn_from_the_portrait(atelier: Open) -> None:
    here = atelier()
    await here.scene()
    (order,) = here.brush.orders
    assert (order["reference"], order["size"], order["purpose"]) == (b"the portrait", "1024x1536", "scene_2")


async def test_a_sequels_portrait_is_drawn_from_the_earlier_one_while_it_is_there(atelier: Open) -> None:
    here = atelier()
    image = await here.drawer.put(STORY, Asset.PORTRAIT, b"the portrait of before", "image/png")
    earlier = EarlierStory(title="The Bell", logline="x", place="x", object="x", portrait=image)
    job = job_for(Asset.PORTRAIT, brief_of().model_copy(update={"earlier": earlier}))
    await here.attempt(here.painter.portrait(job, here.diary))
    here.drawer.kept.clear()
    gone = atelier()
    await gone.attempt(gone.painter.portrait(job, gone.diary))
    assert [one.brush.orders[0]["reference"] for one in (here, gone)] == [b"the portrait of before", None]
    assert "differs from the reference picture" in here.brush.prompts[0]
    assert "reference picture" not in gone.brush.prompts[0]


async def test_a_sequels_portrait_waits_for_a_store_that_is_away_and_orders_nothing_meanwhile(atelier: Open) -> None:
    """Drawn without the earlier one the hero would be somebody else."""
    here = atelier()
    image = await here.drawer.put(STORY, Asset.PORTRAIT, b"the portrait of before", "image/png")
    earlier = EarlierStory(title="The Bell", logline="x", place="x", object="x", portrait=image)
    job = job_for(Asset.PORTRAIT, brief_of().model_copy(update={"earlier": earlier}))
    here.drawer.busy = True
    with pytest.raises(RetryableError):
        await here.painter.portrait(job, here.diary)
    assert here.brush.orders == []


async def test_findings_are_appended_to_the_original_words(atelier: Open) -> None:
    here = atelier(NO_CHAIR, FRIGHTENING, FINE)
    picture = await here.scene()
    first, second, third = here.brush.prompts
    assert second == f"{first}\nFix: show clearly: a wheelchair"
    assert third == f"{first}\nFix: show clearly: a wheelchair\nFix: a friendly dog"
    assert (picture.attempts, picture.findings) == (3, ())
    assert len(picture.calls) == 6


async def test_a_trait_that_never_comes_is_reported_and_the_picture_kept(atelier: Open) -> None:
    here = atelier(NO_CHAIR)
    picture = await here.scene()
    assert (picture.attempts, picture.findings) == (3, ("show clearly: a wheelchair",))
    assert len(here.brush.orders) == 3


async def test_of_safe_pictures_the_one_with_the_fewest_findings_is_kept(atelier: Open) -> None:
    here = atelier(NO_CHAIR_NO_FOX, NO_CHAIR, NO_CHAIR_NO_FOX)
    picture = await here.scene()
    assert here.drawer.kept[picture.image.sha256] == here.critic.seen[1]


async def test_an_unsafe_picture_is_never_kept_though_a_safe_one_lacks_more(atelier: Open) -> None:
    here = atelier(NO_CHAIR_NO_FOX, FRIGHTENING, FRIGHTENING)
    picture = await here.scene()
    assert here.drawer.kept[picture.image.sha256] == here.critic.seen[0]


async def test_nothing_safe_in_the_end_is_given_up(atelier: Open) -> None:
    here = atelier(FRIGHTENING)
    with pytest.raises(PermanentError) as raised:
        await here.scene()
    assert raised.value.code == "unsafe"
    assert raised.value.request_id == "req_103"
    assert list(here.drawer.kept.values()) == [b"the portrait"]


async def test_a_refusal_is_answered_once_with_softer_words(atelier: Open) -> None:
    here = atelier(moods=[REFUSED])
    picture = await here.portrait()
    first, second = here.brush.prompts
    assert "everybody safe" in second
    assert "everybody safe" not in first
    assert picture.attempts == 1
    assert "req_refused" in picture.findings[0]


async def test_the_third_refusal_ends_it_and_names_all_requests(atelier: Open) -> None:
    refusals = [PermanentError("OpenAI refused", code="content_refused", request_id=f"req_{n}") for n in (1, 2, 3)]
    here = atelier(moods=refusals)
    with pytest.raises(PermanentError) as raised:
        await here.portrait()
    assert (raised.value.code, raised.value.request_id) == ("content_refused", "req_3")
    assert raised.value.details["request_ids"] == "req_1, req_2, req_3"
    assert len(set(here.brush.prompts)) == 3


@pytest.mark.parametrize(
    ("categories", "asked"),
    [
        ("violence/graphic", "unhurt"),
        ("sexual", "everyday clothes"),
        ("self-harm/intent", "looked after"),
        ("hate, harassment", "kind to one another"),
        ("illicit", "nursery"),
    ],
)
async def test_what_a_picture_was_refused_for_is_answered_with_its_contrary(
    atelier: Open, categories: str, asked: str
) -> None:
    refusal = PermanentError("no", code="content_refused", request_id="req_1", details={"categories": categories})
    here = atelier(moods=[refusal])
    await here.portrait()
    assert asked in here.brush.prompts[1].split("Fix: ", 1)[1]
    assert not any(word in here.brush.prompts[1] for word in categories.split(", "))


@pytest.mark.parametrize("details", [{}, {"categories": "unnamed"}])
async def test_a_refusal_without_a_reason_is_answered_with_softer_words_alone(
    atelier: Open, details: dict[str, str]
) -> None:
    here = atelier(moods=[PermanentError("no", code="content_refused", details=details)])
    await here.portrait()
    assert "Fix:" not in here.brush.prompts[1]
    assert "everybody safe" in here.brush.prompts[1]


async def test_softer_words_stay_soft_while_redrawing(atelier: Open) -> None:
    here = atelier(NO_CHAIR, FINE, moods=[REFUSED])
    await here.portrait()
    assert here.brush.prompts[2] == f"{here.brush.prompts[1]}\nFix: show clearly: a wheelchair"


async def test_a_refused_redrawing_keeps_the_picture_there_is(atelier: Open) -> None:
    here = atelier(NO_CHAIR, moods=[b"", REFUSED, REFUSED, REFUSED])
    picture = await here.scene()
    assert here.drawer.kept[picture.image.sha256] == here.critic.seen[0]
    assert picture.findings[0] == "show clearly: a wheelchair"
    assert len(here.brush.orders) == 4


async def test_another_give_up_of_the_provider_is_passed_on(atelier: Open) -> None:
    here = atelier(moods=[PermanentError("wrong key", code="not_allowed")])
    with pytest.raises(PermanentError, match="wrong key"):
        await here.portrait()
    assert len(here.brush.orders) == 1


async def test_damaged_bytes_are_drawn_anew(atelier: Open) -> None:
    here = atelier(moods=[png_of((1024, 1536))[:900], b"RIFF....WEBPVP8 "])
    picture = await here.portrait()
    assert (picture.attempts, len(here.critic.seen)) == (3, 1)
    assert len(set(here.brush.prompts)) == 1
    assert [one.purpose for one in picture.calls] == ["portrait", "portrait", "portrait", "portrait check"]


def as_jpeg(png: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize(
    "sent",
    [png_of((1024, 1024)), as_jpeg(png_of((1024, 1536))), as_jpeg(png_of((1536, 1024)))],
    ids=["size", "form", "both"],
)
async def test_a_picture_of_another_form_or_size_is_made_to_fit_and_paid_once(atelier: Open, sent: bytes) -> None:
    here = atelier(moods=[sent])
    picture = await here.portrait()
    assert (picture.attempts, len(here.brush.orders), picture.width, picture.height) == (1, 1, 1024, 1536)
    with Image.open(io.BytesIO(here.drawer.kept[picture.image.sha256])) as kept:
        assert (kept.format, kept.size) == ("PNG", (1024, 1536))


async def test_nothing_but_damaged_bytes_is_given_up(atelier: Open) -> None:
    here = atelier(moods=[png_of((8, 8))] * 3)
    with pytest.raises(PermanentError) as raised:
        await here.portrait()
    assert raised.value.code == "bad_answer"
    assert here.critic.seen == []


async def test_a_paid_drawing_waits_for_a_check_that_was_busy(atelier: Open) -> None:
    here = atelier(NO_CHAIR, RetryableError("busy", after=1), FINE)
    with pytest.raises(RetryableError):
        await here.scene()
    picture = await here.scene()
    assert len(here.brush.orders) == 2, "drawn twice in all, over both deliveries of the job"
    assert here.critic.seen[1] == here.critic.seen[2]
    assert (picture.attempts, len(picture.calls)) == (2, 4)


@pytest.mark.parametrize("why", [RetryableError("busy"), ProviderUnavailable("away", after=5)])
async def test_a_busy_brush_goes_on_where_it_was(atelier: Open, why: Exception) -> None:
    here = atelier(NO_CHAIR, FINE, moods=[b"", why])
    with pytest.raises(type(why)):
        await here.scene()
    await here.scene()
    assert here.brush.prompts[2] == here.brush.prompts[1]
    assert here.brush.prompts[1].endswith("Fix: show clearly: a wheelchair")


async def test_a_finished_picture_waits_for_a_busy_store(atelier: Open) -> None:
    here = atelier()
    here.drawer.busy = True
    with pytest.raises(RetryableError):
        await here.portrait()
    here.drawer.busy = False
    picture = await here.portrait()
    assert (len(here.brush.orders), len(here.critic.seen), picture.attempts) == (1, 1, 1)


async def test_a_job_that_ended_leaves_no_easel_behind(atelier: Open) -> None:
    here = atelier()
    one, other = await here.portrait(), await here.portrait()
    assert (one.attempts, other.attempts, len(here.brush.orders)) == (1, 1, 2)


async def test_progress_only_grows_and_ends_at_the_end(atelier: Open) -> None:
    here = atelier(NO_CHAIR)
    await here.scene()
    assert here.diary.progress == sorted(here.diary.progress)
    assert (here.diary.progress[0], here.diary.progress[-1]) == (5, 100)


@pytest.mark.parametrize("missing", [Asset.OUTLINE, Asset.PORTRAIT])
async def test_a_job_without_its_inputs_is_a_bug(atelier: Open, missing: Asset) -> None:
    here = atelier()
    job = await here.scene_job()
    left = {asset: result for asset, result in job.inputs.items() if asset is not missing}
    with pytest.raises(PermanentError) as raised:
        await here.painter.picture(job.model_copy(update={"inputs": left}), here.diary)
    assert raised.value.code == "bug"


async def test_an_alt_text_is_never_empty(atelier: Open) -> None:
    here = atelier(Verdict(safe=True, findings=(), alt_text=""))
    assert (await here.scene()).alt_text == "The hero and the companion find the lantern under a fallen log."
