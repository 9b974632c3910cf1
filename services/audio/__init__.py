"""Hears AssetRequested for narration_1 … narration_4 and audio. Says AssetCompleted, AssetFailed, AssetRetrying."""
