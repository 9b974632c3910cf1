"""The operators' view: what was given up, what is ill, what goes on. ``python -m storyloom dead|doctor|top``."""
