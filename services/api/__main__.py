"""``python -m services.api``."""

from services.api.app import serve
from storyloom.running import run

run("api", serve)
