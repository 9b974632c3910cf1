"""`python -m tools.deploy provision | check | harden | write`: tools, checks, and what is rendered.

Exit code 1 where something is wrong, or could not be checked with DEPLOY_TOOLS_REQUIRED set.
"""

import os
import sys
from collections.abc import Callable, Iterable, Sequence


def main(arguments: list[str]) -> int:
    """Run one command."""
    match arguments:
        case ["provision"]:
            return _provision()
        case ["check"]:
            from tools.deploy.checks import CHECKS  # noqa: PLC0415 - provisioning runs where its packages may be missing

            return _check(CHECKS)
        case ["harden"]:
            from tools.deploy.checks import hardening  # noqa: PLC0415 - as above

            return _check([hardening])
        case ["write"]:
            from tools.deploy.copies import write  # noqa: PLC0415 - as above
            from tools.deploy.manifests import ROOT  # noqa: PLC0415 - as above

            for path in write():
                sys.stdout.write(f"{path.relative_to(ROOT)}\n")
            return 0
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2


def _provision() -> int:
    from tools.deploy.programs import provision  # noqa: PLC0415 - as above

    wanting = provision()
    sys.stderr.write("".join(f"deploy tools: {line}\n" for line in wanting))
    return int(bool(wanting))


def _check(checks: Sequence[Callable[[], Iterable[str]]]) -> int:
    from tools.deploy.programs import REQUIRED, ProgramMissing  # noqa: PLC0415 - as above

    wrong = False
    for check in checks:
        try:
            for line in check():
                sys.stderr.write(f"{line}\n")
                wrong = True
        except ProgramMissing as missing:
            sys.stderr.write(f"deploy, {check.__name__}: {missing}\n")
            wrong |= REQUIRED in os.environ
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
