"""Hears AssetRequested for portrait, cover and scene_1 … scene_4. Says AssetCompleted, AssetFailed, AssetRetrying."""
