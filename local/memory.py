"""Returning freed memory to the system: on a laptop others want it."""

import ctypes
import gc


def trim_heap() -> None:
    """Return to the system what this process no longer uses. Does nothing where the allocator is not glibc's."""
    gc.collect()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return
