"""Decompression with a bound."""

import gzip
import sys
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scraper.adapters.inflating import CutOff, Inflation, TooLarge, Undecodable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def bare_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def quick_brotli(data: bytes) -> bytes:
    return brotli.compress(data, quality=1)


COMPRESS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": quick_brotli,
    "zstd": zstd.compress,
}


def inflated(data: bytes, *codings: str, limit: int = 100_000, piece: int = 64) -> bytes:
    inflation = Inflation(codings, limit=limit)
    out = b"".join(inflation.feed(data[start : start + piece]) for start in range(0, len(data), piece))
    inflation.end()
    return out


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


@pytest.mark.parametrize("coding", sorted(COMPRESS))
@pytest.mark.parametrize("piece", [1, 1_000])
def test_a_body_that_is_cut_off_is_known_to_be_wherever_it_is_cut(coding: str, piece: int) -> None:
    whole = COMPRESS[coding](b"hello " * 20 + bytes(range(256)))
    for length in range(1, len(whole)):
        with pytest.raises(CutOff):
            inflated(whole[:length], coding, piece=piece)


@pytest.mark.parametrize("coding", sorted(COMPRESS))
def test_nothing_at_all_is_an_empty_body_however_it_is_said_to_be_compressed(coding: str) -> None:
    assert inflated(b"", coding) == b""


@pytest.mark.parametrize("coding", ["gzip", "zstd", "deflate"])
@pytest.mark.parametrize("piece", [1, 7, 1_000])
@pytest.mark.parametrize("rubbish", [b"\0" * 100, b"\x1f", b"\x28\xb5\x2f", b"\x1f\0\x8b<html>", b"\n"], ids=repr)
def test_what_follows_a_body_and_is_none_is_let_be(coding: str, piece: int, rubbish: bytes) -> None:
    assert inflated(COMPRESS[coding](b"hello") + rubbish, coding, piece=piece) == b"hello"


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("piece", [1, 7, 1_000])
def test_a_body_of_several_streams_is_all_of_them(coding: str, piece: int) -> None:
    whole = b"".join(COMPRESS[coding](part) for part in (b"hello ", b"", b"world", b"!"))

    assert inflated(whole, coding, piece=piece) == b"hello world!"
    with pytest.raises(CutOff):
        inflated(whole[:-1], coding, piece=piece)
    with pytest.raises(TooLarge):
        inflated(whole, coding, limit=11, piece=piece)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_body_of_streams_without_measure_is_given_up(coding: str) -> None:
    with pytest.raises(Undecodable):
        inflated(COMPRESS[coding](b"") * 400_000, coding, piece=65_536)


def test_a_zstd_body_that_wants_more_memory_than_servers_may_ask_for_is_refused() -> None:
    greedy = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=greedy)
    body = compressor.compress(b"hello", zstd.ZstdCompressor.FLUSH_BLOCK) + compressor.flush()

    with pytest.raises(Undecodable):
        inflated(body, "zstd")


@pytest.mark.parametrize("codings", [["compress"], ["gzip", "gzip", "gzip"]])
def test_codings_that_are_not_read_are_refused(codings: list[str]) -> None:
    with pytest.raises(Undecodable):
        Inflation(codings, limit=1_000)
