"""Breaks everything while stories flow, then has an independent checker look at what is left. ``make chaos``."""
