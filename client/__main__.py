"""``python -m client`` in a checkout, ``storyloom`` where it is installed: stories from the command line."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Answers the exit code, as cli.app."""
    try:
        from .cli.app import main as run  # noqa: PLC0415 - its packages may be missing
    except ModuleNotFoundError as missing:
        sys.stderr.write(f"The command line needs the package {missing.name}: pip install 'storyloom-client[cli]'.\n")
        return 2
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
