"""The workshop makes what the graph asks of it."""

from services.documents.app import compose
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import GRAPH, Service


async def test_the_workshop_makes_every_asset_of_its_service_and_nothing_else() -> None:
    settings = Settings()
    objects = Objects(settings)
    workshop = compose(settings, objects)
    assert workshop.service is Service.DOCUMENTS
    assert set(workshop.handlers) == {asset for asset, recipe in GRAPH.items() if recipe.service is Service.DOCUMENTS}
    await workshop.close()
    await objects.close()
