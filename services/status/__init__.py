"""Hears every event on STORY. Says AssetRequested, StoryCompleted. Keeps the truth, and streams it to readers."""
