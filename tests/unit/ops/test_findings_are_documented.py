"""docs/runbook.md explains what the doctor may find, and nothing else."""

import re

from tools.docs.pages import ROOT


def test_every_finding_is_explained() -> None:
    """…and every one that is explained can be found."""
    folders = (ROOT / "ops", ROOT / "storyloom/operations")
    code = "\n".join(path.read_text("utf-8") for folder in folders for path in folder.glob("*.py"))
    section = (ROOT / "docs/runbook.md").read_text("utf-8").split("### Findings")[1].split("\n## ")[0]
    rows = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    explained = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    found = set(re.findall(r"Finding\(\s*\"([a-z_]+)\"", code))
    assert len(found) >= 15
    assert found == explained
