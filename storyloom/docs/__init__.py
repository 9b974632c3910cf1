"""The generated parts of docs/: written from the code by ``python -m storyloom.docs``, held fresh by ``--check``."""
