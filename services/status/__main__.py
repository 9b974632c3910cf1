"""``python -m services.status``."""

from services.status.app import serve
from storyloom.runtime.supervision import run

run("status", serve)
