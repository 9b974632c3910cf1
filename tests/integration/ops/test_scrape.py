"""What dashboards and alerts ask for is there in a scrape of a system that has made a story; Prometheus answers it."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from storyloom.providers.usage import Call
from storyloom.runtime.settings import Settings
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import BY_HAND, System, running, until
from tests.integration.ops.prometheus import Prometheus, prometheus
from tests.promql import checker, needs
from tools.deploy.programs import ProgramMissing, program
from tools.docs.dashboards import DASHBOARDS, queries
from tools.docs.pages import ROOT

OTHERS = {"up": {"job", "instance"}}
"""Prometheus's own."""
RULES = sorted((ROOT / "deploy/observability/rules").glob("*.yaml"))
BOUNDED = {
    *(
        "app_name",
        "broker",
        "code",
        "destination",
        "endpoint",
        "event",
        "exception_type",
        "handler",
        "kind",
        "lane",
        "le",
    ),
    *("loop", "method", "model", "outcome", "overall", "priority", "provider", "reason", "route", "service", "status"),
    *("why", "version"),
}
"""Labels whose values are few: words of ours, models. None is a story, a tenant, a key or a trace."""
QUIET = (
    *("_retries_total", "_waits_total", "_failures_total", "_crashes_total", "_refused_total", "_rejected_total"),
    *("loop_failing", "reconciler_actions", "late_assets", "paid_answers_kept", 'status=~"5..|429"'),
    *("provider_shut", "provider_breaker_state", "provider_limit", "provider_in_flight", "provider_waiting"),  # no gate
    *("storyloom_commands_total", "webhook_attempts"),  # nobody sent any
)
"""Words of queries that may have no answer: nothing has gone wrong."""


def asked() -> list[str]:
    """Every query of a dashboard or a rule."""
    found = [query for one in DASHBOARDS.values() for query in queries(one)]
    for path in RULES:
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


def assert_no_label_grows(families: Mapping[str, Metric]) -> None:
    """One story alone is looked up by its trace: no metric has it, and no dashboard needs it."""
    ours = [family for name, family in families.items() if name.startswith("storyloom_")]
    labels = {label for family in ours for sample in family.samples for label in sample.labels}
    labels |= {label for name, found in declared().items() if name.startswith("storyloom_") for label in found}
    assert labels <= BOUNDED, labels - BOUNDED


@asynccontextmanager
async def scraping(system: System, folder: Path) -> AsyncIterator[Prometheus | None]:
    """Prometheus over the system; None where there is none on this machine."""
    try:
        found = await asyncio.to_thread(program, "prometheus")
    except ProgramMissing:
        yield None
        return
    async with prometheus(found, folder, system.status.internal_url, RULES) as server:
        yield server


async def evaluate(server: Prometheus) -> None:
    """Wait until every rule was evaluated without an error, and every query has the answer that it must have."""
    shown = [query for one in DASHBOARDS.values() for query in queries(one)]
    left = {query for query in shown if not any(word in query for word in QUIET)}

    async def answered() -> bool:
        for query in [*left]:
            if await server.has(query.replace("$__rate_interval", "5m")):
                left.discard(query)
        rules = await server.rules()
        assert {rule["lastError"] for rule in rules if "lastError" in rule} == set()
        return not left and all(rule["health"] == "ok" for rule in rules)

    try:
        await until(answered)
    except TimeoutError:
        raise AssertionError(f"no answer: {sorted(left)}") from None
    for query in asked():
        await server.query(query.replace("$__rate_interval", "5m"))


async def ask_a_provider(_job: AssetRequested) -> None:
    """A call that costs something, as a provider's client writes it down."""
    call = Call("openai", "responses", "gpt-5.1", "text", cost_usd=0.01)
    call.begin(None)
    call.end(None)


async def test_every_query_asks_for_metrics_and_labels_that_there_are(settings: Settings, tmp_path: Path) -> None:
    """By a story that was made, its names alone in what every service says of itself; promtool has no complaint, and a
    Prometheus evaluates every query and rule.
    """
    async with (
        running(settings, reconciler=BY_HAND, in_memory=True) as system,
        scraping(system, tmp_path) as server,
    ):
        system.makers.before = ask_a_provider
        story_id = await system.post()
        await system.finished(story_id)

        async def scrape() -> str:
            async with system.http.get(f"{system.status.internal_url}/metrics") as answer:
                return await answer.text()

        async def counted() -> bool:
            return 'storyloom_queue_jobs{priority="normal",service="images"}' in await scrape()

        await until(counted)
        text = await scrape()
        if server is not None:
            await evaluate(server)
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
    assert_no_label_grows(families)
    promtool = await asyncio.to_thread(checker, "promtool")
    done = await asyncio.to_thread(
        subprocess.run, [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("", "")
    if server is None:
        pytest.skip("no prometheus on this machine: no query was evaluated")
