"""What of deploy/ is written from something else of it: the kustomize base, and what the chart holds of observability.

`python -m tools.deploy write` writes it; a check fails while it differs.
"""

import re
from pathlib import Path

from tools.deploy.manifests import CHART, ROOT, render

KUSTOMIZE = ROOT / "deploy/kustomize"
OBSERVABILITY = ROOT / "deploy/observability"
COPIED = ("rules/*.yaml", "dashboards/*.json")
"""Of OBSERVABILITY: a chart holds its own files alone."""
_SOURCE = re.compile(r"^# Source: storyloom/templates/([a-z-]+)\.yaml$", re.MULTILINE)
_LEFT_OUT = re.compile(r"^ +(helm\.sh/chart|app\.kubernetes\.io/(managed-by|version)|namespace): .*\n", re.MULTILINE)
"""Lines that are not true of what kustomize applies, or an overlay's to say."""
_TAG = "set-by-the-overlay"
"""As the registry: so that the base is the same for every version, and none is applied by mistake."""


def wanted() -> dict[Path, str]:
    """Every file that is written, with its content. Raises RenderError, ProgramMissing."""
    files = {
        CHART / "observability" / path.relative_to(OBSERVABILITY): path.read_text("utf-8")
        for pattern in COPIED
        for path in sorted(OBSERVABILITY.glob(pattern))
    }
    return files | kustomize_base()


def kustomize_base() -> dict[Path, str]:
    """The chart with deploy/kustomize/values.yaml, a file for each of its templates, and the kustomization."""
    base = KUSTOMIZE / "base"
    parts: dict[str, str] = {}
    for text in render(KUSTOMIZE / "values.yaml", settings=(f"image.tag={_TAG}",)).split("\n---\n"):
        if source := _SOURCE.search(text):
            manifest = _LEFT_OUT.sub("", text.removeprefix("---\n").replace(source.group() + "\n", "")).strip()
            name = source.group(1)
            parts[name] = f"{parts[name]}---\n{manifest}\n" if name in parts else f"{manifest}\n"
    head = "# Rendered from the chart by `make kustomize`. Change deploy/kustomize/values.yaml, or the chart.\n"
    kustomization = f"{head}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n" + "".join(
        f"  - {name}.yaml\n" for name in sorted(parts)
    )
    files = {base / f"{name}.yaml": head + text for name, text in sorted(parts.items())}
    return {**files, base / "kustomization.yaml": kustomization}


def differences() -> list[Path]:
    """The files that are not as they would be written, missing and surplus ones too."""
    files = wanted()
    changed = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    return sorted([*changed, *(path for path in _written() if path not in files)])


def write() -> list[Path]:
    """Write what differs; returns it."""
    files, changed = wanted(), differences()
    for path in changed:
        if path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], "utf-8")
        else:
            path.unlink()
    return changed


def _written() -> set[Path]:
    folders = (KUSTOMIZE / "base", CHART / "observability")
    return {path for folder in folders for path in folder.rglob("*") if path.is_file()}
