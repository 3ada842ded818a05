"""Decompression with a bound: a small answer that would grow without end is given up at the limit."""

import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class TooLarge(Exception):
    """More came out than may be kept."""


class Undecodable(Exception):
    """The body is not compressed the way its header says, or in a way we do not read."""


class CutOff(Exception):
    """The body ended before it was whole."""


class Step(Protocol):
    """One coding of a body, undone piece by piece."""

    def __call__(self, data: bytes, most: int, /) -> bytes:
        """What comes out for the next bytes, some at least; stops within a buffer's length after `most`."""
        ...

    @property
    def is_whole(self) -> bool:
        """Whether the body may end here."""
        ...


ACCEPTED = "gzip, deflate, br, zstd"
_MOST_CODINGS = 2
_MOST_STREAMS = 100  # one after the other; servers that send more than one send two or three
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_ZSTD_WINDOW: Mapping[int, int] = {
    zstd.DecompressionParameter.window_log_max: 23
}  # 8 MiB, the most that RFC 9659 allows a server


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
        self._steps = [_step_for(coding) for coding in reversed(codings)]
        self._rooms = [limit] * len(self._steps)

    def feed(self, data: bytes) -> bytes:
        """What the next bytes come to.

        Raises:
            TooLarge: more than the limit came out.
            Undecodable: the bytes are not what the header says.
        """
        for place, step in enumerate(self._steps):
            data = self._undone(step, data, place) if data else b""
        return data

    def end(self) -> None:
        """The body is over.

        Raises:
            CutOff: something of it is missing.
        """
        if not all(step.is_whole for step in self._steps):
            raise CutOff

    def _undone(self, step: Step, data: bytes, place: int) -> bytes:
        try:
            out = step(data, self._rooms[place] + 1)
        except (zlib.error, brotli.error, zstd.ZstdError) as error:
            raise Undecodable from error
        self._rooms[place] -= len(out)
        if self._rooms[place] < 0:
            raise TooLarge
        return out


def _step_for(coding: str) -> Step:
    match coding:
        case "gzip" | "x-gzip":
            return _Streams(lambda: zlib.decompressobj(16 + zlib.MAX_WBITS), _GZIP)
        case "zstd":
            return _Streams(lambda: zstd.ZstdDecompressor(options=_ZSTD_WINDOW), _ZSTD)
        case "deflate":
            return _Deflate()
        case "br":
            return _Brotli()
        case _:
            raise Undecodable


class _Stream(Protocol):
    """A decompressor of the standard library's making."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _Streams:
    """One stream after the other, as gzip's members and zstd's frames come.

    What follows a stream and begins no other is let be, as browsers do.
    """

    def __init__(self, begin: Callable[[], _Stream], mark: bytes) -> None:
        """Keep what makes a stream's decompressor, and the bytes that every stream begins with."""
        self._begin = begin
        self._mark = mark
        self._begun = 0
        self._stream: _Stream | None = None
        self._after = b""

    def __call__(self, data: bytes, most: int, /) -> bytes:
        out = bytearray()
        while data and len(out) < most:
            stream = self._stream or self._next(data)
            if stream is None:
                break
            data, self._after = self._after + data, b""
            out += stream.decompress(data, most - len(out))
            data = stream.unused_data
            self._stream = None if stream.eof else stream
        return bytes(out)

    @property
    def is_whole(self) -> bool:
        return self._stream is None

    def _next(self, data: bytes) -> _Stream | None:
        """The decompressor of the stream that begins here; None where none does, or it cannot be told yet."""
        beginning = (self._after + data)[: len(self._mark)]
        if self._begun and beginning != self._mark:
            self._after = beginning  # longer than a part of the mark, or another: none will begin any more
            return None
        self._begun += 1
        if self._begun > _MOST_STREAMS:
            raise Undecodable
        return self._begin()


class _Deflate:
    """`deflate` means zlib's format; some servers send the bare one."""

    def __init__(self) -> None:
        self._stream: _Stream | None = None

    def __call__(self, data: bytes, most: int, /) -> bytes:
        if self._stream is None:
            is_zlib = data[0] & 0x0F == zlib.DEFLATED
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
        return self._stream.decompress(data, most)

    @property
    def is_whole(self) -> bool:
        return self._stream is None or self._stream.eof


class _Brotli:
    """One stream; what follows it makes the whole undecodable, for the library does not say where it ended."""

    def __init__(self) -> None:
        self._stream: brotli.Decompressor | None = None

    def __call__(self, data: bytes, most: int, /) -> bytes:
        self._stream = self._stream or brotli.Decompressor()
        out: bytes = self._stream.process(data, output_buffer_limit=most)
        return out

    @property
    def is_whole(self) -> bool:
        return self._stream is None or self._stream.is_finished()
