"""What the simulated processes say: nobody reads their warnings, and an error of theirs is one of ours."""

import logging
from collections.abc import Iterator, MutableMapping
from typing import Any, NoReturn

import pytest
import structlog


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """What was logged as an error."""
    logged: list[str] = []

    def keep(_logger: Any, _name: str, entry: MutableMapping[str, Any]) -> NoReturn:
        logged.append(f"{entry['event']}: {entry.get('exc_info')!r}")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[keep], wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield logged
    structlog.configure(**before)
