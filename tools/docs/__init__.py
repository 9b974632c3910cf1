"""The generated parts of docs/: written from the code by ``python -m tools.docs``, held fresh by ``--check``."""
