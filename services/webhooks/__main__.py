"""``python -m services.webhooks``."""

from services.webhooks.app import serve
from storyloom.runtime.supervision import run

run("webhooks", serve)
