"""The asset graph: what a story is built of and what each asset needs. It is data, and it stands here alone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

SCENES = (1, 2, 3, 4)


class Service(StrEnum):
    """A worker service: who makes an asset."""

    CONTENT = "content"
    IMAGES = "images"
    AUDIO = "audio"
    DOCUMENTS = "documents"


class Priority(StrEnum):
    """How soon a story's jobs run; a lane of its own on the bus."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"


class Asset(StrEnum):
    """One thing that is made for a story. The value is its public name, its subject token and its row's asset_type."""

    OUTLINE = "outline"
    PORTRAIT = "portrait"
    TEXT_1 = "text_1"
    TEXT_2 = "text_2"
    TEXT_3 = "text_3"
    TEXT_4 = "text_4"
    CONTENT = "content"
    COVER = "cover"
    SCENE_1 = "scene_1"
    SCENE_2 = "scene_2"
    SCENE_3 = "scene_3"
    SCENE_4 = "scene_4"
    NARRATION_1 = "narration_1"
    NARRATION_2 = "narration_2"
    NARRATION_3 = "narration_3"
    NARRATION_4 = "narration_4"
    AUDIO = "audio"
    ACTIVITIES = "activities"
    PDF = "pdf"
    EPUB = "epub"

    @property
    def scene(self) -> int:
        """The scene that this asset belongs to, 1 to 4; 0 for those of the whole story."""
        last = self.value[-1]
        return int(last) if last.isdigit() else 0


TEXTS = (Asset.TEXT_1, Asset.TEXT_2, Asset.TEXT_3, Asset.TEXT_4)
PICTURES = (Asset.COVER, Asset.SCENE_1, Asset.SCENE_2, Asset.SCENE_3, Asset.SCENE_4)
NARRATIONS = (Asset.NARRATION_1, Asset.NARRATION_2, Asset.NARRATION_3, Asset.NARRATION_4)
ADDED = frozenset({Asset.EPUB})
"""Assets that the release before does not know. It reads a story that has one as if it had not: it is no part of the
stored brief and of the brief in jobs, and messages about one go out in a version that is left to newer replicas
(docs/adr/0028). Empty it one release later.
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an asset is made.

    It starts when every asset of ``needs`` is ready and every asset of ``settled`` is settled (ready, or failed for
    good). ``version`` is part of the fingerprint: raise it when the way of making changes. ``shown_as`` names the
    public asset whose progress shows this one. ``finishing``: it costs little, and without it what was paid for before
    is of no use: it is made even where the tenant's money of the day is spent. ``after_approval``: where the brief asks
    for approval, it waits until the text was approved; what is only text does not.
    """

    service: Service
    needs: tuple[Asset, ...] = ()
    settled: tuple[Asset, ...] = ()
    public: bool = False
    finishing: bool = False
    after_approval: bool = False
    shown_as: Asset | None = None
    version: int = 1

    @property
    def waits_for(self) -> tuple[Asset, ...]:
        return self.needs + self.settled


def _graph() -> Mapping[Asset, Recipe]:
    a, s = Asset, Service
    graph = {
        a.OUTLINE: Recipe(s.CONTENT),
        a.PORTRAIT: Recipe(s.IMAGES, after_approval=True),
        a.TEXT_1: Recipe(s.CONTENT, needs=(a.OUTLINE,), shown_as=a.CONTENT),
    }
    for k, text in enumerate(TEXTS[1:], start=1):
        graph[text] = Recipe(s.CONTENT, needs=(a.OUTLINE, *TEXTS[:k]), shown_as=a.CONTENT)
    graph[a.CONTENT] = Recipe(s.CONTENT, needs=(a.OUTLINE, *TEXTS), public=True, finishing=True)
    for picture in PICTURES:
        graph[picture] = Recipe(s.IMAGES, needs=(a.OUTLINE, a.PORTRAIT), public=True, after_approval=True)
    for text, narration in zip(TEXTS, NARRATIONS, strict=True):
        graph[narration] = Recipe(s.AUDIO, needs=(text,), after_approval=True, shown_as=a.AUDIO)
    graph[a.AUDIO] = Recipe(
        s.AUDIO, needs=(a.OUTLINE, *TEXTS, *NARRATIONS), public=True, finishing=True, after_approval=True
    )
    graph[a.ACTIVITIES] = Recipe(s.DOCUMENTS, needs=(a.OUTLINE, a.CONTENT), public=True)
    graph[a.PDF] = Recipe(
        s.DOCUMENTS,
        needs=(a.OUTLINE, a.CONTENT),
        settled=(*PICTURES, a.ACTIVITIES),
        public=True,
        finishing=True,
        after_approval=True,
    )
    graph[a.EPUB] = Recipe(
        s.DOCUMENTS,
        needs=(a.OUTLINE, a.CONTENT),
        settled=(*PICTURES, a.AUDIO),
        public=True,
        finishing=True,
        after_approval=True,
    )
    return MappingProxyType(graph)


GRAPH: Mapping[Asset, Recipe] = _graph()
PUBLIC: tuple[Asset, ...] = tuple(asset for asset, recipe in GRAPH.items() if recipe.public)


def _waited_on_by() -> Mapping[Asset, tuple[Asset, ...]]:
    return MappingProxyType({need: tuple(asset for asset, r in GRAPH.items() if need in r.waits_for) for need in GRAPH})


WAITED_ON_BY: Mapping[Asset, tuple[Asset, ...]] = _waited_on_by()


def closure(wanted: Iterable[Asset]) -> tuple[Asset, ...]:
    """The wanted assets with all that they need, in the graph's (topological) order."""
    found: set[Asset] = set()
    todo = list(wanted)
    while todo:
        asset = todo.pop()
        if asset not in found:
            found.add(asset)
            todo += GRAPH[asset].waits_for
    return tuple(asset for asset in GRAPH if asset in found)
