"""Hears clients. Says StoryRequested. Writes a story's first row, and answers what its rows say."""
