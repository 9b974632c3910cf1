"""The painter: draws the portrait, the cover and the scenes; has each checked and redrawn before it is kept."""

from dataclasses import dataclass, field

import structlog

from services.images.critic import Critic, Verdict
from services.images.palette import DecodedImage, NotAPictureError, decode
from services.images.prompts import Prompt, draft_picture, draft_portrait
from storyloom.jobs.definition import Report
from storyloom.providers.ports import ImageGenerator
from storyloom.storage.objects import DamagedObjectError, ObjectStore
from storyloom.story.assets import Asset
from storyloom.story.errors import PermanentError
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Outline, Picture, ProviderCall

MAX_DRAWINGS = 3
"""How often a picture is drawn at most."""
MAX_REFUSALS = 3
"""How often the provider may refuse a picture's words: each refusal makes them softer."""
# What to ask for after a refusal for a category of moderation. The other way round ("no blood") it would be one more
# word to refuse.
_REASSURING = {
    "harassment": "everybody kind to one another",
    "hate": "everybody kind to one another",
    "illicit": "nothing but toys and things of a nursery",
    "self-harm": "everybody well, content and looked after",
    "sexual": "everybody in everyday clothes from neck to ankle",
    "violence": "everybody unhurt, nothing sharp, a quiet moment",
}
_MAX_FIXES = 8

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Attempt:
    """A picture that decodes, and what the check said of it."""

    image: DecodedImage
    verdict: Verdict

    @property
    def flawless(self) -> bool:
        return self.verdict.safe and not self.verdict.findings


