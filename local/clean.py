"""``make clean``: forget this machine's state. A running stack is left alone."""

import shutil
import sys

from local import postgres_user
from local.errors import UserError
from local.locks import FolderLock
from local.settings import load_settings


def main() -> int:
    try:
        home = load_settings().storyloom_home.absolute()
        if not home.exists():
            return 0
        lock = FolderLock(home, "A stack")
        lock.take()
        postgres_user.forget(home / "postgres" / "data")
        shutil.rmtree(home)
        lock.release()
    except (UserError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
