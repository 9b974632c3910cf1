"""The pages in a browser: a book is made, read, heard and shared there, and by nobody who is not to."""

import json
import os
import random
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import pytest

from client import StoryloomClient
from tests.conftest import Background
from tests.e2e.browser.conftest import Site
from tests.e2e.conftest import MIRA

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]  # the stack of tests/e2e

WIDTHS = {360: 740, 768: 1024, 1280: 800}
LAYOUT = """
window.shifted = 0; window.violations = [];
new PerformanceObserver((list) => {
  for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
}).observe({ type: "layout-shift", buffered: true });
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(event.violatedDirective + " " + event.blockedURI);
});
"""
AXE = """
// Colours that are forced are the user's; axe takes those that the page would have.
axe.run(document, {
  resultTypes: ["violations"],
  rules: { "color-contrast": { enabled: !matchMedia("(forced-colors: active)").matches } },
})
  .then(({ violations }) => violations.map((one) => [one.id, one.nodes.map((node) => node.html.slice(0, 200))]))
"""
STILL = """
document.getAnimations().every((one) => one.playState !== "running" || one.effect.getTiming().iterations === Infinity)
"""
READING = """
import(document.querySelector("script[src]").src)
  .then((it) => { window.reading = it.reading; return it.reading.book.load(); }).then(() => 1)
"""
SMALL = """
[...document.querySelectorAll("button, a.button, select, summary, input:not([type=radio], [type=checkbox])")]
  .filter((one) => one.checkVisibility()).map((one) => [one.textContent || one.name, one.getBoundingClientRect()])
  .filter(([, box]) => box.height < 43.5 || box.width < 43.5).map(([name]) => name)
"""
CLIPPED = """
[...document.querySelectorAll("body *")].filter((one) => one.checkVisibility() && !one.closest(".unseen, .skip"))
  .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .filter((one) => {
    const range = document.createRange();
    range.selectNodeContents(one);
    const { right, bottom } = range.getBoundingClientRect();
    const beyond = (box) => right > box.right + 1 || bottom > box.bottom + 1;
    for (let at = one; at && at !== document.body; at = at.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(at);
      if (/hidden|clip/.test(overflowX + overflowY) && beyond(at.getBoundingClientRect())) return true;
    }
    return one.matches("button, a.button, select") && beyond(one.getBoundingClientRect());
  }).map((one) => one.textContent)
"""
"""Text that is cut off by what holds it, or that stands out of its button."""
KEPT = """
await caches.open("books-1").then((it) => it.keys()).then((all) =>
  all.filter((one) => one.url.includes("/file")).length >= 6 && all.some((one) => one.url.includes("/web/")))
"""
SPACING = """
const sheet = new CSSStyleSheet();
sheet.replaceSync("* { line-height: 1.5 !important; letter-spacing: .12em !important }" +
  "* { word-spacing: .16em !important } p { margin-bottom: 2em !important }");
document.adoptedStyleSheets = [sheet];
"""
"""As WCAG 2.2, 1.4.12, has it."""
SLOW_TO_ANSWER = """
const { postMessage } = BroadcastChannel.prototype;
BroadcastChannel.prototype.postMessage = function (data) { window.answer = () => postMessage.call(this, data); };
"""
FIRST_WORDS = "document.querySelector('.words p:not(.waiting)')"
MARKUP: list[str] = json.loads((Path(__file__).parent / "markup.json").read_text("utf-8"))


@contextmanager
def visit(browser: Any, site: Site, path: str, *, width: int = 1280, key: bool = True, **more: Any) -> Iterator[Any]:
    """A page in a browser of its own. Its scripts fail nowhere, it asks nobody else, and the policy stops nothing."""
    context = browser.new_context(viewport={"width": width, "height": WIDTHS.get(width, 640)}, **more)
    page, errors, foreign = context.new_page(), [], []
    page.set_default_timeout(60_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda one: foreign.append(one.url) if not one.url.startswith((site.url, "blob:")) else None)
    page.add_init_script(LAYOUT)
    page.goto(f"{site.url}{path}" + (f"#key={site.key}" if key else ""))
    yield page
    assert (errors, foreign) == ([], [])
    assert page.evaluate("window.violations") == []
    context.close()


@pytest.fixture
def faultless(axe: str) -> Callable[[Any], None]:
    """Asserts that axe finds nothing on a page as it stands."""

    def check(page: Any) -> None:
        until(page, STILL)
        page.evaluate(axe)
        assert page.evaluate(AXE) == []

    return check


