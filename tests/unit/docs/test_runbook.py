"""docs/runbook.md and its neighbours name only what there is."""

import re
from pathlib import Path

import pytest
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from local.settings import LocalSettings
from storyloom.runtime import metrics
from storyloom.runtime.settings import Settings
from tools.docs.pages import ROOT

RUNBOOK = (ROOT / "docs/runbook.md").read_text("utf-8")
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/**/*.md"))
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")


def source() -> str:
    """All the code of services and of what they share."""
    return "\n".join(
        path.read_text("utf-8") for top in ("services", "storyloom") for path in (ROOT / top).rglob("*.py")
    )


def test_the_logs_that_are_explained_are_written_somewhere() -> None:
    code = source()
    groups = "bus|projector|store|job|http|story|loop|reconciler"
    named = set(re.findall(rf"`((?:{groups})\.(?!log`)[a-z_]+)`", RUNBOOK))
    assert len(named) >= 10
    assert [name for name in sorted(named) if f'"{name}"' not in code] == []


def test_every_metric_is_explained() -> None:
    counted = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
    names = {
        described.name + ("_total" if isinstance(metric, Counter) else "")
        for metric in counted
        for described in metric.describe()
    }
    assert names == set(re.findall(r"^\| `(storyloom_\w+)` \|", RUNBOOK, re.MULTILINE))


def test_what_this_machine_alone_reads_is_explained() -> None:
    table = RUNBOOK.split("### This machine alone")[1]
    named = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", "\n".join(row.split(" | ")[0] for row in table.splitlines())))
    assert named >= {name.upper() for name in LocalSettings.model_fields}


def test_settings_are_called_by_their_names() -> None:
    known = {name.upper() for name in (*Settings.model_fields, *LocalSettings.model_fields)}
    named = set(re.findall(r"`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?:=[^`]*)?`", RUNBOOK))
    of_libraries = {name for name in named if name.startswith("OTEL_")} | {"HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"}
    assert named - of_libraries <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    broken = []
    for name, anchor in LINK.findall(text):
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{name}#{anchor}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
