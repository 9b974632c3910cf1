"""`python -m tools.deploy provision`: see tools/deploy/__init__.py."""

import sys

from tools.deploy import programs


def main(arguments: list[str]) -> int:
    """Run one command. Exit code 1 where something is wrong, each on a line of its own."""
    match arguments:
        case ["provision"]:
            wanting = programs.provision()
            for line in wanting:
                sys.stderr.write(f"deploy tools: {line}\n")
            return int(bool(wanting))
        case _:
            sys.stderr.write("python -m tools.deploy provision\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
