"""Consumes clients' requests. Publishes StoryRequested, StoryCancelled, AssetRetryRequested, AssetRegenerateRequested,
SceneTextEdited, StoryApproved.

Writes a story's first row and its clients' commands, answers from its rows, and erases it.
"""
