"""The options of every benchmark."""

import argparse
from collections.abc import Callable, Sequence


def read_options(
    about: str, *, rounds: int, more: Callable[[argparse.ArgumentParser], None] | None = None
) -> argparse.Namespace:
    """``rounds`` (int) and ``quick`` (bool), from the command line; ``more`` adds a benchmark's own."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=_count, help=f"how often; the median counts (default {rounds}, quick 1)")
    parser.add_argument("--quick", action="store_true", help="one short round: to see that it works, not to judge by")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)  # the line is printed in any case
    if more is not None:
        more(parser)
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else rounds)
    return options


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


ORCHESTRATION_QUICK: Sequence[str] = ("--rounds", "1", "--stories", "60", "--single", "10")
"""The orchestration's own options for a short round."""
