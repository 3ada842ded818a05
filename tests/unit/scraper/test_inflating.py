"""Decompression with a bound."""

import gzip
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scraper.adapters.inflating import Inflation, TooLarge, Undecodable


def bare_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def quick_brotli(data: bytes) -> bytes:
    return brotli.compress(data, quality=1)


COMPRESS = {"gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "br": quick_brotli}


def inflated(data: bytes, *codings: str, limit: int = 100_000, piece: int = 64) -> bytes:
    inflation = Inflation(codings, limit=limit)
    return b"".join(inflation.feed(data[start : start + piece]) for start in range(0, len(data), piece))


@given(st.binary(max_size=5_000), st.sampled_from(sorted(COMPRESS)), st.integers(1, 5_000))
def test_what_was_compressed_comes_out_as_it_was_in_whatever_pieces_it_arrives(
    data: bytes, coding: str, piece: int
) -> None:
    assert inflated(COMPRESS[coding](data), coding, piece=piece) == data


def test_deflate_is_read_in_both_forms_that_servers_send() -> None:
    assert inflated(bare_deflate(b"hello " * 100), "deflate") == b"hello " * 100


def test_codings_are_undone_in_the_reverse_of_their_order() -> None:
    assert inflated(brotli.compress(gzip.compress(b"hello")), "gzip", "br") == b"hello"


def test_an_uncompressed_body_passes_as_it_is() -> None:
    assert inflated(b"hello") == b"hello"


@pytest.mark.parametrize("coding", sorted(COMPRESS))
def test_a_bomb_is_given_up_at_the_limit(coding: str) -> None:
    with pytest.raises(TooLarge):
        inflated(COMPRESS[coding](bytes(50_000_000)), coding, limit=1_000_000, piece=1_000)


def test_a_bomb_within_a_bomb_is_given_up_at_the_limit() -> None:
    with pytest.raises(TooLarge):
        inflated(gzip.compress(gzip.compress(bytes(50_000_000))), "gzip", "gzip", limit=1_000_000, piece=10_000)


def test_exactly_the_limit_may_come_out() -> None:
    for coding, compress in COMPRESS.items():
        assert len(inflated(compress(bytes(1_000)), coding, limit=1_000)) == 1_000
        with pytest.raises(TooLarge):
            inflated(compress(bytes(1_001)), coding, limit=1_000)


@pytest.mark.parametrize("coding", sorted(COMPRESS))
def test_a_body_that_is_not_what_its_header_says_is_undecodable(coding: str) -> None:
    with pytest.raises(Undecodable):
        inflated(b"<html>not compressed at all</html>" * 10, coding)


@pytest.mark.parametrize("codings", [["zstd"], ["compress"], ["gzip", "gzip", "gzip"]])
def test_codings_that_are_not_read_are_refused(codings: list[str]) -> None:
    with pytest.raises(Undecodable):
        Inflation(codings, limit=1_000)
