"""``top``."""

import argparse

from rich.console import Console

from storyloom.settings import Settings


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what may be asked."""
    del parser


async def run(asked: argparse.Namespace, settings: Settings, console: Console) -> int:
    """Show."""
    del asked, settings, console
    return 0
