"""Every service's own NATS_URL and DATABASE_URL, in the one environment that the launcher writes for all of them."""

from collections.abc import Mapping

_OWN = ("NATS_URL", "DATABASE_URL")


def own_variable(service: str, variable: str) -> str:
    """What a service's own ``NATS_URL`` or ``DATABASE_URL`` is called where all environments are in one."""
    return f"{service.upper()}_{variable}"


def own_urls(service: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Those of one service, by their usual names, out of the environment of all; empty where all share one."""
    named = {variable: environment.get(own_variable(service, variable)) for variable in _OWN}
    return {variable: url for variable, url in named.items() if url is not None}


def environment_of(service: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Out of the environment of all what one service is to know: nobody else's passwords."""
    # Where each has its own, the one without a name is the operators'.
    named = tuple(f"_{variable}" for variable in _OWN if any(name.endswith(f"_{variable}") for name in environment))
    known = {name: value for name, value in environment.items() if not f"_{name}".endswith(named)}
    return known | own_urls(service, environment)
