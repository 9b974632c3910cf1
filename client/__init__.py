"""Storyloom's own client: asks for a story, follows it as it is made, fetches, changes and erases it."""

from client.client import StoryloomClient
from client.problem import FieldError, Problem
from client.wire import Receipt, Story, StoryEvent, Taken

__all__ = ["FieldError", "Problem", "Receipt", "Story", "StoryEvent", "StoryloomClient", "Taken"]
