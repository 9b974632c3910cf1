"""The builder fetches, lays out, prints, and stores; what is missing does not stop it."""

import pytest

from services.documents.book.builder import BookBuilder
from storyloom.story.assets import PICTURES, Asset
from storyloom.story.errors import PermanentError
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import AnyResult
from tests.unit.documents import stories
from tests.unit.documents.fakes import ObjectStore, PaperRenderer, ProgressRecorder

IMAGES = {f"stories/{asset}": data for asset, (_, data) in stories.images().items()}


def a_job(*absent: Asset) -> AssetRequested:
    inputs: dict[Asset, AnyResult] = {
        Asset.OUTLINE: stories.outline(),
        Asset.CONTENT: stories.content(),
        Asset.ACTIVITIES: stories.activities(),
        **stories.pictures(),
    }
    return stories.job(Asset.PDF, {asset: result for asset, result in inputs.items() if asset not in absent})


async def test_a_book_is_printed_and_kept() -> None:
    renderer, store, listener = PaperRenderer(16), ObjectStore(IMAGES), ProgressRecorder()
    book = await BookBuilder(renderer, store).build(a_job(), listener)
    assert book.pages == 16
    assert store.kept[book.pdf.key] == b"%PDF of 16 pages"
    assert book.pdf.content_type == "application/pdf"
    assert "mira" not in book.pdf.key.lower()
    assert listener.values == sorted(listener.values)
    assert {f"{asset}.jpg" for asset in PICTURES} <= set(renderer.sheets[0].files)


async def test_a_text_that_runs_over_its_page_is_set_closer() -> None:
    renderer = PaperRenderer(18, 17, 16)
    book = await BookBuilder(renderer, ObjectStore(IMAGES)).build(a_job(), ProgressRecorder())
    assert book.pages == 16
    assert len(renderer.sheets) == 3
    assert len({sheet.html for sheet in renderer.sheets}) == 3


async def test_a_text_that_fits_nowhere_still_makes_a_book() -> None:
    renderer = PaperRenderer(30)
    assert (await BookBuilder(renderer, ObjectStore(IMAGES)).build(a_job(), ProgressRecorder())).pages == 30
    assert len(renderer.sheets) == 4


async def test_a_text_that_is_cut_off_is_set_closer_and_fails_the_book_at_last() -> None:
    renderer, store = PaperRenderer(16, overflows=("h1.size-0 on page 1", "p.to on page 2", "")), ObjectStore(IMAGES)
    assert (await BookBuilder(renderer, store).build(a_job(), ProgressRecorder())).pages == 16
    assert len(renderer.sheets) == 3
    renderer = PaperRenderer(16, overflows=("h1.size-3 on page 1",))
    with pytest.raises(PermanentError, match=r"does not fit its place in the book \(h1.size-3 on page 1\)") as failed:
        await BookBuilder(renderer, store).build(a_job(), ProgressRecorder())
    assert failed.value.code == "text_cut_off"
    assert len(renderer.sheets) == 4


async def test_a_letter_without_a_glyph_fails_the_book() -> None:
    store = ObjectStore(IMAGES)
    with pytest.raises(PermanentError, match="of these kinds: RUNIC") as failed:
        await BookBuilder(PaperRenderer(16, missing=("RUNIC",)), store).build(a_job(), ProgressRecorder())
    assert failed.value.code == "no_glyph"
    assert not any(key not in IMAGES for key in store.kept)


async def test_a_damaged_picture_is_left_out() -> None:
    renderer = PaperRenderer(16, damaged=("cover.jpg", "scene_3.jpg"))
    await BookBuilder(renderer, ObjectStore(IMAGES)).build(a_job(), ProgressRecorder())
    last = renderer.sheets[-1].files
    assert {"cover.svg", "scene_3.svg", "scene_1.jpg"} <= set(last)
    assert not {"cover.jpg", "scene_3.jpg"} & set(last)


@pytest.mark.parametrize("absent", [(Asset.COVER,), (Asset.ACTIVITIES,), (Asset.OUTLINE,), PICTURES])
async def test_what_failed_for_good_does_not_stop_the_book(absent: tuple[Asset, ...]) -> None:
    renderer = PaperRenderer(12)
    assert (await BookBuilder(renderer, ObjectStore(IMAGES)).build(a_job(*absent), ProgressRecorder())).pages == 12
    assert len(renderer.sheets) == 1


async def test_there_is_no_book_without_a_story() -> None:
    with pytest.raises(PermanentError) as gave_up:
        await BookBuilder(PaperRenderer(16), ObjectStore(IMAGES)).build(a_job(Asset.CONTENT), ProgressRecorder())
    assert gave_up.value.code == "bug"


async def test_an_input_of_another_kind_is_a_fault_of_ours() -> None:
    job = stories.job(Asset.PDF, {Asset.CONTENT: stories.outline()})
    with pytest.raises(PermanentError, match="was given a outline"):
        await BookBuilder(PaperRenderer(16), ObjectStore(IMAGES)).build(job, ProgressRecorder())
