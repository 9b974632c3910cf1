"""Consumes every event on STORY. Publishes AssetRequested, StoryCompleted, StoryDeadlinePassed.

Keeps every story's state, and streams it to readers.
"""
