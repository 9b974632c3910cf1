"""Stand-ins for those whom the documents service works with: author, renderer, store, reader."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel

from services.documents.book.renderer import DamagedPictureError, RenderedBook, Renderer, Sheet
from storyloom.providers.ports import Moderation, OnText
from storyloom.storage.objects import SUFFIXES
from storyloom.story.assets import Asset
from storyloom.story.results import Activity, ProviderCall, StoredObject

M = TypeVar("M", bound=BaseModel)


class FakeAuthor:
    """Answers with one set of activities after the other, the last one again and again; remembers what it was asked.

    What it moderates first has the score 0.01, what it moderates next 0.02.
    """

    def __init__(self, *answers: Sequence[Activity] | Exception, flagged: Sequence[bool] = (False,)) -> None:
        self._answers = [
            answer if isinstance(answer, Exception) else [activity.model_dump(mode="json") for activity in answer]
            for answer in answers
        ]
        self._flagged = list(flagged)
        self.asked: list[dict[str, Any]] = []
        self.moderated: list[list[str]] = []

    async def parse(
        self,
        answer: type[M],
        *,
        name: str,
        prompt: str,
        blocks: Mapping[str, Any],
        purpose: str,
        on_text: OnText | None = None,
    ) -> tuple[M, ProviderCall]:
        assert on_text is None, "activities are not shown while they are written"
        self.asked.append({"name": name, "prompt": prompt, "blocks": dict(blocks), "purpose": purpose})
        given = self._answers[min(len(self.asked), len(self._answers)) - 1]
        if isinstance(given, Exception):
            raise given
        call = ProviderCall(provider="openai", model="gpt-5.1", request_id=f"req_{len(self.asked)}", seconds=1)
        return answer.model_validate({"activities": given}), call

    async def moderate(self, texts: Sequence[str]) -> Moderation:
        self.moderated.append(list(texts))
        flagged = self._flagged[min(len(self.moderated), len(self._flagged)) - 1]
        score = 0.9 if flagged else len(self.moderated) / 100
        return Moderation(flagged, ("violence",) if flagged else (), "fox", len(texts), 1, {"violence": score})


class PaperRenderer(Renderer):
    """Renders nothing, but counts pages and complains of the pictures that it is set to complain of."""

    def __init__(
        self, *pages: int, damaged: Sequence[str] = (), missing: tuple[str, ...] = (), overflows: Sequence[str] = ()
    ) -> None:
        """``overflows`` are one by one those of the first books; the last one's stay."""
        super().__init__()
        self._missing = missing
        self._overflows = list(overflows) or [""]
        self._pages = list(pages)
        self._damaged = list(damaged)
        self.sheets: list[Sheet] = []
        self.warmed_up = 0

    def warm_up(self) -> None:
        self.warmed_up += 1

    async def render(self, sheet: Sheet) -> RenderedBook:
        self.sheets.append(sheet)
        for name in self._damaged:
            if name in sheet.files:
                raise DamagedPictureError(name)
        pages = self._pages.pop(0) if len(self._pages) > 1 else self._pages[0]
        place = self._overflows.pop(0) if len(self._overflows) > 1 else self._overflows[0]
        overflows = (place,) if place else ()
        pdf = f"%PDF of {pages} pages".encode()
        return RenderedBook(pdf=pdf, pages=pages, missing=self._missing, overflows=overflows)


class ObjectStore:
    """Keeps bytes by key."""

    def __init__(self, kept: Mapping[str, bytes] | None = None) -> None:
        self.kept = dict(kept or {})

    async def get(self, stored: StoredObject) -> bytes:
        return self.kept[stored.key]

    async def put(self, story_id: UUID, asset: Asset, data: bytes, content_type: str) -> StoredObject:
        key = f"stories/{story_id}/{asset}/{len(self.kept)}.{SUFFIXES[content_type]}"
        self.kept[key] = data
        return StoredObject(key=key, sha256="0" * 64, size=len(data), content_type=content_type)


class ProgressRecorder:
    """Hears how far a job is."""

    def __init__(self) -> None:
        self.values: list[int] = []

    async def __call__(self, progress: int, text: str | None = None) -> None:
        self.values.append(progress)
