"""``python -m ops dead|deploy|doctor|key|migrate|objects|sizes|tenant|top``: operators' commands."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Answers the exit code, as ops.cli."""
    try:
        from ops import cli  # noqa: PLC0415 - its packages may be missing
    except ModuleNotFoundError as missing:
        sys.stderr.write(f"The operators' commands need the package {missing.name}: install requirements/local.txt.\n")
        return 3
    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
