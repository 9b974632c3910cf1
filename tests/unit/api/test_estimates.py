"""What a story takes before there are others to learn from: the longest way through the graph, and the price list."""

from services.api.estimates import TYPICAL_SECONDS, typical_seconds, typical_usd
from storyloom.runtime.settings import OpenAISettings
from storyloom.story.assets import GRAPH, PUBLIC, Asset


def test_every_asset_has_a_typical_time() -> None:
    assert set(TYPICAL_SECONDS) == set(GRAPH)


def test_what_waits_for_one_another_adds_up_and_what_does_not_takes_the_longer() -> None:
    """The cover waits for outline and portrait, which are made at the same time."""
    outline, portrait, cover = (TYPICAL_SECONDS[one] for one in (Asset.OUTLINE, Asset.PORTRAIT, Asset.COVER))
    found = typical_seconds((Asset.COVER,))
    assert found.least == max(outline.least, portrait.least) + cover.least
    assert found.most == max(outline.most, portrait.most) + cover.most
    assert typical_seconds(PUBLIC).most > typical_seconds((Asset.CONTENT,)).most


def test_a_whole_story_costs_more_than_its_text_and_a_cheaper_model_less() -> None:
    models = OpenAISettings()
    text, whole = typical_usd((Asset.CONTENT,), models), typical_usd(PUBLIC, models)
    assert 0 < text.least < text.most < whole.most
    assert 0.5 < whole.least < whole.most < 10
    cheaper = models.model_copy(update={"text_model": "gpt-5-nano"})
    assert typical_usd((Asset.CONTENT,), cheaper).most < text.most
