"""``python -m services.webhooks``."""

from services.webhooks.app import serve
from storyloom.db.migrate import schema_error
from storyloom.messaging.connection import bus_error
from storyloom.runtime.supervision import run

run("webhooks", serve, {"database": schema_error, "bus": lambda found: bus_error(found, "webhooks", provisioned=False)})
