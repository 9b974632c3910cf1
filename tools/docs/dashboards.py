"""Grafana's dashboards (deploy/observability/dashboards), as its JSON model has them (schema version 39, Grafana 10).

A dashboard is rows of panels; a panel is a title, a unit and queries. Gauges that every replica of a service sets the
same are asked for their greatest, never for a sum.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WIDTH = 24
"""Grafana's grid."""
HEIGHT = 8
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
RATE = "$__rate_interval"
"""Grafana's own: at least four scrapes."""
ENDED = 'overall!="cancelled"'


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel; ``queries`` are (PromQL, legend). ``unit`` is Grafana's name of it, ``help`` a sentence."""

    title: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    help: str = ""
    kind: str = "timeseries"
    thresholds: Sequence[tuple[float, str]] = field(default=())


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard: titled rows of panels."""

    uid: str
    title: str
    rows: Sequence[tuple[str, Sequence[Panel]]]


def _quantile(share: float, metric: str, by: str = "", where: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share:g}, sum by ({labels}) (rate({_chosen(metric + '_bucket', where)}[{RATE}])))"


def _rate(metric: str, by: str = "", where: str = "") -> str:
    head = f"sum by ({by})" if by else "sum"
    return f"{head} (rate({_chosen(metric, where)}[{RATE}]))"


def _chosen(metric: str, where: str) -> str:
    return f"{metric}{{{where}}}" if where else metric


OVERVIEW = Dashboard(
    "storyloom-overview",
    "Storyloom: overview",
    [
        (
            "Stories",
            [
                Panel("Stories ended", [(_rate("storyloom_stories_total", "overall") + " * 60", "{{overall}}")], "cpm"),
                Panel(
                    "Under way",
                    [
                        ("max(storyloom_stories_unfinished)", "generating"),
                        ("max(storyloom_stories_waiting)", "waiting for room"),
                        ("max(storyloom_stories_awaiting_approval)", "waiting for approval"),
                    ],
                ),
                Panel("Oldest story", [("max(storyloom_stories_oldest_seconds)", "generating for")], "s"),
                Panel(
                    "From request to end",
                    [
                        (_quantile(0.5, "storyloom_story_seconds", where=ENDED), "p50"),
                        (_quantile(0.95, "storyloom_story_seconds", where=ENDED), "p95"),
                    ],
                    "s",
                ),
            ],
        ),
        (
            "Requests",
            [
                Panel("Requests", [(_rate("storyloom_http_request_seconds_count", "route"), "{{route}}")], "reqps"),
                Panel(
                    "Errors",
                    [
                        (
                            _rate("storyloom_http_request_seconds_count", "route, status", 'status=~"5..|429"'),
                            "{{status}} {{route}}",
                        ),
                        (_rate("storyloom_http_refused_total", "code"), "{{code}}"),
                    ],
                    "reqps",
                ),
                Panel(
                    "Time to an answer, p95",
                    [
                        (_quantile(0.95, "storyloom_http_request_seconds", "route"), "{{route}}"),
                    ],
                    "s",
                ),
                Panel("In flight", [("sum(storyloom_http_requests_in_flight)", "requests, streams among them")]),
            ],
        ),
        (
            "Progress streams",
            [
                Panel("Open", [("sum(storyloom_stream_readers)", "readers")]),
                Panel("Opened", [(_rate("storyloom_stream_opened_total", "kind"), "{{kind}}")], "cps"),
                Panel("Ended", [(_rate("storyloom_stream_ended_total", "why"), "{{why}}")], "cps"),
                Panel(
                    "First event",
                    [
                        (_quantile(0.5, "storyloom_stream_first_event_seconds"), "p50"),
                        (_quantile(0.99, "storyloom_stream_first_event_seconds"), "p99"),
                    ],
                    "s",
                ),
            ],
        ),
        (
            "What holds it together",
            [
                Panel("Projector behind", [("max(storyloom_projector_pending)", "events")]),
                Panel("Projector's lag", [("max(storyloom_projector_lag_seconds)", "age of the last event")], "s"),
                Panel(
                    "Not handled yet", [("max by (kind) (storyloom_outbox_oldest_seconds)", "oldest of {{kind}}")], "s"
                ),
                Panel("Repaired", [(_rate("storyloom_reconciler_actions_total", "kind"), "{{kind}}")], "cps"),
                Panel("Dead letters", [("max(storyloom_dead_letters)", "on DEAD")]),
                Panel(
                    "Loops",
                    [
                        (_rate("storyloom_loop_crashes_total", "loop"), "{{loop}} crashes"),
                        ("max by (loop) (storyloom_loop_failing)", "{{loop}} fails"),
                    ],
                ),
                Panel(
                    "Wait for a connection to Postgres, p99",
                    [
                        (_quantile(0.99, "storyloom_database_pool_wait_seconds"), "p99"),
                    ],
                    "s",
                ),
                Panel(
                    "Webhooks due",
                    [
                        ("max(storyloom_webhook_due)", "due"),
                        ("max(storyloom_webhook_endpoints_failing)", "endpoints that fail"),
                    ],
                ),
            ],
        ),
    ],
)

WORKERS = Dashboard(
    "storyloom-workers",
    "Storyloom: workers and providers",
    [
        (
            "Queues",
            [
                Panel(
                    "Waiting",
                    [
                        ("max by (service, priority) (storyloom_queue_jobs)", "{{service}} {{priority}}"),
                    ],
                ),
                Panel(
                    "Oldest",
                    [
                        ("max by (service, priority) (storyloom_queue_oldest_seconds)", "{{service}} {{priority}}"),
                    ],
                    "s",
                ),
                Panel(
                    "In flight",
                    [
                        ("max by (service, priority) (storyloom_queue_in_flight)", "{{service}} {{priority}}"),
                    ],
                ),
                Panel(
                    "Wait for a worker, p95",
                    [
                        (
                            _quantile(0.95, "storyloom_job_wait_seconds", "service, priority"),
                            "{{service}} {{priority}}",
                        ),
                    ],
                    "s",
                ),
            ],
        ),
        (
            "Jobs",
            [
                Panel("Ended", [(_rate("storyloom_jobs_total", "service, outcome"), "{{service}} {{outcome}}")], "cps"),
                Panel(
                    "Failed for good",
                    [
                        (_rate("storyloom_job_failures_total", "service, code"), "{{service}} {{code}}"),
                    ],
                    "cps",
                ),
                Panel(
                    "Time of a job, p95", [(_quantile(0.95, "storyloom_job_seconds", "service"), "{{service}}")], "s"
                ),
                Panel(
                    "Again",
                    [
                        (_rate("storyloom_job_retries_total", "service"), "{{service}} retries"),
                        (_rate("storyloom_job_waits_total", "service"), "{{service}} requeued untried"),
                        (_rate("storyloom_job_redeliveries_total", "service"), "{{service}} redeliveries"),
                    ],
                    "cps",
                ),
                Panel(
                    "Perhaps paid twice",
                    [
                        (_rate("storyloom_jobs_remade_total", "service"), "{{service}} remade"),
                        (_rate("storyloom_paid_answers_kept_total", "service"), "{{service}} answers kept"),
                        (_rate("storyloom_results_adopted_total", "service"), "{{service}} adopted"),
                    ],
                    "cps",
                ),
                Panel(
                    "Paid and not stored yet, p99",
                    [
                        (_quantile(0.99, "storyloom_paid_unstored_seconds", "service"), "{{service}}"),
                    ],
                    "s",
                ),
            ],
        ),
        (
            "Providers",
            [
                Panel(
                    "Calls",
                    [
                        (_rate("storyloom_provider_calls_total", "provider, outcome"), "{{provider}} {{outcome}}"),
                    ],
                    "cps",
                ),
                Panel(
                    "Time of a call, p95",
                    [
                        (
                            _quantile(0.95, "storyloom_provider_seconds", "provider, endpoint"),
                            "{{provider}} {{endpoint}}",
                        ),
                    ],
                    "s",
                ),
                Panel(
                    "Shut",
                    [
                        ("max by (provider, why) (storyloom_provider_shut)", "{{provider}} {{why}}"),
                        ("max by (provider) (storyloom_provider_breaker_state)", "{{provider}} breaker"),
                    ],
                    help="Breaker: 0 closed, 1 half-open, 2 open.",
                ),
                Panel(
                    "Places",
                    [
                        ("sum by (provider) (storyloom_provider_limit)", "{{provider}} limit"),
                        ("sum by (provider) (storyloom_provider_in_flight)", "{{provider}} in flight"),
                        ("sum by (provider) (storyloom_provider_waiting)", "{{provider}} waiting"),
                    ],
                ),
                Panel(
                    "US dollars an hour",
                    [
                        (
                            _rate("storyloom_provider_cost_usd_total", "provider, model") + " * 3600",
                            "{{provider}} {{model}}",
                        ),
                    ],
                    "currencyUSD",
                ),
                Panel(
                    "Calls not made",
                    [
                        (_rate("storyloom_provider_calls_rejected_total", "provider, why"), "{{provider}} {{why}}"),
                    ],
                    "cps",
                ),
            ],
        ),
    ],
)

STORY = Dashboard(
    "storyloom-story",
    "Storyloom: a story's life",
    [
        (
            "Asked for",
            [
                Panel(
                    "Accepted",
                    [
                        (
                            _rate("storyloom_http_request_seconds_count", "route", 'method="POST", status="202"'),
                            "{{route}}",
                        ),
                    ],
                    "cps",
                    "All stories. One alone is looked up by its trace: storyloom.story_id (docs/runbook.md#traces).",
                ),
                Panel("Commands", [(_rate("storyloom_commands_total", "event"), "{{event}}")], "cps"),
                Panel("Events applied", [(_rate("storyloom_events_total", "outcome"), "{{outcome}}")], "cps"),
            ],
        ),
        (
            "Made: wait, work, tell",
            [
                Panel(
                    "Wait for a worker, p50",
                    [
                        (_quantile(0.5, "storyloom_job_wait_seconds", "service"), "{{service}}"),
                    ],
                    "s",
                ),
                Panel("Time of a job, p50", [(_quantile(0.5, "storyloom_job_seconds", "service"), "{{service}}")], "s"),
                Panel(
                    "Messages handled",
                    [
                        (_rate("storyloom_received_messages_total", "service, handler"), "{{service}} {{handler}}"),
                    ],
                    "cps",
                ),
                Panel(
                    "Time to publish, p99",
                    [
                        (_quantile(0.99, "storyloom_published_messages_duration_seconds", "service"), "{{service}}"),
                    ],
                    "s",
                ),
                Panel(
                    "Late, as readers were told",
                    [(_rate("storyloom_late_assets_total", "service"), "{{service}}")],
                    "cps",
                ),
            ],
        ),
        (
            "There",
            [
                Panel(
                    "From request to end, by how it ended, p95",
                    [
                        (_quantile(0.95, "storyloom_story_seconds", "overall"), "{{overall}}"),
                    ],
                    "s",
                ),
                Panel(
                    "Webhook attempts", [(_rate("storyloom_webhook_attempts_total", "outcome"), "{{outcome}}")], "cps"
                ),
                Panel("From commit to webhook, p95", [(_quantile(0.95, "storyloom_webhook_lag_seconds"), "p95")], "s"),
            ],
        ),
    ],
)


def _objective(key: str, name: str, budget: float) -> Sequence[Panel]:
    windows = ("1h", "6h", "1d", "3d")
    limits = ((14.4, "red"), (6.0, "orange"), (1.0, "yellow"))
    burns = [(f"storyloom:{key}:ratio_rate{one} / {budget:g}", one) for one in windows]
    left = f"1 - storyloom:{key}:ratio_rate3d * 3 / 30 / {budget:g}"
    return [
        Panel(f"{name}: late", [(f"storyloom:{key}:ratio_rate{one}", one) for one in windows], "percentunit"),
        Panel(f"{name}: how fast the budget burns", burns, help="1: just used up in 30 days.", thresholds=limits[::-1]),
        Panel(f"{name}: budget left after three such days", [(left, "left")], "percentunit", kind="stat"),
    ]


SLO = Dashboard(
    "storyloom-slo",
    "Storyloom: objectives",
    [
        ("99 % of stories end as ready or partial within ten minutes", _objective("story_late", "Stories", 0.01)),
        (
            "99.5 % of new progress streams have their first event within a second",
            _objective("first_event_late", "First events", 0.005),
        ),
    ],
)

DASHBOARDS = {"overview": OVERVIEW, "workers": WORKERS, "story": STORY, "slo": SLO}


def queries(dashboard: Dashboard) -> list[str]:
    """All of a dashboard's queries."""
    return [query for _, panels in dashboard.rows for panel in panels for query, _ in panel.queries]


