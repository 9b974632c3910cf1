"""How an attempt ends, in a word for programs, and what the endpoint's owner can do about it, in a sentence."""

import ssl
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import aiohttp

from storyloom.web.egress import AddressRefusedError


class Outcome(StrEnum):
    """The end of an attempt. Every one but DELIVERED and BUG counts as the endpoint's failure."""

    DELIVERED = "delivered"
    """It answered 2xx."""
    GONE = "gone"
    """It answered 410: it wants no more."""
    REDIRECTED = "redirected"
    UNAUTHORIZED = "unauthorized"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"
    REFUSED = "refused"
    """It answered another 4xx."""
    SERVER_ERROR = "server_error"
    """It answered 5xx, or a status that there is not."""
    TIMEOUT = "timeout"
    DNS = "dns"
    ADDRESS = "address"
    """Its URL, or an address that its name has, may not be called from here."""
    CERTIFICATE = "certificate"
    TLS = "tls"
    CONNECTION = "connection"
    """It cannot be reached, or breaks the connection off."""
    BAD_ANSWER = "bad_answer"
    """What it answers is no HTTP."""
    BUG = "bug"
    """Our own program failed over it."""


REMEDIES: Final[Mapping[Outcome, str]] = {
    Outcome.GONE: "The endpoint answered 410 and was disabled. Enable it again once it is to be called.",
    Outcome.REDIRECTED: "Redirects are not followed: set the endpoint's URL to where this one leads.",
    Outcome.UNAUTHORIZED: "Let webhooks in without a login, and verify their signature instead.",
    Outcome.NOT_FOUND: "Nothing is at this URL: correct the path, or deploy the receiver.",
    Outcome.METHOD_NOT_ALLOWED: "The receiver must take POST.",
    Outcome.TOO_LARGE: "Let the receiver, and the proxies before it, take bodies of 20 kB.",
    Outcome.RATE_LIMITED: "Take more requests, or put webhooks into a queue and answer at once.",
    Outcome.REFUSED: "The receiver refuses the request: its own log says why. Answer 2xx for what was taken.",
    Outcome.SERVER_ERROR: "The receiver failed: its own log says why.",
    Outcome.TIMEOUT: "Answer 2xx at once, and do the work afterwards.",
    Outcome.DNS: "The name cannot be resolved: correct the URL, or the name's records.",
    Outcome.ADDRESS: "Only public addresses are called: every address that the name resolves to must be one.",
    Outcome.CERTIFICATE: (
        "The certificate is not valid for this name: install one of a public authority, with its whole chain, that has "
        "not expired."
    ),
    Outcome.TLS: "No secure connection can be made: the receiver must offer TLS 1.2 or later at this port.",
    Outcome.CONNECTION: "Nothing accepts the connection, or it is broken off: is the receiver running, its port open?",
    Outcome.BAD_ANSWER: "What answers there does not speak HTTP/1.1: correct the URL's port or scheme.",
    Outcome.BUG: "It failed on our side. It is tried again.",
}
"""What to do about each failure."""

_STATUSES: Mapping[int, Outcome] = {
    401: Outcome.UNAUTHORIZED,
    403: Outcome.UNAUTHORIZED,
    404: Outcome.NOT_FOUND,
    405: Outcome.METHOD_NOT_ALLOWED,
    408: Outcome.TIMEOUT,
    410: Outcome.GONE,
    413: Outcome.TOO_LARGE,
    429: Outcome.RATE_LIMITED,
}


def of_status(status: int) -> Outcome:
    """What an answer with this status is."""
    if status in _STATUSES:
        return _STATUSES[status]
    match status // 100:
        case 2:
            return Outcome.DELIVERED
        case 3:
            return Outcome.REDIRECTED
        case 4:
            return Outcome.REFUSED
        case _:
            return Outcome.SERVER_ERROR


def of_error(error: Exception) -> Outcome:  # noqa: PLR0911 - a table, one row a class
    """What it is that prevented an answer."""
    match error:
        case AddressRefusedError() | aiohttp.InvalidURL():
            return Outcome.ADDRESS
        case aiohttp.ClientConnectorDNSError():
            return Outcome.DNS
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLCertVerificationError():
            return Outcome.CERTIFICATE
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return Outcome.TLS
        case TimeoutError():
            return Outcome.TIMEOUT
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return Outcome.BAD_ANSWER
        case aiohttp.ClientError() | OSError():
            return Outcome.CONNECTION
        case _:
            return Outcome.BUG
