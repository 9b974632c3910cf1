"""What an error of Postgres is of: the connection, what was written, or the schema. The one place that says so."""

from enum import StrEnum

import asyncpg

from storyloom.runtime import supervision


class Fault(StrEnum):
    """What failed."""

    CONNECTION = "connection"
    """The connection, or the state that the server is in: the same statement may succeed a moment later."""
    DATA = "data"
    """The values of this one statement: it would fail again, and another one's would not."""
    SCHEMA = "schema"
    """Tables, permissions or the server's own files: whatever is written fails, until an operator repairs it."""


_CONNECTION = frozenset(
    {
        "08",  # connection exceptions, among them all that PgBouncer has to say
        "25",  # read-only since a failover (25006), and transactions that a time-out ended
        "26",  # the prepared statement is another server connection's
        "28",  # the password was rotated
        "40",  # deadlock, serialisation failure
        "53",  # out of connections, memory or disk
        "55",  # a lock that cannot be had now
        "57",  # shutting down, starting up, cancelled
        "3D",  # the database is being restored
    }
)
_CONNECTION_STATES = frozenset({"42P05"})  # a prepared statement of that name is there: another client's
_BUSY = frozenset({"40", "53", "55"})
_DATA = frozenset({"22", "23", "54"})  # data, integrity, program limits (a row that is too large)
_REVALIDATION = "RevalidateCachedQuery"


def fault_of(error: BaseException) -> Fault | None:
    """What failed by this error; None where it is none of Postgres's or of the network's.

    Classes of SQLSTATE as in PostgreSQL's appendix A. A TimeoutError is the pool's, or a statement's.
    """
    if isinstance(error, asyncpg.PostgresError):
        return _fault_of_server(error)
    # Among asyncpg's interface errors are values and settings that are wrong: those are ValueErrors as well.
    if isinstance(error, ValueError):
        return None
    ours = asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError
    return Fault.CONNECTION if isinstance(error, ours) else None


def is_connection_error(error: BaseException) -> bool:
    """Whether a statement failed by its connection or the server's state: the same may succeed a moment later."""
    return fault_of(error) is Fault.CONNECTION


def is_outage(error: BaseException) -> bool:
    """Whether a loop ended since Postgres or NATS is away."""
    return is_connection_error(error) or supervision.is_outage(error)


def is_stale_connection(error: BaseException) -> bool:
    """Whether another connection may do what this one could not: not so where the server is merely busy."""
    busy = isinstance(error, asyncpg.PostgresError) and _state(error)[:2] in _BUSY
    return is_connection_error(error) and not busy


def _fault_of_server(error: asyncpg.PostgresError) -> Fault:
    state = _state(error)
    if state[:2] in _CONNECTION or state in _CONNECTION_STATES or _is_stale_plan(error):
        return Fault.CONNECTION
    return Fault.DATA if state[:2] in _DATA else Fault.SCHEMA


def _is_stale_plan(error: asyncpg.PostgresError) -> bool:
    # SQLSTATE 0A000 is also what is not supported at all. The message may be translated, the function's name never is.
    stale = error.server_source_function == _REVALIDATION or "cached plan" in str(error)
    return isinstance(error, asyncpg.InvalidCachedStatementError) or (_state(error) == "0A000" and stale)


def _state(error: asyncpg.PostgresError) -> str:
    return error.sqlstate or ""
