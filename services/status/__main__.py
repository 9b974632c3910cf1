"""``python -m services.status``."""

from services.status.app import serve
from storyloom.db.migrate import schema_error
from storyloom.messaging.connection import bus_error
from storyloom.runtime.supervision import run

# It provisions streams and consumers itself: it is the one that brings them back when NATS has lost them.
run("status", serve, {"database": schema_error, "bus": lambda found: bus_error(found, "status", provisioned=False)})