def text(name: str) -> str:
    """A dashboard's JSON."""
    return json.dumps(_model(DASHBOARDS[name]), indent=1) + "\n"


def overview(_: Path) -> str:
    """The first one to look at."""
    return text("overview")


def workers(_: Path) -> str:
    """Queues, jobs and providers."""
    return text("workers")


def story(_: Path) -> str:
    """Where a story's time goes."""
    return text("story")


def slo(_: Path) -> str:
    """The two objectives."""
    return text("slo")


def _model(dashboard: Dashboard) -> dict[str, Any]:
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in dashboard.rows:
        panels.append(
            {
                "type": "row",
                "title": title,
                "collapsed": False,
                "id": len(panels) + 1,
                "panels": [],
                "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1},
            }
        )
        top += 1
        across = min(len(row), 4)
        for number, panel in enumerate(row):
            line, column = divmod(number, across)
            width = WIDTH // across
            place = {"x": column * width, "y": top + line * HEIGHT, "w": width, "h": HEIGHT}
            panels.append(_panel(panel, len(panels) + 1, place))
        top += HEIGHT * (-(-len(row) // across))
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["storyloom"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
        },
        "panels": panels,
    }


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + place_of), "expr": query, "legendFormat": legend, "datasource": DATASOURCE}
        for place_of, (query, legend) in enumerate(panel.queries)
    ]
    defaults: dict[str, Any] = {"unit": panel.unit}
    if panel.thresholds:
        steps: list[dict[str, Any]] = [{"value": None, "color": "green"}]
        steps += [{"value": value, "color": colour} for value, colour in panel.thresholds]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
        defaults["custom"] = {"thresholdsStyle": {"mode": "line"}}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.help,
        "datasource": DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": targets,
    }