def until(page: Any, expression: str) -> None:
    """Wait until JavaScript of a page is true. Playwright's own waiting evaluates a string, which the policy stops."""
    page.evaluate(f"async () => {{ while (!({expression})) await new Promise((resolve) => setTimeout(resolve, 30)); }}")


async def ended(site: Site, story_id: str) -> None:
    async with StoryloomClient(site.url, site.key) as client:
        async for _ in client.events(story_id):
            pass


def three_tabs_without_a_network(page: Any, site: Site, background: Background) -> None:
    """Two more tabs open the story, the network is gone until it has ended, and all three learn of it."""
    tabs = [page.context.new_page() for _ in range(2)]
    for tab in tabs:
        tab.goto(page.url)  # the key comes from the first one
        until(tab, FIRST_WORDS)
    page.context.set_offline(True)
    background.run(ended(site, page.url.split("/")[-1]), within=200)  # on a busy machine
    page.context.set_offline(False)
    for tab in (page, *tabs):
        tab.bring_to_front()
        tab.get_by_role("link", name="Read the book").wait_for()
        assert tab.get_by_text("The connection is gone").count() == 0
    for tab in tabs:
        tab.close()
    page.bring_to_front()


def replaced(page: Any, path: str, body: Any) -> None:
    page.route(f"**{path}", lambda route: route.fulfill(json=body))


