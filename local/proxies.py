"""A proxy is for the internet: what runs on this machine is spoken to without it."""

from collections.abc import MutableMapping
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_USABLE = frozenset({"http", "https"})


def bypass_proxies(environment: MutableMapping[str, str]) -> None:
    """Exempt loopback in ``NO_PROXY``, which httpx, botocore, urllib and requests all heed, and so the SDKs.

    A proxy of a kind that they do not speak (SOCKS) is left out: httpx refuses to begin at all where one is set.
    Children inherit what is changed here.
    """
    for name in [name for name in environment if name.lower().endswith("_proxy") and name.lower() != "no_proxy"]:
        if "://" in environment[name] and urlsplit(environment[name]).scheme.lower() not in _USABLE:
            del environment[name]
    given = ",".join(environment.get(name, "") for name in ("no_proxy", "NO_PROXY")).split(",")
    hosts = dict.fromkeys((*filter(None, map(str.strip, given)), *LOOPBACK))
    # Both, since the lower-case one wins where it is set.
    environment["no_proxy"] = environment["NO_PROXY"] = ",".join(hosts)
