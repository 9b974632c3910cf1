"""The pages in Debian's Chromium: how soon the reading page is painted on a slow line, and how soon an event is seen.

The line is Chromium's own "Slow 4G" (DevTools: 1.44 Mbit/s down, 675 kbit/s up, 562.5 ms a request), nothing is
cached, pictures are left out. First paint is the browser's first-contentful-paint; "words" is the first page of the
book, for which scripts and the book itself came over the same line. Then one story is made on the making page: of
every event of its stream is taken when the page's listener is called and when the frame after it is painted; before
that it waits for the page's own work, of which the longest piece is taken (Long Tasks API: none is shorter than 50 ms).
``python -m benchmarks.pages`` runs it; needs playwright and chromium.
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
STORY_MILLISECONDS = 240_000
"""After which a story counts as stuck."""
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
WATCHED = """
window.heard = []; window.longest = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
}).observe({ type: "longtask" });
const Plain = window.EventSource;
window.EventSource = class extends Plain {
  addEventListener(name, act) {
    super.addEventListener(name, (event) => {
      const came = performance.now();
      act(event);
      // A frame's callbacks run before it is painted, a message after it.
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => window.heard.push([name, came, performance.now()]);
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


async def watch(browser: Browser, product: Product) -> tuple[list[float], float]:
    """Milliseconds of one story: from the listener's call to the frame for every event, and of the longest task."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.add_init_script(WATCHED)
    await page.goto(f"{product.addresses['apiUrl']}/#key={product.addresses['apiKey']}")
    await page.get_by_label("The hero's name").fill("Mira")
    await page.get_by_role("button", name="Make the story").click()
    await page.wait_for_url("**/story/*")
    page.set_default_timeout(STORY_MILLISECONDS)
    await page.get_by_role("link", name="Read the book").wait_for()
    heard: list[Any] = await page.evaluate("window.heard")
    longest = float(await page.evaluate("window.longest"))
    await context.close()
    frames = sorted((frame - came, name) for name, came, frame in heard)
    print("slowest:", ", ".join(f"{name} {took:.0f} ms" for took, name in frames[-5:]), flush=True)
    return [took for took, _ in frames], longest


async def measure(home: Path, rounds: int) -> dict[str, float]:
    """One story made by a client and read over a slow line, and one that is watched on the page."""
    async with running(home, STUDIO_LATENCY="instant") as product, async_playwright() as playwright:
        story = await product.make(1)
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        paints = [await first_paint(browser, product, story["id"]) for _ in range(rounds)]
        frames, longest = await watch(browser, product)
        await browser.close()
    return {
        "first_paint_ms": statistics.median(painted for painted, _ in paints),
        "first_words_ms": statistics.median(words for _, words in paints),
        "frame_p50_ms": statistics.median(frames),
        "frame_worst_ms": max(frames),
        "page_task_ms": longest,
    }


def main() -> None:
    """Measure in a folder of its own."""
    options = read_options(__doc__ or "", rounds=5)
    with tempfile.TemporaryDirectory(prefix="storyloom-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101 - Postgres runs as another user where we are root
        report(asyncio.run(measure(Path(folder), options.rounds)))


if __name__ == "__main__":
    main()
