"""Consumes AssetRequested for outline, text_1 … text_4 and content. Publishes AssetCompleted, AssetFailed,
AssetRetrying.
"""
