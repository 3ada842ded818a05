"""HTTP to our own servers on loopback: never through a proxy, whatever the environment says."""

import urllib.request
from http.client import HTTPResponse
from typing import cast

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

NO_PROXIES = {"http": None, "https": None}
"""The same for clients that stand on `requests`."""


def open_loopback(request: urllib.request.Request | str, *, timeout_s: float) -> HTTPResponse:
    """Send a request; the answer has to be closed.

    Raises:
        urllib.error.HTTPError: the server answered with an error.
        OSError: it did not answer.
    """
    return cast("HTTPResponse", _opener.open(request, timeout=timeout_s))
