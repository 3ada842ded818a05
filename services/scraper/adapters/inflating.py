"""Decompression with a bound: a small answer that would grow without end is given up at the limit."""

import zlib
from collections.abc import Callable, Sequence

import brotli


class TooLarge(Exception):
    """More came out than may be kept."""


class Undecodable(Exception):
    """The body is not compressed the way its header says, or in a way we do not read."""


Inflate = Callable[[bytes, int], bytes]
"""What comes out for the next bytes; stops within a buffer's length after this many."""

ACCEPTED = "gzip, deflate, br"
_MOST_CODINGS = 2


class Inflation:
    """Takes a body as it is sent, gives it back as it is meant, up to a number of bytes."""

    def __init__(self, codings: Sequence[str], *, limit: int) -> None:
        """Prepare for a body.

        Args:
            codings: as `Content-Encoding` lists them, in the order in which they were applied.
            limit: bytes that may come out, of each coding.

        Raises:
            Undecodable: a coding we do not read, or too many.
        """
        if len(codings) > _MOST_CODINGS:
            raise Undecodable
        self._steps = [_inflate_for(coding) for coding in reversed(codings)]
        self._rooms = [limit] * len(self._steps)

    def feed(self, data: bytes) -> bytes:
        """What the next bytes come to.

        Raises:
            TooLarge: more than the limit came out.
            Undecodable: the bytes are not what the header says.
        """
        for place, inflate in enumerate(self._steps):
            data = self._step(inflate, data, place)
        return data

    def _step(self, inflate: Inflate, data: bytes, place: int) -> bytes:
        try:
            out = inflate(data, self._rooms[place] + 1)
        except (zlib.error, brotli.error) as error:
            raise Undecodable from error
        self._rooms[place] -= len(out)
        if self._rooms[place] < 0:
            raise TooLarge
        return out


def _inflate_for(coding: str) -> Inflate:
    match coding:
        case "gzip" | "x-gzip":
            return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress
        case "deflate":
            return _Deflate()
        case "br":
            return _brotli()
        case _:
            raise Undecodable


def _brotli() -> Inflate:
    decompressor = brotli.Decompressor()
    return lambda data, room: decompressor.process(data, output_buffer_limit=room)


class _Deflate:
    """`deflate` means zlib's format; some servers send the bare one."""

    def __init__(self) -> None:
        self._inflate: Inflate | None = None

    def __call__(self, data: bytes, room: int) -> bytes:
        if not data:
            return b""
        if self._inflate is None:
            is_zlib = data[0] & 0x0F == zlib.DEFLATED
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS).decompress
        return self._inflate(data, room)
