"""Errors of Postgres, told apart: those of the connection, of the data, and of the schema."""

import asyncpg
import pytest

from storyloom.db.errors import Fault, fault_of, is_connection_error, is_stale_connection

CACHED_PLAN = {"S": "ERROR", "C": "0A000", "M": "el plan ha cambiado", "R": "RevalidateCachedQuery"}


def server_error(state: str, message: str = "no") -> asyncpg.PostgresError:
    """An error as the server sends it."""
    return asyncpg.PostgresError.new({"S": "ERROR", "C": state, "M": message})


@pytest.mark.parametrize(
    "state",
    [
        *("08000", "08003", "08006", "08P01", "25006", "25P02", "25P03", "26000", "28000", "28P01", "3D000"),
        *("40001", "40P01", "42P05", "53100", "53200", "53300", "55P03", "57014", "57P01", "57P02", "57P03", "57P05"),
    ],
)
def test_what_the_server_says_of_its_state_is_of_the_connection(state: str) -> None:
    """A failover, a restart, a rotated password, a pooler: the same statement succeeds a moment later."""
    assert fault_of(server_error(state)) is Fault.CONNECTION


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("another operation is in progress"),
        asyncpg.TargetServerAttributeNotMatched("no server is read-write"),
        ConnectionRefusedError(),
        TimeoutError(),
        server_error("0A000", "cached plan must not change result type"),
        asyncpg.PostgresError.new(CACHED_PLAN),
    ],
)
def test_what_the_client_says_of_the_network_is_of_the_connection(error: Exception) -> None:
    assert is_connection_error(error)


@pytest.mark.parametrize("state", ["22021", "22P02", "22003", "23502", "23503", "23505", "23514", "54000"])
def test_values_that_cannot_be_stored_are_of_the_data(state: str) -> None:
    assert fault_of(server_error(state)) is Fault.DATA


@pytest.mark.parametrize("state", ["42P01", "42703", "42501", "0A000", "58030", "XX000", "XX001", "P0001"])
def test_what_any_statement_would_meet_is_of_the_schema(state: str) -> None:
    """No event is at fault for a missing column or a broken disk, and none of them passes by itself."""
    assert fault_of(server_error(state)) is Fault.SCHEMA


@pytest.mark.parametrize("error", [KeyError("title"), ValueError(), asyncpg.ClientConfigurationError("bad")])
def test_a_bug_is_no_fault_of_postgres(error: Exception) -> None:
    assert fault_of(error) is None


@pytest.mark.parametrize(("state", "stale"), [("25006", True), ("26000", True), ("53300", False), ("40P01", False)])
def test_connections_are_reopened_unless_the_server_is_merely_busy(state: str, *, stale: bool) -> None:
    assert is_stale_connection(server_error(state)) is stale
