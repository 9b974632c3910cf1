"""The operators' page in a browser: every view by day and by night, the waterfall, and nothing that is not text."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local.state import Addresses
from tests.e2e.browser.conftest import Site
from tests.e2e.browser.test_pages import MARKUP, faultless, until, visit

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]  # the stack of tests/e2e
__all__ = ["faultless"]  # a fixture


@pytest.fixture
def ops(site: Site, stack: Addresses) -> Site:
    """Where the page is, and the story that is ready."""
    return Site(stack.internal_urls["status"], "", site.story)


def view(page: Any, ops: Site, name: str, heading: str) -> None:
    page.goto(f"{ops.url}/ops/#/{name}")
    page.get_by_role("heading", name=heading).first.wait_for()


def test_every_view_faults_nobody_and_a_story_is_a_waterfall(
    browser: Any, ops: Site, faultless: Callable[[Any], None]
) -> None:
    """On a laptop and on a phone; the keyboard chooses an asset, whose calls are shown with their ids."""

    def fits(page: Any) -> None:
        for width in (390, 768, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            faultless(page)

    with visit(browser, ops, "/ops/", key=False, reduced_motion="reduce") as page:
        page.locator("#verdict.healthy").wait_for()
        page.get_by_role("heading", name="Workers").wait_for()
        fits(page)
        view(page, ops, "stories", "Stories")
        page.get_by_role("link", name=ops.story_id[:8]).wait_for()
        fits(page)
        view(page, ops, f"story/{ops.story_id}", "Story")
        page.get_by_role("button", name="scene_2").focus()
        page.keyboard.press("Enter")
        page.get_by_role("cell", name="req_").first.wait_for()
        drawn = page.locator("svg.fall rect.work").count()
        middle = "(one) => { const { top, height } = one.getBoundingClientRect(); return top + height / 2; }"
        chosen, lit = page.locator("tr.chosen th").evaluate(middle), page.locator("svg.fall .lit").evaluate(middle)
        assert drawn == page.locator("table.jobs tbody tr").count()
        assert abs(chosen - lit) < 2  # the drawing stands beside its rows
        fits(page)
        view(page, ops, "dead", "Dead letters")
        fits(page)
        page.get_by_role("button", name="Read-only").click()
        page.get_by_label("Key", exact=True).fill("sk_" + 43 * "x")
        page.get_by_role("button", name="Use it").click()
        page.get_by_text("This key is not valid").wait_for()
        fits(page)
        assert page.evaluate("sessionStorage.length") == 0
        page.keyboard.press("Escape")
        view(page, ops, "story/7c9e6679-7425-40de-944b-e07fc1f90ae7", "There is no such story.")


def test_what_comes_from_outside_stays_text(browser: Any, ops: Site) -> None:
    """Codes, ids and tenants are nobody's to choose; were they markup, they would be shown as they are."""
    broken = MARKUP[0]
    with visit(browser, ops, "/ops/#/stories", key=False) as page:
        page.get_by_role("link", name=ops.story_id[:8]).wait_for()
        story = page.request.get(f"{ops.url}/ops/api/stories/{ops.story_id}").json()
        listed = page.request.get(f"{ops.url}/ops/api/stories").json()
        for one in listed["stories"]:
            one |= {"tenant": broken, "code": broken, "priority": broken}
        story |= {"code": broken, "tenant": broken}
        for one in story["assets"]:
            one |= {"code": broken, "calls": [call | {"model": broken, "requestId": broken} for call in one["calls"]]}
        page.route("**/ops/api/stories?*", lambda route: route.fulfill(body=json.dumps(listed)))
        page.route(f"**/ops/api/stories/{ops.story_id}", lambda route: route.fulfill(body=json.dumps(story)))
        page.reload()
        page.get_by_role("cell", name=broken, exact=True).first.wait_for()
        view(page, ops, f"story/{ops.story_id}", "Story")
        page.get_by_role("button", name="outline").click()
        until(page, f"document.querySelector('#asset').textContent.includes({json.dumps(broken)})")
        assert page.evaluate("window.broken") is None
        assert page.locator("main script, main iframe, main b, main img").count() == 0
