"""The checks of deploy/: each is quick, and yields what is wrong, a line each; one whose program is missing says so."""

import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.deploy import copies, manifests
from tools.deploy.manifests import CHART, NEWEST, OLDEST, ROOT, VALUE_FILES
from tools.deploy.programs import ProgramMissing, program

Check = Callable[[], Iterator[str]]


def charts() -> Iterator[str]:
    """`helm lint --strict` with every value file."""
    helm = program("helm")
    for path in VALUE_FILES.values():
        yield from _run([helm, "lint", "--strict", "--quiet", CHART, "--values", path])


def schemas() -> Iterator[str]:
    """Kubernetes' own schemas, of the oldest and the newest release that is supported."""
    for name, path in VALUE_FILES.items():
        rendered = manifests.read_manifests(manifests.render(path))
        for version in (OLDEST, NEWEST):
            yield from (f"{name}, {version}: {line}" for line in manifests.schema_errors(rendered, version))


def written() -> Iterator[str]:
    """What is rendered or copied is as it would be written now."""
    for path in copies.differences():
        yield f"{path.relative_to(ROOT)} is stale: make kustomize"


def kustomizations() -> Iterator[str]:
    """The base builds."""
    yield from _run([program("kubectl"), "kustomize", ROOT / "deploy/kustomize/base"])


def scripts() -> Iterator[str]:
    """What shellcheck says."""
    # Not those of virtual environments, of tests' folders and of running stacks.
    found = [path for folder in ("deploy", "local", "tools", "docs") for path in (ROOT / folder).rglob("*.sh")]
    yield from _run([program("shellcheck"), ROOT / ".ci/run", *sorted(found)])


def images() -> Iterator[str]:
    """What hadolint says."""
    deploy = ROOT / "deploy"
    found = sorted([*deploy.rglob("Dockerfile"), *deploy.rglob("*.Dockerfile")])
    yield from _run([program("hadolint"), "--no-color", *found])


def compose() -> Iterator[str]:
    """The Compose specification's schema."""
    check: list[Path | str] = [program("check-jsonschema"), "--builtin-schema", "vendor.compose-spec"]
    yield from _run([*check, ROOT / "docker-compose.yml", *sorted((ROOT / "deploy/compose").glob("*.y*ml"))])


def nats_configurations() -> Iterator[str]:
    """`nats-server -t`."""
    for path in sorted((ROOT / "deploy").rglob("*.conf")):
        if "nats" in path.as_posix().removeprefix(ROOT.as_posix()):
            yield from _run([_nats_server(), "-t", "-c", path])


def rules() -> Iterator[str]:
    """What promtool says of the alerts and their tests, and amtool of Alertmanager's example."""
    folder = copies.OBSERVABILITY
    if found := sorted(folder.glob("rules/*.y*ml")):
        yield from _run([program("promtool"), "check", "rules", *found])
    if found := sorted(folder.glob("rules/tests/*.y*ml")):
        yield from _run([program("promtool"), "test", "rules", *found])
    for path in sorted(folder.glob("alertmanager/*.y*ml")):
        yield from _run([program("amtool"), "check-config", path])


CHECKS: Sequence[Check] = (
    charts, schemas, written, kustomizations, scripts, images, compose, nats_configurations, rules,
)  # fmt: skip


def hardening() -> Iterator[str]:
    """What checkov says of every rendering. Not among the rest since it is slow; deploy/checkov.yaml has its skips."""
    python, settings = Path(sys.prefix) / ".checkov/bin/python", ROOT / "deploy/checkov.yaml"
    if not python.exists():
        raise ProgramMissing("checkov is not installed: manifests are not checked with it")
    command: list[Path | str] = [
        python,
        "-m",
        "checkov.main",
        "--framework",
        "kubernetes",
        "--config-file",
        settings,
        "--directory",
    ]
    with TemporaryDirectory() as folder:
        for name, path in VALUE_FILES.items():
            (Path(folder) / f"{name}.yaml").write_text(manifests.render(path), "utf-8")
        yield from _run([*command, folder])


def _nats_server() -> Path:
    """The one that the local stack runs."""
    server = Path(sys.prefix) / "bin/nats-server"
    return server if server.exists() else program("nats-server")


def _run(command: Sequence[Path | str]) -> Iterator[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        yield f"{Path(command[0]).name}:\n{(done.stdout + done.stderr).strip()}"
