"""Where root's embedded Postgres lives: it must run as another user, who may not reach a checkout under /root.

A folder that ``nobody`` can reach stays where it is. Otherwise the binaries are copied to ``/var/cache/storyloom``
and the data kept under ``/var/lib/storyloom``, folders that only root can write to, with a link in the old place.
"""

import hashlib
import os
import pwd
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from local.errors import UserError

Owner = tuple[int, int]
CACHE = Path("/var/cache/storyloom")
LIBRARY = Path("/var/lib/storyloom")


def servant() -> Owner | None:
    """(uid, gid) of the user that runs Postgres for root, None when we are not root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise UserError(
            "Postgres cannot run as root and there is no user nobody: start as an ordinary user."
        ) from error
    return entry.pw_uid, entry.pw_gid


def reachable(path: Path) -> bool:
    """Whether every folder on the way lets everybody through."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)


def program_folder(installed: Path, name: str, owner: Owner | None) -> Path:
    """The folder of binaries to use: the installed one, or a copy that ``owner`` can reach."""
    if owner is None or reachable(installed / "bin" / "postgres"):
        return installed
    copy = CACHE / name
    if not copy.exists():
        making = CACHE / f"{name}.{os.getpid()}"
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(installed, making, symlinks=True, ignore=shutil.ignore_patterns("include", "pkgconfig"))
        for folder in (making, *making.parents):
            if folder.is_relative_to(CACHE):
                folder.chmod(0o755)
        with suppress(OSError):  # somebody else was faster
            making.rename(copy)
        shutil.rmtree(making, ignore_errors=True)
    return copy


def data_folder(wanted: Path, owner: Owner | None) -> Path:
    """An existing folder for data, mode 0700, owned by ``owner``: ``wanted`` itself where it can be reached."""
    if owner is None:
        wanted.mkdir(mode=0o700, exist_ok=True)
        return wanted
    if wanted.is_symlink() or not reachable(wanted):
        wanted = _linked(wanted)
    wanted.mkdir(mode=0o700, exist_ok=True)
    os.chown(wanted, *owner)
    return wanted


def empty(folder: Path) -> None:
    """Remove what a broken beginning left in a folder."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def forget(wanted: Path) -> None:
    """Remove a data folder's contents that are kept elsewhere."""
    if wanted.is_symlink() and wanted.readlink().parent.parent == LIBRARY:
        shutil.rmtree(wanted.readlink().parent, ignore_errors=True)


def _linked(wanted: Path) -> Path:
    LIBRARY.mkdir(parents=True, exist_ok=True)
    LIBRARY.chmod(0o755)
    _prune()
    if wanted.is_symlink():
        home = wanted.readlink().parent
        if home.parent != LIBRARY:
            raise UserError(f"{wanted} is a link to a strange place: remove it.")
    else:
        home = LIBRARY / hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]
        # Data of a checkout that was removed and made again at the same path is not ours.
        shutil.rmtree(home, ignore_errors=True)
        wanted.symlink_to(home / "data")
    home.mkdir(exist_ok=True)
    home.chmod(0o755)
    (home / "link").write_text(str(wanted))
    return home / "data"


def _prune() -> None:
    """Remove the data of folders that are gone; nobody could find it again."""
    for home in LIBRARY.iterdir():
        with suppress(OSError):
            if not Path((home / "link").read_text()).is_symlink():
                shutil.rmtree(home, ignore_errors=True)
