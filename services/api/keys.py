"""``python -m services.api.keys``: where the commands for API keys are now."""

import sys

MOVED = (
    "API keys are made with `python -m ops key create`, `list` and `revoke`; in containers: in the status container.\n"
)


def main() -> int:
    """Say it on stderr, and return the exit code of a wrong command."""
    sys.stderr.write(MOVED)
    return 2


if __name__ == "__main__":
    sys.exit(main())
