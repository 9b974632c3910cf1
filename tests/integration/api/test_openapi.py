"""The OpenAPI document as it is served, the pages beside it, and the stream of a real story as the document has it."""

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.api.docs import guides
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Service
from storyloom.web.catalogue import CATALOGUE
from tests.contract.openapi.answers import check_event
from tests.integration.core.system import running

NO_WORKERS: tuple[Service, ...] = ()


async def test_the_events_of_a_whole_story_are_those_of_the_document(settings: Settings) -> None:
    """…through the api, and through status itself."""
    async with running(settings) as system:
        story_id = await system.post()
        for url in (system.api.url, system.status.url):
            events = await system.read_stream(story_id, url=url)
            for event_id, event, data in events:
                check_event(event, data, event_id)
            assert {"snapshot", "outline", "text", "asset", "story", "end"} <= {event for _, event, _ in events}


async def test_the_documents_are_served_without_a_key_and_once_to_who_has_them(settings: Settings) -> None:
    changed = settings.model_copy(update={"public_url": "https://stories.example"})
    async with running(changed, workers=NO_WORKERS) as system:
        for name in ("openapi.json", "openapi-3.2.json"):
            address = f"{system.api.url}/api/v1/{name}"
            async with system.http.get(address) as answer:
                assert answer.status == 200
                document, etag = await answer.json(), answer.headers["ETag"]
            assert document["servers"] == [{"url": "https://stories.example"}]
            async with system.http.get(address, headers={"If-None-Match": etag}) as answer:
                assert (answer.status, await answer.read()) == (304, b"")
            if name == "openapi.json":
                OpenAPIV31SpecValidator(document).validate()


async def test_the_pages_load_nothing_from_anywhere_and_their_links_lead_somewhere(settings: Settings) -> None:
    async with running(settings, workers=NO_WORKERS) as system:
        pending, seen = {"/docs"}, dict[str, str]()
        while pending:
            path = pending.pop()
            async with system.http.get(system.api.url + path) as answer:
                assert answer.status == 200, path
                seen[path] = await answer.text()
                if answer.content_type != "text/html":
                    continue
                assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
            assert not re.search(r"""(?:src|srcset|action)\s*=|url\(|@import|<link|<iframe""", seen[path]), path
            links = {link for link in re.findall(r'href="([^"]*)"', seen[path]) if not link.startswith("https://")}
            for link in links:
                page, _, anchor = link.partition("#")
                if anchor and not page:
                    assert f'id="{anchor}"' in seen[path], (path, link)
                target = page if page.startswith("/") else f"{path.rpartition('/')[0]}/{page}"
                if page and target not in seen:
                    pending.add(target)
        assert {f"/docs/errors/{code}" for code in CATALOGUE} <= set(seen)
        assert {guide.path for guide in guides().values()} <= set(seen)


@pytest.mark.parametrize("path", ["/docs/errors/nothing", "/docs/guide/nothing", "/docs/guide/..%2fadr%2fREADME"])
async def test_a_page_that_there_is_not_is_a_404(path: str, settings: Settings) -> None:
    async with running(settings, workers=NO_WORKERS) as system, system.http.get(system.api.url + path) as answer:
        assert answer.status == 404


async def test_a_problem_leads_to_its_page_at_both_services(settings: Settings) -> None:
    async with running(settings, workers=NO_WORKERS) as system:
        for url in (system.api.url, system.status.url):
            async with system.http.get(f"{url}/api/v1/stories/x/events") as answer:
                problem = await answer.json(content_type=None)
            async with system.http.get(url + problem["type"]) as answer:
                assert answer.status == 200
                assert problem["code"] in await answer.text()
