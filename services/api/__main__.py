"""``python -m services.api``."""

from services.api.app import serve
from storyloom.runtime.supervision import run

run("api", serve)
