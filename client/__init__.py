"""Storyloom's own client: asks for a story, follows it as it is made, fetches what was made."""

from client.client import StoryloomClient
from client.problem import FieldError, Problem
from client.wire import Story, StoryEvent

__all__ = ["FieldError", "Problem", "Story", "StoryEvent", "StoryloomClient"]
