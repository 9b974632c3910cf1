"""Hears AssetRequested for outline, text_1 … text_4 and content. Says AssetCompleted, AssetFailed, AssetRetrying."""
