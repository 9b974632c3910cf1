"""What dashboards and alerts ask for is there in a scrape of a system that has made a story."""

import asyncio
import subprocess

import yaml
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from storyloom.runtime.settings import Settings
from tests.integration.core.system import BY_HAND, running, until
from tests.promql import checker, needs
from tools.docs.dashboards import DASHBOARDS, queries
from tools.docs.pages import ROOT

OTHERS = {"up": {"job", "instance"}}
"""Prometheus's own."""


def asked() -> list[str]:
    """Every query of a dashboard or a rule."""
    found = [query for one in DASHBOARDS.values() for query in queries(one)]
    for path in (ROOT / "deploy/observability/rules").glob("*.yaml"):
        groups = yaml.safe_load(path.read_text("utf-8"))["groups"]
        found += [rule["expr"] for group in groups for rule in group["rules"]]
    return found


def declared() -> dict[str, set[str]]:
    """The labels of every sample that a metric may have, also where it has none yet."""
    found: dict[str, set[str]] = {}
    for collector in REGISTRY._collector_to_names:
        for name in REGISTRY._collector_to_names[collector]:
            bucket = {"le"} if name.endswith("_bucket") else set()
            found[name] = set(getattr(collector, "_labelnames", ())) | bucket
    return found


async def test_every_query_asks_for_metrics_and_labels_that_there_are(settings: Settings) -> None:
    """By a story that was made, its names alone in what every service says of itself; promtool has no complaint."""
    async with running(settings, reconciler=BY_HAND, in_memory=True) as system:
        story_id = await system.post()
        await system.finished(story_id)

        async def scrape() -> str:
            async with system.http.get(f"{system.status.internal_url}/metrics") as answer:
                return await answer.text()

        async def counted() -> bool:
            return 'storyloom_queue_jobs{priority="normal",service="images"}' in await scrape()

        await until(counted)
        text = await scrape()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    known = declared()
    samples = {sample.name for family in families.values() for sample in family.samples}
    for query in asked():
        for name, labels in needs(query).items():
            if name in OTHERS or ":" in name:
                continue
            assert name in known, f"{name}: {query}"
            assert any(name.startswith(family) for family in families), f"{name} is in no scrape: {query}"
            assert labels <= known[name], f"{labels - known[name]} of {name}: {query}"
    made = {"storyloom_story_seconds_bucket", "storyloom_stream_first_event_seconds_bucket", "storyloom_jobs_total"}
    made |= {"storyloom_job_wait_seconds_bucket", "storyloom_database_pool_wait_seconds_bucket"}
    assert made <= samples
    assert str(story_id) not in text
    promtool = await asyncio.to_thread(checker, "promtool")
    done = await asyncio.to_thread(
        subprocess.run, [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("", "")
