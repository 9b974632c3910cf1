"""The operators' view: what was given up, what is ill, what goes on. ``python -m ops dead|doctor|top``."""
