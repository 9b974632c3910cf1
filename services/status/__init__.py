"""Hears every event on STORY. Says AssetRequested, StoryCompleted, StoryDeadlinePassed.

Keeps the truth, and streams it to readers.
"""
