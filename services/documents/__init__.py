"""Hears AssetRequested for the activities and the printable book. Says AssetCompleted, AssetFailed, AssetRetrying."""
