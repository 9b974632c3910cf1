"""A file system in one file, for what podman keeps: images are very many small files, in every layer anew.

On a disk that is told of every file that goes (``discard``) they would take longer to remove than to make, and a store
that waits for the disk would wait for them. This one has no journal and waits for nothing: it is thrown away.
"""

import subprocess
from contextlib import suppress
from pathlib import Path

from tests.compose.processes import StackError, execute

FILE, FOLDER = "disk", "state"
OPTIONS = "loop,noatime,barrier=0"


def mount(folder: Path, size_gb: int) -> Path:
    """The folder with the file system, made where there is none; a usual one where this machine mounts none."""
    at, file = folder / FOLDER, folder / FILE
    at.mkdir(exist_ok=True)
    if at.is_mount():
        return at
    with suppress(StackError, OSError):
        if not file.exists():
            with file.open("wb") as new:
                new.truncate(size_gb * 10**9)
            execute(("mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-m", "0", str(file)), within=60)
        execute(("mount", "-o", OPTIONS, str(file), str(at)), within=60)
    return at


def unmount(folder: Path) -> None:
    """Unmount it, and what is still mounted in it."""
    at = str(folder / FOLDER)
    mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for path in reversed([path for path in mounted if path == at or path.startswith(f"{at}/")]):
        subprocess.run(("umount", path), check=False, capture_output=True)
