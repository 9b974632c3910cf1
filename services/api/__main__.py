"""``python -m services.api``."""

from services.api.app import serve
from storyloom.db.migrate import schema_error
from storyloom.messaging.connection import bus_error
from storyloom.runtime.supervision import run

run("api", serve, {"database": schema_error, "bus": lambda settings: bus_error(settings, "api")})
