"""Heavy work in threads, no more of it at once than there are cores.

A time-out cannot end a thread: what was given up goes on to its end beside the next attempt. Without a bound a machine
that is too slow for one attempt gets slower with each, and never out of it.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def run_in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the work answers or raises. Cancelled before its turn came, it never begins."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), partial(work, *args, **kwargs))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="heavy")
