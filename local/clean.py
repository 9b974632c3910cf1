"""``make clean``: forget this machine's state. A running stack is left alone."""

import shutil
import sys

from local import displaced
from local.choices import choose
from local.locks import FolderLock
from local.trouble import Trouble


def main() -> int:
    try:
        home = choose().storyloom_home.absolute()
        if not home.exists():
            return 0
        lock = FolderLock(home, "A stack")
        lock.take()
        displaced.forget(home / "postgres" / "data")
        shutil.rmtree(home)
        lock.release()
    except (Trouble, OSError) as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
