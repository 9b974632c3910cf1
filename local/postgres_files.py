"""Where Postgres' programs and data are: in the checkout, unless root starts it and ``nobody`` cannot enter that.

Then, such as under /root, a folder of root's, /var/lib/storyloom, holds, and only while a server runs:

- a copy of the programs, shared by all servers that run at the moment (``postgres_programs``);
- the server's data, moved there and back by a rename. Only where /var/lib is another file system do they stay there.

In the state folder the link ``relocated`` points to the data's folder there, whose file ``link`` names the link: what a
killed server leaves is found again by the next start, and what a removed checkout leaves is removed by anybody's.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from local.errors import UserError
from local.locks import locked
from local.postgres_programs import COPY_PREFIX, Copy, Programs, remove_unused, why_not
from local.postgres_user import User, can_enter

RELOCATED = Path("/var/lib/storyloom")


class ServerFiles:
    """The programs and the data of the server over ``folder``. Its caller holds the folder's lock.

    ``packages`` is the site-packages folder with the wheel, None for this Python's own.
    """

    def __init__(
        self, folder: Path, user: User | None, *, packages: Path | None = None, relocated: Path = RELOCATED
    ) -> None:
        self._folder = folder
        self._user = user
        self._packages = packages
        self._root = relocated
        self._data = folder / "data"
        self._link = folder / "relocated"
        self._copy: Copy | None = None

    def place(self) -> tuple[Path, Path]:
        """The folder of programs and the folder of data, both ready for the user. Raises UserError."""
        programs = Programs(self._packages)
        if self._user is None:
            self._data.mkdir(mode=0o700, exist_ok=True)
            return programs.installed, self._data
        self.restore()
        try:
            # Tried, not worked out: more than permission bits decides what a user can reach.
            if why_not(programs.installed, self._user):
                self._copy = programs.copy(self._root, self._user)
            stays = not self._link.is_symlink() and can_enter(self._folder, self._user)
            data = self._data if stays else self._relocate()
            _give(data, self._user)
        except OSError as error:
            raise UserError(
                f"Postgres must run as nobody, who cannot enter {self._folder}, and {self._root} cannot be used "
                f"({error.strerror}): move the checkout to where everybody can enter, or set DATABASE_URL."
            ) from error
        return (self._copy.programs if self._copy else programs.installed), data

    def restore(self) -> None:
        """Have everything in the folder again. Safe to call twice."""
        if self._copy is not None:
            self._copy.release()
            self._copy = None
        home = self._home()
        if home is not None and self._move_back(home / "data"):
            self._link.unlink()
            home = None
        prune(self._root)

    def _relocate(self) -> Path:
        """The data's place outside. At each step a killed process leaves what the next ``restore`` brings back."""
        home = self._home()
        if home is None:
            with locked(self._root):
                home = Path(tempfile.mkdtemp(dir=self._root, prefix=""))
                (home / "link").write_bytes(os.fsencode(self._link))
                self._link.symlink_to(home)
        home.chmod(0o755)
        data = home / "data"
        if not data.exists():
            self._data.mkdir(exist_ok=True)
            try:
                self._data.rename(data)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                shutil.rmtree(home / "partial", ignore_errors=True)
                shutil.copytree(self._data, home / "partial", symlinks=True)
                (home / "partial").rename(data)
                shutil.rmtree(self._data)
        return data

    def _move_back(self, data: Path) -> bool:
        """Whether it is in the folder again: not where it would have to be copied."""
        try:
            data.rename(self._data)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            return False
        return True

    def _home(self) -> Path | None:
        """The folder outside that is ours, None if there is none."""
        if self._data.is_symlink():  # as older versions kept it
            self._adopt(self._data.readlink().parent)
            self._data.unlink()
        if not self._link.is_symlink():
            return None
        home = self._link.readlink()
        owner = _link_of(home)
        if home.parent != self._root or owner is None or (owner != self._link and _points_to(owner, home)):
            # It was removed; or it is that of another checkout, of which this one is a copy.
            self._link.unlink()
            return None
        self._adopt(home)
        return home

    def _adopt(self, home: Path) -> None:
        if not self._link.is_symlink():
            self._link.symlink_to(home)
        if _link_of(home) != self._link:  # the checkout was moved
            (home / "link").write_bytes(os.fsencode(self._link))


def relocated(root: Path = RELOCATED) -> list[Path]:
    """The links of all data that are outside their checkouts now."""
    with suppress(FileNotFoundError):
        return [link for home in root.iterdir() if (link := _link_of(home)) is not None]
    return []


def prune(root: Path = RELOCATED) -> None:
    """Remove what nobody could find again, and copies of programs that nobody uses."""
    remove_relocated(lambda _link: False, root)


def remove_relocated(unwanted: Callable[[Path], bool], root: Path = RELOCATED) -> None:
    """Remove the data whose link is ``unwanted`` or gone, unused copies of programs, and the root if it is empty."""
    if not root.exists():
        return
    with locked(root):
        for home in root.iterdir():
            if home.name.startswith(COPY_PREFIX):
                remove_unused(home)
                continue
            link = _link_of(home)
            if link is None or not _points_to(link, home) or unwanted(link):
                shutil.rmtree(home, ignore_errors=True)
        with suppress(OSError):
            root.rmdir()


def _give(data: Path, user: User) -> None:
    """Make a folder, if missing, and all that is in it the user's."""
    data.mkdir(mode=0o700, exist_ok=True)
    if data.stat().st_uid != user[0]:
        for path in (*data.rglob("*"), data):
            os.chown(path, *user, follow_symlinks=False)
    data.chmod(0o700)


def _link_of(home: Path) -> Path | None:
    try:
        return Path(os.fsdecode((home / "link").read_bytes()))
    except OSError:
        return None


def _points_to(link: Path, home: Path) -> bool:
    # In older versions the link is to the data in the folder.
    return link.is_symlink() and home in (link.readlink(), link.readlink().parent)
