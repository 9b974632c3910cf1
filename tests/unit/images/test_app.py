"""The composition root."""

from services.images.app import compose
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import GRAPH, Service


async def test_the_worker_makes_all_that_is_asked_of_images_and_nothing_else() -> None:
    settings = Settings()
    objects = Objects(settings)
    definition = compose(settings, objects)
    assert definition.service is Service.IMAGES
    assert set(definition.handlers) == {asset for asset, recipe in GRAPH.items() if recipe.service is Service.IMAGES}
    await definition.close()
    await objects.close()
