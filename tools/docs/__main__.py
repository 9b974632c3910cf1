"""``python -m tools.docs`` brings the pages up to date; with ``--check`` it only says which one is not."""

import argparse
import sys
from pathlib import Path

from tools.docs.pages import ROOT, PageError, stale, write

COMMAND = ".venv/bin/python -m tools.docs"


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """0 when all is well; 1 after one sentence that says what is wrong and what to do."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is not what it should be")
    try:
        if parser.parse_args(arguments).check:
            found = stale(root)
            if found:
                sys.stderr.write(f"{', '.join(found)} does not say what the code says: run `{COMMAND}`.\n")
            return bool(found)
        for name in write(root):
            sys.stdout.write(f"{name} is written.\n")
    except PageError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
