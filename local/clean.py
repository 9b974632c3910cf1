"""``make clean``: remove this machine's state, in the checkout and outside. A running stack is left alone."""

import shutil
import sys
from pathlib import Path

from local.errors import UserError
from local.locks import FolderLock
from local.postgres_files import remove_relocated
from local.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    try:
        home = load_settings().storyloom_home.absolute()
        if home.exists():
            lock = FolderLock(home, "A stack")
            lock.take()
            forget(home)
            lock.release()
        remove_relocated(lambda link: link.is_relative_to(ROOT) and _is_free(link.parent))
    except (UserError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _is_free(folder: Path) -> bool:
    """Whether no server runs in a folder of this checkout, such as one of a test that was killed."""
    if not folder.exists():
        return True
    lock = FolderLock(folder, "Postgres")
    try:
        lock.take()
    except UserError:
        return False
    lock.release()
    return True


def forget(home: Path) -> None:
    """Remove a state folder, and its database where that is kept outside. No server may run in it."""
    remove_relocated(lambda link: link.is_relative_to(home))
    shutil.rmtree(home)


if __name__ == "__main__":
    sys.exit(main())
