"""Storyloom's own client: asks for a story, follows it as it is made, fetches, changes and erases it.

This folder is the package ``storyloom_client`` where it is installed (pyproject.toml), and ``client`` in a checkout.
"""

from .client import Brief, StoryloomClient
from .errors import FieldError, StoryloomError
from .resources import CommandAccepted, ErasureReceipt, Story, StoryPage, StoryReceipt, StoryReference
from .stream import StoryEvent
from .webhooks import SignatureError, verify

__version__ = "0.1.0"
__all__ = [
    "Brief",
    "CommandAccepted",
    "ErasureReceipt",
    "FieldError",
    "SignatureError",
    "Story",
    "StoryEvent",
    "StoryPage",
    "StoryReceipt",
    "StoryReference",
    "StoryloomClient",
    "StoryloomError",
    "verify",
]
