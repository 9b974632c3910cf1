"""The chart, rendered: helm's text, its manifests, and what Kubernetes' own schemas say of them."""

import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema_rs
import yaml

from tools.deploy.programs import ENVIRONMENT, ProgramMissing, program

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/storyloom"
VALUE_FILES = {path.stem: path for path in sorted((ROOT / "deploy/helm/values").glob("*.yaml"))}
OLDEST, NEWEST = "1.32", "1.37"
"""The Kubernetes releases that manifests are validated for; Chart.yaml's kubeVersion names the first."""
WITHOUT_SCHEMA = frozenset({"HTTPRoute", "ScaledObject", "PodMonitor", "PrometheusRule"})
"""Kinds that are no part of Kubernetes: their definitions come with what serves them."""

Manifest: TypeAlias = dict[str, Any]


class RenderError(RuntimeError):
    """helm refuses; the message is what it says."""


def render(*value_files: Path, settings: Sequence[str] = (), release: str = "storyloom") -> str:
    """What `helm template` writes. ``settings``: as its ``--set``. Raises RenderError, ProgramMissing."""
    command: list[Path | str] = [program("helm"), "template", release, CHART, "--namespace", "stories"]
    for path in value_files:
        command += ["--values", path]
    for setting in settings:
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise RenderError(done.stderr.strip())
    return done.stdout


def read_manifests(text: str) -> list[Manifest]:
    """The manifests in a text of several, empty ones left out."""
    return [found for found in yaml.load_all(text, yaml.CSafeLoader) if found]


def schema_errors(manifests: Iterable[Manifest], version: str) -> Iterator[str]:
    """What the schemas of one Kubernetes release (`1.32`) refuse, a sentence each, also a field that they do not know.

    Raises ProgramMissing where the schemas are not installed.
    """
    for manifest in manifests:
        kind, api = manifest["kind"], manifest["apiVersion"]
        if kind in WITHOUT_SCHEMA:
            continue
        named = f"{kind}/{manifest['metadata']['name']}"
        validator = _validator(version, kind, api)
        if validator is None:
            yield f"{named}: Kubernetes {version} has no {kind} in {api}"
            continue
        for error in validator.iter_errors(manifest):
            place = ".".join(str(part) for part in error.instance_path)
            yield f"{named}: {place}: {error.message[:300]}"


@cache
def _validator(version: str, kind: str, api: str) -> jsonschema_rs.Draft202012Validator | None:
    folder = _schemas(version)
    group, _, number = api.rpartition("/")
    named = [kind.lower(), *([group.partition(".")[0]] if group else []), number]
    path = folder / f"{'-'.join(named)}.json"
    if not path.exists():
        return None
    # Their only references are to the file of definitions beside them, whatever its address is.
    return jsonschema_rs.Draft202012Validator(json.loads(path.read_bytes()), retriever=lambda _: _definitions(folder))


@cache
def _definitions(folder: Path) -> Any:
    return json.loads((folder / "_definitions.json").read_bytes())


def _schemas(version: str) -> Path:
    """The folder of a release, with strict schemas: no field beyond those that it knows."""
    pattern = f"lib/python3*/site-packages/kubernetes_validate/kubernetes-json-schema/v{version}.*-local-strict"
    found = sorted(ENVIRONMENT.glob(pattern))
    if not found:
        raise ProgramMissing(f"the schemas of Kubernetes {version} are not installed: nothing is validated with them")
    return found[-1]
