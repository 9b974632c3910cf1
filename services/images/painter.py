"""Draws the portrait, the cover and the scenes; has each checked and mended before it is kept."""

from collections import OrderedDict
from typing import Protocol
from uuid import UUID

import structlog

from services.images.critic import Critic
from services.images.easel import ATTEMPTS, Attempt, DrawingState
from services.images.plates import NotAPictureError, develop
from services.images.prompts import Prompt, draft_picture, draft_portrait
from storyloom.jobs.definition import Report
from storyloom.story.assets import Asset
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Outline, Picture, ProviderCall, StoredObject

_EASELS = 8
"""How many interrupted jobs are remembered, a few MB each."""

log = structlog.get_logger()


class ImageGenerator(Protocol):
    """Whoever draws: OpenAI's image model, or the studio offline, through storyloom.providers.openai.client."""

    async def draw(self, prompt: str, *, size: str, purpose: str) -> tuple[bytes, ProviderCall]:
        """Draw from words alone: PNG bytes. Raises RetryableError or PermanentError."""
        ...

    async def redraw(self, prompt: str, *, size: str, reference: bytes, purpose: str) -> tuple[bytes, ProviderCall]:
        """Draw whoever is on the reference."""
        ...


class ObjectStore(Protocol):
    """Where pictures are kept: the store (storyloom.storage.objects)."""

    async def put(self, story_id: UUID, asset: Asset, data: bytes, content_type: str) -> StoredObject:
        """Keep bytes; the same bytes twice are the same object."""
        ...

    async def get(self, stored: StoredObject) -> bytes:
        """Fetch them."""
        ...


class Painter:
    """Makes portrait, cover and scene_1 … scene_4.

    A job that is interrupted by RetryableError or ProviderUnavailable keeps its easel: the next attempt here goes on
    with what was drawn and paid for. That is a kindness of this process, not a promise; another replica begins anew.
    """

    def __init__(self, brush: ImageGenerator, critic: Critic, shelf: ObjectStore) -> None:
        self._brush = brush
        self._critic = critic
        self._shelf = shelf
        self._interrupted: OrderedDict[Fingerprint, DrawingState] = OrderedDict()

    async def portrait(self, job: AssetRequested, report: Report) -> Picture:
        """Draw the heroes as they look in all pictures."""
        return await self._paint(job, draft_portrait(job), None, report)

    async def picture(self, job: AssetRequested, report: Report) -> Picture:
        """Draw the cover or a scene of the heroes on the portrait."""
        outline, portrait = job.inputs.get(Asset.OUTLINE), job.inputs.get(Asset.PORTRAIT)
        if not isinstance(outline, Outline) or not isinstance(portrait, Picture):
            raise PermanentError("the job came without outline or portrait", code="bug")
        reference = await self._shelf.get(portrait.image)
        return await self._paint(job, draft_picture(job, outline), reference, report)

    async def _paint(self, job: AssetRequested, prompt: Prompt, reference: bytes | None, report: Report) -> Picture:
        easel = self._interrupted.pop(job.fingerprint, None) or DrawingState()
        await report(5)
        try:
            while not easel.finished:
                await self._try(easel, job.asset, prompt, reference)
                await report(min(90, 10 + 80 * easel.attempts // ATTEMPTS))
            return await self._keep(job, prompt, easel, report)
        except (RetryableError, ProviderUnavailable):
            self._remember(job.fingerprint, easel)
            raise

    async def _try(self, easel: DrawingState, asset: Asset, prompt: Prompt, reference: bytes | None) -> None:
        """One attempt: draw, unless a drawing waits for its check; decode; check."""
        if easel.waiting is None:
            drawn = await self._draw(easel, asset, prompt, reference)
            if drawn is None:
                return
            easel.waiting = drawn
        try:
            plate = await develop(easel.waiting, prompt.size)
        except NotAPictureError as error:
            log.warning("picture.damaged", asset=asset.value, why=str(error))
            easel.waiting = None
            return
        verdict = await self._critic.check(plate.png, prompt, purpose=f"{asset.value} check")
        easel.judge(Attempt(plate, verdict))

    async def _draw(self, easel: DrawingState, asset: Asset, prompt: Prompt, reference: bytes | None) -> bytes | None:
        """The drawing's bytes; None after a refusal that may be answered with softer words, or with what there is."""
        words = prompt.write(easel.fixes, softly=easel.softly)
        size, purpose = f"{prompt.size[0]}x{prompt.size[1]}", asset.value
        try:
            if reference is None:
                png, call = await self._brush.draw(words, size=size, purpose=purpose)
            else:
                png, call = await self._brush.redraw(words, size=size, reference=reference, purpose=purpose)
        except PermanentError as refusal:
            if refusal.code != "content_refused":
                raise
            log.warning("picture.refused", asset=asset.value, softly=easel.softly, request_id=refusal.request_id)
            easel.refuse(refusal)
            return None
        easel.attempts += 1
        easel.calls.append(call)
        return png

    async def _keep(self, job: AssetRequested, prompt: Prompt, easel: DrawingState, report: Report) -> Picture:
        best = easel.best()
        image = await self._shelf.put(job.story_id, job.asset, best.plate.png, "image/png")
        await report(100)
        findings = (*best.verdict.findings, *easel.refusals)
        log.info("picture.made", asset=job.asset.value, attempts=easel.attempts, findings=len(findings))
        return Picture(
            image=image,
            width=best.plate.width,
            height=best.plate.height,
            alt_text=best.verdict.alt_text or prompt.alt_text,
            hue_colours=best.plate.hue_colours,
            attempts=easel.attempts,
            findings=findings,
            calls=tuple(easel.calls),
        )

    def _remember(self, fingerprint: Fingerprint, easel: DrawingState) -> None:
        if easel.calls:
            self._interrupted[fingerprint] = easel
        while len(self._interrupted) > _EASELS:
            self._interrupted.popitem(last=False)