def test_a_book_is_made_read_and_shared_by_the_keyboard_alone(
    browser: Any, site: Site, faultless: Callable[[Any], None], background: Background
) -> None:
    """Nothing jumps while it grows, a reload loses nothing, and the link opens the book to who has no key.

    Two more tabs see the same, and all three come back after the network was gone.
    """
    with visit(browser, site, "/") as page:
        name = page.get_by_label("The hero's name")
        name.wait_for()
        assert "#" not in page.url  # the key is not in the address any more
        faultless(page)
        name.focus()
        page.keyboard.type("Mira")
        page.keyboard.press("Tab")
        page.keyboard.type("a fox who has lost her lantern")
        page.get_by_text("It takes about").wait_for()
        page.get_by_role("button", name="Make the story").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/story/*")
        until(page, FIRST_WORDS)
        faultless(page)
        first = page.locator(".words").first.inner_text()
        page.reload()
        until(page, FIRST_WORDS)
        assert page.locator(".words").first.inner_text()[:20] == first[:20]
        three_tabs_without_a_network(page, site, background)
        assert page.evaluate("window.shifted") < 0.05
        faultless(page)
        page.get_by_role("button", name="Make a link").focus()
        page.keyboard.press("Enter")
        link = page.locator(".link").inner_text()
        assert "#sh_" in link
        page.get_by_role("link", name="Read the book").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/read/*")
        page.locator("section.page:not([hidden]) h2").wait_for()
        faultless(page)
        for number in range(2, 7):
            page.keyboard.press("ArrowRight")
            page.get_by_text(f"{number} / 6").wait_for()
            assert page.evaluate("document.activeElement.getAttribute('aria-label')") == f"Page {number} of 6"
        assert page.get_by_role("link", name="Change or share").is_visible()
        path = link.removeprefix(site.url)
        with visit(browser, site, path, width=360, key=False) as guest:
            guest.locator("section.page:not([hidden]) img.here").wait_for()
            faultless(guest)
            guest.keyboard.press("End")
            assert guest.get_by_role("link", name="Change or share").count() == 0
            guest.evaluate("navigator.serviceWorker.ready")
            page.go_back()
            page.get_by_role("button", name="Take back link 1").click()
            page.get_by_role("button", name="Take back link 1").wait_for(state="detached")
            guest.reload()
            guest.get_by_role("heading", name="This book is closed").wait_for()
            faultless(guest)


@pytest.mark.parametrize("path", ["/story/{}", "/read/{}"])
def test_a_tab_opens_by_the_key_of_another_that_is_slow_to_answer(browser: Any, site: Site, path: str) -> None:
    """As on a busy machine: the tab has asked for a key by then."""
    with visit(browser, site, "/") as page:
        page.get_by_label("The hero's name").wait_for()
        page.evaluate(SLOW_TO_ANSWER)
        tab = page.context.new_page()
        tab.goto(site.url + path.format(site.story_id))
        tab.get_by_role("heading", name=re.compile("Whose stories|needs a link")).wait_for()
        page.evaluate("window.answer()")
        tab.get_by_role("heading", name=site.story["title"]).first.wait_for()
        tab.close()


def test_the_spoken_word_is_lit_and_a_click_is_heard_from_there(browser: Any, site: Site) -> None:
    """At sixty times, while it is paused and while it plays; and fifty words, clicked."""
    words, chance = site.story["audioWords"], random.Random(7)
    assert words
    with visit(browser, site, f"/read/{site.story_id}") as page:
        until(page, "document.querySelectorAll('.text span').length > 0")
        page.evaluate(READING)
        spans = page.evaluate("[...document.querySelectorAll('.text span')].map((one) => one.textContent)")
        assert spans == [word["txt"] for word in words]
        times = [round(chance.uniform(words[0]["start"], words[-1]["end"]), 3) for _ in range(60)]
        lit = page.evaluate(
            """async (times) => {
              const { audio } = window.reading.voice, all = [...document.querySelectorAll('.text span')], found = [];
              for (const at of times) {
                const moved = new Promise((resolve) => audio.addEventListener('seeked', resolve, { once: true }));
                audio.currentTime = at; await moved; await new Promise(requestAnimationFrame);
                found.push(all.findIndex((one) => one.classList.contains('lit')));
              }
              return found;
            }""",
            times,
        )
        for at, place in zip(times, lit, strict=True):
            assert place >= 0, at
            assert words[place]["start"] <= at + 0.05, (at, place)
            assert place + 1 == len(words) or words[place + 1]["start"] >= at - 0.05, (at, place)
        clicked = sorted(chance.sample(range(len(words)), min(50, len(words))))
        landed = page.evaluate(
            """async (clicked) => {
              const { audio } = window.reading.voice, all = [...document.querySelectorAll('.text span')], found = [];
              // So slow that a busy machine's delay is no distance.
              audio.playbackRate = 0.0625;
              for (const place of clicked) {
                const moved = new Promise((resolve) =>
                  audio.addEventListener('seeked', () => resolve(audio.currentTime), { once: true }));
                all[place].click(); found.push(await moved);
              }
              audio.pause();
              return found;
            }""",
            clicked,
        )
        far = [
            (words[k]["txt"], words[k]["start"], at)
            for k, at in zip(clicked, landed, strict=True)
            if abs(at - words[k]["start"]) > 0.06
        ]
        assert far == []


def test_markup_in_a_story_stays_text(browser: Any, site: Site) -> None:
    """In names, titles, words, alternative texts, activities and reasons of failures, on both pages."""
    assert len(MARKUP) == 50
    text = "\n\n".join(MARKUP)
    book_path, story_path = f"/api/v1/stories/{site.story_id}/book", f"/api/v1/stories/{site.story_id}"
    with visit(browser, site, "/") as page:
        headers = {"Authorization": f"Bearer {site.key}"}
        book = page.request.get(site.url + book_path, headers=headers).json()
        story = page.request.get(site.url + story_path, headers=headers).json()
        escaped = "".join(
            f'<p><span data-start="{k}.000" data-end="{k}.500">{escape(one)}</span></p>' for k, one in enumerate(MARKUP)
        )
        book |= {"title": MARKUP[1], "logline": text, "heroes": MARKUP}
        book["pages"] = [
            one | {"text": text, "words": block}
            for one, block in zip(book["pages"], (escaped, None, text, None), strict=True)
        ]
        book["activities"] = [
            one | {"title": MARKUP[2], "description": text, "steps": MARKUP} for one in book["activities"]
        ]
        replaced(page, book_path, book)
        page.goto(f"{site.url}/read/{site.story_id}")
        page.locator("section.page").nth(5).wait_for(state="attached")
        shown = (
            page.locator("section.page")
            .nth(1)
            .evaluate("(one) => [...one.querySelectorAll('.text span')].map((word) => word.textContent)")
        )
        assert shown == MARKUP
        allowed = page.evaluate("[...new Set([...document.querySelectorAll('main *')].map((one) => one.localName))]")
        assert not {
            "script",
            "iframe",
            "b",
            "i",
            "style",
            "base",
            "meta",
            "object",
            "embed",
            "form",
            "marquee",
            "template",
            "math",
        } & set(allowed)
        story |= {
            "title": MARKUP[1],
            "logline": text,
            "status": "partial",
            "scenes": [one | {"text": text, "altText": MARKUP[1]} for one in story["scenes"]],
        }
        story["assetGenerationStatus"]["assets"]["scene_2"] = {
            "status": "failed",
            "progress": 0,
            "reason": MARKUP[0],
            "error": {"code": "x", "message": MARKUP[1], "cause": "scene_2", "retryable": True},
        }
        replaced(page, story_path, story)
        page.goto(f"{site.url}/story/{site.story_id}")
        page.get_by_text("This picture could not be painted.").wait_for()
        assert page.locator("h1").inner_text() == MARKUP[1]
        assert page.evaluate("window.broken") is None


def with_receipt(page: Any) -> Any:
    """The making page, with what was checked open, and the first row of it."""
    page.get_by_role("button", name="Show what was checked").click()
    page.locator(".claims summary").first.click()
    return page


def test_every_state_fits_its_screen_and_faults_nobody(
    browser: Any, site: Site, faultless: Callable[[Any], None]
) -> None:
    """Nothing is wider than the screen (320: 1280 at 400 %), buttons are 44 pixels or more, axe finds nothing."""

    def fits(page: Any) -> None:
        for width, height in {320: 640, **WIDTHS}.items():
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert (page.evaluate(SMALL), page.evaluate(CLIPPED)) == ([], [])
        page.set_viewport_size({"width": 360, "height": 740})
        page.evaluate(SPACING)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert page.evaluate(CLIPPED) == []
        page.evaluate("document.adoptedStyleSheets = []")
        page.emulate_media(forced_colors="active")
        faultless(page)
        page.emulate_media(forced_colors="none")
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            faultless(page)

    with visit(browser, site, "/", reduced_motion="reduce") as page:
        page.get_by_text("More about the hero").click()
        page.get_by_text("More about the story").click()
        page.get_by_label("Kind of story").select_option("birthday")
        page.get_by_label("Whose birthday it is").wait_for()
        page.get_by_label("Manual wheelchair").check()
        fits(page)
        page.get_by_role("button", name="Make the story").click()
        page.get_by_text("Something above is not right yet.").wait_for()
        assert page.get_by_label("The hero's name").get_attribute("aria-invalid") == "true"
        fits(page)
        page.goto(f"{site.url}/story/{site.story_id}")
        page.get_by_role("link", name="Read the book").wait_for()
        fits(page)
        fits(with_receipt(page))
        page.get_by_role("button", name="Change the words of scene 1").click()
        fits(page)
        page.goto(f"{site.url}/read/{site.story_id}")
        page.locator("section.page:not([hidden]) img.here").wait_for()
        fits(page)
        page.keyboard.press("ArrowRight")
        fits(page)
        page.get_by_role("button", name="How to read").click()
        page.get_by_label("Letters", exact=True).select_option("dyslexic")
        page.get_by_label("Colours").select_option("night")
        fits(page)
        page.keyboard.press("Escape")
        page.keyboard.press("End")
        fits(page)
        page.goto(f"{site.url}/read/7c9e6679-7425-40de-944b-e07fc1f90ae7")
        page.get_by_role("heading", name="There is no such book here").wait_for()
        fits(page)
    with visit(browser, site, "/", key=False) as page:
        page.get_by_label("Your key").wait_for()
        fits(page)


def heard(page: Any) -> tuple[str, list[str]]:
    """What a screen reader reads of a page from its begin to its end: the text, and the names of its pictures."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    inside = [node for node in nodes if not node["ignored"]]
    text = [node["name"]["value"] for node in inside if node["role"]["value"] == "StaticText"]
    pictures = [node["name"]["value"] for node in inside if node["role"]["value"] == "image" and node.get("name")]
    return " ".join("".join(text).split()), pictures


def test_a_screen_reader_hears_each_page_once(browser: Any, site: Site) -> None:
    """Its words, and what is on its picture; nothing of the pages that are not open."""
    with visit(browser, site, f"/read/{site.story_id}") as page:
        page.locator("section.page:not([hidden]) img.here").wait_for()
        for number, scene in enumerate(site.story["scenes"], start=2):
            page.keyboard.press("ArrowRight")
            page.get_by_text(f"{number} / 6").wait_for()
            page.locator("section.page:not([hidden]) img.here").wait_for()
            text, pictures = heard(page)
            for other in site.story["scenes"]:
                words = "".join((other["text"] or "").split())
                assert "".join(text.split()).count(words) == (other is scene), (number, other["scene"])
            assert [name for name in pictures if name] == [scene["altText"]]


def test_a_book_that_was_opened_is_there_without_a_connection(browser: Any, site: Site) -> None:
    with visit(browser, site, f"/read/{site.story_id}", width=360) as page:
        page.locator("section.page:not([hidden]) img.here").wait_for()
        until(page, KEPT)
        page.context.set_offline(True)
        page.reload()
        page.locator("section.page:not([hidden]) img.here").wait_for()
        page.keyboard.press("ArrowRight")
        page.locator("section.page:not([hidden]) img.here").wait_for()
        assert page.locator("section.page:not([hidden]) .text").inner_text()
        page.context.set_offline(False)


def test_the_narration_is_saved_with_the_cover_in_it(browser: Any, site: Site) -> None:
    """From both pages. Without a connection it is the plain one, which is kept on the device with the book."""
    with visit(browser, site, f"/story/{site.story_id}") as page:
        made = saved_narration(page)
        page.goto(f"{site.url}/read/{site.story_id}")
        page.locator("section.page:not([hidden]) img.here").wait_for()
        until(page, KEPT)
        page.keyboard.press("End")
        assert saved_narration(page) == made
        page.context.set_offline(True)
        kept = saved_narration(page)
        page.context.set_offline(False)
    assert b"APIC" in made[:500]
    assert b"APIC" not in kept[:500]
    assert made.endswith(kept[500:])


def saved_narration(page: Any) -> bytes:
    with page.expect_download() as found:
        page.get_by_role("button", name="Narration (MP3)").click()
    return Path(found.value.path()).read_bytes()


def test_a_shared_book_that_is_being_made_grows_under_its_reader(browser: Any, site: Site) -> None:
    """The page that is read stays, and its picture comes into its place."""
    path = f"/api/v1/stories/{site.story_id}/book"
    with visit(browser, site, "/") as page:
        book = page.request.get(site.url + path, headers={"Authorization": f"Bearer {site.key}"}).json()
        part = book | {"status": "generating", "narration": None, "printed": None}
        part["pages"] = [one | {"picture": None, "words": None} for one in book["pages"]]
        answers = [part, part]
        page.route(f"**{path}", lambda route: route.fulfill(json=answers.pop(0) if answers else book))
        page.goto(f"{site.url}/read/{site.story_id}")
        page.get_by_text("1 / 6").wait_for()
        page.keyboard.press("ArrowRight")
        page.get_by_text("2 / 6").wait_for()
        assert page.get_by_role("button", name="Read aloud").count() == 0
        page.locator("section.page:not([hidden]) img.here").wait_for()
        assert page.get_by_role("button", name="Read aloud").is_visible()
        assert page.get_by_text("2 / 6").is_visible()
        page.keyboard.press("ArrowRight")
        page.get_by_text("3 / 6").wait_for()  # one page on, not two: the keys of the first drawing are gone


def test_an_open_page_outlives_the_death_of_postgres(
    browser: Any, site: Site, home: Path, background: Background
) -> None:
    """Killed in the midst of the words: the story is watched to its end without a reload."""

    async def ask() -> str:
        async with StoryloomClient(site.url, site.key) as client:
            return (await client.create({**MIRA, "assets": ["content", "cover"], "seed": 27}))["id"]

    with visit(browser, site, f"/story/{background.run(ask(), within=60)}") as page:
        until(page, FIRST_WORDS)
        assert page.get_by_role("link", name="Read the book").count() == 0
        page.evaluate("window.unloaded = false")
        processes = json.loads((home / "local.json").read_text())["processes"]
        os.kill(next(pid for name, pid in processes.items() if "postgres" in name), signal.SIGKILL)
        page.get_by_role("link", name="Read the book").wait_for()
        assert page.evaluate("window.unloaded") is False
        assert page.locator(".words p:not(.waiting)").count() >= 4
        assert page.get_by_text("The connection is gone").count() == 0


def test_a_book_from_right_to_left_turns_the_other_way(browser: Any, site: Site) -> None:
    path = f"/api/v1/stories/{site.story_id}/book"
    with visit(browser, site, "/") as page:
        book = page.request.get(site.url + path, headers={"Authorization": f"Bearer {site.key}"}).json()
        replaced(page, path, json.loads(json.dumps(book | {"language": "ar", "direction": "rtl"})))
        page.goto(f"{site.url}/read/{site.story_id}")
        page.get_by_text("1 / 6").wait_for()
        page.keyboard.press("ArrowLeft")
        page.get_by_text("2 / 6").wait_for()
        page.keyboard.press("ArrowRight")
        page.get_by_text("1 / 6").wait_for()
        back, onward = [
            page.get_by_role("button", name=name).bounding_box()["x"] for name in ("Page back", "Next page")
        ]
        assert onward < back
