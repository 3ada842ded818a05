"""PDF files: their lines become headings, paragraphs and lists, and what is wrong with one ends typed."""

from contextlib import suppress

import pytest

from services.scraper.adapters.reading import read_page
from services.scraper.domain.failures import error_of
from services.scraper.domain.gate import Verdict, judge
from services.scraper.domain.pages import Fetched, Reading
from shared.errors import PageEmpty, PageUnusable
from tests.pdfs import LOCKED, deep_tree, packed_twice, pdf

PROSE = "A lease says how long a worker may keep a job, and what then."


def fetched(body: bytes, *, media_type: str = "application/pdf") -> Fetched:
    return Fetched(url="https://site.example/paper.pdf", status=200, media_type=media_type, body=body)


def read(body: bytes, *, media_type: str = "application/pdf") -> Reading:
    return read_page(fetched(body, media_type=media_type), chars=100_000)


def test_a_file_has_its_text_title_author_language_and_number_of_pages() -> None:
    info = {"Title": "On leases", "Author": "Ada Byron"}
    found = read(pdf([[("On leases", 20), PROSE, PROSE], [PROSE]], info=info)).extracted

    assert (found.title, found.author, found.language, found.pages) == ("On leases", "Ada Byron", "en-GB", 2)
    assert found.text.count(PROSE) == 3


def test_letters_that_are_larger_make_headings_and_the_title_of_a_file_that_names_none() -> None:
    info = {"Title": "paper-v3-final.docx"}
    found = read(pdf([[("A study of leases", 22), PROSE, "", ("Method", 14), PROSE]], info=info)).extracted

    assert found.title == "A study of leases"
    assert "## Method" in found.text
    assert "A study" not in found.text


def test_numbers_and_running_heads_of_pages_are_left_out() -> None:
    middle = [PROSE, PROSE]
    pages = [["Annual report", *middle, f"It is part {n}.", *middle, str(n)] for n in range(1, 9)]
    text = read(pdf(pages)).extracted.text

    assert "Annual report" not in text
    assert all(f"It is part {n}." in text for n in range(1, 9))
    assert not any(line.strip().isdigit() for line in text.split("\n"))


@pytest.mark.parametrize("media_type", ["application/pdf", "application/octet-stream", "text/html", ""])
def test_a_file_is_known_by_its_first_bytes_whatever_its_site_calls_it(media_type: str) -> None:
    assert PROSE in read(pdf([[PROSE]]), media_type=media_type).extracted.text


def test_a_file_without_letters_is_thin_and_told_to_be_a_scan() -> None:
    page = fetched(pdf([[], []]))
    judgement = judge(page, read_page(page, chars=1_000))
    error = error_of(judgement, url=page.url)

    assert (judgement.verdict, judgement.needs_browser) == (Verdict.THIN, False)
    assert isinstance(error, PageEmpty)
    assert "only pictures" in error.sentence


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (pdf([[PROSE]], trailer=LOCKED), "password"),
        (b"%PDF-1.7\nand nothing that follows from it", "broken"),
        (b"%PDF-1.7\n" + bytes(range(256)) * 100, "broken"),
    ],
)
def test_a_file_that_nobody_can_open_is_unusable_with_its_reason(body: bytes, says: str) -> None:
    with pytest.raises(PageUnusable, match=says):
        read(body)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_off_is_unusable(part: float) -> None:
    whole = pdf([[PROSE] * 20] * 3)

    with pytest.raises(PageUnusable, match="broken"):
        read(whole[: int(len(whole) * part)])


def test_a_tree_of_pages_without_end_ends() -> None:
    with suppress(PageUnusable):
        assert read(deep_tree(5_000)).extracted.text == ""


def test_a_file_is_read_no_further_than_its_text_is_kept() -> None:
    pages = [[f"{PROSE} It is on page {n}." for _ in range(40)] for n in range(200)]
    found = read_page(fetched(pdf(pages)), chars=10_000).extracted

    assert len(found.text) <= 10_000
    assert found.pages == 200


def test_instructions_that_are_packed_twice_are_read_within_the_parsers_limits() -> None:
    content = b"BT /F 10 Tf 50 700 Td (Small on the outside.) Tj ET\n" * 2_000

    assert "Small on the outside." in read(packed_twice(content)).extracted.text
