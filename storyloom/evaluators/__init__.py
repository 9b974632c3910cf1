"""Evaluators: what a finished story is measured with. They share no code with what makes it.

Imported by nobody but the process that runs them (``process.py``) and ``make quality``: a story comes as plain JSON
and bytes, a list of claims goes. Each claim names its evaluator, its threshold, whether it is independent of the
maker, and how often it erred when it was tried on defects that are known (``measured.toml``).
"""

VERSION = 2
"""Of all evaluators together: raised with any of theirs, so that a story is judged anew."""
