"""Consumes AssetRequested for portrait, cover and scene_1 … scene_4. Publishes AssetCompleted, AssetFailed,
AssetRetrying.
"""
