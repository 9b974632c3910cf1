"""Consumes AssetRequested for narration_1 … narration_4 and audio. Publishes AssetCompleted, AssetFailed,
AssetRetrying.
"""
