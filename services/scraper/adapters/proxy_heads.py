"""Heads of HTTP messages as they pass the egress proxy: where a request leads, and what each side is told."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from yarl import URL

_PLACE = re.compile(r"[^\s/?#@]+:\d{1,5}", re.ASCII)
_HOP_BY_HOP = re.compile(rb"(?:proxy-[a-z-]+|connection|keep-alive|te|trailer|upgrade)[ \t]*:", re.IGNORECASE)
_DIGITS = re.compile(r"\d{1,12}", re.ASCII)


class MalformedHead(Exception):
    """Not the head of a request or an answer; nothing is sent on."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """What a browser asks a proxy for.

    Attributes:
        method: `CONNECT` for a tunnel.
        target: a host and a port for a tunnel, else a whole URL.
        headers: lower-case names, last values.
        lines: the headers as they came.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    lines: tuple[bytes, ...]

    @classmethod
    def parse(cls, head: bytes) -> "RequestHead":
        """The request a head begins.

        Raises:
            MalformedHead: it is none.
        """
        first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        try:
            method, target, version = first.decode("ascii").split(" ")
            pairs = [line.decode("latin-1").split(":", 1) for line in lines]
            headers = {name.strip().lower(): value.strip() for name, value in pairs}
        except ValueError as error:
            raise MalformedHead from error
        if not version.startswith("HTTP/1."):
            raise MalformedHead
        return cls(method, target, headers, tuple(lines))

    @property
    def is_connect(self) -> bool:
        """Whether a tunnel is asked for."""
        return self.method == "CONNECT"

    @property
    def url(self) -> URL | None:
        """Where it leads, as the guard judges it; None where a proxy is not asked like that."""
        try:
            if self.is_connect:
                return URL(f"https://{self.target}") if _PLACE.fullmatch(self.target) else None
            url = URL(self.target)
        except ValueError:
            return None
        # What is to be encrypted comes as a tunnel, and a body as long as it says.
        return None if url.scheme == "https" or "transfer-encoding" in self.headers else url

    @property
    def body_length(self) -> int:
        """Bytes that follow the head.

        Raises:
            MalformedHead: its length is no number.
        """
        length = self.headers.get("content-length", "0")
        if not _DIGITS.fullmatch(length):
            raise MalformedHead
        return int(length)

    def for_site(self) -> bytes:
        """The head as the site gets it: of the one request on its connection, and without what is the proxy's."""
        # Not through `URL`: the site gets the path as the browser wrote it.
        path = self.target.split("://", 1)[1].partition("#")[0]
        cut = min((at for at in (path.find("/"), path.find("?")) if at >= 0), default=len(path))
        path = path[cut:] if path[cut:].startswith("/") else f"/{path[cut:]}"
        return _joined(f"{self.method} {path} HTTP/1.1".encode("ascii"), self.lines)


def closing_response(head: bytes) -> bytes:
    """A site's answer's head as the browser gets it: nothing more comes on this connection."""
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    if not first.startswith(b"HTTP/1."):
        raise MalformedHead
    return _joined(first, lines)


def _joined(first: bytes, lines: tuple[bytes, ...] | list[bytes]) -> bytes:
    kept = (line for line in lines if not _HOP_BY_HOP.match(line))
    return b"\r\n".join([first, *kept, b"Connection: close", b"", b""])
