"""Consumes AssetRequested for the activities and the printable book. Publishes AssetCompleted, AssetFailed,
AssetRetrying.
"""
