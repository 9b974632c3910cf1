"""The composition root."""

from services.content.app import compose
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import GRAPH, Service


async def test_the_content_service_makes_all_that_the_graph_gives_it() -> None:
    settings = Settings()
    objects = Objects(settings)
    definition = compose(settings, objects)
    assert definition.service is Service.CONTENT
    assert set(definition.handlers) == {asset for asset, recipe in GRAPH.items() if recipe.service is Service.CONTENT}
    await definition.close()
    await objects.close()
