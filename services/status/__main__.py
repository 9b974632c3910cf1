"""``python -m services.status``."""

from services.status.app import serve
from storyloom.running import run

run("status", serve)
