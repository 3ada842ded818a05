"""Bytes to text as browsers do it."""

import random

import pytest

from services.scraper.adapters.charset import decode, is_text

GREETING = "Grüße aus Zürich, çok güzel: „schön“ für 5 €"


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        (GREETING.encode(), "utf-8"),
        (GREETING.encode("cp1252", "replace").replace(b"?", b""), "ISO-8859-1"),
        (b"\xef\xbb\xbf" + GREETING.encode(), "iso-8859-1"),
        (b"\xff\xfe" + GREETING.encode("utf-16-le"), "utf-8"),
        (b"\xfe\xff" + GREETING.encode("utf-16-be"), None),
        (b'<meta charset="windows-1254">' + GREETING.encode("cp1254"), None),
        (b'<meta http-equiv=Content-Type content="text/html; charset=utf-8">' + GREETING.encode(), None),
        (b"<meta charset=utf-16>" + GREETING.encode(), None),
        (GREETING.encode() * 20, None),
        (GREETING.encode(), "no-such-charset"),
        (GREETING.encode(), '"utf-8"'),
        (GREETING.encode(), "us-ascii; q=1"),
    ],
    ids=str,
)
def test_a_page_is_decoded_by_its_mark_its_header_its_own_word_or_its_looks(body: bytes, declared: str | None) -> None:
    assert "Grüße aus Zürich, çok güzel" in decode(body, declared=declared)


RUSSIAN = "Привет, как дела? Это страница про кодировки."
META = b"<meta charset=windows-1251>"
SAID = {
    "by its declaration as XML": b'<?xml version="1.0" encoding="windows-1251"?><meta charset=koi8-r>',
    "after a comment that names another": b"<!-- <meta charset=koi8-r> -->" + META,
    "after a description that speaks of another": b'<meta name=description content="on charset=koi8-r">' + META,
    "after an attribute of a similar name": b'<meta data-charset="koi8-r" x=1 charset = "windows-1251" />',
    "beside the type, in any order": b"<meta content='text/html; Charset=\"windows-1251\"' HTTP-EQUIV=content-type>",
    "after a name that nobody knows": b"<meta charset=klingon>" + META,
    "behind a kilobyte of scripts": b"<script>" + b" " * 2_000 + b"</script>" + META,
}


@pytest.mark.parametrize("beginning", SAID.values(), ids=SAID)
def test_a_pages_own_word_is_found(beginning: bytes) -> None:
    # Bytes that mean something in both of the charsets named: their looks do not tell.
    assert decode(beginning + RUSSIAN[:6].encode("cp1251"), declared=None).endswith(RUSSIAN[:6])


def test_the_header_counts_before_the_pages_own_word() -> None:
    assert decode(b"<meta charset=koi8-r>" + RUSSIAN.encode("cp1251"), declared="windows-1251").endswith(RUSSIAN)


def test_a_latin_header_means_windows_1252_as_in_browsers() -> None:
    assert decode(b"\x93quoted\x94 5 \x80", declared="iso-8859-1") == "“quoted” 5 €"


def test_utf_8_that_says_it_is_something_else_is_still_read() -> None:
    assert decode("日本語のページ".encode(), declared="shift_jis") == "日本語のページ"


def test_japanese_in_an_old_charset_is_read() -> None:
    body = b'<html><head><meta charset="Shift_JIS"></head>' + "日本語のページ".encode("shift_jis")

    assert decode(body, declared=None).endswith("日本語のページ")


def test_broken_bytes_cost_their_own_characters_alone() -> None:
    assert decode(b"good \xff\xfe\xfd good" + "ü".encode() * 50, declared="utf-8").startswith("good ")


@pytest.mark.parametrize("body", [b"", b"plain words\n\twith a tab", GREETING.encode(), "日本語".encode()])
def test_text_is_told_to_be_text(body: bytes) -> None:
    assert is_text(decode(body, declared=None))


@pytest.mark.parametrize("declared", [None, "utf-8", "iso-8859-1"])
@pytest.mark.parametrize(
    "body",
    [
        b"\x89PNG\r\n\x1a\n" + random.Random(1).randbytes(5_000),
        b"PK\x03\x04" + random.Random(2).randbytes(5_000),
        b"%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj",
        b"\x7fELF" + bytes(5_000),
        random.Random(3).randbytes(20_000),
    ],
    ids=["png", "zip", "pdf", "elf", "noise"],
)
def test_binaries_under_a_pages_name_are_told_apart(body: bytes, declared: str | None) -> None:
    assert not is_text(decode(body, declared=declared))
