"""Hears clients. Says StoryRequested, StoryCancelled, AssetRetryRequested, AssetRegenerateRequested, SceneTextEdited.

Writes a story's first row and its clients' wishes, answers what its rows say, and erases it.
"""
