"""The worker definition has a handler for what the graph asks of it."""

from services.documents.app import compose
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import GRAPH, Service


async def test_the_worker_makes_every_asset_of_its_service_and_nothing_else() -> None:
    settings = Settings()
    objects = Objects(settings)
    definition = compose(settings, objects)
    assert definition.service is Service.DOCUMENTS
    assert set(definition.handlers) == {asset for asset, recipe in GRAPH.items() if recipe.service is Service.DOCUMENTS}
    await definition.close()
    await objects.close()