@dataclass(slots=True)
class DrawingState:
    """What one job has drawn so far, and what is still to be fixed."""

    attempts: int = 0
    softly: bool = False
    fixes: list[str] = field(default_factory=list)
    calls: list[ProviderCall] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    _safe: Attempt | None = None
    _unsafe: int = 0
    _refused: bool = False
    _request_ids: list[str] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be drawn."""
        if self._refused or (self._safe is not None and self._safe.flawless):
            return True
        return self.attempts >= MAX_DRAWINGS

    def judge(self, attempt: Attempt) -> None:
        """Take in a check: the safe picture with the fewest findings stays, what it lacks is asked for next time."""
        verdict = attempt.verdict
        if verdict.call:
            self.calls.append(verdict.call)
        self.fixes = list(dict.fromkeys([*self.fixes, *verdict.findings]))[-_MAX_FIXES:]
        if not verdict.safe:
            self._unsafe += 1
        elif self._safe is None or len(verdict.findings) <= len(self._safe.verdict.findings):
            self._safe = attempt

    def refuse(self, refusal: PermanentError) -> None:
        """Take in a refusal: the first is answered with softer words, the next by reassurance, the last ends it.

        Raises the refusal, with all request ids, if there is no picture to end with.
        """
        known = refusal.request_id or "unknown"
        self._request_ids.append(known)
        self.refusals.append(f"the image model refused these words (request {known})")
        if len(self._request_ids) < MAX_REFUSALS:
            categories = refusal.details.get("categories", "").split(", ")
            if self.softly:
                categories.append("violence")  # what medical devices are taken for, most of the time
            asked = [_REASSURING.get(category.partition("/")[0]) for category in categories]
            self.fixes = list(dict.fromkeys([*self.fixes, *filter(None, asked)]))[-_MAX_FIXES:]
            self.softly = True
            return
        self._refused = True
        if self._safe is None:
            details = {**refusal.details, "request_ids": ", ".join(self._request_ids)}
            raise PermanentError(
                refusal.reason, code=refusal.code, request_id=refusal.request_id, details=details
            ) from refusal

    def best(self) -> Attempt:
        """The picture to keep. Raises PermanentError: ``unsafe`` if none was safe, ``bad_answer`` if none could be
        decoded.
        """
        if self._safe is not None:
            return self._safe
        last = self.calls[-1].request_id if self.calls else None
        if self._unsafe:
            raise PermanentError(
                f"none of {self.attempts} pictures was safe for children", code="unsafe", request_id=last
            )
        raise PermanentError(f"none of {self.attempts} pictures could be decoded", code="bad_answer", request_id=last)


class Painter:
    """Makes portrait, cover and scene_1 … scene_4.

    Drawings and checks of an interrupted job are given again to its next attempt, on any replica, if ``generator`` and
    the critic's model stand behind storyloom.providers.paid_answers: the same words must come of the same answers.
    """

    def __init__(self, generator: ImageGenerator, critic: Critic, store: ObjectStore) -> None:
        self._generator = generator
        self._critic = critic
        self._store = store

    async def portrait(self, job: AssetRequested, report: Report) -> Picture:
        """Draw the heroes as they look in all pictures, those of a sequel as the earlier story has them."""
        before = await self._earlier(job)
        return await self._paint(job, draft_portrait(job, known=before is not None), before, report)

    async def picture(self, job: AssetRequested, report: Report) -> Picture:
        """Draw the cover or a scene of the heroes on the portrait."""
        outline, portrait = job.required(Asset.OUTLINE, Outline), job.required(Asset.PORTRAIT, Picture)
        reference = await self._store.get(portrait.image)
        return await self._paint(job, draft_picture(job, outline), reference, report)

    async def _earlier(self, job: AssetRequested) -> bytes | None:
        """The portrait of the story that this one goes on from; None where it has none, or has been erased since."""
        earlier = job.brief.earlier
        if earlier is None or earlier.portrait is None:
            return None
        try:
            return await self._store.get(earlier.portrait)
        except (DamagedObjectError, PermanentError):  # a store that is away is no reason: the job waits for it, unpaid
            log.warning("portrait.earlier_missing", asset=job.asset.value)
            return None

    async def _paint(self, job: AssetRequested, prompt: Prompt, reference: bytes | None, report: Report) -> Picture:
        state = DrawingState()
        await report(5)
        while not state.finished:
            await self._attempt(state, job.asset, prompt, reference)
            await report(min(90, 10 + 80 * state.attempts // MAX_DRAWINGS))
        return await self._keep(job, prompt, state, report)

    async def _attempt(self, state: DrawingState, asset: Asset, prompt: Prompt, reference: bytes | None) -> None:
        """Draw, decode, check."""
        drawing = await self._draw(state, asset, prompt, reference)
        if drawing is None:
            return
        try:
            image = await decode(drawing, prompt.size)
        except NotAPictureError as error:
            log.warning("picture.damaged", asset=asset.value, why=str(error))
            return
        verdict = await self._critic.check(image.png, prompt, purpose=f"{asset.value} check")
        state.judge(Attempt(image, verdict))

    async def _draw(self, state: DrawingState, asset: Asset, prompt: Prompt, reference: bytes | None) -> bytes | None:
        """The drawing's bytes; None after a refusal that may be answered with softer words, or with what there is."""
        words = prompt.write(state.fixes, softly=state.softly)
        size, purpose = f"{prompt.size[0]}x{prompt.size[1]}", asset.value
        try:
            if reference is None:
                png, call = await self._generator.draw(words, size=size, purpose=purpose)
            else:
                png, call = await self._generator.redraw(words, size=size, reference=reference, purpose=purpose)
        except PermanentError as refusal:
            if refusal.code != "content_refused":
                raise
            log.warning("picture.refused", asset=asset.value, softly=state.softly, request_id=refusal.request_id)
            state.refuse(refusal)
            return None
        state.attempts += 1
        state.calls.append(call)
        return png

    async def _keep(self, job: AssetRequested, prompt: Prompt, state: DrawingState, report: Report) -> Picture:
        best = state.best()
        image = await self._store.put(job.story_id, job.asset, best.image.png, "image/png")
        await report(100)
        findings = (*best.verdict.findings, *state.refusals)
        log.info("picture.made", asset=job.asset.value, attempts=state.attempts, findings=len(findings))
        return Picture(
            image=image,
            width=best.image.width,
            height=best.image.height,
            alt_text=best.verdict.alt_text or prompt.alt_text,
            hue_colours=best.image.hue_colours,
            attempts=state.attempts,
            findings=findings,
            calls=tuple(state.calls),
        )
