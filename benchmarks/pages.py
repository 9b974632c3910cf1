"""The pages in Debian's Chromium: how soon the reading page is painted on a slow line, and how soon an event is seen.

The line is Chromium's own "Slow 4G" (DevTools: 1.44 Mbit/s down, 675 kbit/s up, 562.5 ms a request), nothing is
cached, pictures are left out. First paint is the browser's first-contentful-paint; "words" is the first page of the
book, for which scripts and the book itself came over the same line. Then one story is made on the making page: of
every event of its stream is taken when the page's listener is called, when the frame after it is painted, and when a
client in this process had the same event. ``python -m benchmarks.pages`` runs it; needs playwright and chromium.
"""

import asyncio
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, async_playwright

from benchmarks.figures import report
from benchmarks.options import read_options
from benchmarks.product import Product, running

SLOW_4G = {"offline": False, "latency": 562.5, "downloadThroughput": 180_000, "uploadThroughput": 84_375}
"""Chromium's preset: milliseconds, and bytes a second."""
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
WATCHED = """
window.heard = [];
const Plain = window.EventSource, clock = () => performance.timeOrigin + performance.now();
window.EventSource = class extends Plain {
  addEventListener(name, act) {
    super.addEventListener(name, (event) => {
      const came = clock();
      act(event);
      // A frame's callbacks run before it is painted, a message after it.
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => window.heard.push([name, Number(event.lastEventId), came, clock()]);
        port2.postMessage(0);
      });
    });
  }
};
"""


async def first_paint(browser: Browser, product: Product, story_id: str) -> tuple[float, float]:
    """Milliseconds to the first paint of a book's page, and to its first words, on a slow line with nothing cached."""
    context = await browser.new_context()
    page = await context.new_page()
    line = await context.new_cdp_session(page)
    await line.send("Network.enable")
    await line.send("Network.emulateNetworkConditions", SLOW_4G)
    await page.route("**/assets/*/file*", lambda route: route.abort())
    began = time.perf_counter()
    await page.goto(f"{product.addresses['apiUrl']}/read/{story_id}#key={product.addresses['apiKey']}")
    await page.locator("section.page:not([hidden]) h2").wait_for()
    words = 1e3 * (time.perf_counter() - began)
    painted = float(await page.evaluate(FIRST_PAINT))
    await context.close()
    return painted, words


async def watch(browser: Browser, product: Product) -> tuple[list[float], list[float]]:
    """Milliseconds of every event of one story: from the listener's call to the frame, and from this process to it."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.add_init_script(WATCHED)
    await page.goto(f"{product.addresses['apiUrl']}/#key={product.addresses['apiKey']}")
    await page.get_by_label("The hero's name").fill("Mira")
    await page.get_by_role("button", name="Make the story").click()
    await page.wait_for_url("**/story/*")
    here: dict[int, float] = {}
    async for event in product.client.events(page.url.split("/")[-1]):
        if event.seq:
            here[event.seq] = 1e3 * time.time()
    await page.get_by_role("link", name="Read the book").wait_for()
    heard: list[Any] = await page.evaluate("window.heard")
    await context.close()
    slowest = sorted(heard, key=lambda one: one[2] - one[3])[:5]
    print("slowest:", ", ".join(f"{name} {seq or ''} {frame - came:.0f} ms" for name, seq, came, frame in slowest))
    return (
        [frame - came for _, _, came, frame in heard],
        # The first ones are history, which the two have asked for at different times.
        [frame - here[seq] for _, seq, _, frame in heard if seq in here and seq > 1],
    )


async def measure(home: Path, rounds: int) -> dict[str, float]:
    """One story made by a client and read over a slow line, and one that is watched on the page."""
    async with running(home, STUDIO_LATENCY="instant") as product, async_playwright() as playwright:
        story = await product.make(1)
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        paints = [await first_paint(browser, product, story["id"]) for _ in range(rounds)]
        frames, seen = await watch(browser, product)
        await browser.close()
    return {
        "first_paint_ms": statistics.median(painted for painted, _ in paints),
        "first_words_ms": statistics.median(words for _, words in paints),
        "frame_p50_ms": statistics.median(frames),
        "frame_worst_ms": max(frames),
        "seen_p50_ms": statistics.median(seen),
        "seen_worst_ms": max(seen),
    }


def main() -> None:
    """Measure in a folder of its own."""
    options = read_options(__doc__ or "", rounds=5)
    with tempfile.TemporaryDirectory(prefix="storyloom-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - Postgres runs as another user where we are root
        report(asyncio.run(measure(Path(folder), options.rounds)))


if __name__ == "__main__":
    main()
